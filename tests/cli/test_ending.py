"""The end of a session always comes, wherever the first signal falls, and says what it could not prove."""

from __future__ import annotations

import signal

import pytest

from kdebug.cli.commands.ending import code_after, end_quietly, run_then_end
from kdebug.cli.interrupts import Interrupts
from kdebug.errors import InterruptedBySignal
from kdebug.session.port import ExitStatus


def test_the_end_comes_after_an_error_and_after_a_success() -> None:
    ends: list[str] = []

    def end() -> bool:
        ends.append("ended")
        return True

    def fail() -> int:
        raise ValueError("x")

    assert run_then_end(lambda: 7, end) == (7, True)
    with pytest.raises(ValueError, match="x"):
        run_then_end(fail, end)
    assert ends == ["ended", "ended"]


@pytest.mark.parametrize("is_failing", [False, True])
def test_a_signal_between_the_shell_and_the_teardown_does_not_skip_it(is_failing: bool) -> None:
    """It raises before the teardown holds signals off; closing a terminal window does this."""
    ends: list[str] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def tear_down() -> bool:
        ends.append("ended")
        return True

    def body() -> int:
        if is_failing:
            raise ValueError("x")
        return 0

    with Interrupts() as interrupts:

        def end() -> bool:
            if interrupts.first is None:
                signal.raise_signal(signal.SIGHUP)
            return end_quietly(tear_down, None, interrupts)

        with pytest.raises(InterruptedBySignal):
            run_then_end(body, end)
    signal.signal(signal.SIGHUP, before)
    assert ends == ["ended"]


@pytest.mark.parametrize(
    ("code", "has_command", "is_gone", "expected"),
    [
        (0, True, True, 0),
        (7, True, True, 7),
        (7, True, False, 7),
        (0, True, False, 125),
        (3, False, True, 0),
        (3, False, False, 8),
    ],
)
def test_the_exit_code_is_the_commands_own_or_says_that_something_is_left(
    code: int, has_command: bool, is_gone: bool, expected: int
) -> None:
    assert code_after(ExitStatus(code=code), has_command=has_command, is_gone=is_gone) == expected
