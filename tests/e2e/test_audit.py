"""What the API server's own audit log says of a session: the target is never touched, no Secret is read unasked."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kdebug.domain.isolation import engineer_binding
from kdebug.domain.kinds import DEPLOYMENT, NAMESPACE, POD, REPLICA_SET, SECRET, Kind, Manifest
from kdebug.domain.ownership import SESSION
from kdebug.domain.rights import Access, role_for
from tests.e2e.conftest import Stage, decoded
from tests.support import prism, program
from tests.support.audit_log import AuditLog, Record, audit_log
from tests.support.eventually import eventually

pytestmark = pytest.mark.cluster
Start = Callable[..., program.Terminal]

CALM = "prism-calm"
"""A Deployment that runs in peace, so that nothing but a client could change it."""
TARGET_READS = frozenset(
    {
        "namespaces", "pods", "pods/log", "events", "configmaps", "deployments", "replicasets", "statefulsets",
        "daemonsets", "jobs", "cronjobs",
    }
)  # fmt: skip


@pytest.fixture
def audit(stage: Stage) -> AuditLog:
    return audit_log(stage.kubeconfig, stage.admin)


@pytest.fixture(scope="module")
def calm(stage: Stage) -> Manifest:
    """Make the peaceful Deployment and return its pod once nothing changes it any more."""
    manifest = prism.deployment(stage.target_namespace, CALM)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["env"] += [{"name": "PRISM_BACKEND", "value": "127.0.0.1:1"}]
    stage.admin.create(manifest)

    def is_ready() -> bool:
        status = stage.admin.get(DEPLOYMENT, CALM, stage.target_namespace).get("status", {})
        return bool(status.get("readyReplicas") == 1 and status.get("observedGeneration"))

    eventually(is_ready, "the calm Deployment runs", 60)
    return stage.admin.list(POD, stage.target_namespace, labels=f"app={CALM}").items[0]


def test_a_session_only_reads_the_targets_side_and_no_secret(stage: Stage, terminal: Start, audit: AuditLog) -> None:
    run = terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"])
    run.expect(r"\$ ")
    session = stage.admin.list(POD, stage.isolated).items[0]["metadata"]["labels"][SESSION]
    run.type("exit\r")
    run.expect("everything is gone")
    assert run.finish() == 0

    records = audit.records(user="oncall")
    on_target = [record for record in records if record.namespace == stage.target_namespace]
    assert {record.resource for record in on_target} <= TARGET_READS
    assert [record for record in on_target if not record.is_read] == []
    assert any(record.resource == "pods" and record.name == "prism-proxy-pod" for record in on_target)
    in_isolated = [record for record in records if record.namespace == stage.isolated]
    assert in_isolated
    writes = [record for record in in_isolated if record.is_write]
    assert {record.name for record in writes if record.name} == {f"kdebug-{session}"}
    assert {"jobs", "networkpolicies", "pods", "pods/exec"} == {record.resource for record in writes}
    assert secrets_of(stage, records) == []
    assert [record for record in records if not record.namespace and record.is_write] == []


def secrets_of(stage: Stage, records: list[Record]) -> list[Record]:
    """Return what was asked of Secrets in the two namespaces."""
    places = (stage.isolated, stage.target_namespace, "")
    return [record for record in records if record.resource == "secrets" and record.namespace in places]


def test_plan_writes_nothing_at_all(stage: Stage, env: dict[str, str], audit: AuditLog) -> None:
    done = program.run(["plan", "prism-proxy-pod", "-n", stage.target_namespace, *stage.flags], env)
    assert done.returncode == 0, done.stderr.decode()
    places = (stage.target_namespace, stage.isolated)
    records = [record for record in audit.records(user="oncall") if record.namespace in places]
    assert records
    assert [record for record in records if not record.is_read] == []
    assert secrets_of(stage, records) == []


def test_target_and_owners_are_byte_for_byte_the_same(stage: Stage, env: dict[str, str], calm: Manifest) -> None:
    before = chain_of(stage, calm)
    words = [f"deploy/{CALM}", "-n", stage.target_namespace, *stage.flags, "--", "/busybox/true"]
    done = program.run(words, env)
    assert done.returncode == 0, done.stderr.decode()
    after = chain_of(stage, calm)
    assert [version_of(each) for each in after] == [version_of(each) for each in before]
    assert after == before


def chain_of(stage: Stage, pod: Manifest) -> list[Manifest]:
    """Return the pod, its ReplicaSet, its Deployment and their namespace."""
    owner = pod["metadata"]["ownerReferences"][0]["name"]
    places: list[tuple[Kind, str]] = [(POD, pod["metadata"]["name"]), (REPLICA_SET, owner), (DEPLOYMENT, CALM)]
    found = [stage.admin.get(kind, name, stage.target_namespace) for kind, name in places]
    return [*found, stage.admin.get(NAMESPACE, stage.target_namespace)]


def version_of(manifest: Manifest) -> tuple[str, str]:
    """Return what tells one version of an object from another."""
    return manifest["metadata"]["uid"], manifest["metadata"]["resourceVersion"]


def test_a_crash_looping_target_is_managed_by_its_own_managers_alone(stage: Stage, env: dict[str, str]) -> None:
    before = stage.admin.get(POD, "prism-proxy-pod", stage.target_namespace)
    words = ["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--", "/busybox/true"]
    assert program.run(words, env).returncode == 0
    after = stage.admin.get(POD, "prism-proxy-pod", stage.target_namespace)
    for part in ("uid", "generation", "labels", "annotations", "ownerReferences", "finalizers", "deletionTimestamp"):
        assert after["metadata"].get(part) == before["metadata"].get(part), part
    assert after["spec"] == before["spec"]
    managers = {entry["manager"] for entry in after["metadata"]["managedFields"]}
    assert managers == {entry["manager"] for entry in before["metadata"]["managedFields"]}


@pytest.fixture(scope="module")
def with_secrets(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Make an isolated namespace that may hold Secrets, a target that refers to two, and the right to read one."""
    place = replace(stage, isolated=f"kdebug-isolated-{secrets.token_hex(3)}-s")
    home = tmp_path_factory.mktemp("with-secrets")
    words = ["setup", "--environment", "staging", "--covers", "cluster", "--allow", "configmaps,secrets", "--yes"]
    done = program.run([*words, "--to-namespace", place.isolated], program.environment(stage.kubeconfig, home))
    assert done.returncode == 0, done.stderr.decode()
    stage.admin.create(engineer_binding(place.isolated, "oncall"))
    for name, value in (("app-token", "s3cret-näme"), ("other-token", "never-read")):
        stage.admin.create(secret(stage.target_namespace, name, value))
    pod = prism.bare_pod(stage.target_namespace, "needs-secrets")
    pod["spec"]["containers"][0]["env"] += [reference("APP", "app-token"), reference("OTHER", "other-token")]
    stage.admin.create(pod)
    right = Access(
        verb="get", resource="secrets", name="app-token", namespace=stage.target_namespace, reason="copy the Secret"
    )
    for manifest in role_for([right], "oncall"):
        stage.admin.create(manifest)
    yield place
    uid = stage.admin.get(NAMESPACE, place.isolated)["metadata"]["uid"]
    stage.admin.delete(NAMESPACE, place.isolated, "", uid=uid)


