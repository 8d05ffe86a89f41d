"""Remove a session's objects and prove that each is gone: 404, or the name with another uid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from kdebug.domain.kinds import JOB, POD, SECRET, Kind, Manifest, kind_of, name_of, namespace_of, uid_of
from kdebug.domain.ownership import is_owned
from kdebug.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    NotFoundError,
    ThrottledError,
    UnauthenticatedError,
)
from kdebug.session.events import Emit, ObjectGone, TeardownFinished, TeardownStarted
from kdebug.session.port import Cluster
from kdebug.session.timing import Timing

BUDGET_SECONDS = 15.0
POLL_SECONDS = 0.2
POD_GRACE_SECONDS = 2
LATE_ARRIVAL_SECONDS = 1.0
"""How long an object whose creation was cut off must stay absent before it counts as gone."""


@dataclass(frozen=True, kw_only=True)
class OwnedObject:
    """An object of the session: made (uid known) or perhaps made (uid empty: its answer never came)."""

    kind: Kind
    name: str
    namespace: str
    uid: str = ""

    @classmethod
    def of(cls, manifest: Manifest) -> OwnedObject:
        """Return the object that a manifest stands for."""
        return cls(
            kind=kind_of(manifest), name=name_of(manifest), namespace=namespace_of(manifest), uid=uid_of(manifest)
        )

    @property
    def title(self) -> str:
        """kubectl's TYPE/name."""
        return f"{self.kind.name.casefold()}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Teardown:
    """How removal ended: what is proven gone, what is not, and why not."""

    gone: tuple[OwnedObject, ...]
    leftovers: tuple[OwnedObject, ...]
    because: str
    seconds: float


@dataclass(kw_only=True)
class _Removal:
    """One object on its way out."""

    object: OwnedObject
    uid: str
    session_id: str
    absent_since: float | None = None
    is_asked: bool = False
    problem: str = ""


@dataclass(kw_only=True)
class _Run:
    cluster: Cluster
    timing: Timing
    is_reloaded: bool = False
    pause: float = POLL_SECONDS

    def attempt(self, removal: _Removal, call: Callable[[], bool]) -> bool:
        """Return what `call` says, or False when the server could not be asked now; every fault is only a delay."""
        try:
            return call()
        except NotFoundError:
            return self._is_absent_long_enough(removal)
        except ConflictError:
            # Another uid than the one known; where none is known, 409 says that there is an object.
            return bool(removal.uid)
        except UnauthenticatedError as error:
            removal.problem = error.because or error.what
            if not self.is_reloaded:
                self.is_reloaded = True
                self._reload(removal)
        except ThrottledError as error:
            removal.problem = error.because or error.what
            self.pause = max(self.pause, min(error.retry_after or 1, 5))
        except ApiError as error:
            removal.problem = error.because or error.what
        return False

    def _reload(self, removal: _Removal) -> None:
        try:
            self.cluster.reload_credentials()
        except ApiError as error:
            removal.problem = error.because or error.what

    def _is_absent_long_enough(self, removal: _Removal) -> bool:
        if removal.uid:
            return True
        now = self.timing.clock()
        if removal.absent_since is None:
            removal.absent_since = now
        return now - removal.absent_since >= LATE_ARRIVAL_SECONDS


def tear_down(
    cluster: Cluster,
    objects: Sequence[OwnedObject],
    session_id: str,
    *,
    timing: Timing,
    emit: Emit,
    until: datetime | None = None,
    command: str = "",
    budget: float = BUDGET_SECONDS,
) -> Teardown:
    """Delete the anchor (the cluster's collector takes the rest) and the pod, then ask until each is proven gone.

    Idempotent. Only objects of this session are deleted, each with its uid as a precondition. Raises nothing of the
    server's: what cannot be proven within `budget` seconds is returned as a leftover, with the server's last words.
    """
    began = timing.clock()
    emit(TeardownStarted(count=len(objects)))
    run = _Run(cluster=cluster, timing=timing)
    pending = [_Removal(object=o, uid=o.uid, session_id=session_id) for o in sorted(objects, key=_deletion_order)]
    gone: list[OwnedObject] = []
    while pending:
        run.pause = POLL_SECONDS
        for removal in list(pending):
            if timing.clock() - began > budget:
                break
            if run.attempt(removal, partial(_remove, cluster, removal)):
                pending.remove(removal)
                gone.append(removal.object)
                emit(ObjectGone(title=removal.object.title, namespace=removal.object.namespace))
        if not pending or timing.clock() - began + run.pause > budget:
            break
        timing.sleep(run.pause)
    seconds = timing.clock() - began
    leftovers = tuple(removal.object for removal in pending)
    because = next((removal.problem for removal in pending if removal.problem), "still being removed")
    emit(
        TeardownFinished(
            seconds=seconds,
            leftovers=tuple(
                f"{o.title} in namespace {o.namespace} ({r.problem or 'still being removed'})"
                for o, r in zip(leftovers, pending, strict=True)
            ),
            until=until if leftovers else None,
            command=command if leftovers else "",
        )
    )
    return Teardown(gone=tuple(gone), leftovers=leftovers, because=because if leftovers else "", seconds=seconds)


def _deletion_order(owned: OwnedObject) -> int:
    return 0 if owned.kind is JOB else 1 if owned.kind is POD else 2


def _remove(cluster: Cluster, removal: _Removal) -> bool:
    """Delete where that is ours to do, then ask; True when the object is proven gone."""
    owned = removal.object
    if owned.kind is SECRET:
        # Secrets may not be read: a repeated DELETE with the uid answers 404 when gone, 409 when it is another.
        cluster.delete(owned.kind, owned.name, owned.namespace, uid=removal.uid)
        return False
    if not removal.uid:
        found = cluster.get(owned.kind, owned.name, owned.namespace)
        if not is_owned(found, removal.session_id):
            return True
        removal.uid = uid_of(found)
    if not removal.is_asked and owned.kind in (JOB, POD):
        grace = POD_GRACE_SECONDS if owned.kind is POD else None
        try:
            cluster.delete(owned.kind, owned.name, owned.namespace, uid=removal.uid, grace_seconds=grace)
        except UnauthenticatedError:
            raise
        except ConflictError as error:
            # Another uid, or a webhook's way to say no: only a read tells which.
            removal.problem = error.because or error.what
            return uid_of(cluster.get(owned.kind, owned.name, owned.namespace)) != removal.uid
        except DeniedError as error:
            # The collector may still take it: the anchor's deadline does not need the user's rights.
            removal.problem = error.because or error.what
        removal.is_asked = True
        return False
    return uid_of(cluster.get(owned.kind, owned.name, owned.namespace)) != removal.uid
