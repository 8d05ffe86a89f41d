"""The plain pumps: bytes, sizes and endings between a real pseudo-terminal or pipes and a stream."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kdebug.cli.descriptors import Sink, write_all
from kdebug.cli.shell import run_command, run_shell
from kdebug.cli.terminal import Terminal
from kdebug.cli.terminal_modes import TerminalModes
from kdebug.errors import InterruptedBySignal, KdebugError, StreamLostError
from kdebug.session.port import ExitStatus
from tests.support.fake_stream import FakeStream

LOST = StreamLostError("the connection to pod/x was lost")


class Screen:
    """A pseudo-terminal: the test is the person and the screen."""

    def __init__(self) -> None:
        self.person, self.device = pty.openpty()
        self.terminal = Terminal(input=self.device, output=self.device)

    def attributes(self) -> list[object]:
        """Return the line settings."""
        return termios.tcgetattr(self.device)

    def is_raw(self) -> bool:
        """Return whether keys come one by one."""
        flags = termios.tcgetattr(self.device)[3]
        return not flags & (termios.ICANON | termios.ISIG | termios.ECHO)

    def resize(self, columns: int, rows: int) -> None:
        """Set the window's size."""
        fcntl.ioctl(self.device, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def shown(self, size: int) -> bytes:
        """Return the next bytes on the screen, `size` of them."""
        data = b""
        while len(data) < size:
            data += await asyncio.to_thread(os.read, self.person, size - len(data))
        return data

    def close(self) -> None:
        """Close both ends."""
        for descriptor in (self.person, self.device):
            with suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def screen() -> Iterator[Screen]:
    """Return a terminal of 80 by 24."""
    made = Screen()
    made.resize(80, 24)
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return a pipe, (read end, write end)."""
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


@pytest.fixture
def null() -> Iterator[int]:
    """Return /dev/null."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


async def test_bytes_pass_both_ways_and_the_code_comes_back(screen: Screen) -> None:
    stream = FakeStream()
    before = screen.attributes()
    shell = asyncio.create_task(run_shell(stream, screen.terminal))
    await stream.say(b"\x1b[31m$ \xc3\xa9\r\n")
    assert await screen.shown(11) == b"\x1b[31m$ \xc3\xa9\r\n"
    assert screen.is_raw()
    keys = b"ls\r\x03\x04\x1a\x1b:\x00\xff"
    os.write(screen.person, keys)
    await stream.until_typed(keys)
    await stream.outputs.put(ExitStatus(code=3))
    assert (await shell).code == 3
    assert screen.attributes() == before


async def test_what_was_typed_ahead_is_kept(screen: Screen) -> None:
    stream = FakeStream()
    os.write(screen.person, b"id\n")
    shell = asyncio.create_task(run_shell(stream, screen.terminal))
    await stream.until_typed(b"id\n")
    await stream.outputs.put(ExitStatus(code=0))
    await shell


async def test_the_size_is_sent_at_the_start_and_after_changes(screen: Screen) -> None:
    stream = FakeStream()
    shell = asyncio.create_task(run_shell(stream, screen.terminal))
    await stream.until_size((80, 24))
    for columns in (90, 95, 100):
        screen.resize(columns, 40)
        os.kill(os.getpid(), signal.SIGWINCH)
    await stream.until_size((100, 40))
    assert len(stream.sizes) <= 3
    await stream.outputs.put(ExitStatus(code=0))
    await shell
    assert signal.getsignal(signal.SIGWINCH) in (signal.SIG_DFL, signal.SIG_IGN)


async def test_a_lost_connection_leaves_no_mode_behind(screen: Screen) -> None:
    stream = FakeStream()
    before = screen.attributes()
    shell = asyncio.create_task(run_shell(stream, screen.terminal))
    opening = b"\x1b[?1049h\x1b[?25l\x1b[?2004h"
    await stream.say(opening)
    assert await screen.shown(len(opening)) == opening
    await stream.outputs.put(LOST)
    with pytest.raises(StreamLostError):
        await shell
    assert await screen.shown(22) == b"\x1b[?1049l\x1b[?25h\x1b[?2004l"
    assert screen.attributes() == before


async def test_an_end_without_a_status_is_a_loss(screen: Screen) -> None:
    class Ended(FakeStream):
        async def read(self) -> None:
            return None

    with pytest.raises(StreamLostError):
        await run_shell(Ended(), screen.terminal)


async def test_a_cancelled_shell_restores_the_terminal(screen: Screen) -> None:
    stream = FakeStream()
    before = screen.attributes()
    shell = asyncio.create_task(run_shell(stream, screen.terminal))
    await stream.until_size((80, 24))
    assert screen.is_raw()
    shell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await shell
    assert screen.attributes() == before


async def test_a_terminal_that_takes_no_output_stops_neither_keys_nor_the_end(screen: Screen) -> None:
    stream = FakeStream(room=1)
    before = screen.attributes()
    shell = asyncio.create_task(run_shell(stream, screen.terminal))

    async def flood() -> None:
        await stream.say(b"\x1b[?25l")
        while True:
            await stream.say(b"y\r\n" * 10_000)

    flooding = asyncio.create_task(flood())
    await stream.until_size((80, 24))
    os.write(screen.person, b"\x03")
    await stream.until_typed(b"\x03")
    started = time.monotonic()
    shell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await shell
    flooding.cancel()
    assert time.monotonic() - started < 3
    assert screen.attributes() == before


async def test_a_terminal_that_is_gone_is_a_hangup(screen: Screen) -> None:
    stream = FakeStream()
    shell = asyncio.create_task(run_shell(stream, screen.terminal))
    await stream.until_size((80, 24))
    os.close(screen.person)
    with pytest.raises(InterruptedBySignal) as caught:
        await shell
    assert caught.value.exit_code == 129


async def test_a_command_between_pipes(pipe: tuple[int, int], tmp_path: Path, null: int) -> None:
    stream = FakeStream()
    data = os.urandom(3_000_000)
    source = tmp_path / "in"
    source.write_bytes(data)
    written = tmp_path / "out"
    with source.open("rb") as stdin, written.open("wb") as stdout:
        command = asyncio.create_task(run_command(stream, stdin.fileno(), stdout.fileno(), pipe[1]))
        await stream.ended.wait()
        assert bytes(stream.typed) == data
        await stream.say(b"problem", is_stderr=True)
        for start in range(0, len(data), 30_000):
            await stream.say(data[start : start + 30_000])
        await stream.outputs.put(ExitStatus(code=7))
        assert (await command).code == 7
    assert written.read_bytes() == data
    assert os.read(pipe[0], 100) == b"problem"


async def test_stdin_from_a_pipe_and_from_nowhere(pipe: tuple[int, int], null: int) -> None:
    stream = FakeStream()
    command = asyncio.create_task(run_command(stream, pipe[0], null, null))
    os.write(pipe[1], b"one")
    await stream.until_typed(b"one")
    assert os.get_blocking(pipe[0])
    os.close(pipe[1])
    await stream.ended.wait()
    await stream.outputs.put(ExitStatus(code=0))
    await command
    stream = FakeStream()
    await stream.outputs.put(ExitStatus(code=0))
    await run_command(stream, None, null, null)
    assert not stream.ended.is_set()


async def test_a_closed_stdin_is_an_empty_one(null: int) -> None:
    closed = os.dup(null)
    os.close(closed)
    stream = FakeStream()
    command = asyncio.create_task(run_command(stream, closed, null, null))
    await stream.ended.wait()
    await stream.outputs.put(ExitStatus(code=0))
    assert (await command).code == 0


async def test_a_directory_as_stdin_is_told(tmp_path: Path, null: int) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(KdebugError, match="stdin cannot be read"):
            await run_command(FakeStream(), directory, null, null)
    finally:
        os.close(directory)


async def test_a_command_that_ends_does_not_wait_for_stdin(pipe: tuple[int, int], null: int) -> None:
    stream = FakeStream()
    await stream.outputs.put(ExitStatus(code=5))
    assert (await run_command(stream, pipe[0], null, null)).code == 5
    os.write(pipe[1], b"for the next program")
    assert os.read(pipe[0], 100) == b"for the next program"


async def test_a_reader_of_stdout_that_goes_away_ends_it_as_sigpipe_would(pipe: tuple[int, int], null: int) -> None:
    stream = FakeStream()
    os.close(pipe[0])

    async def flood() -> None:
        while True:
            await stream.say(b"y\n" * 10_000)

    flooding = asyncio.create_task(flood())
    assert (await run_command(stream, None, pipe[1], null)).code == 141
    flooding.cancel()


async def test_a_slow_reader_of_stdout_slows_the_stream(pipe: tuple[int, int], null: int) -> None:
    stream = FakeStream(room=1)
    sent = 0

    async def flood() -> None:
        nonlocal sent
        for _ in range(100):
            await stream.say(b"x" * 32_768)
            sent += 1
        await stream.outputs.put(ExitStatus(code=0))

    flooding = asyncio.create_task(flood())
    command = asyncio.create_task(run_command(stream, None, pipe[1], null))
    while sent < 3:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert sent < 15
    received = 0
    while received < 100 * 32_768:
        received += len(await asyncio.to_thread(os.read, pipe[0], 1 << 20))
    assert (await command).code == 0
    await flooding


async def test_a_lost_stream_ends_a_command_with_an_error(null: int) -> None:
    stream = FakeStream()
    await stream.say(b"half")
    await stream.outputs.put(LOST)
    with pytest.raises(StreamLostError):
        await run_command(stream, None, null, null)


async def test_a_full_disk_is_told() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    stream = FakeStream()
    await stream.say(b"x")
    await stream.outputs.put(ExitStatus(code=0))
    try:
        with pytest.raises(KdebugError, match="stdout cannot be written"):
            await run_command(stream, None, full, full)
    finally:
        os.close(full)


def test_a_descriptor_that_someone_made_non_blocking_is_written_wholly(pipe: tuple[int, int]) -> None:
    import threading

    os.set_blocking(pipe[1], False)
    data = os.urandom(1_000_000)
    writer = threading.Thread(target=write_all, args=(pipe[1], data))
    writer.start()
    received = b""
    while len(received) < len(data):
        received += os.read(pipe[0], 1 << 16)
    writer.join()
    assert received == data


async def test_a_sink_keeps_the_order(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1])
    for number in range(100):
        await sink.write(b"%03d" % number)
    await sink.drain()
    sink.close()
    assert os.read(pipe[0], 1000) == b"".join(b"%03d" % number for number in range(100))


