"""Read a configuration file: a regular one of the user's own (or root's), of bounded size, that others cannot write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kdebug.errors import ConfigError

MAX_BYTES = 256 * 1024


def read_text(path: Path, *, user_id: int) -> str:
    """Return the file's text; ConfigError says why it is not trusted. Symbolic links are followed; a FIFO is not."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _trust(path, os.fstat(descriptor), user_id)
            content = _read(descriptor)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read", because=_reason(error), remedy=f"ls -lL {path}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}:1: not UTF-8", because=error.reason) from error


def _read(descriptor: int) -> bytes:
    content = b""
    while len(content) <= MAX_BYTES and (piece := os.read(descriptor, MAX_BYTES + 1)):
        content += piece
    return content


def _trust(path: Path, status: os.stat_result, user_id: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path}: not a regular file", remedy="name a file of your own")
    if status.st_uid not in (user_id, 0):
        raise ConfigError(
            f"{path}: belongs to another user (uid {status.st_uid})", remedy=f"sudo chown {user_id} {path}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"{path}: others can write it (mode {stat.S_IMODE(status.st_mode):04o})", remedy=f"chmod go-w {path}"
        )


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
