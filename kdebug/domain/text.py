"""The one filter between strings from a cluster and the user's terminal, and the spelling of ages."""

from __future__ import annotations

import re

_STRING_END = "\x07\x18\x1a\x1b\x9c\n"

_SEQUENCES = re.compile(
    rf"""
      (?: \x1b[\]PX^_] | [\x90\x98\x9d-\x9f] ) [^{_STRING_END}]* (?: \x07 | \x1b\\ | [\x18\x1a\x9c] )?  # a string
    | (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]?  # CSI
    | \x1b [ -/]* [0-~]?  # the others, and ESC alone
    """,
    re.VERBOSE,
)
"""Control sequences of ECMA-48, complete or not; one without an end stops at the line's end, the rest is evidence."""

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What a terminal acts on or does not show: C0, C1, bidirectional and zero-width controls, fillers, surrogates."""


def safe(text: str, limit: int = 2000, multiline: bool = False) -> str:
    """Return text from a cluster as it may be shown: no control sequence or unseen character, at most `limit` long.

    Sequences are removed wholly; other controls become visible marks (␀, ⟨U+202E⟩). Newlines and tabs stay when
    `multiline`; otherwise a newline at the end is dropped and one inside becomes ␊. Cut text ends in `…`. Idempotent.
    """
    if not (text.isascii() and text.isprintable()):
        text = _SEQUENCES.sub("", text).replace("\r\n", "\n")
        text = _UNSEEN.sub(_mark_in_lines if multiline else _mark, text if multiline else text.rstrip("\r\n"))
    limit = max(limit, 1)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _mark(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character == "\t":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"⟨U+{code:04X}⟩"


def _mark_in_lines(match: re.Match[str]) -> str:
    return match.group() if match.group() in "\n\t" else _mark(match)


def age(seconds: float) -> str:
    """Return a duration as kubectl writes ages: 119s, 2m5s, 45m, 3h10m, 5d3h, 2y (apimachinery's HumanDuration)."""
    whole = int(seconds)
    if whole < 0:
        return "0s" if whole == -1 else "<invalid>"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _pair(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")
