"""Which modes of the terminal a remote program has changed, so that a lost connection leaves none of them behind."""

from __future__ import annotations

import re

_DEFAULTS = {
    b"1": False,  # application cursor keys
    b"6": False,  # origin at the scroll region
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

_CHANGE = re.compile(
    rb"""\x1b (?:
        \[ \? (?P<modes>[0-9;]+) (?P<action>[hl])
      | \[ (?P<style>[0-9;:]*) m
      | \[ > 4 (?: ; (?P<keys>[0-9]*) )? (?P<modify>m)
      | \[ (?P<stack>[<>]) (?P<count>[0-9]*) [0-9;]* u
      | \[ (?P<region>[0-9;]*) r
      | \( (?P<charset>[0-9A-Z])
      | (?P<escape>[c=>])
    )""",
    re.VERBOSE,
)
_LONGEST = 64


class TerminalModes:
    """What differs from a shell's terminal, read from the output as it passes."""

    def __init__(self) -> None:
        self._left: dict[str, bytes] = {}
        self._key_modes = 0
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

    def restoring(self) -> bytes:
        """Return the sequences that undo what was changed: nothing after programs that tidied up."""
        return b"".join(self._left.values())

    def _take(self, match: re.Match[bytes]) -> None:
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        match found:
            case {"modes": modes, "action": action}:
                self._switch(modes, is_set=action == b"h")
            case {"style": style}:
                self._note("style", b"\x1b[0m", is_left=style.strip(b"0") != b"")
            case {"modify": _}:  # modifyOtherKeys, which vim asks for
                self._note("modify", b"\x1b[>4m", is_left=found.get("keys", b"").strip(b"0") != b"")
            case {"stack": stack, "count": count}:  # kitty's stack of keyboard modes
                self._key_modes = max(0, self._key_modes + (1 if stack == b">" else -int(count or 1)))
                self._note("keys", b"\x1b[<%du" % self._key_modes, is_left=self._key_modes > 0)
            case {"region": region}:  # undoing it moves the cursor, which is kept
                self._note("region", b"\x1b7\x1b[r\x1b8", is_left=region != b"")
            case {"charset": charset}:
                self._note("charset", b"\x1b(B", is_left=charset != b"B")
            case {"escape": b"c"}:
                self._left.clear()
                self._key_modes = 0
            case {"escape": keypad}:
                self._note("keypad", b"\x1b>", is_left=keypad == b"=")

    def _switch(self, modes: bytes, *, is_set: bool) -> None:
        for number in modes.split(b";"):
            if number in _DEFAULTS:
                undo = b"\x1b[?" + number + (b"h" if _DEFAULTS[number] else b"l")
                self._note(f"?{number.decode()}", undo, is_left=is_set != _DEFAULTS[number])

    def _note(self, name: str, undo: bytes, *, is_left: bool) -> None:
        self._left.pop(name, None)
        if is_left:
            self._left[name] = undo
