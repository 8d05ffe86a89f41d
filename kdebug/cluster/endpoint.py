"""What the connection needs to know of one cluster, and of the credentials it asks for: the seam to the kubeconfig."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

Headers = Sequence[tuple[str, str]]
"""HTTP headers as pairs, because Impersonate-Group may stand there several times."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the API server is and how it is trusted; without `ca_pem` by the system's roots."""

    server: str
    ca_pem: str = ""
    is_insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""

    @property
    def is_tls(self) -> bool:
        """Whether the server is reached over TLS."""
        return urlsplit(self.server).scheme.casefold() == "https"

    @property
    def title(self) -> str:
        """The server as it is named in messages: scheme, host and port, without credentials or path."""
        parts = urlsplit(self.server)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@dataclass(frozen=True, kw_only=True)
class Login:
    """What one request is authenticated with; `client_certificate` is (certificate, key), both PEM."""

    headers: Headers = ()
    client_certificate: tuple[str, str] | None = None


class Credentials(Protocol):
    """The credentials of one context."""

    def login(self) -> Login:
        """Return what authenticates a request now, running a credential plugin when the last answer has expired."""

    def reload(self) -> None:
        """Forget what is cached, so that files are read and plugins run again."""
