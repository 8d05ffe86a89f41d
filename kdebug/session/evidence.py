"""Gather what the target's logs and events say, as far as they may be read."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from kdebug.domain.diagnosis import suspect
from kdebug.domain.kinds import EVENT, Manifest
from kdebug.domain.target import Target
from kdebug.domain.text import safe
from kdebug.errors import ApiError
from kdebug.session.background import begin
from kdebug.session.port import Cluster

TAIL_LINES = 200

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The logs of the container that matters (see `kdebug.domain.diagnosis.suspect`) and the pod's events, raw."""

    log_tail: str = ""
    previous_log: str = ""
    events: tuple[Manifest, ...] = ()
    unread: tuple[str, ...] = ()
    """What could not be read, each with the server's words."""


def read_evidence(cluster: Cluster, target: Target) -> Evidence:
    """Return what can be read of a target; nothing here fails a session. A target from a manifest has no evidence.

    Asks, all at once, for the log, for the previous one only where the container was started again, and for the
    pod's events.
    """
    if not target.uid:
        return Evidence()
    state = suspect(target.manifest, target.container)
    container = state.name if state else target.container
    has_log = state is not None and (state.phase in ("running", "terminated") or state.exit_code is not None)
    has_previous = state is not None and state.restarts > 0
    log = begin(_log, cluster, target, container, False) if has_log else None
    previous = begin(_log, cluster, target, container, True) if has_previous else None
    events = begin(_events, cluster, target)
    unread: list[str] = []
    return Evidence(
        log_tail=_result(log, "", "its log", unread),
        previous_log=_result(previous, "", "its previous log", unread),
        events=_result(events, (), "its events", unread),
        unread=tuple(unread),
    )


def _log(cluster: Cluster, target: Target, container: str, is_previous: bool) -> str:
    return cluster.logs(target.namespace, target.name, container=container, previous=is_previous, tail_lines=TAIL_LINES)


def _events(cluster: Cluster, target: Target) -> tuple[Manifest, ...]:
    fields = f"involvedObject.name={target.name},involvedObject.uid={target.uid}"
    return cluster.list(EVENT, target.namespace, fields=fields).items


def _result(reading: Future[Answer] | None, otherwise: Answer, what: str, unread: list[str]) -> Answer:
    if reading is None:
        return otherwise
    try:
        return reading.result()
    except ApiError as error:
        unread.append(safe(f"{what}: {error.because or error.what}"))
        return otherwise
