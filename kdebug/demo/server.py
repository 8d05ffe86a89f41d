"""The HTTP server in front of the model: authentication, routing, watches, logs, exec, and faults on purpose."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Coroutine
from email.utils import format_datetime
from typing import Any, cast

from aiohttp import web

from kdebug.demo.api import Answer
from kdebug.demo.clock import Clock
from kdebug.demo.discovery import document
from kdebug.demo.exec import chosen_container, exec_request, require_upgrade
from kdebug.demo.faults import Faults, Situation
from kdebug.demo.model import Model
from kdebug.demo.resources import JSON, REVIEWS, Place, place_of
from kdebug.demo.status import RejectedError, no_such_resource, not_allowed, unauthorized, unsupported_media_type
from kdebug.demo.tables import table
from kdebug.demo.watching import Watch, is_watch
from kdebug.domain.kinds import POD, Manifest

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OPEN_PATHS = ("/readyz", "/livez", "/healthz")
_LARGEST_BODY = 16 * 1024 * 1024


class Server:
    """One request in, one answer out; every call is logged, and may go wrong as the faults say."""

    def __init__(self, model: Model, faults: Faults, token: str) -> None:
        self._model = model
        self._faults = faults
        self._token = token
        self._background: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self.receive)
        application.on_response_prepare.append(self._date)
        application.on_shutdown.append(self._cancel_background)
        return application

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take one request."""
        body = await request.read()
        path, is_known = self._identified(request)
        fault = self._faults.note(request.method, path, dict(request.query), body, dict(request.headers))

        async def act() -> web.StreamResponse:
            try:
                if not is_known and path not in _OPEN_PATHS:
                    raise unauthorized()
                return await self._answer(request, path, body)
            except RejectedError as error:
                return _json(error.body(), error.code)

        if fault is None:
            return await act()
        situation = Situation(request=request, act=act, clock=self._model.clock, background=self._start)
        return await fault.answer(situation)

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(self._model.clock.now(), usegmt=True)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.create_task(cast(Coroutine[Any, Any, None], work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _cancel_background(self, _: web.Application) -> None:
        for task in tuple(self._background):
            task.cancel()

    def _identified(self, request: web.Request) -> tuple[str, bool]:
        """Return the path, and whether the token was given, in the header or as the path's beginning."""
        first, _, rest = request.path.removeprefix("/").partition("/")
        if hmac.compare_digest(first.encode(), self._token.encode()):
            return f"/{rest}", True
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return request.path, hmac.compare_digest(given.encode(), self._token.encode())

    async def _answer(self, request: web.Request, path: str, body: bytes) -> web.StreamResponse:
        if path in _OPEN_PATHS:
            return web.Response(text="ok")
        if request.method == "GET" and (found := document(path)) is not None:
            return _json(found)
        place = place_of(path)
        if place is None:
            if path.startswith("/api"):
                raise no_such_resource()
            return web.Response(status=404, text="404 page not found\n")
        if place.kind in REVIEWS:
            return _json(self._model.review(_review(body, place), dict(request.headers)), 201)
        self._authorize(request, place)
        return await self._serve(request, place, body)

    def _authorize(self, request: web.Request, place: Place) -> None:
        verb = _VERBS.get(request.method)
        if verb is None:
            raise not_allowed()
        if verb == "get" and not place.name:
            verb = "watch" if is_watch(request.query) else "list"
        user = request.headers.get("Impersonate-User", self._model.user)
        self._model.admission.authorize(
            user, verb, place.kind, namespace=place.namespace, name=place.name, subresource=place.subresource
        )

    async def _serve(self, request: web.Request, place: Place, body: bytes) -> web.StreamResponse:
        if place.subresource in ("log", "exec"):
            return await self._serve_pod(request, place)
        api, query = self._model.api, request.query
        if request.method == "GET":
            if is_watch(query):
                return await self._watch(request, place)
            return self._shown(request, api.get(place) if place.name else api.list(place, query))
        if request.method == "POST":
            return self._shown(request, api.create(place, body, query))
        if request.method == "PUT":
            return self._shown(request, api.update(place, body, query))
        if request.method == "PATCH":
            return self._shown(request, api.patch(place, request.content_type, body, query))
        return self._shown(request, api.delete(place, body, query))

    def _shown(self, request: web.Request, answer: Answer) -> web.Response:
        body: Manifest = answer.body
        is_table = "as=Table" in request.headers.get("Accept", "") and request.method == "GET"
        response = _json(table(body, self._model.clock.now()) if is_table else body, answer.status)
        for warning in answer.warnings:
            response.headers.add("Warning", '299 - "{}"'.format(warning.replace('"', '\\"')))
        return response

    async def _serve_pod(self, request: web.Request, place: Place) -> web.StreamResponse:
        pod = self._model.api.get(Place(kind=POD, namespace=place.namespace, name=place.name)).body
        if place.subresource == "exec":
            require_upgrade(request)
            return await self._model.streams.answer(request, exec_request(pod, tuple(request.query.items())))
        return self._log(request, pod)

    def _log(self, request: web.Request, pod: Manifest) -> web.Response:
        query = request.query
        container = chosen_container(pod, query.get("container", ""))
        is_previous = query.get("previous", "") in ("1", "true")
        lines = self._model.kubelet.log(pod, container["name"], is_previous=is_previous)
        tail = query.get("tailLines")
        if tail is not None:
            lines = lines[max(0, len(lines) - int(tail)) :]
        data = "".join(f"{line}\n" for line in lines).encode()
        return web.Response(body=data[: int(query.get("limitBytes") or len(data))], content_type="text/plain")

    async def _watch(self, request: web.Request, place: Place) -> web.StreamResponse:
        watch = Watch(self._model, place, request.query)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for line in watch.events():
            await response.write(line)
        await response.write_eof()
        return response


class Listener:
    """The running server: a port on loopback."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._clock = clock
        self._runner = web.AppRunner(
            server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.2
        )

    async def open(self) -> int:
        """Listen on a free port of 127.0.0.1, let the clock run, and return the port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._clock.attach(asyncio.get_running_loop())
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Stop listening and end every request."""
        await self._runner.cleanup()


def _json(body: Manifest, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(body, separators=(",", ":")).encode() + b"\n", content_type="application/json"
    )


def _review(body: bytes, place: Place) -> JSON:
    try:
        review: JSON = json.loads(body)
    except ValueError as error:
        raise unsupported_media_type() from error
    return {"kind": place.kind.name, "apiVersion": place.kind.api_version, "metadata": {}} | review
