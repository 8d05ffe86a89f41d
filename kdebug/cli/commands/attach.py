"""kdebug attach: another shell in a clone that runs, and a way to save a session whose first client died."""

from __future__ import annotations

from datetime import datetime

from kdebug.cli.commands.ending import code_after, end_quietly, run_then_end
from kdebug.cli.commands.holding import Holding, SessionEnd, hold_and_say, require_terminal
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.patience import patience
from kdebug.cli.requests import AttachRequest
from kdebug.cli.wiring import Wiring, holder_mark, rechecker, refuse_by_facts
from kdebug.domain.kinds import POD
from kdebug.domain.ownership import SessionRecord, is_owned, object_name, owner_uids
from kdebug.domain.rights import attach_accesses
from kdebug.domain.text import age, safe
from kdebug.errors import ApiError, NotFoundError, TargetError
from kdebug.session.cleanup import find_session, remove_session
from kdebug.session.events import TeardownFinished
from kdebug.session.facts import read_facts
from kdebug.session.lease import Lease, renew
from kdebug.session.port import Cluster, ExitStatus
from kdebug.session.preflight import check_rights
from kdebug.session.timing import Timing


def run_attach(request: AttachRequest, wiring: Wiring) -> int:
    """Hold a shell or run a command in a session's clone; as its holder also tear it down at the end.

    The wiring's names have been judged.
    """
    narration = Narration(level=request.level)
    with Interrupts() as interrupts:
        require_terminal(request.command, tty=request.tty)
        cluster = wiring.connect()
        with patience(wiring, narration):
            record = find_session(cluster, request.to_namespace or wiring.config.namespace, request.session)
        if record.is_expired(cluster.now()):
            raise TargetError(f"session {record.id} has ended", because="its deadline has passed")
        target_namespace, _, target = record.target.partition("/")
        facts, _ = read_facts(cluster, isolated=record.namespace, target_namespace=target_namespace, target=None)
        refuse_by_facts(wiring, facts, target)
        becomes_holder = request.take_over or record.is_holder_lost(cluster.now())
        check_rights(cluster, attach_accesses(record.namespace, holds=becomes_holder))
        _check_clone(cluster, record)
        recheck = rechecker(wiring, cluster, facts, target, None)
        session_end = SessionEnd(narration)
        holding = _holding(request, cluster, record, session_end)
        if not becomes_holder:
            narration.say(
                f"joining session {record.id}, held by {_holder(record, cluster.now())}; leaving changes nothing"
            )
            status = hold_and_say(holding, interrupts, narration, recheck)
            return status.code if request.command else 0
        record = renew(cluster, record, holder=holder_mark())
        narration.say(f"this client holds session {record.id} now: it ends when you leave")
        lease = Lease(cluster=cluster, record=record, timing=Timing(), emit=session_end, recheck=recheck)

        def use() -> ExitStatus:
            lease.start()
            return hold_and_say(holding, interrupts, narration, recheck)

        def end() -> bool:
            lease.stop()
            return end_quietly(lambda: _is_removed(cluster, lease, narration), lease.gone_by, interrupts)

        status, is_gone = run_then_end(use, end)
        return code_after(status, has_command=bool(request.command), is_gone=is_gone)


def _holder(record: SessionRecord, now: datetime) -> str:
    """Return who holds the session and how fresh that is: a client that died has stopped renewing."""
    name = safe(record.user or record.holder)
    if record.renewed is None:
        return name
    return f"{name} (renewed {age((now - record.renewed).total_seconds())} ago; --take-over holds it here)"


def _check_clone(cluster: Cluster, record: SessionRecord) -> None:
    """Raise TargetError unless the session's own clone is there: a name can be used again."""
    name = object_name(record.id)
    try:
        pod = cluster.get(POD, name, record.namespace)
    except NotFoundError as error:
        because = error.because or "the pod is gone"
        raise TargetError(f"session {record.id} has no clone any more", because=because) from error
    if not is_owned(pod, record.id) or record.uid not in owner_uids(pod):
        raise TargetError(
            f"pod {name} is not this session's", because="its labels or its owner are not those of the session's anchor"
        )


def _is_removed(cluster: Cluster, lease: Lease, narration: Narration) -> bool:
    """Remove the session and return whether it is proven gone; an unreachable server is told like any leftover.

    A session that somebody else has taken over meanwhile is theirs.
    """
    record = lease.record
    if not lease.is_ours():
        narration.warn("somebody else holds the session now: it is left to them")
        return True
    try:
        return not remove_session(cluster, record, timing=Timing(), emit=narration).leftovers
    except ApiError as error:
        leftover = f"session {record.id} in namespace {record.namespace} ({error.because or error.what})"
        command = f"kdebug clean {record.id}"
        narration(TeardownFinished(seconds=0.0, leftovers=(leftover,), until=record.gone_by, command=command))
        return False


def _holding(request: AttachRequest, cluster: Cluster, record: SessionRecord, session_end: SessionEnd) -> Holding:
    return Holding(
        cluster=cluster,
        namespace=record.namespace,
        pod=object_name(record.id),
        container=record.container,
        command=request.command,
        shell=request.shell or record.shell or "/busybox/sh",
        stdin=request.stdin,
        tty=request.tty,
        can_ask=True,
        end=session_end,
    )