def secret(namespace: str, name: str, value: str) -> dict[str, Any]:
    """Return a Secret with the key `token`."""
    data = {"token": base64.b64encode(value.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def reference(variable: str, name: str) -> dict[str, Any]:
    """Return a variable whose value is a Secret's `token`."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": "token"}}}


SHOW = ("--", "/busybox/sh", "-c", 'echo "$APP/$OTHER"')


def test_no_secret_is_read_unasked(with_secrets: Stage, env: dict[str, str], audit: AuditLog) -> None:
    place = with_secrets
    done = program.run(["needs-secrets", "-n", place.target_namespace, *place.flags, *SHOW], env)
    out, err = decoded(done)
    assert done.returncode == 0, err
    assert "s3cret" not in out + err
    records = secrets_of(place, audit.records(user="oncall"))
    assert [record for record in records if record.verb not in ("create", "delete")] == []
    assert [record for record in records if record.namespace == place.target_namespace] == []
    assert place.left() == []


def test_only_the_named_secret_is_read_and_the_clone_sees_it(
    with_secrets: Stage, env: dict[str, str], audit: AuditLog
) -> None:
    place = with_secrets
    words = ["needs-secrets", "-n", place.target_namespace, *place.flags, "--with-secret", "app-token", *SHOW]
    done = program.run(words, env)
    out, err = decoded(done)
    assert done.returncode == 0, err
    assert out.startswith("s3cret-näme/")
    assert "never-read" not in out
    assert "s3cret" not in err
    records = secrets_of(place, audit.records(user="oncall"))
    reads = {(record.verb, record.namespace, record.name) for record in records if record.is_read}
    assert reads == {("get", place.target_namespace, "app-token")}
    writes = [record for record in records if record.is_write]
    assert {record.verb for record in writes} == {"create", "delete"}
    assert {record.namespace for record in writes} == {place.isolated}
    assert place.left() == []


def test_a_plan_redacts_what_it_read(with_secrets: Stage, env: dict[str, str]) -> None:
    place = with_secrets
    for form in ("yaml", "json", ""):
        words = ["plan", "needs-secrets", "-n", place.target_namespace, *place.flags, "--with-secret", "app-token"]
        done = program.run([*words, *(["-o", form] if form else [])], env)
        out, err = decoded(done)
        assert done.returncode == 0, err
        for hidden in ("s3cret", base64.b64encode("s3cret-näme".encode()).decode()):
            assert hidden not in out + err, form


def test_a_dead_clients_secret_is_removed_and_proven_gone_by_clean(
    with_secrets: Stage, terminal: Start, env: dict[str, str], tmp_path: Path
) -> None:
    place = with_secrets
    run = terminal(["needs-secrets", "-n", place.target_namespace, *place.flags, "--with-secret", "app-token", "--yes"])
    run.expect(r"\$ ")
    run.process.kill()
    run.process.wait()
    name = place.admin.list(POD, place.isolated).items[0]["metadata"]["name"]
    assert f"Secret/{name}" in place.left()
    elsewhere = {**env, "HOME": str(tmp_path / "elsewhere"), "XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    done = program.run(["clean", name, "--yes", *place.flags], elsewhere)
    _, err = decoded(done)
    assert done.returncode == 0, err
    assert f"secret/{name} is gone" in err
    assert place.left() == []
    assert [item for item in place.admin.list(SECRET, place.isolated).items if item["metadata"]["name"] == name] == []
