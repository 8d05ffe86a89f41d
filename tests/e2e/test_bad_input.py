"""Bad input on a real cluster: wrong names, odd targets, webhooks, full quotas, odd terminals, full disks."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kdebug.domain.isolation import QUOTA, engineer_binding
from kdebug.domain.kinds import CONFIG_MAP, NAMESPACE, POD, RESOURCE_QUOTA, Manifest
from kdebug.errors import NotFoundError
from tests.e2e.conftest import Stage
from tests.support import prism, program
from tests.support.complaint import complaint
from tests.support.eventually import eventually
from tests.support.https import certificate
from tests.support.webhook import Review, allowing, refusing, webhook

pytestmark = pytest.mark.cluster
Start = Callable[..., program.Terminal]
FINALIZER = "example.org/held"


def words_for(stage: Stage, name: str = "prism-proxy-pod", *more: str) -> list[str]:
    """Return the command line of the on-call user for a target, with a harmless command."""
    return [name, "-n", stage.target_namespace, *stage.flags, *(more or ("--", "/busybox/echo", "hello"))]


def changed_kubeconfig(stage: Stage, directory: Path, **cluster: Any) -> dict[str, Any]:
    """Return the kubeconfig's content, its cluster changed."""
    content: dict[str, Any] = json.loads(stage.kubeconfig.read_text())
    content["clusters"][0]["cluster"].update(cluster)
    del directory
    return content


@contextmanager
def held(stage: Stage, manifest: dict[str, Any]) -> Iterator[Manifest]:
    """Within, an object exists that a finalizer keeps when it is deleted; afterwards it goes."""
    kind = POD if manifest["kind"] == "Pod" else CONFIG_MAP
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    made = stage.admin.create({**manifest, "metadata": {**manifest["metadata"], "finalizers": [FINALIZER]}})
    try:
        yield made
    finally:
        stage.admin.merge(kind, name, namespace, {"metadata": {"finalizers": None}})
        remove(stage, name, namespace)


def remove(stage: Stage, name: str, namespace: str) -> None:
    """Delete a pod at once, if it is still there."""
    try:
        pod = stage.admin.get(POD, name, namespace)
        stage.admin.delete(POD, name, namespace, uid=pod["metadata"]["uid"], grace_seconds=0)
    except NotFoundError:
        return


def test_a_token_that_has_run_out(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    content = changed_kubeconfig(stage, tmp_path)
    for user in content["users"]:
        user["user"] = {"token": "a-token-of-yesterday"}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    told = complaint(program.run(words_for(stage), {**env, "KUBECONFIG": str(path)}), 125)
    assert told.because == "Unauthorized"
    assert "log in" in told.remedy
    assert "yesterday" not in str(told)


def test_another_clusters_authority(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    other, _ = certificate(tmp_path, "another")
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(changed_kubeconfig(stage, tmp_path, **{"certificate-authority": str(other)})))
    told = complaint(program.run(words_for(stage), {**env, "KUBECONFIG": str(path)}), 125)
    assert "certificate is not accepted" in told.because
    assert "certificate-authority-data" in told.remedy


def test_a_name_that_no_pod_has_gets_the_nearest(stage: Stage, env: dict[str, str]) -> None:
    done = program.run(["plan", "prism-prxy-pod", "-n", stage.target_namespace, *stage.flags], env)
    told = complaint(done, 4)
    assert f"namespace {stage.target_namespace} has no pod or workload prism-prxy-pod" in told.what
    assert told.because.startswith("the nearest names are: prism-proxy-pod, ")
    assert told.remedy == f"kdebug prism-proxy-pod -n {stage.target_namespace}"


def test_a_pod_of_another_namespace_is_found_there(stage: Stage, env: dict[str, str]) -> None:
    words = ["prism-proxy-pod", "-n", stage.isolated, "--context", stage.context_of("admin")]
    told = complaint(program.run([*words, "--to-namespace", stage.isolated, "--", "/busybox/true"], env), 125)
    assert "prism-proxy-pod is in namespace" in told.because
    assert told.remedy.startswith("kdebug prism-proxy-pod -n ")


def test_a_namespace_that_does_not_exist_is_said(stage: Stage, env: dict[str, str]) -> None:
    words = ["plan", "nothing-like-it", "-n", "no-such-place", "--context", stage.context_of("admin")]
    told = complaint(program.run([*words, "--to-namespace", stage.isolated], env), 4)
    assert "there is no namespace no-such-place" in told.because


def test_a_container_that_does_not_exist_names_those_there_are(stage: Stage, env: dict[str, str]) -> None:
    told = complaint(program.run(words_for(stage, "prism-proxy-pod", "-c", "prxy", "--", "/busybox/true"), env), 125)
    assert told.because == "its containers are: proxy"
    assert told.remedy == "-c proxy"


def test_a_healthy_pod_is_allowed_and_called_so(stage: Stage, env: dict[str, str]) -> None:
    pod = prism.bare_pod(stage.target_namespace, "calm-pod")
    pod["spec"]["containers"][0]["env"].append({"name": "PRISM_BACKEND", "value": "127.0.0.1:1"})
    stage.admin.create(pod)
    try:
        eventually(lambda: is_running(stage, "calm-pod"), "the pod runs", 60)
        done = program.run(words_for(stage, "calm-pod"), env)
    finally:
        remove(stage, "calm-pod", stage.target_namespace)
    err = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"hello\n"), err
    assert "pod/calm-pod" in err
    assert "nothing fails" in err
    assert stage.left() == []


