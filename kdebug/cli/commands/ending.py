"""The end of a session on this side: teardown with signals held off, and what is said when the user leaves at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from kdebug.cli.failure import COMMAND_NOT_RUN
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import to_stderr
from kdebug.cli.telling import clock_time
from kdebug.errors import InterruptedBySignal, LeftoverError
from kdebug.session.port import ExitStatus

Value = TypeVar("Value")


def run_then_end(body: Callable[[], Value], end: Callable[[], bool]) -> tuple[Value, bool]:
    """Run the body, then the end whatever became of it; return what both return.

    The one signal that raises may come when the body is over and the end does not hold signals off yet: the end is run
    again then, and no signal can raise any more.
    """
    has_ended = False
    try:
        try:
            value = body()
        finally:
            is_gone = end()
            has_ended = True
    except InterruptedBySignal:
        if not has_ended:
            end()
        raise
    return value, is_gone


def code_after(status: ExitStatus, *, has_command: bool, is_gone: bool) -> int:
    """Return kdebug's exit code for a session that was held: a command's own, or that something is left."""
    code = status.code if has_command else 0
    return code or (0 if is_gone else COMMAND_NOT_RUN if has_command else LeftoverError.exit_code)


def end_quietly(tear_down: Callable[[], bool], gone_by: datetime | None, interrupts: Interrupts) -> bool:
    """Run a teardown that no first signal cuts; a second interrupt leaves at once and says when the server ends it."""
    until = f" by {clock_time(gone_by)}" if gone_by else " within 340 s"

    def noted(signal: InterruptedBySignal) -> None:
        to_stderr(f"\n{signal.what}: removing the session; Ctrl-C again leaves it to the cluster\n")

    def leave(_: InterruptedBySignal) -> None:
        to_stderr(f"\nleaving now: the cluster removes the session{until}\n")

    with interrupts.teardown(leave, on_first=noted):
        return tear_down()
