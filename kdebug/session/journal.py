"""The local journal of sessions begun here. It only makes the next run quicker; losing it loses nothing."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One session that was begun here: enough to find it on its server again."""

    session_id: str
    server: str
    context: str
    namespace: str
    holder: str
    """The holder's mark on the anchor: only a session that still carries it is this entry's to remove."""
    pid: int
    started_ticks: int = 0
    """When the process began, in the kernel's ticks: a pid alone may be somebody else's by now."""

    machine: str = ""
    """Where the pid means something (`this_machine`): a home directory may be shared by several."""

    @property
    def is_here(self) -> bool:
        """Whether the entry's pid is one of this machine's."""
        return self.machine in ("", this_machine())

    def is_alive(self) -> bool:
        """Return whether the process that wrote the entry still runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return not self.started_ticks or self.started_ticks == process_start(self.pid)


def this_machine() -> str:
    """Return the place where a pid means one process: this boot and pid namespace, or the host's name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def process_start(pid: int) -> int:
    """Return the start time of a process in ticks since boot, or 0 where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


@dataclass(frozen=True, kw_only=True)
class Journal:
    """A private directory with one small file a session."""

    directory: Path

    def record(self, entry: Entry) -> None:
        """Write the entry durably: a new file, flushed to disk, then renamed. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.directory / f"{entry.session_id}.json"
        partial = target.with_suffix(f".{os.getpid()}.new")
        try:
            _write(partial, json.dumps(asdict(entry)).encode())
            os.replace(partial, target)
        except OSError:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise

    def forget(self, session_id: str) -> None:
        """Remove the entry; one that is not there, or cannot be removed, does not matter."""
        try:
            (self.directory / f"{session_id}.json").unlink(missing_ok=True)
        except OSError:
            return

    def entries(self) -> Iterator[Entry]:
        """Yield the entries that can be read; a damaged file is skipped, the server has the truth."""
        try:
            files = sorted(self.directory.glob("*.json"))
        except OSError:
            return
        for file in files:
            try:
                yield Entry(**json.loads(file.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                continue


def _write(path: Path, data: bytes) -> None:
    """Write a private file whole and durably; OSError on a full disk, which may take the first part of it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
