"""The end of a session on this side: teardown with signals held off, and what is said when the user leaves at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import to_stderr
from kdebug.cli.telling import clock_time
from kdebug.errors import InterruptedBySignal


def end_quietly(tear_down: Callable[[], bool], gone_by: datetime | None, interrupts: Interrupts) -> bool:
    """Run a teardown that no first signal cuts; a second interrupt leaves at once and says when the server ends it."""
    until = f" by {clock_time(gone_by)}" if gone_by else " within 340 s"

    def noted(signal: InterruptedBySignal) -> None:
        to_stderr(f"\n{signal.what}: removing the session; Ctrl-C again leaves it to the cluster\n")

    def leave(_: InterruptedBySignal) -> None:
        to_stderr(f"\nleaving now: the cluster removes the session{until}\n")

    with interrupts.teardown(leave, on_first=noted):
        return tear_down()
