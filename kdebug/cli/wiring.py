"""The only place that knows both an adapter and a front end: it joins kubeconfig, configuration, guard and cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdebug import __version__
from kdebug.cli.narration import to_stderr
from kdebug.config.loading import load_for
from kdebug.config.values import Config
from kdebug.domain.guard import ConnectionNames, GuardRules, ServerFacts, changed, judge, offline_veto
from kdebug.domain.kinds import Manifest
from kdebug.domain.refusal import refused_error
from kdebug.errors import DeniedError, RefusedError

if TYPE_CHECKING:
    from kdebug.cli.connection import Connection
    from kdebug.cluster.kubeconfig import ResolvedContext
    from kdebug.session.journal import Entry, Journal
    from kdebug.session.port import Cluster


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """Configuration and one frozen context, judged by its names; nothing has been sent yet."""

    config: Config
    resolved: ResolvedContext
    request_timeout: float

    @property
    def names(self) -> ConnectionNames:
        """What the guard knows before any connection."""
        return self.resolved.names

    @property
    def rules(self) -> GuardRules:
        """What the configuration adds to the guard."""
        return self.config.guard

    def connect(self) -> Cluster:
        """Return the cluster; the client library is loaded only here."""
        from kdebug.cluster.connect import connect

        return connect(
            self.resolved,
            os.environ,
            user_agent=f"kdebug/{__version__}",
            request_timeout=self.request_timeout,
            say=lambda line: to_stderr(f"{line}\n"),
        )


def wire(connection: Connection) -> Wiring:
    """Read configuration and kubeconfig once. Raises ConfigError."""
    from kdebug.cluster.kubeconfig import Selection, load

    selection = Selection(
        kubeconfig=connection.kubeconfig,
        context=connection.context,
        cluster=connection.cluster,
        user=connection.user,
        namespace=connection.namespace,
        impersonate=connection.impersonate,
        impersonate_groups=connection.impersonate_groups,
        impersonate_uid=connection.impersonate_uid,
    )
    # As it stands for a user without a home, whose Path.home() would be an error.
    home = Path(os.path.expanduser("~"))
    return Wiring(
        config=load_for(os.environ, home, user_id=os.getuid()),
        resolved=load(selection, os.environ, home),
        request_timeout=connection.request_timeout,
    )


def wire_allowed(connection: Connection, target: str) -> Wiring:
    """Wire, and raise RefusedError when the kubeconfig's names alone decide; nothing is sent and nothing is written."""
    wiring = wire(connection)
    verdict = offline_veto(wiring.names, wiring.rules)
    if verdict:
        raise refused_error(verdict, wiring.names, target)
    return wiring


def refuse_by_facts(wiring: Wiring, facts: ServerFacts, target: str) -> None:
    """Raise RefusedError when the server's facts do not allow the target."""
    verdict = judge(wiring.names, facts, wiring.rules)
    if not verdict.is_allowed:
        raise refused_error(verdict, wiring.names, target, facts.target_namespace_name)


def rechecker(
    wiring: Wiring, cluster: Cluster, before: ServerFacts, target: str, read_target: Callable[[], Manifest] | None
) -> Callable[[], None]:
    """Return the check that the session repeats: facts read anew, compared with `before`, and judged."""
    from kdebug.session.facts import read_facts

    def recheck() -> None:
        after, _ = read_facts(
            cluster, isolated=before.isolated_name, target_namespace=before.target_namespace_name, target=read_target
        )
        raise_if_unreadable(after)
        difference = changed(before, after)
        if difference:
            raise RefusedError("refused: the cluster is not the one that was judged", because=difference)
        refuse_by_facts(wiring, after, target)

    return recheck


def raise_if_unreadable(facts: ServerFacts) -> None:
    """Raise DeniedError when a namespace may not be read: during a session that is a failed read, to be tried again."""
    for namespace, name, is_missing in (
        (facts.isolated, facts.isolated_name, facts.is_isolated_missing),
        (facts.target_namespace, facts.target_namespace_name, facts.is_target_namespace_missing),
    ):
        if name and namespace is None and not is_missing:
            raise DeniedError(f"namespace {name} may not be read any more")


def holder_mark() -> str:
    """Return the mark by which this process is known on the anchor."""
    import secrets
    import socket

    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def journal() -> Journal:
    """Return this machine's journal; a user without a home has one that nothing can be written to."""
    from kdebug.cli.failure import state_directory
    from kdebug.session.journal import Journal

    return Journal(directory=(state_directory(os.environ) or Path(os.devnull)) / "sessions")


def journal_entry(wiring: Wiring, session_id: str, namespace: str, holder: str) -> Entry:
    """Return what the journal keeps of a session."""
    from kdebug.session.journal import Entry, process_start, this_machine

    return Entry(
        session_id=session_id,
        server=wiring.names.server,
        context=wiring.names.context,
        namespace=namespace,
        holder=holder,
        pid=os.getpid(),
        started_ticks=process_start(os.getpid()),
        machine=this_machine(),
    )


@contextmanager
def embedded_cluster() -> Iterator[Path]:
    """Run the embedded cluster of the demo; yields the path of its kubeconfig."""
    from kdebug.demo.cluster import EmbeddedCluster

    with EmbeddedCluster() as cluster:
        yield cluster.kubeconfig_path
