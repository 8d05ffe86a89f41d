"""The values of the production rule: the facts that go in, the signals and the verdict that come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

UNREADABLE = None
"""Stands for labels that the server did not let us read; unknown is refused."""

CONNECTION = "connection"
"""The name of the signal on TLS: a veto that does not speak of production."""

WEIGHTS = ("veto", "unknown", "statement", "neutral")
"""The weights of a signal, the one that decides first."""


CANNOT_BE_READ = "it cannot be read, so what it says of itself is unknown"
"""What the guard says of a namespace that the user may not get: a missing right, and no statement."""


@dataclass(frozen=True, kw_only=True)
class ConnectionNames:
    """What the kubeconfig alone says of the cluster, before any connection."""

    context: str
    cluster: str
    user: str
    server: str
    """The API server's URL."""
    namespace: str
    is_tls_verified: bool
    proxy: str = ""
    tls_server_name: str = ""
    """The name that the server's certificate must carry, when it is not the URL's: what is behind a tunnel."""
    ca_fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """A namespace, node or pod as the guard sees it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""
    provider_id: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """What the server says; a namespace is None when it may not be read, and absent where `is_..._missing`."""

    isolated: ObjectFacts | None
    target_namespace: ObjectFacts | None
    target: ObjectFacts | None
    isolated_name: str
    target_namespace_name: str
    is_isolated_missing: bool = False
    is_target_namespace_missing: bool = False
    """True for a target from a manifest whose namespace this cluster does not have."""
    nodes: tuple[ObjectFacts, ...] | None = None
    """None when nodes may not be listed, as for most people on call."""
    kube_system_uid: str = ""
    now: datetime
    """The server's clock, UTC."""


@dataclass(frozen=True, kw_only=True)
class GuardRules:
    """What the configuration adds: denies (globs on any name), and acknowledged names (the first of the two keys)."""

    deny: tuple[str, ...] = ()
    acknowledge: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One fact that was looked at: its value, where it stands, its weight, and what to change (and who can)."""

    name: str
    value: str
    place: str
    weight: str
    """veto | unknown | statement | neutral"""
    meaning: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The guard's answer, with the deciding signal first among its weight."""

    is_allowed: bool
    signals: tuple[Signal, ...]
    setup_command: str = ""
    """The command that would make the statement, for whoever runs the cluster; empty before the server was asked."""

    @property
    def deciding(self) -> Signal:
        """The signal that decided: the first veto, else the first unknown, else the statement."""
        return min(self.signals, key=lambda signal: WEIGHTS.index(signal.weight))

    @property
    def is_vetoed(self) -> bool:
        """Whether something says production: no answer of the server can lift it, so there is no need to ask."""
        return any(signal.weight == "veto" for signal in self.signals)
