"""kdebug sessions: every session that the cluster's own objects tell of."""

from __future__ import annotations

from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.output import write
from kdebug.cli.patience import patience
from kdebug.cli.requests import SessionsRequest
from kdebug.cli.session_table import render_sessions
from kdebug.cli.wiring import wire
from kdebug.session.cleanup import list_sessions


def run_sessions(request: SessionsRequest) -> int:
    """List the sessions of the isolated namespace, or of all namespaces."""
    narration = Narration(level=request.level)
    with Interrupts():
        wiring = wire(request.connection)
        cluster = wiring.connect()
        namespace = "" if request.all_namespaces else request.to_namespace or wiring.config.namespace
        with patience(wiring, narration):
            records = list_sessions(cluster, namespace)
        if not records and not request.output:
            narration.say(f"no sessions in {f'namespace {namespace}' if namespace else 'this cluster'}")
        else:
            write(
                render_sessions(records, now=cluster.now(), form=request.output, with_namespace=request.all_namespaces)
            )
    return 0
