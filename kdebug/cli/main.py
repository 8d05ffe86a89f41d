"""The outermost frame: from argv to an exit code, and the only place that catches everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kdebug.cli import failure
from kdebug.cli.arguments import Invocation, nearest_command, normalise, wants_json
from kdebug.cli.help_text import help_text, program, short_help
from kdebug.cli.narration import to_stderr
from kdebug.errors import KdebugError, TargetError

if TYPE_CHECKING:
    from kdebug.cli.requests import Request

INTERRUPTED = 130
PIPE_CLOSED = 141
USAGE = 2
_FIRST_WORDS = {
    "open": "looking for {}",
    "plan": "planning for {}; nothing will be written",
    "attach": "looking for session {}",
    "clean": "looking for sessions",
    "setup": "looking at the cluster",
}


def main() -> None:
    """Run kdebug and leave with its exit code."""
    _fill_closed_descriptors()
    code = run(sys.argv)
    sys.exit(_flushed(code))


def run(argv: Sequence[str], execute: Callable[[Request], int] | None = None) -> int:
    """Run one command line (with the program's name) and return the exit code; nothing but SystemExit leaves it."""
    words = argv[1:]
    try:
        return _run(words, program(argv[0]), execute)
    except KdebugError as error:
        to_stderr(failure.told(error, words))
        return failure.exit_code(error, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost frame
        if isinstance(error, BrokenPipeError) and _is_stdout_broken():
            return PIPE_CLOSED
        told = failure.unexpected(error, failure.state_directory(os.environ))
        to_stderr(failure.told(told, words))
        return failure.exit_code(told, words)


def _run(words: Sequence[str], name: str, execute: Callable[[Request], int] | None) -> int:
    invocation = normalise(words)
    if invocation.help_topic is not None:
        from kdebug.cli.output import write

        write(help_text(invocation.help_topic, name))
        return 0
    if not invocation.command:
        to_stderr(short_help(name))
        return USAGE
    _say_first_words(invocation, words)
    try:
        return _parse_and(execute, invocation) if execute else _run_typed(invocation)
    except TargetError as error:
        _suggest_command(error, invocation)
        raise


def _run_typed(invocation: Invocation) -> int:
    from kdebug.cli.dispatch import run_typed

    return run_typed(invocation)


def _parse_and(execute: Callable[[Request], int], invocation: Invocation) -> int:
    from kdebug.cli.app import parse

    return execute(parse(invocation))


def _say_first_words(invocation: Invocation, words: Sequence[str]) -> None:
    """Say what is about to happen before anything slow is even loaded."""
    sentence = _FIRST_WORDS.get(invocation.command, "")
    if sentence and not invocation.has("quiet") and not wants_json(words):
        from kdebug.domain.text import safe

        to_stderr(safe(sentence.format(invocation.title or "a pod"), 300) + "\n")


def _suggest_command(error: TargetError, invocation: Invocation) -> None:
    """Say which command the word may have been meant as, when it was no pod's name and nothing better is known."""
    if not invocation.is_implied or not invocation.words or error.remedy:
        return
    if near := nearest_command(invocation.words[0]):
        error.remedy = f"did you mean the command kdebug {near}?"


def _fill_closed_descriptors() -> None:
    """Open /dev/null where stdin, stdout or stderr is closed: else the next file would take its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _flushed(code: int) -> int:
    """Return the exit code after stdout took everything; a reader that is gone is not worth a word."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return code or PIPE_CLOSED
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        to_stderr(f"error: stdout could not be written\n  because: {error.strerror}\n")
        return code or 1
    return code


def _is_stdout_broken() -> bool:
    """Return whether nobody reads stdout any more: a broken pipe elsewhere is an error to tell."""
    if sys.stdout is None:
        return True
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(state & select.POLLERR for _, state in poll.poll(0))
