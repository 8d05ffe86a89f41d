"""The exec stream against a scripted server: channels, endings, losses, limits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from kdebug.cluster.exec_ending import ending
from kdebug.cluster.exec_stream import Command, Heartbeat, WebSocketStream, open_stream
from kdebug.errors import (
    ApiError,
    DeniedError,
    InvalidError,
    NotFoundError,
    StreamLostError,
    UnauthenticatedError,
    UnreachableError,
)
from kdebug.session.port import ExecStream
from tests.cluster.support import CountedCredentials, cluster_at
from tests.support.fake_api import FakeApi, Respond, silence, status, text
from tests.support.fake_exec import SUCCESS, V4, drop, echo, exec_with, exited, failure, send, stall


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Return a server without a script."""
    with FakeApi() as server:
        yield server


@asynccontextmanager
async def opened(api: FakeApi, *, tty: bool = False, credentials: Any = None) -> AsyncIterator[ExecStream]:
    """Run a command through the port."""
    cluster = cluster_at(api.url, credentials)
    async with cluster.exec(
        "shop", "web", container="app", command=["cat", "a b"], stdin=True, tty=tty, size=(100, 30)
    ) as stream:
        yield stream


async def everything(stream: ExecStream) -> tuple[bytes, bytes]:
    """Return all of stdout and stderr."""
    stdout, stderr = bytearray(), bytearray()
    while (piece := await stream.read()) is not None:
        (stderr if piece.is_stderr else stdout).extend(piece.data)
    return bytes(stdout), bytes(stderr)


