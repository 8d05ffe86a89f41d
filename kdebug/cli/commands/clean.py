"""kdebug clean: remove named sessions, those that are over, the user's own, or all."""

from __future__ import annotations

from datetime import datetime

from kdebug.cli.confirm import confirm
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.output import write
from kdebug.cli.patience import patience
from kdebug.cli.requests import CleanRequest
from kdebug.cli.session_table import render_sessions
from kdebug.cli.wiring import journal, wire
from kdebug.domain.ownership import SessionRecord
from kdebug.errors import KdebugError, LeftoverError, UsageError
from kdebug.session.cleanup import choose, find_session, list_sessions, remove_session
from kdebug.session.port import Cluster
from kdebug.session.timing import Timing


def run_clean(request: CleanRequest) -> int:
    """Remove the sessions that were asked for, each proven gone; exit code 8 when something is left."""
    narration = Narration(level=request.level)
    with Interrupts():
        wiring = wire(request.connection)
        cluster = wiring.connect()
        namespace = request.to_namespace or wiring.config.namespace
        with patience(wiring, narration):
            chosen = _chosen(request, cluster, namespace)
        if request.dry_run or (request.output and not chosen):
            write(render_sessions(chosen, now=cluster.now(), form=request.output))
            return 0
        if not chosen:
            narration.say(f"nothing to remove in namespace {namespace}")
            return 0
        living = [record for record in chosen if _is_held(record, cluster.now(), is_named=bool(request.sessions))]
        if living and not _is_confirmed(request, narration, living):
            narration.say("nothing was removed")
            return 0
        leftovers = False
        for record in chosen:
            narration.say(f"removing session {record.id} ({record.target})")
            result = remove_session(cluster, record, timing=Timing(), emit=narration)
            leftovers = leftovers or bool(result.leftovers)
            if not result.leftovers:
                journal().forget(record.id)
    return LeftoverError.exit_code if leftovers else 0


def _is_held(record: SessionRecord, now: datetime, *, is_named: bool) -> bool:
    """Return whether its end would be a surprise: it runs, and (where it was named) somebody holds it now."""
    return not record.is_expired(now) and not (is_named and record.is_holder_lost(now))


def _chosen(request: CleanRequest, cluster: Cluster, namespace: str) -> tuple[SessionRecord, ...]:
    if request.sessions:
        found = [find_session(cluster, namespace, word) for word in request.sessions]
        return tuple({record.id: record for record in found}.values())
    if not (request.expired or request.mine or request.all):
        raise UsageError(
            "which sessions?", because="none was named", remedy="kdebug clean SESSION, --expired, --mine or --all"
        )
    user = cluster.user() if request.mine else ""
    if request.mine and not user:
        raise KdebugError("the server does not say who you are", remedy="name the session: kdebug clean SESSION")
    return choose(
        list_sessions(cluster, namespace),
        cluster.now(),
        expired=request.expired,
        mine=user,
        everything=request.all,
    )


def _is_confirmed(request: CleanRequest, narration: Narration, living: list[SessionRecord]) -> bool:
    for record in living:
        narration.say(f"{record.id} is still running: {record.target}, held by {record.user or record.holder}")
    question = f"End {len(living)} running session{'s' if len(living) != 1 else ''}?"
    return confirm(question, default=False, assume_yes=request.assume_yes, no_input=request.no_input)
