"""One frozen context of a kubeconfig, as values: which server, how to trust it, and who is asking.

Nothing here reads or writes anything. Secrets are kept out of `repr`, so that no traceback shows them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kdebug.cluster.endpoint import Endpoint
from kdebug.domain.guard import ConnectionNames

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The command line's say in which context is used; empty means that the kubeconfig decides."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    impersonate_uid: str = ""


@dataclass(frozen=True, kw_only=True)
class ExecSpec:
    """A credential plugin, its command already resolved against the kubeconfig's folder."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"
    """Never | IfAvailable | Always"""
    cluster_config: Any = None
    """What the cluster's extension `client.authentication.k8s.io/exec` holds; the plugin gets it with the cluster."""

    def document(self) -> dict[str, Any]:
        """Return the spec in the kubeconfig's own form."""
        document: dict[str, Any] = {
            "command": self.command,
            "args": list(self.args),
            "env": [{"name": name, "value": value} for name, value in self.env],
            "apiVersion": self.api_version,
            "provideClusterInfo": self.provide_cluster_info,
            "interactiveMode": self.interactive_mode,
        }
        if self.install_hint:
            document["installHint"] = self.install_hint
        return document


@dataclass(frozen=True, kw_only=True)
class UserAuth:
    """How the user proves who they are. Certificates and keys are PEM; a `..._file` is where to read newer ones."""

    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    client_certificate: bytes = b""
    client_key: bytes = field(default=b"", repr=False)
    client_certificate_file: str = ""
    client_key_file: str = ""
    exec: ExecSpec | None = None

    def document(self) -> dict[str, Any]:
        """Return the user in the kubeconfig's own form, certificate and key embedded."""
        document = {
            "token": self.token,
            "tokenFile": self.token_file,
            "username": self.username,
            "password": self.password,
            "client-certificate-data": _encoded(self.client_certificate),
            "client-key-data": _encoded(self.client_key),
            "exec": self.exec.document() if self.exec else None,
        }
        return {key: value for key, value in document.items() if value}


@dataclass(frozen=True, kw_only=True)
class Impersonation:
    """Whom to act as; an empty user means nobody."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the kubeconfig's `as` fields."""
        document = {
            "as": self.user,
            "as-uid": self.uid,
            "as-groups": list(self.groups),
            "as-user-extra": {key: list(values) for key, values in self.extra},
        }
        return {key: value for key, value in document.items() if value}


@dataclass(frozen=True, kw_only=True)
class ResolvedContext:
    """Everything that a connection needs, read once; `names` is what the guard judges before any connection."""

    names: ConnectionNames
    server: str
    """scheme://host[:port][/path], without a slash at its end."""
    server_as_written: str
    namespace: str
    """The flag's, else the context's, else "default"."""
    context_namespace: str = ""
    """As the context has it, possibly empty."""
    ca_data: bytes = b""
    """PEM; empty means the system's authorities."""
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = field(default="", repr=False)
    """May hold a password; `names.proxy` does not."""
    disable_compression: bool = False
    user: UserAuth = UserAuth()
    impersonation: Impersonation = Impersonation()
    cluster_extensions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_cleartext(self) -> bool:
        """Say whether requests would cross a network unencrypted (plain HTTP to another machine)."""
        return self.server.startswith("http://") and not _is_loopback(self.server)

    @property
    def endpoint(self) -> Endpoint:
        """Where the connection goes; of the authority only the PEM blocks: bundles have comments in any encoding."""
        return Endpoint(
            server=self.server,
            ca_pem=b"\n".join(_PEM.findall(self.ca_data)).decode("ascii", "replace"),
            is_insecure=self.insecure,
            tls_server_name=self.tls_server_name,
            proxy_url=self.proxy_url,
        )

    def cluster_document(self) -> dict[str, Any]:
        """Return the cluster in the kubeconfig's own form, its authority embedded."""
        document: dict[str, Any] = {
            "tls-server-name": self.tls_server_name,
            "insecure-skip-tls-verify": self.insecure,
            "certificate-authority-data": _encoded(self.ca_data),
            "proxy-url": self.proxy_url,
            "disable-compression": self.disable_compression,
            "extensions": [{"name": name, "extension": body} for name, body in sorted(self.cluster_extensions.items())],
        }
        return {"server": self.server_as_written} | {key: value for key, value in document.items() if value}

    def flattened(self) -> dict[str, Any]:
        """Return this context alone, as `kubectl config view --minify --raw --flatten` shows it (secrets included)."""
        context = {"cluster": self.names.cluster, "user": self.names.user, "namespace": self.context_namespace}
        if not self.context_namespace:
            del context["namespace"]
        user = self.user.document() | self.impersonation.document()
        return {
            "kind": "Config",
            "apiVersion": "v1",
            "clusters": [{"name": self.names.cluster, "cluster": self.cluster_document()}],
            "users": [{"name": self.names.user, "user": user}] if self.names.user else None,
            "contexts": [{"name": self.names.context, "context": context}],
            "current-context": self.names.context,
        }


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _is_loopback(server: str) -> bool:
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    host = urlsplit(server).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