def is_running(stage: Stage, name: str) -> bool:
    """Return whether the pod's container runs."""
    statuses = stage.admin.get(POD, name, stage.target_namespace).get("status", {}).get("containerStatuses") or [{}]
    return "running" in (statuses[0].get("state") or {})


def test_a_pod_that_is_being_deleted_can_still_be_cloned_and_is_called_so(stage: Stage, env: dict[str, str]) -> None:
    with held(stage, prism.bare_pod(stage.target_namespace, "leaving-pod")) as pod:
        uid = pod["metadata"]["uid"]
        stage.admin.delete(POD, "leaving-pod", stage.target_namespace, uid=uid, grace_seconds=0)
        done = program.run(words_for(stage, "leaving-pod"), env)
    err = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"hello\n"), err
    assert "being deleted" in err or "Terminating" in err
    assert stage.left() == []


@pytest.mark.parametrize("containers", [[], None], ids=["empty", "absent"])
def test_a_manifest_without_containers(stage: Stage, env: dict[str, str], containers: Any) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hollow"}, "spec": {"containers": containers}}
    words = ["-f", "-", "-n", stage.target_namespace, *stage.flags, "--", "/busybox/true"]
    told = complaint(program.run(words, env, stdin=json.dumps(pod).encode()), 125)
    assert "hollow has no containers" in told.what
    assert stage.left() == []


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("", "one is needed"),
        ("kind: Pod\nmetadata: {name: [", "neither YAML nor JSON"),
        ("kind: ConfigMap\nmetadata: {name: x}\n", "one is needed"),
        ("kind: Pod\nmetadata: {name: " + "n" * 254 + "}\nspec: {containers: [{name: a, image: b}]}\n", "253"),
        ('{"kind":"Pod","metadata":{"name":"a\\u001b[2J"},"spec":{"containers":[{"name":"a","image":"b"}]}}', "name"),
    ],
    ids=["empty", "broken", "other-kind", "long-name", "escapes"],
)
def test_a_manifest_that_cannot_be_meant(stage: Stage, env: dict[str, str], text: str, about: str) -> None:
    done = program.run(["plan", "-f", "-", "-n", stage.target_namespace, *stage.flags], env, stdin=text.encode())
    told = complaint(done, 2 if "broken" in about or "neither" in about else 4)
    assert about in told.what + told.because


