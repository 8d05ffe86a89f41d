"""The tools that stand in for /busybox on this machine, in a private directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_WITHOUT_BUSYBOX = (
    "sh", "awk", "base64", "cat", "chmod", "cp", "cut", "date", "df", "diff", "dmesg", "du", "echo", "env", "false",
    "find", "grep", "head", "hexdump", "hostname", "id", "kill", "less", "ls", "md5sum", "mkdir", "more", "mount",
    "mv", "nc", "netstat", "nslookup", "ping", "printenv", "printf", "ps", "pwd", "rm", "sed", "seq", "sha256sum",
    "sleep", "sort", "stat", "strings", "stty", "tail", "tee", "test", "timeout", "top", "touch", "tr", "true",
    "uname", "uniq", "vi", "wc", "wget", "which", "whoami", "xargs", "yes",
)  # fmt: skip
_SHELLS = ("sh", "ash", "bash")


class Toolbox:
    """A directory of links, by name, to busybox or to this machine's own tools. Filled when it is first asked for."""

    def __init__(self, directory: Path, find: Callable[[str], str | None] = shutil.which) -> None:
        self._directory = directory
        self._find = find
        self.has_busybox = find("busybox") is not None

    @property
    def path(self) -> Path:
        """The directory, filled."""
        if not self._directory.exists():
            self._directory.mkdir(mode=0o700)
            for name, target in self._tools().items():
                (self._directory / name).symlink_to(target)
        return self._directory

    def localized(self, command: Sequence[str]) -> list[str] | None:
        """Return the command for this machine, /busybox/ read as the toolbox; None without such a tool."""
        place = f"{self.path}/"
        program, *arguments = (argument.replace("/busybox/", place) for argument in command)
        if program.startswith(("/bin/", "/usr/bin/")):
            program = place + program.rpartition("/")[2]
        elif "/" not in program:
            program = place + program
        return [program, *arguments] if os.access(program, os.X_OK) and not Path(program).is_dir() else None

    def environment(self, home: Path, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a process: nothing of this machine's but the tools."""
        return {**extra, "PATH": str(self.path), "HOME": str(home), "TERM": "xterm", "PS1": "demo $ "}

    def _tools(self) -> dict[str, str]:
        busybox = self._find("busybox")
        if busybox is not None:
            listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True, timeout=10)
            return dict.fromkeys([*listed.stdout.split(), "busybox"], busybox)
        return {name: found for name in _WITHOUT_BUSYBOX if (found := self._find(name))}


def is_interactive_shell(command: Sequence[str]) -> bool:
    """Return whether the command is, or ends as, a shell that will read commands from its terminal."""
    words = command[1:] if command and command[0].rpartition("/")[2] == "busybox" else command
    if not words or not _is_shell(words[0]):
        return False
    if not any(word.startswith("-c") for word in words[1:]):
        return True
    *_, before, last = ["", "", *words[-1].split()]
    return before == "exec" and _is_shell(last)


def _is_shell(word: str) -> bool:
    return word.rpartition("/")[2] in _SHELLS
