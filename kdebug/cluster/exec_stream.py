"""A command in a container over a WebSocket: the channels of v5.channel.k8s.io and v4.channel.k8s.io."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from kdebug.cluster.api_errors import refusal, sentence, unreachable
from kdebug.cluster.exec_ending import ending
from kdebug.cluster.paths import path_of
from kdebug.cluster.rest import Link, Rest
from kdebug.domain.kinds import POD
from kdebug.domain.text import safe
from kdebug.errors import StreamLostError, UnreachableError
from kdebug.session.port import ExitStatus, Output

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5, V4 = Subprotocol("v5.channel.k8s.io"), Subprotocol("v4.channel.k8s.io")

PIECE = 4096
"""Bytes of stdin in one message: a paste goes out in small ones, so that what is typed after it is not held up."""
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
AFTER_STATUS_SECONDS = 1.0
"""How long to wait for the server's close once the status is there; nothing that matters follows it."""
MESSAGE_LIMIT = 16 * 1024 * 1024
QUEUE = 8

_log = logging.getLogger("kdebug.exec")
_log.addHandler(logging.NullHandler())
_log.propagate = False


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run where; `size` is (columns, rows) of the terminal, None without one."""

    namespace: str
    pod: str
    container: str
    arguments: tuple[str, ...]
    has_stdin: bool
    size: tuple[int, int] | None

    @property
    def target(self) -> str:
        """The request's path and query."""
        query = [("container", self.container), *(("command", argument) for argument in self.arguments)]
        flags = {"stdin": self.has_stdin, "stdout": True, "stderr": self.size is None, "tty": self.size is not None}
        query += [(name, str(value).lower()) for name, value in flags.items()]
        return f"{path_of(POD, self.namespace, self.pod, 'exec')}?{urlencode(query)}"


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """Seconds between pings, and of silence after which a connection that is waited on counts as lost."""

    ping: float = 20.0
    silence: float = 60.0


class WebSocketStream:
    """The port's `ExecStream` on an open connection."""

    def __init__(self, connection: ClientConnection, *, what: str, has_terminal: bool, heartbeat: Heartbeat) -> None:
        self._connection = connection
        self._what = what
        self._has_terminal = has_terminal
        self._heartbeat = heartbeat
        self._time: Callable[[], float] = asyncio.get_running_loop().time
        self._heard = self._time()
        self._waiting_since: float | None = None
        self._is_silent = False
        self._status: ExitStatus | None = None

    @property
    def exit_status(self) -> ExitStatus | None:
        """The status that arrived before the end, or None."""
        return self._status

    async def read(self) -> Output | None:
        """Return the next output, None at its end. Raises StreamLostError when the connection broke."""
        while True:
            message = await self._received()
            if message is None:
                return None
            channel, data = message[:1], message[1:]
            if channel == b"\x01" and data:
                return Output(data=data)
            if channel == b"\x02" and data:
                return Output(data=data, is_stderr=True)
            if channel == b"\x03" and data:
                self._status = ending(data, what=self._what)

    async def _received(self) -> bytes | None:
        limit = None if self._status is None else AFTER_STATUS_SECONDS
        self._waiting_since = self._time()
        try:
            async with asyncio.timeout(limit):
                message = await self._connection.recv(decode=False)
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            if self._status is not None:
                return None
            raise StreamLostError(self._what, because=self._reason(closed)) from closed
        finally:
            self._waiting_since = None
        self._heard = self._time()
        return message

    def _reason(self, closed: ConnectionClosed) -> str:
        if self._is_silent:
            return f"nothing was heard from the server for {self._heartbeat.silence:.0f} s"
        reason = safe(closed.rcvd.reason) if closed.rcvd else ""
        return reason or "it was closed without the command's exit status"

    async def write(self, data: bytes) -> None:
        """Send bytes to stdin, waiting while the connection is full; after its end, which `read` tells, drop them."""
        for start in range(0, len(data), PIECE):
            await self._send(bytes((STDIN,)) + data[start : start + PIECE])

    async def close_stdin(self) -> None:
        """End stdin; on v4 by the end-of-file byte where there is a terminal, else not at all (kubernetes #89899)."""
        if self._connection.subprotocol == V5:
            await self._send(bytes((CLOSE, STDIN)))
        elif self._has_terminal:
            await self._send(bytes((STDIN, 4)))

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the remote terminal its size."""
        size = json.dumps({"Width": columns, "Height": rows}).encode()
        await self._send(bytes((RESIZE,)) + size)

    async def _send(self, message: bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed:
            return

    async def ping(self) -> None:
        """Ping until the connection closes: load balancers drop idle ones."""
        while True:
            await asyncio.sleep(self._heartbeat.ping)
            try:
                pong = await self._connection.ping()
            except ConnectionClosed:
                return
            asyncio.ensure_future(pong).add_done_callback(self._ponged)

    def _ponged(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._heard = self._time()

    async def watch_silence(self) -> None:
        """Drop the connection when nothing comes while `read` waits; a reader that is busy elsewhere proves nothing."""
        while not self._is_silent:
            await asyncio.sleep(self._heartbeat.silence / 12)
            since = self._waiting_since
            if since is not None and self._time() - max(since, self._heard) > self._heartbeat.silence:
                self._is_silent = True
                self._connection.transport.abort()


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow none: an API server sends no redirects, and credentials must not go elsewhere."""
        return exc


