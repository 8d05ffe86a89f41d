"""Authenticated JSON calls to the API server: one new login after a 401, and the server's clock from each answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdebug.cluster.api_errors import not_kubernetes, page_excerpt, refusal
from kdebug.cluster.clock import ServerClock
from kdebug.cluster.endpoint import Credentials, Endpoint, Headers
from kdebug.cluster.transport import Answer, Call, Transport
from kdebug.errors import KdebugError, UnauthenticatedError


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a request goes out with; `generation` counts the reloads of the credentials."""

    transport: Transport
    headers: Headers
    generation: int


class Rest:
    """The REST side of one context; safe to use from several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        *,
        user_agent: str,
        request_seconds: float,
        environment: Mapping[str, str],
        clock: ServerClock,
    ) -> None:
        self.endpoint = endpoint
        self.user_agent = user_agent
        self.clock = clock
        self._credentials = credentials
        self._request_seconds = request_seconds
        self._environment = environment
        self._lock = threading.Lock()
        self._generation = 0
        self._transport: Transport | None = None
        self._certificate: tuple[str, str] | None = None

    def link(self) -> Link:
        """Return the connections and headers to use now. Raises ConfigError for credentials that cannot be had."""
        with self._lock:
            login = self._credentials.login()
            if self._transport is None or login.client_certificate != self._certificate:
                self._transport = Transport(
                    self.endpoint,
                    login.client_certificate,
                    environment=self._environment,
                    request_seconds=self._request_seconds,
                )
                self._certificate = login.client_certificate
            return Link(transport=self._transport, headers=tuple(login.headers), generation=self._generation)

    def reload(self, seen: int | None = None) -> None:
        """Reload the credentials, unless another thread did so after the generation `seen`."""
        with self._lock:
            if seen is None or seen == self._generation:
                self._credentials.reload()
                self._generation += 1

    def relink(self, what: str, seen: int | None) -> Link:
        """Return the link for a new try, after a reload when `seen` got a 401. Raises UnauthenticatedError."""
        try:
            if seen is not None:
                self.reload(seen)
            return self.link()
        except KdebugError as error:
            because = f"{error.what}: {error.because}" if error.because else error.what
            raise UnauthenticatedError(what, because=because, remedy=error.remedy) from error

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            if self._transport is not None:
                self._transport.close()

    def open(self, call: Call) -> Answer:
        """Send the call and return a successful answer's head. Raises ApiError."""
        answer, link = self._sent(call, None)
        if answer.status == 401:
            answer.close()
            answer, _ = self._sent(call, link.generation)
        if not 200 <= answer.status < 300:
            raise refusal(
                call.what, server=self.endpoint.title, status=answer.status, headers=answer.headers, body=answer.read()
            )
        return answer

    def json(self, call: Call) -> dict[str, Any]:
        """Send the call and return the JSON object that answers it. Raises ApiError."""
        answer = self.open(call)
        body = answer.read()
        try:
            decoded = json.loads(body)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            raise not_kubernetes(call.what, self.endpoint.title, page_excerpt(answer.headers, body), answer.status)
        return decoded

    def _sent(self, call: Call, refused: int | None) -> tuple[Answer, Link]:
        link = self.relink(call.what, refused)
        started = self.clock.started()
        own = (("User-Agent", self.user_agent), ("Accept-Encoding", "gzip"))
        answer = link.transport.send(call, (*link.headers, *own))
        self.clock.observe(answer.headers.get("Date"), started)
        return answer, link
