"""Values of flags read and checked before anything else happens: durations, variables, session ids, text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kdebug.errors import UsageError

_DURATION = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_PLAIN_SECONDS = re.compile(r"[0-9]{1,6}")
_ENV_NAME = re.compile(r"[!-<>-~]{1,253}")
_SESSION = re.compile(r"(?:job(?:\.batch)?/)?(?:kdebug-)?([a-z2-7]{16})")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_UNICODE = re.compile("[\ud800-\udfff]")


def check_text(value: str, what: str, *, allow_controls: bool = False) -> None:
    """Raise UsageError for a value that is empty, is not UTF-8, or holds control characters."""
    if not value and not allow_controls:
        raise UsageError(f"{what} is empty")
    if _NOT_UNICODE.search(value):
        raise UsageError(f"{what} is not UTF-8", because="Kubernetes takes no other text")
    if not allow_controls and (found := _CONTROL.search(value)):
        raise UsageError(
            f"{what} holds a control character", because=f"U+{ord(found[0]):04X}, character {found.start() + 1}"
        )


def duration(text: str, flag: str, *, most: int = 0, plain_seconds: bool = False) -> int:
    """Return seconds from 90s, 30m, 4h or 1h30m (and 90, where kubectl takes that), from 1 to `most`."""
    if plain_seconds and _PLAIN_SECONDS.fullmatch(text):
        text += "s"
    found = _DURATION.fullmatch(text)
    if not found or not text:
        raise UsageError(f"{flag} cannot be {text!r}", because="a duration is written 90s, 30m, 4h or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total == 0:
        raise UsageError(f"{flag} cannot be {text!r}", because="it must be longer than nothing")
    if most and total > most:
        raise UsageError(
            f"{flag} cannot be {text!r}", because=f"{in_words(most)} is the most", remedy=f"{flag} {in_words(most)}"
        )
    return total


def in_words(seconds: int) -> str:
    """Return a duration as it is typed: 90s is 1m30s."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def variable(text: str) -> tuple[str, str]:
    """Return the name and the value of K=V; the value may be empty."""
    name, has_value, value = text.partition("=")
    if not has_value or not _ENV_NAME.fullmatch(name):
        raise UsageError(f"--env cannot be {text!r}", because="a variable is written NAME=VALUE")
    return name, value


def verbosity(text: str) -> int:
    """Return a level of -v."""
    if not re.fullmatch("[0-9]{1,2}", text):
        raise UsageError(f"-v cannot be {text!r}", because="a level is a number from 0 to 9", remedy="-v 1")
    return int(text)


def session_id(text: str) -> str:
    """Return the id of a session, which may be typed as its anchor: kdebug-ID or job/kdebug-ID."""
    found = _SESSION.fullmatch(text)
    if not found:
        raise UsageError(
            f"{text!r} is not a session", because="a session's id has 16 letters and digits", remedy="kdebug sessions"
        )
    return found[1]


def several(texts: Iterable[str], flag: str) -> tuple[str, ...]:
    """Return the parts of comma-separated values, each once, in order."""
    parts = tuple(part.strip() for text in texts for part in text.split(","))
    if "" in parts:
        raise UsageError(f"{flag} has an empty part", because=f"got {','.join(parts)!r}")
    return tuple(dict.fromkeys(parts))


def image(text: str) -> str:
    """Return an image reference that can be pulled, as typed."""
    from kdebug.domain.images import image_argument

    return str(image_argument(text))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what `word` is most likely a slip of, or an empty string."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, sorted(set(known)), n=1, cutoff=0.7)), "")
