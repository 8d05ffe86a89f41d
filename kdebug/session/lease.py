"""The lease: while kdebug lives it moves the anchor's deadline on; when it stops, the server ends the session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kdebug.domain.kinds import JOB, Manifest, uid_of
from kdebug.domain.ownership import (
    DETACHED,
    HOLDER,
    HOLDER_LOST_SECONDS,
    LEASE_SECONDS,
    RENEW_SECONDS,
    RENEWED,
    SessionRecord,
    format_time,
    object_name,
    read_session,
)
from kdebug.errors import ApiError, InvalidError, KdebugError, NotFoundError, RefusedError
from kdebug.session.events import Emit, LeaseFaltered, LeaseRenewed, SessionEnded
from kdebug.session.port import Cluster
from kdebug.session.timing import Timing

RETRY_SECONDS = 15
RECHECK_EVERY = 5
LOOK_SECONDS = 1.0


class SessionOverError(KdebugError):
    """The session no longer exists on the server, or another client holds it."""

    exit_code, code = 1, "error"


class TakenOverError(SessionOverError):
    """Another client holds the session now: it is theirs to renew and to remove."""


def annotation_path(key: str) -> str:
    """Return the JSON pointer of an annotation (RFC 6901 escapes)."""
    return "/metadata/annotations/" + key.replace("~", "~0").replace("/", "~1")


def renewal(record: SessionRecord, now: datetime, *, holder: str, detached: bool = False) -> list[dict[str, Any]]:
    """Return the JSON patch that moves the deadline to now + lease, or to the hard cap when detaching; never past it.

    It tests the uid and the holder, so that a stranger's Job or a session taken over is never renewed.
    """
    elapsed = max(0, int((now - record.started).total_seconds())) if record.started else 0
    deadline = record.hard_cap_seconds if detached else min(elapsed + LEASE_SECONDS, record.hard_cap_seconds)
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": record.uid},
        {"op": "test", "path": annotation_path(HOLDER), "value": record.holder},
        {"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": deadline},
        {"op": "add", "path": annotation_path(RENEWED), "value": format_time(now)},
        {"op": "add", "path": annotation_path(DETACHED), "value": "true" if detached else "false"},
    ]
    if holder != record.holder:
        operations.append({"op": "replace", "path": annotation_path(HOLDER), "value": holder})
    return operations


def renew(cluster: Cluster, record: SessionRecord, *, holder: str, detached: bool = False) -> SessionRecord:
    """Renew once and return the session as the server confirmed it.

    Raises SessionOverError when the anchor is gone, finished, another's, or held by somebody else; ApiError for a
    fault that a later renewal may outlive.
    """
    name = object_name(record.id)
    try:
        job = cluster.patch(
            JOB, name, record.namespace, renewal(record, cluster.now(), holder=holder, detached=detached)
        )
    except NotFoundError as error:
        raise SessionOverError("the session was removed", because=error.because) from error
    except InvalidError as error:
        # A failed test answers as a policy's denial does, so only a read tells them apart.
        raise_if_lost(read_anchor(cluster, record), record)
        raise error
    return _still_running(job)


def read_anchor(cluster: Cluster, record: SessionRecord) -> Manifest:
    """Return the anchor; SessionOverError when it is gone."""
    try:
        return cluster.get(JOB, object_name(record.id), record.namespace)
    except NotFoundError as error:
        raise SessionOverError("the session was removed", because=error.because) from error


def raise_if_lost(job: Manifest, record: SessionRecord) -> None:
    """Raise SessionOverError when the anchor is another object, has ended, or has another holder."""
    if uid_of(job) != record.uid:
        raise SessionOverError("the session was removed and its name used again")
    found = _still_running(job)
    if found.holder != record.holder:
        raise TakenOverError(f"the session was taken over by {found.holder}")


def _still_running(job: Manifest) -> SessionRecord:
    found = read_session(job)
    if found.is_over:
        raise SessionOverError("the session has ended on the server", because="its deadline has passed")
    return found


@dataclass(kw_only=True)
class Lease:
    """Renews in a thread of its own until it is stopped, and tells what the server confirmed."""

    cluster: Cluster
    record: SessionRecord
    timing: Timing
    emit: Emit
    recheck: Callable[[], None]
    """Judges the guard's facts again; RefusedError when they have changed. Called at every fifth renewal."""

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kdebug-lease", daemon=True)
        self._count = 0
        self._confirmed_at = self.timing.clock()

    @property
    def until(self) -> datetime | None:
        """The last confirmed end of the session."""
        return self.record.until

    @property
    def gone_by(self) -> datetime | None:
        """When the server has removed everything, should nobody renew again."""
        return self.record.gone_by

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing; returns at once, a renewal on its way is left to end by itself."""
        self._stopped.set()

    def join(self, seconds: float) -> None:
        """Wait for a renewal on its way, which would else come after what is written next."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def is_ours(self) -> bool:
        """Return whether this client may still remove the session: nobody but the holder tears down.

        Asks the server; where it does not answer, or the session is over, nobody else is known to hold it.
        """
        try:
            raise_if_lost(read_anchor(self.cluster, self.record), self.record)
        except TakenOverError:
            return False
        except (SessionOverError, ApiError):
            return True
        return True

    def renew_once(self) -> None:
        """Renew, judge again when it is time to, and tell the front end."""
        if self.timing.clock() - self._confirmed_at > HOLDER_LOST_SECONDS:
            # The machine slept or the network was away: look before writing.
            raise_if_lost(read_anchor(self.cluster, self.record), self.record)
        if (self._count + 1) % RECHECK_EVERY == 0:
            self.recheck()
        self._count += 1
        self.record = renew(self.cluster, self.record, holder=self.record.holder)
        self._confirmed_at = self.timing.clock()
        if self.record.until and not self._stopped.is_set():
            self.emit(LeaseRenewed(until=self.record.until))

    def _run(self) -> None:
        due = self.timing.clock() + RENEW_SECONDS
        while not self._stopped.wait(LOOK_SECONDS):
            if self.timing.clock() < due:
                continue
            try:
                self.renew_once()
                due = self.timing.clock() + RENEW_SECONDS
            except (SessionOverError, RefusedError) as error:
                if self._stopped.is_set():
                    return
                self.emit(SessionEnded(because=f"{error.what}: {error.because}" if error.because else error.what))
                return
            except ApiError as error:
                if self._stopped.is_set():
                    return
                due = self.timing.clock() + RETRY_SECONDS
                until = self.record.until or self.cluster.now() + timedelta(seconds=LEASE_SECONDS)
                self.emit(LeaseFaltered(until=until, because=error.because or error.what))
