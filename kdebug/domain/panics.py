"""The one line of a log that says why the program died, in the languages that services are written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_RUST = re.compile(r"thread '[^']*'(?: \(\d+\))? panicked at .*")
_GO = re.compile(r"(?:^|\s)((?:panic|fatal error): .+)")
_PYTHON = re.compile(r"Traceback \(most recent call last\):\s*$")
_JAVA = re.compile(r"Exception in thread \"[^\"]*\".*")
_GENERIC = re.compile(r"\b(?:error|fatal|critical|panic|exception|err)\b|(?:Error|Exception)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Panic:
    """The line, and the language whose form it has; an empty language means only that it speaks of an error."""

    line: str
    language: str = ""


def find_panic(log: str) -> Panic | None:
    """Return the panic nearest to the log's end, else its last line that speaks of an error, else None.

    Forms: Rust `thread 'main' panicked at FILE:LINE:COLUMN:` with the message on the following line (since 1.73; on
    the same line before), Go `panic: ` and `fatal error: `, the last line of a Python traceback, Java's
    `Exception in thread`.
    """
    lines = log.splitlines()
    for index in range(len(lines) - 1, -1, -1):
        for language, read in _READERS:
            line = read(lines, index)
            if line:
                return Panic(line=line, language=language)
    generic = next((line.strip() for line in reversed(lines) if _GENERIC.search(line)), "")
    return Panic(line=generic) if generic else None


def _rust(lines: Sequence[str], index: int) -> str:
    found = _RUST.search(lines[index])
    if not found:
        return ""
    head = found[0].rstrip()
    following = lines[index + 1].strip() if index + 1 < len(lines) else ""
    return f"{head} {following}" if head.endswith(":") and following else head


def _go(lines: Sequence[str], index: int) -> str:
    found = _GO.search(lines[index])
    following = lines[index + 1 : index + 6]
    is_go = found is not None and any("goroutine " in line or "[signal " in line for line in following)
    return found[1].strip() if found and is_go else ""


def _python(lines: Sequence[str], index: int) -> str:
    """The exception stands on the first line after the traceback that is not indented deeper than its head."""
    found = _PYTHON.search(lines[index])
    if not found:
        return ""
    column = found.start()
    for line in lines[index + 1 :]:
        body = line[column:]
        if body.strip() and not body[0].isspace():
            return body.strip()
    return ""


def _java(lines: Sequence[str], index: int) -> str:
    found = _JAVA.search(lines[index])
    return found[0].strip() if found else ""


_READERS: tuple[tuple[str, Callable[[Sequence[str], int], str]], ...] = (
    ("Rust", _rust),
    ("Go", _go),
    ("Python", _python),
    ("Java", _java),
)
