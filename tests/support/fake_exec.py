"""A scripted exec endpoint: both channel protocols, and the ways in which a stream can go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.support.fake_api import Respond

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
SUCCESS = {"metadata": {}, "status": "Success"}

Conversation = Callable[[web.WebSocketResponse], Awaitable[None]]


def failure(message: str, *, reason: str = "InternalError", code: int | None = None) -> dict[str, Any]:
    """Return the Status of a command that failed, or could not be started."""
    causes = [] if code is None else [{"reason": "ExitCode", "message": str(code)}]
    return {"status": "Failure", "reason": reason, "message": message, "details": {"causes": causes}}


def exited(code: int) -> dict[str, Any]:
    """Return the Status of a command that ended with a code."""
    return failure(f"command terminated with exit code {code}", reason="NonZeroExitCode", code=code)


def exec_with(conversation: Conversation, *, protocols: tuple[str, ...] = (V5, V4)) -> Respond:
    """Upgrade, talk, and close."""

    async def respond(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=protocols, max_msg_size=0, timeout=0.5)
        await socket.prepare(request)
        await conversation(socket)
        await socket.close()
        return socket

    return respond


async def send(socket: web.WebSocketResponse, channel: int, data: bytes | dict[str, Any]) -> None:
    """Send bytes, or a Status, on a channel."""
    encoded = json.dumps(data).encode() if isinstance(data, dict) else data
    await socket.send_bytes(bytes((channel,)) + encoded)


async def echo(socket: web.WebSocketResponse) -> None:
    """Send stdin back until it ends (v5), or until an end-of-file byte comes (v4), then succeed."""
    async for message in socket:
        if message.type is not WSMsgType.BINARY:
            continue
        channel, data = message.data[0], message.data[1:]
        if (channel, data) in ((255, b"\x00"), (0, b"\x04")):
            await send(socket, 3, SUCCESS)
            return
        if channel == 0:
            await send(socket, 1, data)


async def drop(socket: web.WebSocketResponse) -> None:
    """Cut the connection."""
    assert socket._req is not None
    transport = socket._req.transport
    assert transport is not None
    transport.abort()
    await asyncio.sleep(0)


async def stall(socket: web.WebSocketResponse) -> None:
    """Hold the connection without reading, so that not even pings are answered."""
    await asyncio.Event().wait()
