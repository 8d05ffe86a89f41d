"""Exec: channels, terminals, endings. Skipped where this machine has no busybox: the commands are its own."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.store import Store
from kdebug.domain.kinds import POD
from tests.demo.client import client_of
from tests.demo.objects import NAMESPACE, PODS, pod
from tests.support.embedded import embedded_cluster

pytestmark = pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed")

V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = (bytes([number]) for number in (0, 1, 2, 3, 4, 255))


@pytest.fixture
def live() -> Iterator[EmbeddedCluster]:
    """Yield a cluster on the real clock with a running pod `p`."""
    with embedded_cluster() as cluster:
        api = client_of(cluster)
        api("POST", PODS, pod())
        cluster.wait_for(is_running)
        yield cluster


def is_running(store: Store) -> bool:
    found = store.get(POD, NAMESPACE, "p")
    return found is not None and found["status"]["phase"] == "Running"


@asynccontextmanager
async def opened(
    cluster: EmbeddedCluster, *command: str, protocol: str = V5, **options: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    query = [("command", word) for word in command] + list({"stdout": "1", "stderr": "1", **options}.items())
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {cluster.token}"}) as session,
        session.ws_connect(f"{cluster.url}{PODS}/p/exec?{urlencode(query)}", protocols=[protocol]) as socket,
    ):
        assert socket.protocol == protocol
        yield socket


async def rest_of(socket: aiohttp.ClientWebSocketResponse) -> tuple[bytes, bytes, dict[str, Any]]:
    found = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
    async for message in socket:
        found[message.data[:1]] += message.data[1:]
    return bytes(found[STDOUT]), bytes(found[STDERR]), json.loads(found[ERROR]) if found[ERROR] else {}


async def read_until(socket: aiohttp.ClientWebSocketResponse, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        message = await socket.receive(timeout=10)
        assert message.type == aiohttp.WSMsgType.BINARY, seen
        seen += message.data[1:]
    return seen


def exit_code(status: dict[str, Any]) -> int:
    return 0 if status["status"] == "Success" else int(status["details"]["causes"][0]["message"])


@pytest.mark.parametrize("protocol", [V4, V5])
async def test_output_errors_and_exit_code(live: EmbeddedCluster, protocol: str) -> None:
    async with opened(live, "/busybox/sh", "-c", "echo out; echo err >&2; exit 7", protocol=protocol) as socket:
        stdout, stderr, status = await rest_of(socket)
    assert (stdout, stderr, exit_code(status), status["reason"]) == (b"out\n", b"err\n", 7, "NonZeroExitCode")


async def test_stdin_ends_with_v5_s_close_frame_and_no_byte_is_lost(live: EmbeddedCluster) -> None:
    data = bytes(range(256)) * 8192
    async with opened(live, "/busybox/cat", stdin="1") as socket:

        async def send() -> None:
            for start in range(0, len(data), 32768):
                await socket.send_bytes(STDIN + data[start : start + 32768])
            await socket.send_bytes(CLOSE + STDIN)

        sending = asyncio.create_task(send())
        stdout, _, status = await rest_of(socket)
        await sending
    assert stdout == data
    assert exit_code(status) == 0


async def test_a_terminal_has_the_size_that_was_sent_and_says_where_it_runs(live: EmbeddedCluster) -> None:
    async with opened(live, "/busybox/sh", stdin="1", tty="1") as socket:
        await socket.send_bytes(RESIZE + b'{"Width":101,"Height":33}')
        assert b"this shell runs on this machine" in await read_until(socket, b"demo $ ")
        await socket.send_bytes(STDIN + b"stty size; tty\n")
        seen = await read_until(socket, b"/dev/")
        assert b"33 101" in seen
        await socket.send_bytes(RESIZE + b'{"Width":55,"Height":44}')
        await socket.send_bytes(STDIN + b"stty size\n")
        await read_until(socket, b"44 55")
        await socket.send_bytes(STDIN + b"exit 3\n")
        _, stderr, status = await rest_of(socket)
    assert (stderr, exit_code(status)) == (b"", 3)


async def test_control_c_reaches_the_foreground_process(live: EmbeddedCluster) -> None:
    async with opened(live, "/busybox/sh", stdin="1", tty="1") as socket:
        await read_until(socket, b"demo $ ")
        await socket.send_bytes(STDIN + b"sh -c 'echo rea\"\"dy; exec sleep 600'\n")
        await read_until(socket, b"ready")
        await socket.send_bytes(STDIN + b"\x03")
        await read_until(socket, b"demo $ ")
        await socket.send_bytes(STDIN + b"echo rc=$?; exit 0\n")
        await read_until(socket, b"rc=130")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("nope", 'exec: "nope": executable file not found in $PATH: unknown'),
        ("/busybox/nope", 'exec: "/busybox/nope": stat /busybox/nope: no such file or directory: unknown'),
    ],
)
async def test_a_command_that_is_not_there(live: EmbeddedCluster, command: str, words: str) -> None:
    async with opened(live, command) as socket:
        _, _, status = await rest_of(socket)
    assert status["reason"] == "InternalError"
    assert status["message"].endswith(words)


async def test_a_deleted_pod_ends_its_shells(live: EmbeddedCluster) -> None:
    async with opened(live, "/busybox/sleep", "600") as socket:
        await socket.receive(timeout=5)
        await asyncio.to_thread(client_of(live), "DELETE", f"{PODS}/p", {"gracePeriodSeconds": 2})
        _, _, status = await rest_of(socket)
    assert exit_code(status) == 137


async def test_a_dropped_connection_has_no_exit_status(live: EmbeddedCluster) -> None:
    async with opened(live, "/busybox/sh", "-c", "echo up; sleep 600") as socket:
        await read_until(socket, b"up\n")
        await asyncio.to_thread(live.drop_streams)
        assert await rest_of(socket) == (b"", b"", {})


async def test_a_closed_connection_ends_the_process(live: EmbeddedCluster) -> None:
    async with opened(live, "/busybox/sh", "-c", "echo $$; sleep 600") as socket:
        pid = int(await read_until(socket, b"\n"))
    async with opened(live, "/busybox/sh", "-c", f"while kill -0 {pid}; do sleep 0.05; done; echo gone") as socket:
        assert (await rest_of(socket))[0] == b"gone\n"


async def test_the_target_has_no_container_to_enter(live: EmbeddedCluster) -> None:
    url = f"{live.url}/api/v1/namespaces/prism/pods/prism-proxy-pod/exec?command=ls&stdout=1"
    headers = {"Authorization": f"Bearer {live.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(url, protocols=[V5]) as socket:
        _, _, status = await rest_of(socket)
    assert status["message"].endswith('unable to upgrade connection: container not found ("prism-proxy")')


async def test_stopping_the_cluster_ends_what_is_open(live: EmbeddedCluster) -> None:
    async with opened(live, "/busybox/sh", stdin="1", tty="1") as socket:
        await read_until(socket, b"demo $ ")
        await asyncio.to_thread(live.stop)
        assert (await rest_of(socket))[2] == {}
    assert not live.kubeconfig_path.parent.exists()


async def test_much_output_through_a_terminal_arrives_whole(live: EmbeddedCluster) -> None:
    async with opened(
        live, "/busybox/sh", "-c", "dd if=/dev/zero bs=4k count=2000 2>/dev/null", stdin="1", tty="1"
    ) as socket:
        stdout, _, status = await rest_of(socket)
    assert (len(stdout), exit_code(status)) == (8_192_000, 0)