@pytest.mark.parametrize(
    ("output", "restoring"),
    [
        (b"plain \x1b[31mred\x1b[0m", b""),
        (b"\x1b[?1049h vi \x1b[?1049l", b""),
        (b"\x1b[?1049;2004h", b"\x1b[?1049l\x1b[?2004l"),
        (b"\x1b[?25l\x1b[?1000h\x1b[?1006h\x1b[?1h\x1b=", b"\x1b[?25h\x1b[?1000l\x1b[?1006l\x1b[?1l\x1b>"),
        (b"\x1b[?7l", b"\x1b[?7h"),
        (b"\x1b[1;31mred", b"\x1b[0m"),
        (b"\x1b[1;31mred\x1b[m", b""),
        (b"\x1b[>4;2m", b"\x1b[>4m"),
        (b"\x1b[>4;2m\x1b[>4;m", b""),
        (b"\x1b[>1u\x1b[>3u\x1b[<u", b"\x1b[<1u"),
        (b"\x1b[2;20r", b"\x1b7\x1b[r\x1b8"),
        (b"\x1b[2;20r\x1b[r", b""),
        (b"\x1b(0qqq", b"\x1b(B"),
        (b"\x1b[?1049h\x1bc", b""),
        (b"\x1b[?12345h\x1b[?h", b""),
    ],
)
def test_modes_that_were_left_are_undone_however_the_output_was_cut(output: bytes, restoring: bytes) -> None:
    for size in (1, 2, 3, len(output)):
        modes = TerminalModes()
        for start in range(0, len(output), size):
            modes.feed(output[start : start + size])
        assert modes.restoring() == restoring
