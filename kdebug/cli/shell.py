"""The plain front end's pumps: a shell between the user's terminal and the exec stream, and a command between pipes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from kdebug.cli.descriptors import Sink, read_some
from kdebug.cli.terminal import Terminal
from kdebug.cli.terminal_modes import TerminalModes
from kdebug.errors import InterruptedBySignal, KdebugError, StreamLostError
from kdebug.session.port import ExecStream, ExitStatus

RESIZE_PAUSE = 0.05
"""Seconds that a dragged window may rest before its size is sent."""
RESTORE_SECONDS = 0.5
"""How long a terminal that takes no output may hold up its own restoring."""
SIGPIPE_CODE = 128 + signal.SIGPIPE


async def run_shell(stream: ExecStream, terminal: Terminal) -> ExitStatus:
    """Connect the terminal with the stream until the remote shell ends, and leave the terminal as it was.

    Raises StreamLostError, and InterruptedBySignal(SIGHUP) when the terminal itself is gone. A cancelled call restores
    the terminal too.
    """
    modes = TerminalModes()
    with terminal.raw():
        async with _sink(terminal.output) as output:
            try:
                async with _beside(_type(stream, terminal), _follow_size(stream, terminal)) as beside:
                    return await _first(_show(stream, output, modes), beside)
            finally:
                await _restore(output, modes)


async def run_command(stream: ExecStream, stdin: int | None, stdout: int, stderr: int) -> ExitStatus:
    """Pass bytes, unchanged, between the descriptors and the stream until the remote command ends.

    A reader of stdout that goes away ends the command as SIGPIPE would: exit code 141. When stderr's reader goes away,
    what is meant for it is dropped. Raises StreamLostError.
    """
    feeding = [] if stdin is None else [_feed(stream, stdin)]
    async with _sink(stdout) as output, _sink(stderr) as narration, _beside(*feeding) as beside:
        return await _first(_pass(stream, output, narration), beside)


async def _show(stream: ExecStream, output: Sink, modes: TerminalModes) -> ExitStatus:
    try:
        while (piece := await stream.read()) is not None:
            modes.feed(piece.data)
            await output.write(piece.data)
        await output.drain()
    except OSError as error:
        raise _hangup() from error
    return _status(stream)


async def _type(stream: ExecStream, terminal: Terminal) -> None:
    while True:
        try:
            data = await read_some(terminal.input)
        except OSError as error:
            raise _hangup() from error
        if not data:  # in raw mode Ctrl-D is a byte like any other, so this is no end of file
            raise _hangup()
        await stream.write(data)


async def _follow_size(stream: ExecStream, terminal: Terminal) -> None:
    """Send the terminal's size whenever it has changed; it may have, since the stream was opened."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    try:
        loop.add_signal_handler(signal.SIGWINCH, changed.set)
    except (ValueError, RuntimeError):  # not the main thread: the size stays
        return
    sent: tuple[int, int] | None = None
    try:
        while True:
            if (size := terminal.size()) != sent:
                await stream.resize(*size)
                sent = size
            await changed.wait()
            await asyncio.sleep(RESIZE_PAUSE)
            changed.clear()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def _restore(output: Sink, modes: TerminalModes) -> None:
    """Undo what the remote programs left, unless the terminal takes no output any more."""
    sequences = modes.restoring()
    if sequences:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(RESTORE_SECONDS):
                await output.write(sequences)
                await output.drain()


async def _pass(stream: ExecStream, output: Sink, narration: Sink) -> ExitStatus:
    while (piece := await stream.read()) is not None:
        if piece.is_stderr:
            with contextlib.suppress(OSError):
                await narration.write(piece.data)
            continue
        try:
            await output.write(piece.data)
        except OSError as error:
            return _unwritable(error)
    with contextlib.suppress(OSError):
        await narration.drain()
    try:
        await output.drain()
    except OSError as error:
        return _unwritable(error)
    return _status(stream)


async def _feed(stream: ExecStream, stdin: int) -> None:
    try:
        while data := await read_some(stdin):
            await stream.write(data)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EIO):  # closed by the caller, or a terminal that is gone: an end
            raise KdebugError("stdin cannot be read", because=error.strerror or str(error)) from error
    await stream.close_stdin()


def _status(stream: ExecStream) -> ExitStatus:
    if stream.exit_status is None:
        raise StreamLostError("the connection to the shell was lost", because="it ended without an exit status")
    return stream.exit_status


def _unwritable(error: OSError) -> ExitStatus:
    if error.errno == errno.EPIPE:
        return ExitStatus(code=SIGPIPE_CODE)
    raise KdebugError("stdout cannot be written", because=error.strerror or str(error)) from error


def _hangup() -> InterruptedBySignal:
    return InterruptedBySignal(signal.SIGHUP, "SIGHUP")


@contextlib.asynccontextmanager
async def _sink(descriptor: int) -> AsyncIterator[Sink]:
    sink = Sink(descriptor)
    try:
        yield sink
    finally:
        sink.close()


@contextlib.asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[set[asyncio.Task[None]]]:
    """Run the work beside the block, and stop it where the block ends."""
    tasks = {asyncio.create_task(each) for each in work}
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first(main: Coroutine[Any, Any, ExitStatus], beside: set[asyncio.Task[None]]) -> ExitStatus:
    """Return what the main work returns, or raise what it or the work beside it raised first."""
    task = asyncio.create_task(main)
    pending: set[asyncio.Task[Any]] = {task, *beside}
    try:
        while not task.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for finished in done - {task}:
                finished.result()
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
