"""Hold a shell, or run one command, in a clone that runs: the terminal, the signals and a lost connection."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kdebug.cli.confirm import confirm
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.shell import run_command, run_shell
from kdebug.cli.terminal import Terminal
from kdebug.domain.kinds import POD
from kdebug.errors import (
    ApiError,
    InterruptedBySignal,
    NotFoundError,
    StreamLostError,
    UsageError,
)
from kdebug.session.events import Emit, Event, SessionEnded
from kdebug.session.lease import SessionOverError
from kdebug.session.port import Cluster, ExitStatus

BUSYBOX_SHELL = "/busybox/sh"

KILLED = 128 + 9
"""What a shell ends with when its container is taken away."""


class SessionEnd:
    """Carries the lease's news that the session is over from its thread to the shell, which then closes."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._wake: Callable[[], None] | None = None
        self.because = ""

    def __call__(self, event: Event) -> None:
        """Tell the event; one that ends the session also wakes the shell."""
        self._emit(event)
        if isinstance(event, SessionEnded):
            self.because = event.because
            if self._wake:
                self._wake()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Within, the end of the session calls `wake`, at once when it has come already."""
        self._wake = wake
        if self.because:
            wake()
        try:
            yield
        finally:
            self._wake = None


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Where the command runs, what it is, and how it is connected."""

    cluster: Cluster
    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]
    """Empty for a shell."""
    shell: str
    stdin: bool
    tty: bool
    can_ask: bool
    """Whether the user may be asked to reconnect."""
    end: SessionEnd
    """What the lease's thread tells; the shell ends with the session."""

    @property
    def is_shell(self) -> bool:
        """Whether a person types: a shell, or a command on a terminal."""
        return not self.command or self.tty


def require_terminal(command: tuple[str, ...], *, tty: bool) -> None:
    """Raise UsageError when a shell is asked for and there is no terminal to hold it."""
    if command and not tty:
        return
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        what = "-t" if command else "a shell"
        raise UsageError(
            f"{what} needs a terminal",
            because="stdin or stdout is not one",
            remedy="give a command: kdebug POD -- COMMAND",
        )


def hold(holding: Holding, interrupts: Interrupts, narration: Narration, recheck: Callable[[], None]) -> ExitStatus:
    """Run until the shell or command ends, and return how it ended.

    A lost connection is said, and a person is offered the same clone again, judged anew, as often as they want to try;
    StreamLostError otherwise. Raises InterruptedBySignal.
    """
    lost: StreamLostError | None = None
    while True:
        try:
            if lost:
                recheck()
            return _run(holding, interrupts, narration)
        except StreamLostError as error:
            lost = error
            narration.warn(f"connection lost: {error.because or error.what}")
        except ApiError as error:
            if lost is None:
                raise
            narration.warn(f"no connection yet: {error.because or error.what}")
        if not (holding.is_shell and holding.can_ask and _is_wanted_again(holding)):
            raise lost


def _is_wanted_again(holding: Holding) -> bool:
    """Ask whether to reconnect, where the clone runs or cannot be seen."""
    runs = _still_runs(holding)
    if runs is False:
        return False
    state = "The clone still runs; what ran in the lost shell may too." if runs else "The cluster does not answer."
    return confirm(f"{state} Reconnect?", default=True, assume_yes=False, no_input=False)


def hold_and_say(
    holding: Holding, interrupts: Interrupts, narration: Narration, recheck: Callable[[], None]
) -> ExitStatus:
    """Hold the shell or the command; a shell's exit status is said.

    Raises SessionOverError when the shell was killed because the server, or somebody else, ended the session.
    """
    status = hold(holding, interrupts, narration, recheck)
    if status.code == KILLED and not holding.command and _still_runs(holding) is False:
        raise SessionOverError(
            "the session was ended while the shell was open",
            because="the clone is gone or being removed: its time was over, its holder left, or somebody cleaned it",
        )
    if status.code in (126, 127) and status.message:
        narration.warn(f"{' '.join(holding.command) or holding.shell} could not be started: {status.message}")
    elif holding.is_shell:
        narration.say(f"the shell ended with exit status {status.code}")
    return status


def _run(holding: Holding, interrupts: Interrupts, narration: Narration) -> ExitStatus:
    try:
        return asyncio.run(_stream(holding, interrupts, narration))
    except asyncio.CancelledError:
        if interrupts.first is None and holding.end.because:
            raise SessionOverError("the session has ended", because=holding.end.because) from None
        raise interrupts.first or InterruptedBySignal(15, "SIGTERM") from None


def shell_command(shell: str) -> tuple[str, ...]:
    """Return the command of a shell; the busybox one finds its tools also where the image's PATH does not name them."""
    if shell != BUSYBOX_SHELL:
        return (shell,)
    return (shell, "-c", f'case ":$PATH:" in *:/busybox:*) ;; *) export PATH="$PATH:/busybox" ;; esac; exec {shell}')


async def _stream(holding: Holding, interrupts: Interrupts, narration: Narration) -> ExitStatus:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    terminal = Terminal(input=0, output=1)

    def end(_: InterruptedBySignal | None = None) -> None:
        with suppress(RuntimeError):  # the lease's thread may come when the loop is closed, and the shell with it
            loop.call_soon_threadsafe(task.cancel)

    with interrupts.delivering_to(end), holding.end.waking(end):
        async with holding.cluster.exec(
            holding.namespace,
            holding.pod,
            container=holding.container,
            command=holding.command or shell_command(holding.shell),
            stdin=holding.is_shell or holding.stdin,
            tty=holding.is_shell,
            size=terminal.size(),
        ) as stream:
            if not holding.is_shell:
                return await run_command(stream, 0 if holding.stdin else None, 1, 2)
            with narration.raw():
                return await run_shell(stream, terminal)


def _still_runs(holding: Holding) -> bool | None:
    """Return whether the clone runs, None when the server does not say."""
    try:
        pod = holding.cluster.get(POD, holding.pod, holding.namespace)
    except NotFoundError:
        return False
    except ApiError:
        return None
    return pod.get("status", {}).get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
