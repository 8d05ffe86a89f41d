"""The adapter on a real cluster: what a real API server and kubelet do with what we send."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kdebug.cli.shell import run_command
from kdebug.cluster.api import KubernetesCluster
from kdebug.cluster.connect import connect
from kdebug.cluster.context import Selection
from kdebug.cluster.kubeconfig import list_contexts, load
from kdebug.domain.kinds import CONFIG_MAP, NAMESPACE, POD, SECRET, Manifest, uid_of
from kdebug.domain.rights import Access
from kdebug.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    StreamLostError,
    UnreachableError,
)
from kdebug.session.port import ExecStream
from tests.support.kubectl import kubectl_command

pytestmark = pytest.mark.cluster


def connected(kubeconfig: Path, context: str = "") -> KubernetesCluster:
    """Return the cluster as a context's user."""
    resolved = load(Selection(kubeconfig=str(kubeconfig), context=context), os.environ, Path.home())
    return connect(resolved, os.environ, user_agent="kdebug/tests", request_timeout=30)


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path) -> Iterator[KubernetesCluster]:
    """Return the cluster as its administrator."""
    adapter = connected(kubeconfig)
    yield adapter
    adapter.close()


@pytest.fixture(scope="module")
def namespace(cluster: KubernetesCluster) -> Iterator[str]:
    """Return a namespace for this module."""
    name = f"t-stream-{secrets.token_hex(4)}"
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.delete(NAMESPACE, name, "", uid=uid_of(made))


def pod(name: str, namespace: str) -> Manifest:
    """Return a pod that waits."""
    container = {"name": "box", "image": "busybox:1", "command": ["/bin/sh", "-c", "trap exit TERM; sleep 3600 & wait"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False},
    }


def started(cluster: KubernetesCluster, name: str, namespace: str) -> Manifest:
    """Create a pod and return it once the watch says that it runs."""
    made = cluster.create(pod(name, namespace))
    for change in cluster.watch(
        POD,
        namespace,
        fields=f"metadata.name={name}",
        resource_version=made["metadata"]["resourceVersion"],
        seconds=60,
    ):
        statuses = change.object["status"].get("containerStatuses", [])
        if any("running" in status["state"] for status in statuses):
            return change.object
    raise AssertionError(f"{name} did not start")


@pytest.fixture(scope="module")
def box(cluster: KubernetesCluster, namespace: str) -> str:
    """Return the name of a running pod."""
    started(cluster, "box", namespace)
    return "box"


@asynccontextmanager
async def running(
    cluster: KubernetesCluster, namespace: str, *command: str, pod: str = "box", stdin: bool = False, tty: bool = False
) -> AsyncIterator[ExecStream]:
    """Run a command in the pod."""
    async with cluster.exec(
        namespace, pod, container="box", command=command, stdin=stdin, tty=tty, size=(101, 31)
    ) as stream:
        yield stream


async def outcome(stream: ExecStream) -> tuple[bytes, bytes, int, str]:
    """Return stdout, stderr, the code and the runtime's words."""
    stdout, stderr = bytearray(), bytearray()
    while (piece := await stream.read()) is not None:
        (stderr if piece.is_stderr else stdout).extend(piece.data)
    assert stream.exit_status is not None
    return bytes(stdout), bytes(stderr), stream.exit_status.code, stream.exit_status.message


async def test_outputs_and_codes_are_those_of_kubectl(
    cluster: KubernetesCluster, namespace: str, box: str, kubeconfig: Path
) -> None:
    script = "echo out; echo problem >&2; exit 7"
    async with running(cluster, namespace, "/bin/sh", "-c", script) as stream:
        ours = await outcome(stream)
    kubectl = [*kubectl_command(), "--kubeconfig", str(kubeconfig), "-n", namespace, "exec", box, "--"]
    theirs = subprocess.run([*kubectl, "/bin/sh", "-c", script], capture_output=True, check=False, timeout=60)
    assert ours == (b"out\n", b"problem\n", 7, "")
    assert (theirs.stdout, theirs.returncode) == (ours[0], ours[2])
    assert ours[1] in theirs.stderr


@pytest.mark.parametrize(("command", "code"), [("/bin/true", 0), ("/no/such", 127), ("/etc/passwd", 126)])
async def test_commands_that_cannot_start(
    cluster: KubernetesCluster, namespace: str, box: str, command: str, code: int
) -> None:
    async with running(cluster, namespace, command) as stream:
        _, _, found, message = await outcome(stream)
    assert found == code
    assert bool(message) == (code != 0)


async def test_a_killed_command_has_the_signals_code(cluster: KubernetesCluster, namespace: str, box: str) -> None:
    async with running(cluster, namespace, "/bin/sh", "-c", "kill -9 $$") as stream:
        assert (await outcome(stream))[2] == 137


