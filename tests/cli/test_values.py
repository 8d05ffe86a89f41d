"""Durations and variables are read exactly, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.cli.values import duration, in_words, nearest, session_id, variable
from kdebug.errors import UsageError


@given(st.integers(min_value=1, max_value=999_999))
def test_a_duration_survives_being_written(seconds: int) -> None:
    """What kdebug says can be typed back."""
    assert duration(in_words(seconds), "--max-duration") == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "1d", "1h 30m", "30m1h", "-1s", "1.5h", "\u0661s", "1S", " 1s", "9999999s", "0h0m0s"]
)
def test_other_spellings_are_refused(text: str) -> None:
    """No guess is made."""
    with pytest.raises(UsageError):
        duration(text, "--max-duration")


def test_a_duration_over_the_most_names_the_most() -> None:
    """The remedy can be pasted."""
    with pytest.raises(UsageError) as caught:
        duration("9h", "--max-duration", most=4 * 3600)
    assert (caught.value.because, caught.value.remedy) == ("4h is the most", "--max-duration 4h")


@pytest.mark.parametrize(
    ("text", "pair"), [("A=1", ("A", "1")), ("A=", ("A", "")), ("A=b=c", ("A", "b=c")), ("a.b-C=1", ("a.b-C", "1"))]
)
def test_a_variable_is_split_at_its_first_equals_sign(text: str, pair: tuple[str, str]) -> None:
    """The value is anything, nothing included."""
    assert variable(text) == pair


@pytest.mark.parametrize("text", ["A", "=1", " =1", "Ä=1", "A B=1"])
def test_other_variables_are_refused(text: str) -> None:
    """Names are what the API server takes."""
    with pytest.raises(UsageError):
        variable(text)


@pytest.mark.parametrize("prefix", ["", "kdebug-", "job/kdebug-", "job.batch/kdebug-"])
def test_a_session_may_be_typed_as_its_anchor(prefix: str) -> None:
    """What kubectl prints can be pasted."""
    assert session_id(f"{prefix}abcdefgh234567zz") == "abcdefgh234567zz"


@pytest.mark.parametrize(
    "text", ["abc", "ABCDEFGH234567ZZ", "abcdefgh01189zzz", "kdebug-../../../etc/x", "pod/kdebug-abcdefgh234567zz"]
)
def test_other_sessions_are_refused(text: str) -> None:
    """Nothing else reaches a URL."""
    with pytest.raises(UsageError):
        session_id(text)


def test_the_nearest_word_is_near() -> None:
    """A slip is recognised, another word is not."""
    assert nearest("sessionz", ["sessions", "setup"]) == "sessions"
    assert nearest("prism-proxy", ["sessions", "setup"]) == ""
