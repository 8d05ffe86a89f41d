"""HTTP to one API server through the official client's connection pool: explicit timeouts, no retries, no redirects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
import urllib3.exceptions
from kubernetes.client.configuration import Configuration
from kubernetes.client.rest import RESTClientObject

from kdebug.cluster.api_errors import not_kubernetes, unreachable
from kdebug.cluster.endpoint import Endpoint, Headers
from kdebug.cluster.proxy import Proxy, proxy_for
from kdebug.cluster.tls import tls_context

CONNECT_SECONDS = 5.0
BODY_LIMIT = 64 * 1024 * 1024
_PIECE = 64 * 1024
_POOL_SIZE = 16


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: `what` is the sentence for its failure, `seconds` replaces the usual limit for the answer."""

    what: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    seconds: float | None = None


class Answer:
    """An answer whose body has not been read yet."""

    def __init__(self, call: Call, server: str, response: urllib3.BaseHTTPResponse, deadline: float) -> None:
        self._call = call
        self._server = server
        self._response = response
        self._deadline = deadline
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    def read(self) -> bytes:
        """Return the whole body. Raises UnreachableError when it is cut, too slow or over 64 MiB."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._pieces():
            pieces.append(piece)
            size += len(piece)
            if size > BODY_LIMIT:
                self.close()
                raise not_kubernetes(self._call.what, self._server, f"a body of more than {BODY_LIMIT} bytes")
            if time.monotonic() > self._deadline:
                self.close()
                raise unreachable(self._call.what, self._server, TimeoutError())
        return b"".join(pieces)

    def lines(self) -> Iterator[bytes]:
        """Yield the body's lines as they come; ends when the body does, is cut or falls silent."""
        rest = b""
        try:
            for piece in self._response_pieces():
                *whole, rest = (rest + piece).split(b"\n")
                yield from (line for line in whole if line.strip())
                if len(rest) > BODY_LIMIT:
                    return
        except (urllib3.exceptions.HTTPError, OSError):
            return
        finally:
            self.close()

    def close(self) -> None:
        """Give up the rest of the body and the connection."""
        self._response.close()

    def _pieces(self) -> Iterator[bytes]:
        try:
            yield from self._response_pieces()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self.close()
            raise unreachable(self._call.what, self._server, error) from error
        self._response.release_conn()

    def _response_pieces(self) -> Iterator[bytes]:
        while piece := self._response.read1(_PIECE):
            yield piece


class Transport:
    """The connections to one server with one client certificate; safe to use from several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        client_certificate: tuple[str, str] | None,
        *,
        environment: Mapping[str, str],
        request_seconds: float,
    ) -> None:
        self.endpoint = endpoint
        self.tls = tls_context(endpoint, client_certificate)
        self.proxy = proxy_for(endpoint.server, endpoint.proxy_url, environment)
        self._request_seconds = request_seconds
        self._pool = _pool(endpoint, self.tls, self.proxy)

    @property
    def route(self) -> str:
        """The server, and the proxy that leads to it, as they are named in messages."""
        return self.endpoint.title + (f" (through the proxy {self.proxy.url})" if self.proxy else "")

    def send(self, call: Call, headers: Headers) -> Answer:
        """Send the request and return the answer's head. Raises UnreachableError."""
        seconds = self._request_seconds if call.seconds is None else call.seconds
        sent = urllib3.HTTPHeaderDict(headers)
        sent["Accept"] = call.accept
        if call.body is not None:
            sent["Content-Type"] = call.content_type
        try:
            response = self._pool.request(
                call.method,
                self.endpoint.server.rstrip("/") + call.path + (f"?{urlencode(call.query)}" if call.query else ""),
                headers=sent,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                body=call.body,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(call.what, self.route, error) from error
        return Answer(call, self.route, response, time.monotonic() + seconds)

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.clear()


def _pool(endpoint: Endpoint, tls: Any, proxy: Proxy | None) -> urllib3.PoolManager:
    """Return the official client's pool for the endpoint, with our TLS context in it."""
    if endpoint.is_insecure:
        # The guard refuses unverified TLS off loopback and says so; a warning on stderr adds nothing.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    configuration = Configuration(
        host=endpoint.server,
        retries=False,
        verify_ssl=not endpoint.is_insecure,
        tls_server_name=endpoint.tls_server_name or None,
        connection_pool_maxsize=_POOL_SIZE,
        proxy=proxy.url if proxy else "",
        no_proxy="",
        proxy_headers=urllib3.make_headers(proxy_basic_auth=proxy.credentials) if proxy and proxy.credentials else None,
    )
    configuration.keep_alive = True
    pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    if tls is not None:
        pool.connection_pool_kw["ssl_context"] = tls
    return pool
