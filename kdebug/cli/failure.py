"""How an error is told: three lines or one JSON object, and its exit code; never a traceback or a local variable."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdebug.cli.arguments import runs_command, wants_json
from kdebug.errors import InterruptedBySignal, KdebugError, MissingRightsError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_NOT_RUN = 125
"""kdebug itself failed where a command's own exit code was asked for (docker's and podman's convention)."""
LOG_NAME = "unexpected-error.log"


def exit_code(error: KdebugError, words: Sequence[str]) -> int:
    """Return the exit code of an error for a command line; a signal's stays itself with -- COMMAND too."""
    if runs_command(words) and not isinstance(error, InterruptedBySignal):
        return COMMAND_NOT_RUN
    return error.exit_code


def told(error: KdebugError, words: Sequence[str]) -> str:
    """Return an error as it is written to stderr, as the command line asked for it."""
    if wants_json(words):
        return as_json(error, exit_code(error, words))
    return as_lines(error)


def as_lines(error: KdebugError) -> str:
    """Return error, because and try; what the server said over several lines is indented below its first.

    Missing rights are followed by the Role that grants them, as YAML that `kubectl apply -f -` takes.
    """
    head = "refused" if isinstance(error, RefusedError) else "error"
    parts = ((head, error.what.removeprefix("refused: ")), ("  because", error.because), ("  try", error.remedy))
    lines = "".join(f"{label}: {_indented(text)}\n" for label, text in parts if text)
    if not isinstance(error, MissingRightsError) or not error.manifests:
        return lines
    from kdebug.cli.output import as_yaml

    return lines + as_yaml(error.manifests)


def as_json(error: KdebugError, code: int) -> str:
    """Return one JSON object on one line."""
    import json

    from kdebug.domain.text import safe

    document: dict[str, Any] = {
        "apiVersion": "kdebug/v1",
        "kind": "Error",
        "code": error.code,
        "exitCode": code,
        "what": safe(error.what, multiline=True),
        "because": safe(error.because, multiline=True),
        "try": safe(error.remedy, multiline=True),
    }
    if isinstance(error, MissingRightsError):
        document["manifests"] = list(error.manifests)
    return json.dumps(document) + "\n"


def unexpected(error: BaseException, directory: Path | None) -> KdebugError:
    """Return what is told of an unforeseen error; the details go to a private file where one can be written."""
    kind = type(error).__name__
    path = _write_log(error, directory) if directory else None
    return KdebugError(
        f"unexpected {kind}; details: {path}" if path else f"unexpected {kind}; the details could not be written"
    )


def state_directory(environment: Mapping[str, str]) -> Path | None:
    """Return kdebug's private directory for state (XDG), or None for a user without a home."""
    from pathlib import Path

    base = environment.get("XDG_STATE_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "kdebug"
    try:
        return Path.home() / ".local" / "state" / "kdebug"
    except RuntimeError:
        return None


def _indented(text: str) -> str:
    from kdebug.domain.text import safe

    return safe(text, multiline=True).strip("\n").replace("\n", "\n    ")


def _write_log(error: BaseException, directory: Path) -> Path | None:
    """Write the traceback, without any variable's value, to a file that only the user can read."""
    import traceback

    path = directory / LOG_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="backslashreplace") as log:
            os.fchmod(log.fileno(), 0o600)
            log.write("".join(traceback.format_exception(error)))
    except OSError:
        return None
    return path