@asynccontextmanager
async def open_stream(
    rest: Rest, command: Command, *, heartbeat: Heartbeat | None = None
) -> AsyncIterator[WebSocketStream]:
    """Start the command and give its stream; the connection is closed at the end, within a second. Raises ApiError."""
    connection = await _dialled(rest, command)
    stream = WebSocketStream(
        connection,
        what=f"the connection to pod/{safe(command.pod)} was lost",
        has_terminal=command.size is not None,
        heartbeat=heartbeat or Heartbeat(),
    )
    if command.size is not None:
        await stream.resize(*command.size)
    tasks = [asyncio.create_task(stream.ping()), asyncio.create_task(stream.watch_silence())]
    try:
        yield stream
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await connection.close()


async def _dialled(rest: Rest, command: Command) -> ClientConnection:
    """Return the open connection, logging in once more after a 401."""
    what = sentence("run a command in", POD, command.pod, command.namespace)
    refused: int | None = None
    while True:
        link = await asyncio.to_thread(rest.relink, what, refused)
        try:
            connection = await _connected(rest, link, command)
        except InvalidStatus as answer:
            response = answer.response
            if response.status_code == 401 and refused is None:
                refused = link.generation
                continue
            raise refusal(
                what,
                server=rest.endpoint.title,
                status=response.status_code,
                headers=response.headers,
                body=bytes(response.body or b""),
            ) from answer
        except (WebSocketException, OSError, EOFError) as error:
            raise unreachable(what, link.transport.route, error) from error
        if connection.subprotocol not in (V5, V4):
            await connection.close()
            raise UnreachableError(what, because=f"{rest.endpoint.title} speaks neither {V5} nor {V4}")
        return connection


async def _connected(rest: Rest, link: Link, command: Command) -> ClientConnection:
    server = rest.endpoint.server.rstrip("/")
    tls: dict[str, Any] = {}
    if link.transport.tls is not None:
        tls["ssl"] = link.transport.tls
        if rest.endpoint.tls_server_name:
            tls["server_hostname"] = rest.endpoint.tls_server_name
    proxy = link.transport.proxy
    return await _Connect(
        f"ws{server.removeprefix('http')}{command.target}",
        subprotocols=[V5, V4],
        compression=None,
        additional_headers=list(link.headers),
        user_agent_header=rest.user_agent,
        proxy=proxy.full_url if proxy else None,
        open_timeout=OPEN_SECONDS,
        ping_interval=None,  # a ping timeout would take a busy terminal for a dead server
        close_timeout=CLOSE_SECONDS,
        max_size=MESSAGE_LIMIT,
        max_queue=QUEUE,
        logger=_log,
        **tls,
    )
