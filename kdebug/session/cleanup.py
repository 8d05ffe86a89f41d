"""Find sessions and remove those that were asked for; the cluster's own objects are all that is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from kdebug.domain.kinds import CONFIG_MAP, JOB, NETWORK_POLICY, POD, SECRET
from kdebug.domain.ownership import (
    MANAGED_BY,
    SESSION,
    SessionRecord,
    is_named_for,
    is_owned,
    object_name,
    read_session,
)
from kdebug.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ServerFaultError,
    TargetError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from kdebug.session.events import Emit
from kdebug.session.journal import Journal
from kdebug.session.port import Cluster
from kdebug.session.teardown import BUDGET_SECONDS, POLL_SECONDS, OwnedObject, Teardown, tear_down
from kdebug.session.timing import Timing


def list_sessions(cluster: Cluster, namespace: str) -> tuple[SessionRecord, ...]:
    """Return the sessions whose anchors stand in the namespace (all namespaces when empty), oldest first."""
    jobs = cluster.list(JOB, namespace, labels=f"{MANAGED_BY}=kdebug,{SESSION}").items
    records = [record for job in jobs if is_owned(job) and is_named_for(job, (record := read_session(job)).id)]
    return tuple(sorted(records, key=lambda record: (record.started is None, record.started, record.id)))


def find_session(cluster: Cluster, namespace: str, word: str) -> SessionRecord:
    """Return the session that `word` names: its id, its object's name, or a prefix that only one has.

    Raises TargetError when there is none or more than one.
    """
    wanted = word.removeprefix("job/").removeprefix("pod/").removeprefix("kdebug-")
    sessions = list_sessions(cluster, namespace)
    begun = [record for record in sessions if wanted and record.id.startswith(wanted)]
    matches = [record for record in sessions if record.id == wanted] or begun
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise TargetError(f'no session "{word}" in namespace {namespace}', remedy="kdebug sessions lists them")
    names = ", ".join(record.id for record in matches)
    raise TargetError(
        f'"{word}" is the beginning of {len(matches)} sessions', because=names, remedy="give more of the id"
    )


def objects_of(cluster: Cluster, record: SessionRecord) -> tuple[OwnedObject, ...]:
    """Return all of the session that the server has: what carries its labels and a name of its own, and its Secret."""
    selector = f"{SESSION}={record.id},{MANAGED_BY}=kdebug"
    found: list[OwnedObject] = []
    for kind in (JOB, NETWORK_POLICY, CONFIG_MAP, POD):
        items = cluster.list(kind, record.namespace, labels=selector).items
        found += [OwnedObject.of(item) for item in items if is_named_for(item, record.id)]
    # Secrets may not be listed. The collector takes the session's with the anchor; asking by name proves it.
    if _has_secret(cluster, record):
        found.append(OwnedObject(kind=SECRET, name=object_name(record.id), namespace=record.namespace))
    return tuple(found)


def remove_session(cluster: Cluster, record: SessionRecord, *, timing: Timing, emit: Emit) -> Teardown:
    """Tear down a session of another run; only objects with its id, by their uids.

    Raises ApiError where the server does not tell in time what there is.
    """
    return tear_down(
        cluster,
        _patiently(lambda: objects_of(cluster, record), cluster, timing),
        record.id,
        timing=timing,
        emit=emit,
        until=record.gone_by,
        command=f"kdebug clean {record.id}",
    )


def _patiently(
    look: Callable[[], tuple[OwnedObject, ...]], cluster: Cluster, timing: Timing
) -> tuple[OwnedObject, ...]:
    """Return what `look` finds; a fault is only a delay, as in the teardown itself, and a 401 reloads once."""
    end = timing.clock() + BUDGET_SECONDS
    is_reloaded = False
    while True:
        pause = POLL_SECONDS
        try:
            return look()
        except UnauthenticatedError:
            if is_reloaded:
                raise
            is_reloaded = True
            cluster.reload_credentials()
        except (ThrottledError, ServerFaultError, UnreachableError) as error:
            pause = max(pause, min(error.retry_after or 0, 5))
            if timing.clock() + pause > end:
                raise
        timing.sleep(pause)


def _has_secret(cluster: Cluster, record: SessionRecord) -> bool:
    """Ask without a right to read: no object has an empty uid, so nothing is deleted, and 409 means there is one."""
    try:
        cluster.delete(SECRET, object_name(record.id), record.namespace, uid="")
    except ConflictError:
        return True
    except UnauthenticatedError:
        raise
    except (NotFoundError, DeniedError):
        # Who may not delete Secrets cannot have made one here: the collector answers for any other.
        return False
    return True


def choose(
    sessions: Sequence[SessionRecord], now: datetime, *, expired: bool = False, mine: str = "", everything: bool = False
) -> tuple[SessionRecord, ...]:
    """Return the sessions that a form of `kdebug clean` means: all, the user's (`mine`), those past their deadline."""
    if everything:
        return tuple(sessions)
    if mine:
        return tuple(record for record in sessions if record.user == mine)
    return tuple(record for record in sessions if expired and record.is_expired(now))


def repair(cluster: Cluster, journal: Journal, server: str, *, timing: Timing, emit: Emit) -> int:
    """Remove what this machine's dead runs have left on this server; return how many sessions that were.

    A session that another client holds by now, or that was detached on purpose, is left alone.
    """
    count = 0
    for entry in journal.entries():
        if entry.server != server or (entry.is_here and entry.is_alive()):
            continue
        record = _record_of(cluster, entry.namespace, entry.session_id)
        if record is None:
            journal.forget(entry.session_id)
            continue
        if record.is_detached or record.holder != entry.holder:
            continue
        if not entry.is_here and not record.is_holder_lost(cluster.now()):
            continue
        if not remove_session(cluster, record, timing=timing, emit=emit).leftovers:
            journal.forget(entry.session_id)
            count += 1
    return count


def _record_of(cluster: Cluster, namespace: str, session_id: str) -> SessionRecord | None:
    try:
        return read_session(cluster.get(JOB, object_name(session_id), namespace))
    except NotFoundError:
        return None
