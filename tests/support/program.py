"""Run kdebug as its users do: as a process between pipes, and in a terminal of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(kubeconfig: Path | str, home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which nothing of the developer's own is seen."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "KUBECONFIG": str(kubeconfig),
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        **more,
    }


def run(
    words: list[str], env: Mapping[str, str], *, stdin: bytes | int = subprocess.DEVNULL, timeout: float = 90
) -> subprocess.CompletedProcess[bytes]:
    """Run kdebug to its end between pipes, without a terminal."""
    with subprocess.Popen(
        [sys.executable, "-m", "kdebug", *words],
        env=dict(env),
        stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(stdin if isinstance(stdin, bytes) else None, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class Terminal:
    """kdebug in a pseudo-terminal; what it shows is read until an expected text is there."""

    def __init__(
        self,
        words: list[str],
        env: Mapping[str, str],
        *,
        columns: int = 120,
        rows: int = 40,
        program: tuple[str, ...] = (sys.executable, "-m", "kdebug"),
    ) -> None:
        self.shown = b""
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [*program, *words],
            env=dict(env),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_as_in_a_window,
        )

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; its programs are told."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str | bytes) -> None:
        """Type the bytes, reading what is shown meanwhile so that neither side blocks."""
        data = text.encode() if isinstance(text, str) else text
        while data:
            _, writable, _ = select.select([], [self.master], [], 1)
            if writable:
                data = data[os.write(self.master, data[:1024]) :]
            self._read(0)

    def expect(self, pattern: str, timeout: float = 60) -> str:
        """Return what is shown up to and with the pattern, and forget it; AssertionError with the screen otherwise."""
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern.encode(), self.shown)
            if found:
                text, self.shown = self.shown[: found.end()], self.shown[found.end() :]
                return text.decode(errors="replace")
            if time.monotonic() > end or not self._read(0.2):
                raise AssertionError(f"{pattern!r} did not appear; shown:\n{self.shown.decode(errors='replace')}")

    def finish(self, timeout: float = 60) -> int:
        """Read until the program ends, and return its exit code."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"it did not end; shown:\n{self.shown.decode(errors='replace')}")
            self._read(0.1)
        while self._read(0.05, is_last=True):
            pass
        return self.process.returncode

    @property
    def is_restored(self) -> bool:
        """Whether the terminal's settings are what they were before the program."""
        return termios.tcgetattr(self.slave) == self.before

    def hang_up(self) -> None:
        """Close the terminal, as a window that is closed does."""
        os.close(self.slave)
        os.close(self.master)
        self.slave = self.master = -1

    def close(self) -> None:
        """End the program and give the terminal back."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        for descriptor in (self.slave, self.master):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _read(self, seconds: float, *, is_last: bool = False) -> bool:
        """Read what is there; False when the terminal is closed (or, at last, when nothing more comes)."""
        readable, _, _ = select.select([self.master], [], [], seconds)
        if not readable:
            return not is_last
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.shown += data
        return bool(data)


def _as_in_a_window() -> None:
    """Make the terminal the program's own, and let a hangup end it even where the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
