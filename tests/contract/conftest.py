"""The same questions for a real API server and for the embedded one, through kdebug's own adapter."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.connect import connect
from kdebug.cluster.kubeconfig import Selection, load
from kdebug.demo.clock import VirtualClock
from kdebug.demo.scenario import ISOLATED
from kdebug.demo.timings import Timings
from kdebug.domain.kinds import NAMESPACE, SERVICE_ACCOUNT
from kdebug.errors import NotFoundError
from kdebug.session.port import Cluster
from tests.support.embedded import embedded_cluster
from tests.support.eventually import eventually


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One cluster under test: a namespace to work in, and how its time passes."""

    cluster: Cluster
    namespace: str
    await_fact: Callable[[Callable[[], bool], str, float], None]
    """Let time pass until a fact holds: (is_so, what, seconds); AssertionError after so many of its seconds."""

    def pass_time(self, seconds: float) -> None:
        """Let the cluster's clock go on by at least so many seconds."""
        begun = self.cluster.now()
        self.await_fact(lambda: (self.seen_now() - begun).total_seconds() >= seconds, "time passes", seconds + 5)

    def seen_now(self) -> Any:
        """Return the server's clock, asked for now."""
        self.cluster.get(NAMESPACE, self.namespace)
        return self.cluster.now()


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.cluster), "embedded"])
def contract(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Contract]:
    """Give each test both kinds of cluster."""
    if request.param == "real":
        kubeconfig: Path = request.getfixturevalue("kubeconfig")
        with _real(kubeconfig, tmp_path) as found:
            yield found
    else:
        with _embedded(tmp_path) as found:
            yield found


@contextmanager
def _real(kubeconfig: Path, home: Path) -> Iterator[Contract]:
    cluster = _connected(kubeconfig, home)
    name = f"kdebug-contract-{secrets.token_hex(3)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    eventually(lambda: _has_account(cluster, name), "the namespace has its account")
    try:
        yield Contract(
            cluster=cluster,
            namespace=name,
            await_fact=lambda is_so, what, seconds: eventually(is_so, what, seconds, 0.2),
        )
    finally:
        cluster.delete(NAMESPACE, name, "", uid=made["metadata"]["uid"])


@contextmanager
def _embedded(home: Path) -> Iterator[Contract]:
    with embedded_cluster(clock=VirtualClock(), timings=Timings()) as embedded:

        def await_fact(is_so: Callable[[], bool], what: str, seconds: float) -> None:
            for _ in range(int(seconds * 5) + 1):
                if is_so():
                    return
                embedded.clock.advance(0.2)
            raise AssertionError(f"not within {seconds:.0f} s of the embedded cluster's time: {what}")

        yield Contract(cluster=_connected(embedded.kubeconfig_path, home), namespace=ISOLATED, await_fact=await_fact)


def _connected(kubeconfig: Path, home: Path) -> Cluster:
    resolved = load(Selection(kubeconfig=str(kubeconfig)), {}, home)
    return connect(resolved, {}, user_agent="kdebug-tests", request_timeout=30)


def _has_account(cluster: Cluster, namespace: str) -> bool:
    try:
        cluster.get(SERVICE_ACCOUNT, "default", namespace)
    except NotFoundError:
        return False
    return True
