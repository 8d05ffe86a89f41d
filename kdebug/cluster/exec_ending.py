"""How a command in a container ended, from the Status object that the server sends on channel 3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kdebug.domain.text import safe
from kdebug.errors import StreamLostError
from kdebug.session.port import ExitStatus

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""What shells return for a command that cannot be run, and for one that does not exist (POSIX 2.8.2)."""

_START_FAILURES = (
    ("executable file not found", NOT_FOUND),
    ("no such file or directory", NOT_FOUND),
    ("permission denied", NOT_EXECUTABLE),
    ("is a directory", NOT_EXECUTABLE),
    ("exec format error", NOT_EXECUTABLE),
    ("operation not permitted", NOT_EXECUTABLE),
)
"""Words of runc and crun; they come in an InternalError, which has no code of its own."""


def ending(data: bytes, *, what: str) -> ExitStatus:
    """Return the exit status in the Status object. Raises StreamLostError(what) when it tells of none."""
    try:
        status = json.loads(data)
    except ValueError as error:
        raise StreamLostError(what, because=f"the exit status cannot be read: {safe(repr(data[:200]))}") from error
    if not isinstance(status, dict):
        raise StreamLostError(what, because=f"the exit status cannot be read: {safe(repr(data[:200]))}")
    if status.get("status") == "Success":
        return ExitStatus(code=0)
    message = str(status.get("message") or status.get("reason") or "")
    code = _exit_code(status) if status.get("reason") == "NonZeroExitCode" else None
    if code is not None:
        return ExitStatus(code=code)
    words = message.casefold()
    failure = next((code for part, code in _START_FAILURES if part in words), None)
    if failure is None or not ("exec" in words or "start" in words):
        raise StreamLostError(what, because=safe(message) or "the server sent a failure without a reason")
    return ExitStatus(code=failure, message=safe(message))


def _exit_code(status: Mapping[str, Any]) -> int | None:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    for cause in causes or ():
        if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdecimal():
            return int(cause["message"])
    return None
