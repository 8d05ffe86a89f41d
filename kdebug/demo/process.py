"""A process on this machine, on a terminal of its own or on pipes, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

_ON_TERMINAL = 'exec 0<>"$1" 1>&0 2>&0; shift; exec "$@"'
"""Opening the terminal as leader of a new session makes it the controlling one, without running Python after a fork."""

_DRAIN_SECONDS = 0.5
_READ_SIZE = 65536


class LocalProcess:
    """One running process: `output` yields (is_stderr, bytes) until its end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @staticmethod
    async def start(
        command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], has_terminal: bool, size: tuple[int, int]
    ) -> LocalProcess:
        """Start a command; `size` is (columns, rows) of its terminal."""
        if has_terminal:
            return await _TerminalProcess.open(command, cwd, environment, size)
        pipe = asyncio.subprocess.PIPE
        return LocalProcess(
            await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=environment, start_new_session=True
            )
        )

    async def output(self) -> AsyncIterator[tuple[bool, bytes]]:
        """Yield what the process writes."""
        queue: asyncio.Queue[tuple[bool, bytes]] = asyncio.Queue(maxsize=4)

        async def pump(reader: asyncio.StreamReader, *, is_stderr: bool) -> None:
            while data := await reader.read(_READ_SIZE):
                await queue.put((is_stderr, data))
            await queue.put((is_stderr, b""))

        assert self._process.stdout is not None
        assert self._process.stderr is not None
        pumps = [
            asyncio.create_task(pump(self._process.stdout, is_stderr=False)),
            asyncio.create_task(pump(self._process.stderr, is_stderr=True)),
        ]
        try:
            open_pipes = len(pumps)
            while open_pipes:
                is_stderr, data = await queue.get()
                if data:
                    yield is_stderr, data
                else:
                    open_pipes -= 1
        finally:
            for task in pumps:
                task.cancel()

    async def write(self, data: bytes) -> None:
        """Write to the process's stdin, waiting while it is full; quietly nothing when nobody reads it any more."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            with contextlib.suppress(ConnectionError):
                stdin.write(data)
                await stdin.drain()

    def close_stdin(self) -> None:
        """End the process's stdin."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; a process on pipes has none."""

    async def wait(self) -> int:
        """Return the exit code, 128 + N after signal N."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """Kill the process and what it started in its group."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Kill what still runs, and free everything."""
        self.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


class _TerminalProcess(LocalProcess):
    """A process on a pseudo-terminal."""

    def __init__(self, process: asyncio.subprocess.Process, master: int, slave: int) -> None:
        super().__init__(process)
        self._master = master
        self._slave = slave
        self._reader = asyncio.StreamReader(limit=_READ_SIZE)
        self._transports: list[asyncio.BaseTransport] = []
        self._writer: asyncio.WriteTransport | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()

    @staticmethod
    async def open(
        command: Sequence[str], cwd: Path, environment: Mapping[str, str], size: tuple[int, int]
    ) -> _TerminalProcess:
        """Start a command on a new terminal."""
        master, slave = os.openpty()
        _set_size(master, *size)
        nothing = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _ON_TERMINAL, "kdebug", os.ttyname(slave), *command),
            stdin=nothing, stdout=nothing, stderr=nothing, cwd=cwd, env=environment, start_new_session=True,
        )  # fmt: skip
        made = _TerminalProcess(process, master, slave)
        await made._connect()
        return made

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(self._reader)
        incoming, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(os.dup(self._master), "rb", 0))
        writing = _Flow(self._may_write)
        outgoing, _ = await loop.connect_write_pipe(lambda: writing, os.fdopen(os.dup(self._master), "wb", 0))
        outgoing.set_write_buffer_limits(high=_READ_SIZE)
        self._writer = outgoing
        self._transports = [incoming, outgoing]

    async def output(self) -> AsyncIterator[tuple[bool, bytes]]:
        """Yield what appears on the terminal, until a while after the process's end: others may hold it open."""
        ended = asyncio.create_task(self._end_of_process())
        try:
            while True:
                try:
                    data = await self._reader.read(_READ_SIZE)
                except OSError:
                    return  # Linux says EIO when the last process has closed the terminal.
                if not data:
                    return
                yield False, data
        finally:
            ended.cancel()

    async def _end_of_process(self) -> None:
        await self._process.wait()
        self._close_slave()
        await asyncio.sleep(_DRAIN_SECONDS)
        self._reader.feed_eof()

    async def write(self, data: bytes) -> None:
        """Type into the terminal, waiting while it is full."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)
            await self._may_write.wait()

    def close_stdin(self) -> None:
        """A terminal has no end of its input but the character for it."""

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        with contextlib.suppress(OSError):
            _set_size(self._master, columns, rows)

    async def close(self) -> None:
        """Kill what still runs, hang up the terminal, and free everything."""
        self.kill()
        await self._process.wait()
        self._close_slave()
        if self._writer is not None:
            self._writer.abort()
        for transport in self._transports:
            transport.close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _close_slave(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1


class _Flow(asyncio.BaseProtocol):
    def __init__(self, may_write: asyncio.Event) -> None:
        self._may_write = may_write

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._may_write.set()


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
