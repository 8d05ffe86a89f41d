"""A scripted HTTP server in a thread, for what a real API server cannot be asked to do: cut, stall, redirect, lie."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

DATE = "Tue, 03 Mar 2026 10:00:00 GMT"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def header(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.casefold() == name.casefold()]

    @property
    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


class FakeApi:
    """Answers with each of `script` in turn, and with the last one ever after."""

    def __init__(self) -> None:
        self.script: list[Respond] = []
        self.seen: list[Seen] = []
        self.url = ""
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stopping = asyncio.Event()

    def __enter__(self) -> FakeApi:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._started.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = Seen(
            method=request.method,
            path=request.path,
            query=tuple(request.query.items()),
            headers=tuple(request.headers.items()),
            body=body,
        )
        with self._lock:
            self.seen.append(seen)
            respond = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await respond(request)


def answer(body: Any, status: int = 200, **headers: str) -> Respond:
    """Answer with JSON and a Date."""

    async def respond(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers={"Date": DATE, **_spelled(headers)})

    return respond


def text(body: str, status: int = 200, content_type: str = "text/html", **headers: str) -> Respond:
    """Answer with text."""

    async def respond(request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status, content_type=content_type, headers=_spelled(headers))

    return respond


def status(code: int, reason: str, message: str, *, details: Any = None, **headers: str) -> Respond:
    """Answer with a Status object, as API servers refuse."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details or {},
    }
    return answer(body, code, **headers)


def silence() -> Respond:
    """Never answer."""

    async def respond(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return respond


def lines(*events: Any, then: str = "end") -> Respond:
    """Stream JSON lines, then end, cut the connection in mid-line, or fall silent."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        encoded = b"".join(json.dumps(event).encode() + b"\n" for event in events)
        for start in range(0, len(encoded), 7):  # pieces that respect no line
            await response.write(encoded[start : start + 7])
        if then == "cut":
            await response.write(b'{"type":"ADDED","object":{"met')
            assert request.transport is not None
            request.transport.abort()
        if then == "silence":
            await asyncio.Event().wait()
        return response

    return respond


def cut_body(promised: int, sent: bytes) -> Respond:
    """Promise a length and close before it is reached."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(promised)})
        await response.prepare(request)
        await response.write(sent)
        assert request.transport is not None
        request.transport.close()
        return response

    return respond


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
