"""Checks between what was typed and a request: what excludes what, what is missing, and what a value may be."""

from __future__ import annotations

from kdebug.cli import values
from kdebug.errors import UsageError

MAX_DURATION_SECONDS = 4 * 3600
EXAMPLE = "kdebug setup --environment staging --covers cluster"


def check_target(name: str, selector: str, filename: str) -> None:
    """Raise UsageError unless exactly one target is named."""
    given = [what for what, value in (("a name", name), ("-l", selector), ("-f", filename)) if value]
    if not given:
        raise UsageError("no pod is named", remedy="kdebug POD, or kdebug --help")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other", because="a session has one target")
    if len(name.rpartition("/")[2]) > 253:
        raise UsageError("the name is too long", because="a pod's name has at most 253 characters")


def check_statement(environment: str, covers: tuple[str, ...]) -> None:
    """Raise UsageError for a statement with a part missing; neither part has a default."""
    if not environment:
        raise UsageError(
            "--environment is missing", because="somebody has to say what the cluster is for", remedy=EXAMPLE
        )
    if not covers:
        raise UsageError("--covers is missing", because="somebody has to say whose pods may be targets", remedy=EXAMPLE)


def allow(typed: tuple[str, ...]) -> tuple[str, ...]:
    """Return what may be copied into the isolated namespace."""
    if not typed:
        return ("configmaps",)
    kinds = values.several(typed, "--allow")
    if kinds == ("none",):
        return ()
    if unknown := [word for word in kinds if word not in ("configmaps", "secrets")]:
        raise UsageError(f"--allow cannot be {unknown[0]!r}", because="it is configmaps, secrets, both, or none alone")
    return kinds


def image(text: str) -> str:
    """Return --image as typed, empty when it was not."""
    return values.image(text) if text else ""


def max_duration(text: str) -> int:
    """Return the hard cap in seconds, 0 when none was typed."""
    return values.duration(text, "--max-duration", most=MAX_DURATION_SECONDS) if text else 0


def timeout(text: str, flag: str, default: int, *, plain_seconds: bool = False) -> float:
    """Return seconds."""
    return float(values.duration(text, flag, plain_seconds=plain_seconds) if text else default)


def verbosity(text: str) -> int:
    """Return the level of -v."""
    return values.verbosity(text) if text else 0
