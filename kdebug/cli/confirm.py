"""Ordinary consent: one question on the terminal, answered by a key or by --yes. It lifts no refusal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from kdebug.cli.narration import Sink, to_stderr
from kdebug.errors import UsageError

YES = ("y", "yes")
NO = ("n", "no")
TERMINAL = Path("/dev/tty")
Read = Callable[[], str]


def confirm(
    question: str,
    *,
    default: bool,
    assume_yes: bool,
    no_input: bool,
    read: Read | None = None,
    sink: Sink = to_stderr,
) -> bool:
    """Ask and return the answer; Enter means `default`, the end of input means no.

    Raises UsageError when nobody can be asked and --yes was not given. `read` returns one line and is found by itself.
    """
    if assume_yes:
        return True
    if no_input:
        raise UsageError("nobody confirmed it", because="--no-input forbids to ask", remedy="add --yes")
    if read:
        return _ask(question, default, read, sink)
    with _terminal() as terminal:
        if terminal is None:
            raise UsageError("nobody can be asked", because="there is no terminal", remedy="add --yes")
        return _ask(question, default, terminal.readline, sink)


def _ask(question: str, default: bool, read: Read, sink: Sink) -> bool:
    while True:
        sink(f"{question} [{'Y/n' if default else 'y/N'}] ")
        line = read()
        answer = line.strip().casefold()
        if not line:
            sink("\n")
            return False
        if not answer:
            return default
        if answer in YES or answer in NO:
            return answer in YES
        sink("please answer y or n\n")


@contextmanager
def _terminal() -> Iterator[TextIO | None]:
    """Yield where the user types: stdin, or the terminal itself when stdin is taken and the user reads stderr."""
    if _is_terminal(sys.stdin):
        yield sys.stdin
        return
    if not _is_terminal(sys.stderr):
        yield None
        return
    try:
        terminal = TERMINAL.open(encoding="utf-8", errors="replace")
    except OSError:
        yield None
        return
    with terminal:
        yield terminal


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()
