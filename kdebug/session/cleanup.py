"""Find sessions and remove those that were asked for; the cluster's own objects are all that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kdebug.domain.kinds import CONFIG_MAP, JOB, NETWORK_POLICY, POD, SECRET
from kdebug.domain.ownership import MANAGED_BY, SESSION, SessionRecord, is_owned, object_name, read_session
from kdebug.errors import ConflictError, DeniedError, NotFoundError, TargetError
from kdebug.session.events import Emit
from kdebug.session.journal import Journal
from kdebug.session.port import Cluster
from kdebug.session.teardown import OwnedObject, Teardown, tear_down
from kdebug.session.timing import Timing


def list_sessions(cluster: Cluster, namespace: str) -> tuple[SessionRecord, ...]:
    """Return the sessions whose anchors stand in the namespace (all namespaces when empty), oldest first."""
    jobs = cluster.list(JOB, namespace, labels=f"{MANAGED_BY}=kdebug,{SESSION}").items
    records = [read_session(job) for job in jobs if is_owned(job)]
    return tuple(sorted(records, key=lambda record: (record.started is None, record.started, record.id)))


def find_session(cluster: Cluster, namespace: str, word: str) -> SessionRecord:
    """Return the session that `word` names: its id, its object's name, or a prefix that only one has.

    Raises TargetError when there is none or more than one.
    """
    wanted = word.removeprefix("job/").removeprefix("pod/").removeprefix("kdebug-")
    sessions = list_sessions(cluster, namespace)
    matches = [record for record in sessions if record.id == wanted] or [r for r in sessions if r.id.startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise TargetError(f'no session "{word}" in namespace {namespace}', remedy="kdebug sessions lists them")
    names = ", ".join(record.id for record in matches)
    raise TargetError(
        f'"{word}" is the beginning of {len(matches)} sessions', because=names, remedy="give more of the id"
    )


def objects_of(cluster: Cluster, record: SessionRecord) -> tuple[OwnedObject, ...]:
    """Return all of the session that the server has: the anchor, what carries the session's label, its Secret."""
    selector = f"{SESSION}={record.id},{MANAGED_BY}=kdebug"
    found: list[OwnedObject] = []
    for kind in (JOB, NETWORK_POLICY, CONFIG_MAP, POD):
        found += [OwnedObject.of(item) for item in cluster.list(kind, record.namespace, labels=selector).items]
    # Secrets may not be listed. The collector takes the session's with the anchor; asking by name proves it.
    return (*found, OwnedObject(kind=SECRET, name=object_name(record.id), namespace=record.namespace))


def remove_session(cluster: Cluster, record: SessionRecord, *, timing: Timing, emit: Emit) -> Teardown:
    """Tear down a session of another run; only objects with its id, by their uids."""
    objects = objects_of(cluster, record)
    if not _has_secret(cluster, record):
        objects = objects[:-1]
    return tear_down(
        cluster,
        objects,
        record.id,
        timing=timing,
        emit=emit,
        until=record.gone_by,
        command=f"kdebug clean {record.id}",
    )


def _has_secret(cluster: Cluster, record: SessionRecord) -> bool:
    """Ask without a right to read: no object has an empty uid, so nothing is deleted, and 409 means there is one."""
    try:
        cluster.delete(SECRET, object_name(record.id), record.namespace, uid="")
    except ConflictError:
        return True
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
        if entry.server != server or entry.is_alive():
            continue
        record = _record_of(cluster, entry.namespace, entry.session_id)
        if record is None:
            journal.forget(entry.session_id)
            continue
        if record.is_detached or record.holder != entry.holder:
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