async def test_ten_megabytes_through_stdin_and_back(
    cluster: KubernetesCluster, namespace: str, box: str, tmp_path: Path
) -> None:
    data = os.urandom(10 * 1024 * 1024)
    source, written = tmp_path / "in", tmp_path / "out"
    source.write_bytes(data)
    with source.open("rb") as stdin, written.open("wb") as stdout, open(os.devnull, "wb") as stderr:
        async with running(cluster, namespace, "/bin/cat", stdin=True) as stream:
            status = await run_command(stream, stdin.fileno(), stdout.fileno(), stderr.fileno())
    assert status.code == 0
    assert hashlib.md5(written.read_bytes()).digest() == hashlib.md5(data).digest()


async def test_a_terminal_has_its_size_from_the_start(cluster: KubernetesCluster, namespace: str, box: str) -> None:
    async with running(cluster, namespace, "/bin/sh", stdin=True, tty=True) as stream:
        await stream.write(b"stty size; exit\r")
        stdout, stderr, code, _ = await outcome(stream)
    assert b"\r\n31 101\r\n" in stdout
    assert (stderr, code) == (b"", 0)


async def until(stream: ExecStream, marker: bytes) -> None:
    """Read until the marker has come."""
    seen = b""
    while marker not in seen:
        piece = await stream.read()
        assert piece is not None, seen
        seen += piece.data


async def test_a_terminal_follows_the_window(cluster: KubernetesCluster, namespace: str, box: str) -> None:
    script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done"
    async with running(cluster, namespace, "/bin/sh", "-c", script, stdin=True, tty=True) as stream:
        await until(stream, b"ready")
        await stream.resize(140, 50)
        stdout, _, code, _ = await outcome(stream)
    assert b"50 140" in stdout
    assert code == 0


async def test_keys_for_interrupt_and_end_of_file_work(cluster: KubernetesCluster, namespace: str, box: str) -> None:
    async with running(cluster, namespace, "/bin/sh", stdin=True, tty=True) as stream:
        await stream.write(b"echo go$((1+1)); sleep 1000\r")
        await until(stream, b"go2\r\n")  # now the line is no longer the shell's to edit
        await stream.write(b"\x03")
        await until(stream, b"# ")
        await stream.write(b"exit 9\r")
        assert (await outcome(stream))[2] == 9
    async with running(cluster, namespace, "/bin/cat", stdin=True, tty=True) as stream:
        await stream.write(b"\x04")
        assert (await outcome(stream))[2] == 0


async def test_a_pod_that_is_deleted_ends_the_stream_without_success(
    cluster: KubernetesCluster, namespace: str
) -> None:
    made = started(cluster, "doomed", namespace)
    async with running(cluster, namespace, "/bin/sh", pod="doomed", stdin=True, tty=True) as stream:
        assert await stream.read() is not None
        await asyncio.to_thread(cluster.delete, POD, "doomed", namespace, uid=uid_of(made), grace_seconds=1)
        try:
            code = (await outcome(stream))[2]
        except StreamLostError:
            return
    assert code == 137


