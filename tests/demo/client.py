"""A bare HTTP client for the embedded API and for a real one: nothing of kdebug's own."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from kdebug.demo.cluster import EmbeddedCluster

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer: `body` is decoded where it is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def message(self) -> str:
        """The message of a Status, or an empty string."""
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else ""


@dataclass(frozen=True, kw_only=True)
class Client:
    """One user of one API server. Each request has a connection of its own."""

    url: str
    token: str
    timeout: float = 10.0

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        **query: str,
    ) -> Reply:
        """Send one request; `body` may be bytes to be sent as they are."""
        place = urlsplit(self.url)
        connection: http.client.HTTPConnection
        if place.scheme == "https":
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(place.netloc, timeout=self.timeout, context=context)
        else:
            connection = http.client.HTTPConnection(place.netloc, timeout=self.timeout)
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = content_type
        try:
            connection.request(method, path + (f"?{urlencode(query)}" if query else ""), data, sent)
            response = connection.getresponse()
            text = response.read()
            return Reply(status=response.status, body=_decoded(text), headers=dict(response.getheaders()))
        finally:
            connection.close()

    def events(self, path: str, **query: str) -> list[Any]:
        """Return the events of a watch that ends."""
        reply = self("GET", path, watch="1", **query)
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        return [json.loads(line) for line in text.splitlines() if line]


def client_of(cluster: EmbeddedCluster) -> Client:
    """Return a client of the embedded cluster."""
    return Client(url=cluster.url, token=cluster.token)


def client_of_kubeconfig(path: Path) -> Client:
    """Return a client for the current context of a kubeconfig that names a token."""
    config = yaml.safe_load(path.read_text())
    context = next(item["context"] for item in config["contexts"] if item["name"] == config["current-context"])
    cluster = next(item["cluster"] for item in config["clusters"] if item["name"] == context["cluster"])
    user = next(item["user"] for item in config["users"] if item["name"] == context["user"])
    return Client(url=cluster["server"], token=user["token"])


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
