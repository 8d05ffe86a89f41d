"""Facts that the session tells its front end, in the past tense; each is one small value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, kw_only=True)
class TargetResolved(Event):
    """A name became one pod; `because` says why this one where there was a choice."""

    title: str
    namespace: str
    container: str
    failure: str
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class RightsChecked(Event):
    """Every right that the session needs is there."""

    count: int


@dataclass(frozen=True, kw_only=True)
class DryRunPassed(Event):
    """The server accepted every object without storing it."""

    count: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ObjectCreated(Event):
    """An object of the session exists."""

    title: str
    namespace: str
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class ObjectChanged(Event):
    """An object of setup was changed; `differences` are lines `path: old -> new`."""

    title: str
    namespace: str
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CloneProgressed(Event):
    """The clone is on its way; `detail` is the server's own words."""

    step: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class CloneReady(Event):
    """The clone runs."""

    title: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LeaseRenewed(Event):
    """The server confirmed a new end of the session."""

    until: datetime


@dataclass(frozen=True, kw_only=True)
class LeaseFaltered(Event):
    """A renewal failed; the session still ends at `until` unless a later one succeeds."""

    until: datetime
    because: str


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    """The session is over on the server: expired, removed by somebody, or the guard's facts changed."""

    because: str


@dataclass(frozen=True, kw_only=True)
class ProbeFinished(Event):
    """What the isolation probe found: enforced, NOT ENFORCED or unknown."""

    isolation: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class TeardownStarted(Event):
    """Removal begins."""

    count: int


@dataclass(frozen=True, kw_only=True)
class ObjectGone(Event):
    """The server answered 404, or another uid, for an object of the session."""

    title: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class TeardownFinished(Event):
    """Removal ended; `leftovers` could not be proven gone and go by themselves at `until`."""

    seconds: float
    leftovers: tuple[str, ...] = ()
    until: datetime | None = None
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class WarningRaised(Event):
    """Something the user should know that does not end the session."""

    text: str


Emit = Callable[[Event], None]
"""How the session tells its front end; must not block and must not raise."""
