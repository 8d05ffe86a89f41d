"""The user's terminal in raw mode, and back as it was whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """A terminal by its descriptors for input and output."""

    input: int
    output: int

    def size(self) -> tuple[int, int]:
        """Return (columns, rows); 80 by 24 where the terminal does not know, as on a serial line."""
        try:
            size = os.get_terminal_size(self.output)
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    @contextlib.contextmanager
    def raw(self) -> Iterator[None]:
        """Give each byte as it is typed, Ctrl-C too, for the length of the block. What was typed ahead is kept."""
        before = termios.tcgetattr(self.input)
        tty.setraw(self.input, termios.TCSANOW)
        try:
            yield
        finally:
            # Not TCSADRAIN: output that nobody takes must not hold up the end. A terminal that is gone needs nothing.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.input, termios.TCSANOW, before)
