"""Which modes of the terminal a remote program has changed, so that a lost connection leaves none of them behind."""

from __future__ import annotations

import re

_DEFAULTS = {
    b"1": False,  # application cursor keys
    b"7": True,  # autowrap
    b"25": True,  # cursor visible
    b"47": False,  # alternate screen, three spellings
    b"1047": False,
    b"1049": False,
    b"9": False,  # mouse reports, and their encodings
    b"1000": False,
    b"1001": False,
    b"1002": False,
    b"1003": False,
    b"1005": False,
    b"1006": False,
    b"1015": False,
    b"1016": False,
    b"1004": False,  # focus reports
    b"2004": False,  # bracketed paste
    b"2026": False,  # synchronized output
}
"""Private modes of xterm's control sequences that outlive the program that set them, and what they are in a shell."""

_CHANGE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])|\x1b(c)|\x1b([=>])")
_LONGEST = 64


class TerminalModes:
    """The private modes that differ from a shell's, read from the output as it passes."""

    def __init__(self) -> None:
        self._changed: dict[bytes, bool] = {}
        self._has_keypad = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take in the next output; a sequence may be cut anywhere between two calls."""
        if not self._rest and b"\x1b" not in data:
            return
        text = self._rest + data
        for match in _CHANGE.finditer(text):
            self._take(match)
        start = text.rfind(b"\x1b")
        is_open = len(text) - start < _LONGEST and _CHANGE.match(text, start) is None
        self._rest = text[start:] if start >= 0 and is_open else b""

    def _take(self, match: re.Match[bytes]) -> None:
        numbers, action, reset, keypad = match.groups()
        if reset:
            self._changed.clear()
            self._has_keypad = False
        elif keypad:
            self._has_keypad = keypad == b"="
        else:
            for number in numbers.split(b";"):
                if number in _DEFAULTS:
                    self._changed[number] = action == b"h"

    def restoring(self) -> bytes:
        """Return the sequences that undo what was changed: nothing after programs that tidied up."""
        undone = [
            b"\x1b[?" + number + (b"h" if _DEFAULTS[number] else b"l")
            for number, value in self._changed.items()
            if value != _DEFAULTS[number]
        ]
        return b"".join(undone) + (b"\x1b>" if self._has_keypad else b"")
