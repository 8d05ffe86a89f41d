"""The guard judges what is really touched: the manifest's own namespace, the pod that a shell would be opened in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.scenario import ISOLATED, Scenario, isolated_namespace, namespace, prism_scenario
from kdebug.domain import ownership
from tests.support import program
from tests.support.embedded import embedded_cluster

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "payments", "namespace": "payments"},
    "data": {"key": "dmFsdWU="},
}
SESSION = "c" * 16


def scenario() -> Scenario:
    """Return the demo's cluster, whose statement covers prism alone."""
    stated = isolated_namespace(environment="staging", covers="prism", allow="configmaps,secrets")
    return prism_scenario(extra=(stated, namespace("payments"), SECRET))


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    """Return that cluster, running."""
    with embedded_cluster(scenario=scenario()) as started:
        yield started


def kdebug(cluster: EmbeddedCluster, home: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run kdebug with the cluster's kubeconfig."""
    return program.run([*words], program.environment(cluster.kubeconfig_path, home))


def manifest(home: Path) -> str:
    """Write a pod of the namespace that the statement does not cover, and return the file."""
    container = {"name": "web", "image": "ghcr.io/prism/proxy:v1.2.3", "envFrom": [{"secretRef": {"name": "payments"}}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "payments"},
        "spec": {"containers": [container]},
    }
    path = home / "pod.json"
    path.write_text(json.dumps(pod))
    return str(path)


@pytest.mark.parametrize("command", [["open", "--dry-run=client"], ["plan"]], ids=["open", "plan"])
def test_a_manifest_is_judged_by_its_own_namespace(
    cluster: EmbeddedCluster, tmp_path: Path, command: list[str]
) -> None:
    """With -n naming a namespace that is covered; and no Secret is read for a session that may not be."""
    done = kdebug(cluster, tmp_path, *command, "-f", manifest(tmp_path), "-n", "prism", "--with-secret", "all")
    told = (done.stderr + done.stdout).decode()
    assert done.returncode == 3, told
    assert "does not cover namespace payments" in told
    assert not [call for call in cluster.calls if "/secrets" in call.path]


def session(cluster: EmbeddedCluster, **labels: str) -> None:
    """Store a session's anchor, and a pod of the clone's name with these labels."""
    notes = {ownership.HOLDER: "somewhere", ownership.HARD_CAP: "3600", ownership.TARGET: "prism/prism-proxy-pod"}
    container: dict[str, Any] = {"name": "web", "image": "x:1-debug"}
    clone = {"spec": {"containers": [container]}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": ownership.object_name(SESSION), "namespace": ISOLATED, "labels": labels},
        "spec": {"containers": [container]},
    }
    cluster.load(ownership.anchor(SESSION, ISOLATED, annotations=notes, clone=clone), pod)


def test_attach_opens_no_shell_in_a_pod_that_is_not_the_sessions(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    """Its name is right, and somebody else made it."""
    session(cluster, app="other")
    done = kdebug(cluster, tmp_path, "attach", SESSION, "--take-over", "--", "/busybox/true")
    told = done.stderr.decode()
    assert done.returncode == 125, told
    assert "is not this session's" in told
    assert not [call for call in cluster.calls if call.path.endswith("/exec") or call.method in ("PATCH", "DELETE")]


def test_a_detached_session_waits_for_the_isolation_that_is_required(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    """Here it cannot be probed, so it is unknown, and nothing stays."""
    folder = tmp_path / "config" / "kdebug"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("apiVersion: kdebug/v1\nisolation: required\n")
    done = kdebug(cluster, tmp_path, "prism-proxy-pod", "-n", "prism", "--detach", "--yes")
    told = done.stderr.decode()
    assert done.returncode == 3, told
    assert "the isolation does not hold" in told
    assert not [found for found in cluster.objects() if found["kind"] in ("Job", "NetworkPolicy")]
