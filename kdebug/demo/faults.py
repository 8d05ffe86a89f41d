"""Calls that go wrong on purpose: which ones, and how; and the log of every call."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from kdebug.demo.clock import Clock

Act = Callable[[], Awaitable[web.StreamResponse]]
"""Performs the call on the cluster and returns its answer, not yet sent where it is a plain one."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it arrived; `number` counts from 1. `body` is decoded JSON, or the raw bytes."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]


class Gate:
    """Something to wait for that a test opens, from any thread."""

    def __init__(self) -> None:
        self._is_open = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        """Let everything through that waits, and what comes later."""
        self._is_open.set()
        for loop, event in self._waiting:
            loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        """Wait until the gate is open."""
        event = asyncio.Event()
        self._waiting.append((asyncio.get_running_loop(), event))
        if not self._is_open.is_set():
            await event.wait()


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a fault may use: the request, the call itself, the clock, and a place for work that outlives the request."""

    request: web.Request
    act: Act
    clock: Clock
    background: Callable[[Awaitable[None]], None]


class Fault(Protocol):
    """One way for a call to go wrong."""

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """Answer the request, or break its connection."""


def _break(request: web.Request, *, is_reset: bool = False) -> web.Response:
    transport = request.transport
    if transport is not None:
        if is_reset:
            transport.abort()
        else:
            transport.close()
    return web.Response()


async def _wait(situation: Situation, seconds: float, gate: Gate | None) -> None:
    if gate is not None:
        await gate.wait()
    if seconds:
        await situation.clock.wait(asyncio.Event(), seconds)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The connection is reset and nothing happens on the cluster: as if nobody listened."""

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""
        return _break(situation.request, is_reset=True)


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The connection closes without an answer, before the call took effect or after it."""

    has_taken_effect: bool

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""
        if self.has_taken_effect:
            await situation.act()
        return _break(situation.request)


@dataclass(frozen=True, kw_only=True)
class Late:
    """The call takes effect at once (or only at its end), and is answered after a while or when a gate opens."""

    seconds: float = 0.0
    gate: Gate | None = None
    takes_effect_first: bool = True

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""
        if self.takes_effect_first:
            response = await situation.act()
            await _wait(situation, self.seconds, self.gate)
            return response
        await _wait(situation, self.seconds, self.gate)
        return await situation.act()


@dataclass(frozen=True, kw_only=True)
class LostThenApplied:
    """The connection closes without an answer, and the call takes effect only later: the late POST."""

    seconds: float = 0.0
    gate: Gate | None = None

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""

        async def later() -> None:
            await _wait(situation, self.seconds, self.gate)
            await situation.act()

        situation.background(later())
        return _break(situation.request)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The call takes effect; its answer stops in the middle of the headers, or of the body."""

    where: str = "body"

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""
        response = await situation.act()
        body = response.body if isinstance(response, web.Response) else b""
        body = body if isinstance(body, bytes) else b""
        head = f"HTTP/1.1 {response.status} OK\r\nContent-Type: application/json\r\nContent-Length: {max(2, len(body))}"
        transport = situation.request.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(
                head[:40].encode() if self.where == "headers" else f"{head}\r\n\r\n".encode() + body[: len(body) // 2]
            )
        return _break(situation.request)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Another answer than the cluster's: any status, with a Status object as its body unless one is given."""

    status: int
    reason: str = ""
    message: str = "a fault on purpose"
    retry_after: int | None = None
    has_taken_effect: bool = False
    body: str | None = None
    content_type: str = "application/json"
    location: str = ""

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""
        if self.has_taken_effect:
            await situation.act()
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        }
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}
        if self.location:
            headers["Location"] = self.location
        text = self.body if self.body is not None else json.dumps(status)
        return web.Response(status=self.status, text=text, content_type=self.content_type, headers=headers)


def html(status: int = 200) -> Answered:
    """Return the page of a login portal in the API's place."""
    return Answered(status=status, body="<!doctype html><title>Sign in</title>", content_type="text/html")


def redirect(location: str = "https://login.example.com/", status: int = 302) -> Answered:
    """Return a redirection."""
    return Answered(status=status, body="", content_type="text/html", location=location)


def bad_json() -> Answered:
    """Return a success that is no JSON."""
    return Answered(status=200, body='{"kind": "Pod", "metadata": {', has_taken_effect=True)


@dataclass(frozen=True, kw_only=True)
class Silence:
    """The connection stays open and no answer ever comes."""

    has_taken_effect: bool = False

    async def answer(self, situation: Situation) -> web.StreamResponse:
        """See Fault."""
        if self.has_taken_effect:
            await situation.act()
        await asyncio.Event().wait()
        return web.Response()


@dataclass(kw_only=True)
class _Rule:
    fault: Fault
    nth: int | None
    method: str | None
    path: re.Pattern[str] | None
    times: int | None
    seen: int = 0
    used: int = 0

    def takes(self, call: Call) -> bool:
        if self.method is not None and call.method != self.method:
            return False
        if self.path is not None and not self.path.search(call.path):
            return False
        self.seen += 1
        if self.nth is not None and self.seen < self.nth:
            return False
        if self.times is not None and self.used >= self.times:
            return False
        self.used += 1
        return True


@dataclass(kw_only=True)
class Faults:
    """The rules in force and the calls so far. Safe to use from any thread."""

    _rules: list[_Rule] = field(default_factory=list)
    _calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        fault: Fault,
        *,
        nth: int | None = None,
        method: str | None = None,
        path: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Let calls go wrong that have this method and match this path (a regular expression, searched).

        The first of them by default; with `nth` that one, counted from now among those that match. `times` None is for
        ever.
        """
        pattern = re.compile(path) if path is not None else None
        with self._lock:
            self._rules.append(_Rule(fault=fault, nth=nth, method=method, path=pattern, times=times))

    def clear(self) -> None:
        """Forget the rules and the calls."""
        with self._lock:
            self._rules.clear()
            self._calls.clear()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call since the start or the last `clear`, in the order of arrival."""
        with self._lock:
            return tuple(self._calls)

    def note(
        self, method: str, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> Fault | None:
        """Log a call and return how it goes wrong, or None. Credentials are not logged."""
        try:
            decoded = json.loads(body) if body else None
        except ValueError:
            decoded = body
        shown = {key: value for key, value in headers.items() if key != "Authorization"}
        with self._lock:
            number = len(self._calls) + 1
            call = Call(number=number, method=method, path=path, query=query, body=decoded, headers=shown)
            self._calls.append(call)
            taking = [rule for rule in self._rules if rule.takes(call)]
            return taking[0].fault if taking else None