async def test_a_stream_to_nowhere_is_refused_in_the_servers_words(cluster: KubernetesCluster, namespace: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        async with running(cluster, namespace, "/bin/true", pod="absent"):
            raise AssertionError("it must not open")
    assert caught.value.because == 'pods "absent" not found'


async def test_who_may_not_exec_is_told(kubeconfig: Path, namespace: str, box: str) -> None:
    default = load(Selection(kubeconfig=str(kubeconfig)), os.environ, Path.home())
    nobody = connected(kubeconfig, f"nobody@{default.names.context.partition('@')[2]}")
    with pytest.raises(DeniedError):
        async with running(nobody, namespace, "/bin/true"):
            raise AssertionError("it must not open")
    with pytest.raises(DeniedError) as caught:
        nobody.get(POD, box, namespace)
    assert "cannot get resource" in caught.value.because
    assert nobody.may([Access(verb="get", resource="pods", namespace=namespace)]) == (False,)
    nobody.close()


async def test_a_client_certificate_on_rest_and_stream(kubeconfig: Path, namespace: str, box: str) -> None:
    default = load(Selection(kubeconfig=str(kubeconfig)), os.environ, Path.home())
    name = f"admin-cert@{default.names.context.partition('@')[2]}"
    if name not in {choice.name for choice in list_contexts(Selection(kubeconfig=str(kubeconfig)), {}, Path.home())}:
        pytest.skip("the kubeconfig has no user with a certificate")
    adapter = connected(kubeconfig, name)
    assert adapter.get(POD, box, namespace)["kind"] == "Pod"
    async with running(adapter, namespace, "/bin/true") as stream:
        assert (await outcome(stream))[2] == 0
    adapter.close()


async def test_a_certificate_of_another_authority_is_not_accepted(kubeconfig: Path, namespace: str) -> None:
    resolved = load(Selection(kubeconfig=str(kubeconfig)), os.environ, Path.home())
    adapter = connect(replace(resolved, ca_data=b""), os.environ, user_agent="kdebug/tests", request_timeout=5)
    with pytest.raises(UnreachableError) as caught:
        adapter.get(POD, "box", namespace)
    assert "its certificate is not accepted" in caught.value.because
    with pytest.raises(UnreachableError) as caught:
        async with running(adapter, namespace, "/bin/true"):
            raise AssertionError("it must not open")
    assert "its certificate is not accepted" in caught.value.because
    adapter.close()


def config_map(name: str, namespace: str) -> dict[str, Any]:
    """Return a small object."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"key": "value"},
    }


def test_a_delete_takes_only_the_object_it_means(cluster: KubernetesCluster, namespace: str) -> None:
    made = cluster.create(config_map("mine", namespace))
    with pytest.raises(ConflictError):
        cluster.delete(CONFIG_MAP, "mine", namespace, uid="00000000-0000-0000-0000-000000000000")
    assert uid_of(cluster.get(CONFIG_MAP, "mine", namespace)) == uid_of(made)
    with pytest.raises(ConflictError):
        cluster.create(config_map("mine", namespace))
    cluster.delete(CONFIG_MAP, "mine", namespace, uid=uid_of(made))
    with pytest.raises(NotFoundError):
        cluster.delete(CONFIG_MAP, "mine", namespace, uid=uid_of(made))
    with pytest.raises(NotFoundError):
        cluster.get(CONFIG_MAP, "mine", namespace)


def test_patches(cluster: KubernetesCluster, namespace: str) -> None:
    made = cluster.create(config_map("patched", namespace))
    test = {"op": "test", "path": "/metadata/uid", "value": uid_of(made)}
    changed = cluster.patch(
        CONFIG_MAP, "patched", namespace, [test, {"op": "replace", "path": "/data/key", "value": "new"}]
    )
    assert changed["data"] == {"key": "new"}
    with pytest.raises(InvalidError):
        cluster.patch(CONFIG_MAP, "patched", namespace, [{**test, "value": "another"}])
    assert cluster.merge(CONFIG_MAP, "patched", namespace, {"data": {"key": None}}, dry_run=True).get("data") is None
    assert cluster.get(CONFIG_MAP, "patched", namespace)["data"] == {"key": "new"}
    cluster.delete(CONFIG_MAP, "patched", namespace, uid=uid_of(made))


def test_a_dry_run_makes_nothing(cluster: KubernetesCluster, namespace: str) -> None:
    assert uid_of(cluster.create(config_map("dry", namespace), dry_run=True))
    with pytest.raises(NotFoundError):
        cluster.get(CONFIG_MAP, "dry", namespace)


def test_a_list_and_the_watch_from_its_version(cluster: KubernetesCluster, namespace: str) -> None:
    first = cluster.create(config_map("w-1", namespace))
    listing = cluster.list(CONFIG_MAP, namespace, fields="metadata.name=w-1")
    assert [(item["kind"], uid_of(item)) for item in listing.items] == [("ConfigMap", uid_of(first))]
    second = cluster.create(config_map("w-2", namespace))
    cluster.delete(CONFIG_MAP, "w-1", namespace, uid=uid_of(first))
    changes = []
    for change in cluster.watch(CONFIG_MAP, namespace, resource_version=listing.resource_version, seconds=20):
        changes.append((change.type, change.object["metadata"]["name"]))
        if len(changes) == 2:
            break
    assert changes == [("ADDED", "w-2"), ("DELETED", "w-1")]
    assert list(cluster.watch(CONFIG_MAP, namespace, fields="metadata.name=absent", seconds=1)) == []
    cluster.delete(CONFIG_MAP, "w-2", namespace, uid=uid_of(second))


def test_the_log_of_a_container(cluster: KubernetesCluster, namespace: str, box: str) -> None:
    assert cluster.logs(namespace, box, container="box") == ""
    with pytest.raises(InvalidError) as caught:
        cluster.logs(namespace, box, container="box", previous=True)
    assert "previous terminated container" in caught.value.because
    with pytest.raises(ApiError):
        cluster.logs(namespace, box, container="absent")


def test_user_rights_and_clock(cluster: KubernetesCluster, namespace: str) -> None:
    assert cluster.user()
    accesses = [
        Access(verb=verb, resource="pods", subresource="exec", namespace=namespace) for verb in ("get", "create")
    ]
    assert cluster.may(accesses) == (True, True)
    assert abs((datetime.now(UTC) - cluster.now()).total_seconds()) < 5


def test_a_secrets_removal_is_proved_without_reading_it(cluster: KubernetesCluster, namespace: str) -> None:
    made = cluster.create({**config_map("s", namespace), "kind": "Secret", "data": {"key": "dmFsdWU="}})
    cluster.delete(SECRET, "s", namespace, uid=uid_of(made))
    with pytest.raises(NotFoundError):
        cluster.delete(SECRET, "s", namespace, uid=uid_of(made))
