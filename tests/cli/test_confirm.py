"""Ordinary consent: Enter means the default that is shown, silence means no, and nobody is asked in vain."""

from __future__ import annotations

import os
import pty

import pytest

from kdebug.cli.confirm import confirm
from kdebug.errors import UsageError


@pytest.mark.parametrize(
    ("lines", "default", "expected"),
    [
        (["\n"], True, True),
        (["\n"], False, False),
        (["y\n"], False, True),
        ([" YES \n"], False, True),
        (["n\n"], True, False),
        ([""], True, False),
        (["what\n", "y\n"], False, True),
        (["y"], False, True),
    ],
)
def test_an_answer_is_understood_or_asked_for_again(lines: list[str], default: bool, expected: bool) -> None:
    """The end of input is never a yes."""
    answers, said = iter(lines), list[str]()
    answer = confirm(
        "Open it?", default=default, assume_yes=False, no_input=False, read=lambda: next(answers), sink=said.append
    )
    assert answer is expected
    assert said[0] == f"Open it? [{'Y/n' if default else 'y/N'}] "
    assert next(answers, None) is None


def test_yes_was_said_before() -> None:
    """Nothing is asked, whatever the default; --yes wins over --no-input."""
    assert confirm("?", default=False, assume_yes=True, no_input=True, read=pytest.fail)


def test_no_input_forbids_to_ask() -> None:
    """Without --yes that is a usage error with its remedy."""
    with pytest.raises(UsageError) as caught:
        confirm("?", default=True, assume_yes=False, no_input=True, read=pytest.fail)
    assert caught.value.remedy == "add --yes"


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is no consent, and a closed stdin is none either."""
    with open(os.devnull) as nothing:
        for stdin in (nothing, None):
            monkeypatch.setattr("sys.stdin", stdin)
            monkeypatch.setattr("sys.stderr", nothing)
            with pytest.raises(UsageError, match="nobody can be asked"):
                confirm("?", default=True, assume_yes=False, no_input=False)


def test_the_answer_is_typed_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real terminal as stdin."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        os.write(ours, b"n\n")
        assert not confirm("?", default=True, assume_yes=False, no_input=False, sink=lambda _: None)
    os.close(ours)
