"""Which proxy leads to the API server, by client-go's rules."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from kubernetes.client.rest import should_bypass_proxies

from kdebug.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """An HTTP proxy: its address without credentials, and the credentials as user:password, or an empty string."""

    url: str
    credentials: str = ""

    @property
    def full_url(self) -> str:
        """The address with its credentials, never to be shown."""
        if not self.credentials:
            return self.url
        scheme, rest = self.url.split("://", 1)
        user, _, password = self.credentials.partition(":")
        return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def proxy_for(server: str, proxy_url: str, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for the server: the kubeconfig's proxy-url, else the environment's, else None.

    proxy-url wins over NO_PROXY, and a loopback server is never reached through the environment's proxy
    (golang.org/x/net/http/httpproxy). Raises ConfigError for a SOCKS proxy or an address that is none.
    """
    if proxy_url:
        return _parsed(proxy_url)
    name = "https_proxy" if urlsplit(server).scheme.casefold() == "https" else "http_proxy"
    found = _variable(environment, name)
    if not found or _is_loopback(server) or should_bypass_proxies(server, _variable(environment, "no_proxy")):
        return None
    return _parsed(found if "://" in found else f"http://{found}")


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name, "")


def _parsed(url: str) -> Proxy:
    parts = urlsplit(url)
    shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if parts.scheme.casefold() not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"the proxy {shown} cannot be used",
            because="kdebug speaks to HTTP and HTTPS proxies alone",
            remedy="set proxy-url or HTTPS_PROXY to http://HOST:PORT",
        )
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(url=shown, credentials=credentials)


def _is_loopback(server: str) -> bool:
    host = (urlsplit(server).hostname or "").casefold()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