async def test_both_outputs_and_the_code(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        for channel, data in ((1, b""), (2, b""), (3, b""), (1, b"out"), (2, b"err"), (1, b"put")):
            await send(socket, channel, data)
        await send(socket, 3, exited(7))

    api.script = [exec_with(talk)]
    async with opened(api) as stream:
        assert await everything(stream) == (b"output", b"err")
        assert stream.exit_status is not None
        assert stream.exit_status.code == 7
        assert await stream.read() is None
    assert api.seen[0].path == "/api/v1/namespaces/shop/pods/web/exec"
    assert api.seen[0].query == (
        ("container", "app"),
        ("command", "cat"),
        ("command", "a b"),
        ("stdin", "true"),
        ("stdout", "true"),
        ("stderr", "true"),
        ("tty", "false"),
    )


@pytest.mark.parametrize("protocols", [("v5.channel.k8s.io",), (V4,)])
async def test_the_size_comes_first_and_stdin_ends(api: FakeApi, protocols: tuple[str, ...]) -> None:
    first: list[bytes] = []

    async def talk(socket: web.WebSocketResponse) -> None:
        first.append(await socket.receive_bytes())
        await echo(socket)

    api.script = [exec_with(talk, protocols=protocols)]
    async with opened(api, tty=True) as stream:
        await stream.write(b"typed")
        await stream.close_stdin()
        assert await everything(stream) == (b"typed", b"")
        assert stream.exit_status is not None
    assert first[0][0] == 4
    assert json.loads(first[0][1:]) == {"Width": 100, "Height": 30}
    assert dict(api.seen[0].query)["stderr"] == "false"


async def test_headers_are_those_of_rest(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await send(socket, 3, SUCCESS)

    api.script = [exec_with(talk)]
    credentials = CountedCredentials(extra=(("Impersonate-Group", "a"), ("Impersonate-Group", "b")))
    async with opened(api, credentials=credentials) as stream:
        await everything(stream)
    assert api.seen[0].header("Authorization") == ["Bearer token-0"]
    assert api.seen[0].header("Impersonate-Group") == ["a", "b"]
    assert api.seen[0].header("User-Agent") == ["kdebug/test"]


async def test_ten_megabytes_come_back_while_they_are_sent(api: FakeApi) -> None:
    api.script = [exec_with(echo)]
    data = bytes(range(256)) * (40 * 1024)
    async with opened(api) as stream:

        async def feed() -> None:
            await stream.write(data)
            await stream.close_stdin()

        feeding = asyncio.create_task(feed())
        stdout, _ = await everything(stream)
        await feeding
    assert stdout == data


async def test_stdin_goes_out_in_small_pieces(api: FakeApi) -> None:
    sizes: list[int] = []

    async def talk(socket: web.WebSocketResponse) -> None:
        while sum(sizes) < 10_000:
            sizes.append(len(await socket.receive_bytes()) - 1)
        await send(socket, 3, SUCCESS)

    api.script = [exec_with(talk)]
    async with opened(api) as stream:
        await stream.write(b"x" * 10_000)
        await everything(stream)
    assert sizes == [4096, 4096, 1808]


@pytest.mark.parametrize("how", ["drop", "close"])
async def test_an_end_without_a_status_is_never_success(api: FakeApi, how: str) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await send(socket, 1, b"half")
        if how == "drop":
            await drop(socket)

    api.script = [exec_with(talk)]
    async with opened(api) as stream:
        assert await stream.read() is not None
        with pytest.raises(StreamLostError, match="pod/web was lost"):
            await stream.read()
        assert stream.exit_status is None
        await stream.write(b"late")
        await stream.resize(1, 1)
        await stream.close_stdin()


async def test_a_status_that_tells_of_no_exit_is_a_loss(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await send(socket, 3, failure("error dialing backend: no route"))

    api.script = [exec_with(talk)]
    async with opened(api) as stream:
        with pytest.raises(StreamLostError) as caught:
            await stream.read()
    assert caught.value.because == "error dialing backend: no route"


async def test_a_server_that_does_not_close_after_the_status_does_not_hold_us(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await send(socket, 3, SUCCESS)
        await stall(socket)

    api.script = [exec_with(talk)]
    before = time.monotonic()
    async with opened(api) as stream:
        assert await stream.read() is None
    assert time.monotonic() - before < 5


async def test_silence_is_noticed_only_while_something_is_awaited(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        for _ in range(100):
            await send(socket, 1, b"x" * 100_000)
        await stall(socket)

    api.script = [exec_with(talk)]
    heartbeat = Heartbeat(ping=0.02, silence=0.3)
    rest = cluster_at(api.url)._rest
    command = Command(namespace="shop", pod="web", container="app", arguments=("sh",), has_stdin=True, size=None)
    async with open_stream(rest, command, heartbeat=heartbeat) as stream:
        assert isinstance(stream, WebSocketStream)
        assert await stream.read() is not None
        await asyncio.sleep(0.8)  # the reader is elsewhere for longer than the silence that would count
        for _ in range(99):
            assert await stream.read() is not None
        with pytest.raises(StreamLostError) as caught:
            await stream.read()
    assert caught.value.because == "nothing was heard from the server for 0 s"


async def test_an_idle_stream_that_answers_pings_lives_on(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.receive_bytes()
        await send(socket, 3, SUCCESS)

    api.script = [exec_with(talk)]
    rest = cluster_at(api.url)._rest
    command = Command(namespace="shop", pod="web", container="app", arguments=("sh",), has_stdin=True, size=None)
    async with open_stream(rest, command, heartbeat=Heartbeat(ping=0.02, silence=0.3)) as stream:
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(1)
        assert not reading.done()
        await stream.write(b"x")
        assert await reading is None


@pytest.mark.parametrize(
    ("respond", "kind", "words"),
    [
        (status(403, "Forbidden", "no exec for you"), DeniedError, "no exec for you"),
        (status(404, "NotFound", 'pods "web" not found', details={"name": "web"}), NotFoundError, "not found"),
        (status(400, "BadRequest", "container app is not valid for pod web"), InvalidError, "not valid"),
        (status(401, "Unauthorized", "Unauthorized"), UnauthenticatedError, "Unauthorized"),
        (text("<title>Sign in</title>", 200), UnreachableError, "Sign in"),
        (text("", 302, Location="http://127.0.0.1:1/login"), UnreachableError, "a redirect to http://127.0.0.1:1"),
        (exec_with(echo, protocols=("other",)), UnreachableError, "speaks neither"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*protocols:UserWarning")
async def test_a_refused_stream_is_told_as_any_other_call(
    api: FakeApi, respond: Respond, kind: type[ApiError], words: str
) -> None:
    api.script = [respond]
    with pytest.raises(ApiError) as caught:
        async with opened(api):
            raise AssertionError("it must not open")
    assert type(caught.value) is kind
    assert words in caught.value.because
    assert caught.value.what == "cannot run a command in pod/web in namespace shop"


async def test_a_stream_logs_in_again_after_a_401(api: FakeApi) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await send(socket, 3, SUCCESS)

    api.script = [status(401, "Unauthorized", "expired"), exec_with(talk)]
    async with opened(api) as stream:
        assert await stream.read() is None
    assert [seen.header("Authorization") for seen in api.seen] == [["Bearer token-0"], ["Bearer token-1"]]


async def test_silence_at_the_start_ends_in_time(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kdebug.cluster.exec_stream.OPEN_SECONDS", 0.2)
    api.script = [silence()]
    with pytest.raises(UnreachableError, match="cannot run") as caught:
        async with opened(api):
            raise AssertionError("it must not open")
    assert "no answer in time" in caught.value.because


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('OCI runtime exec failed: exec failed: unable to start container process: exec: "x": executable file not '
         "found in $PATH: unknown", 127),
        ('failed to start exec "1": exec: "/x": stat /x: no such file or directory: unknown', 127),
        ('failed to start exec "1": exec: "/etc/passwd": permission denied: unknown', 126),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_started_ends_as_in_a_shell(message: str, code: int) -> None:
    status = ending(json.dumps(failure(message)).encode(), what="lost")
    assert status.code == code
    assert status.message == message


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b'{"status":"Failure"}', json.dumps(failure("gone")).encode()])
def test_a_status_that_cannot_be_understood_is_never_a_code(data: bytes) -> None:
    with pytest.raises(StreamLostError):
        ending(data, what="lost")