@pytest.mark.parametrize(
    ("review", "because"),
    [
        (allowing([{"op": "add", "path": "/spec/suspend", "value": True}]), "suspend"),
        (allowing([{"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 86400}]), "activeDeadlineSeconds"),
        (allowing([{"op": "remove", "path": "/spec/ttlSecondsAfterFinished"}]), "ttlSecondsAfterFinished"),
    ],
    ids=["suspend", "deadline", "ttl"],
)
def test_a_webhook_that_would_keep_the_session_alive_ends_it(
    stage: Stage, env: dict[str, str], tmp_path: Path, review: Review, because: str
) -> None:
    """Nothing may stay that the cluster would not remove by itself."""
    with webhook(stage.kubeconfig, tmp_path, name=unique(), namespace=stage.isolated, review=review):
        await_webhook(stage)
        told = complaint(program.run(words_for(stage), env), 125)
    assert "cannot be made to expire" in told.what
    assert because in told.because
    assert "webhook" in told.remedy
    assert "created pod/" not in told.narration
    assert stage.left() == []


def test_a_webhook_that_refuses_is_quoted_before_anything_is_written(
    stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    review = refusing("jobs need a cost-centre label")
    with webhook(stage.kubeconfig, tmp_path, name=unique(), namespace=stage.isolated, review=review):
        await_webhook(stage)
        told = complaint(program.run(words_for(stage), env), 125)
    assert "the server does not accept job/kdebug-" in told.what
    assert "jobs need a cost-centre label" in told.because
    assert "created" not in told.narration
    assert stage.left() == []


def test_a_webhook_that_cannot_answer_a_dry_run_is_a_warning(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    review = refusing("this webhook does not support dry run", dry_runs_only=True)
    with webhook(stage.kubeconfig, tmp_path, name=unique(), namespace=stage.isolated, review=review):
        await_webhook(stage)
        done = program.run(words_for(stage), env)
    err = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"hello\n"), err
    assert "cannot answer a dry run" in err
    assert stage.left() == []


def unique() -> str:
    """Return a name that no other test's object has."""
    return f"kdebug-tests-{secrets.token_hex(4)}"


def await_webhook(stage: Stage) -> None:
    """Wait until the API server calls the webhook: a dry run of a Job is then refused, or changed."""
    probe = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "probe", "namespace": stage.isolated},
        "spec": {
            "parallelism": 0,
            "activeDeadlineSeconds": 60,
            "ttlSecondsAfterFinished": 60,
            "template": {"spec": {**prism.proxy_spec(), "restartPolicy": "Never"}},
        },
    }

    def is_called() -> bool:
        from kdebug.errors import ApiError

        try:
            spec = stage.admin.create(probe, dry_run=True)["spec"]
        except ApiError:
            return True
        untouched = (False, 60, 60)
        found = (spec["suspend"], spec.get("activeDeadlineSeconds"), spec.get("ttlSecondsAfterFinished"))
        return found != untouched

    eventually(is_called, "the API server calls the webhook", 30)


def test_a_full_quota_says_who_uses_it(stage: Stage, env: dict[str, str]) -> None:
    """The eleventh session, in short: the quota is lowered to what is used."""
    before = stage.admin.get(RESOURCE_QUOTA, QUOTA, stage.isolated)["spec"]["hard"]
    key = next(key for key in before if "jobs" in key)
    lower(stage, key, "0")
    try:
        told = complaint(program.run(words_for(stage), env), 125)
    finally:
        lower(stage, key, before[key])
    assert "does not accept job/kdebug-" in told.what
    assert "exceeded quota" in told.because
    assert f"limited: {key}=0" in told.because
    assert "kdebug sessions" in told.remedy
    assert "created" not in told.narration
    assert stage.left() == []


def lower(stage: Stage, key: str, value: str) -> None:
    """Set one limit of the isolated namespace's quota, and wait until it counts."""
    stage.admin.merge(RESOURCE_QUOTA, QUOTA, stage.isolated, {"spec": {"hard": {key: value}}})

    def counts() -> bool:
        quota = stage.admin.get(RESOURCE_QUOTA, QUOTA, stage.isolated)
        return bool(quota.get("status", {}).get("hard", {}).get(key) == value)

    eventually(counts, "the quota counts", 30)


def test_an_isolated_namespace_that_is_being_deleted(stage: Stage, env: dict[str, str]) -> None:
    name = f"{stage.isolated}-leaving"
    setup = ["setup", "--environment", "staging", "--covers", "cluster", "--yes", "--to-namespace", name]
    done = program.run([*setup, "--context", stage.context_of("admin")], env)
    assert done.returncode == 0, done.stderr.decode()
    stage.admin.create(engineer_binding(name, "oncall"))
    keeper = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "keeper", "namespace": name}}
    with held(stage, keeper):
        uid = stage.admin.get(NAMESPACE, name)["metadata"]["uid"]
        stage.admin.delete(NAMESPACE, name, "", uid=uid)
        words = ["prism-proxy-pod", "-n", stage.target_namespace, "--context", stage.context_of("admin")]
        told = complaint(program.run([*words, "--to-namespace", name, "--", "/busybox/true"], env), 125)
        again = complaint(program.run([*setup, "--context", stage.context_of("admin")], env), 1)
    assert name in told.what + told.because
    assert "being terminated" in told.because or "being deleted" in told.because
    assert "created" not in told.narration
    assert "is being deleted" in again.what


def test_an_image_that_does_not_exist_is_named(stage: Stage, env: dict[str, str]) -> None:
    image = "ghcr.io/prism/proxy:v0.0.0-nothing"
    done = program.run(words_for(stage, "prism-proxy-pod", "--image", image, "--", "/busybox/true"), env)
    told = complaint(done, 125)
    assert image in told.what + told.because
    assert "not found" in told.because
    assert stage.left() == []


def test_a_closed_stdin_is_an_empty_one(stage: Stage, env: dict[str, str]) -> None:
    words = " ".join(words_for(stage, "prism-proxy-pod", "-i", "--", "/busybox/wc", "-c"))
    script = f"exec {sys.executable} -m kdebug {words} <&-"
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, timeout=90, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, b"0"), done.stderr.decode()
    assert stage.left() == []


