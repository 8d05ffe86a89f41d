"""The statement: what an isolated namespace says of itself, in annotations that the server keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kdebug.domain.dns import dns_peers_from_text
from kdebug.domain.kinds import Manifest

ISOLATED_LABEL = "kdebug.dev/isolated"
ENVIRONMENT = "kdebug.dev/environment"
COVERS = "kdebug.dev/covers"
ALLOW = "kdebug.dev/allow"
DNS_PEERS = "kdebug.dev/dns-peers"

WHOLE_CLUSTER = "cluster"
ALLOWABLE = ("configmaps", "secrets")

_NAMESPACE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def covers_of(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Return the namespaces that the statement covers, `("cluster",)` for all; empty when absent or malformed."""
    covers = _words(annotations.get(COVERS, ""))
    return covers if are_covers_valid(covers) else ()


def is_covered(covers: tuple[str, ...], namespace: str) -> bool:
    """Say whether a namespace may hold targets, by `covers_of`."""
    return covers == (WHOLE_CLUSTER,) or namespace in covers


def allow_of(annotations: Mapping[str, str]) -> frozenset[str]:
    """Return what may be copied into the namespace: ConfigMaps when it does not say, nothing when it is malformed."""
    allow = frozenset(_words(annotations.get(ALLOW, "configmaps")))
    return allow if allow <= set(ALLOWABLE) else frozenset()


def dns_peers_recorded(annotations: Mapping[str, str]) -> tuple[Manifest, ...]:
    """Return the egress rules to the cluster's DNS servers that setup recorded; none when absent or malformed."""
    return dns_peers_from_text(annotations.get(DNS_PEERS, ""))


def is_namespace_name(name: str) -> bool:
    """Say whether Kubernetes accepts a namespace of this name (RFC 1123 label)."""
    return bool(_NAMESPACE_NAME.fullmatch(name))


def are_covers_valid(covers: tuple[str, ...]) -> bool:
    """Say whether `covers` means something: `cluster` alone, or names of namespaces."""
    is_mixed = WHOLE_CLUSTER in covers and set(covers) != {WHOLE_CLUSTER}
    return bool(covers) and not is_mixed and all(is_namespace_name(name) for name in covers)


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(","))) if text.strip() else ()
