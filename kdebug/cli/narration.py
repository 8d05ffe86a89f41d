"""The only owner of stderr: what happens, told in plain lines; errors and refusals, told once and calmly."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kdebug.session.events import Event

YELLOW, RED, DIM, RESET = "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
Sink = Callable[[str], None]
Level = Literal["mute", "quiet", "normal", "verbose"]
"""How much is said; mute leaves stderr to one error object in JSON, or to nothing."""


def to_stderr(text: str) -> None:
    """Write text to stderr at once and whole, from any thread or a signal's function; a lost terminal is no error.

    It goes round Python's buffers, which refuse to be entered twice, and waits where the shell left the terminal
    non-blocking.
    """
    if sys.stderr is None:
        return
    rest = text.encode(sys.stderr.encoding or "utf-8", "backslashreplace")
    try:
        descriptor = sys.stderr.fileno()
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                import select

                select.select((), (descriptor,), (), 1.0)
    except (OSError, ValueError):
        return


def has_colour(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether to colour: on a terminal that can, and not where NO_COLOR is set to anything."""
    return is_terminal and not environment.get("NO_COLOR") and environment.get("TERM", "") not in ("", "dumb")


def stderr_has_colour() -> bool:
    """Return whether this process's stderr takes colours."""
    try:
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
    except ValueError:
        is_terminal = False
    return has_colour(os.environ, is_terminal=is_terminal)


class Narration:
    """Tells a session's events; safe to call from the engine's thread, it never blocks for long and never raises."""

    def __init__(
        self,
        *,
        level: Level = "normal",
        sink: Sink = to_stderr,
        clock: Callable[[], float] = time.monotonic,
        colour: bool | None = None,
    ) -> None:
        self._level = level
        self._sink = sink
        self._clock = clock
        self._colour = stderr_has_colour() if colour is None else colour
        self._begun = clock()
        self._is_raw = False

    def __call__(self, event: Event) -> None:
        """Tell one event; the session's `Emit`."""
        from kdebug.cli.telling import tell

        for line in tell(event):
            if line.is_detail and self._level != "verbose":
                continue
            if line.is_warning:
                self.warn(line.text)
            else:
                self.say(line.text)

    def say(self, text: str) -> None:
        """Tell one line of progress."""
        if self._level in ("normal", "verbose"):
            self._line(text, "")

    def warn(self, text: str) -> None:
        """Tell something that the user should know; quiet does not silence it, JSON does."""
        if self._level != "mute":
            self._line(text, YELLOW)

    def show(self, lines: Iterable[str]) -> None:
        """Tell lines that are to be read or copied as they are, without times."""
        from kdebug.domain.text import safe

        if self._level in ("normal", "verbose"):
            self._sink("".join(f"{safe(line)}\n" for line in lines))

    def refuse(self, lines: tuple[str, ...]) -> None:
        """Tell a refusal as it was written, without times; only JSON silences it."""
        if self._level != "mute":
            first, *rest = lines
            self._sink("\n".join([self._paint(first, RED), *rest]) + "\n")

    @contextmanager
    def raw(self) -> Iterator[None]:
        """Within, the terminal is raw: a line begins and ends with a carriage return."""
        self._is_raw = True
        try:
            yield
        finally:
            self._is_raw = False

    def _line(self, text: str, colour: str) -> None:
        from kdebug.domain.text import safe

        elapsed = self._paint(f"{self._clock() - self._begun:5.1f}s", DIM)
        body = self._paint(safe(text), colour)
        self._sink(f"\r\n{elapsed}  {body}\r\n" if self._is_raw else f"{elapsed}  {body}\n")

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self._colour and colour else text