def test_a_tiny_terminal_has_a_shell_of_its_size(stage: Stage, terminal: Start) -> None:
    run = terminal(words_for(stage, "prism-proxy-pod", "--yes"), columns=20, rows=5)
    run.expect(r"\$ ")
    run.type("stty size\r")
    run.expect(r"5 20\r")
    run.type("exit\r")
    run.expect("everything is gone")
    assert run.finish() == 0
    assert stage.left() == []


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/home"])
def test_a_home_that_cannot_be_written_costs_the_journal_alone(stage: Stage, env: dict[str, str], home: str) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        del env[name]
    done = program.run(words_for(stage), {**env, "HOME": home})
    err = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"hello\n"), err
    assert err.count("no local journal") == 1
    assert "the cluster alone remembers" in err
    assert stage.left() == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on a file system without any space left; skip where none can be mounted."""
    place = tmp_path / "full"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=16", "none", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (place / "ballast").write_bytes(bytes(os.statvfs(place).f_bavail * os.statvfs(place).f_bsize))
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_costs_the_journal_alone(stage: Stage, env: dict[str, str], full_disk: Path) -> None:
    done = program.run(words_for(stage), {**env, "XDG_STATE_HOME": str(full_disk)})
    err = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"hello\n"), err
    assert err.count("no local journal (No space left on device)") == 1
    assert not list(full_disk.rglob("*.new"))
    assert stage.left() == []


def test_output_that_cannot_be_written_is_no_success(stage: Stage, env: dict[str, str]) -> None:
    words = " ".join(words_for(stage))
    script = f"exec {sys.executable} -m kdebug {words} > /dev/full"
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, timeout=90, check=False)
    assert done.returncode != 0
    assert b"No space left on device" in done.stderr
    assert stage.left() == []
