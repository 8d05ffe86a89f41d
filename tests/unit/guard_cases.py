"""Facts of clusters for the guard's tests: one that is allowed, and changes that each speak against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from kdebug.domain.guard import ConnectionNames, GuardRules, ObjectFacts, ServerFacts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATEMENT = {"kdebug.dev/environment": "staging", "kdebug.dev/covers": "prism"}


def isolated(annotations: Mapping[str, str] = STATEMENT, labels: Mapping[str, str] | None = None) -> ObjectFacts:
    marks = {"kdebug.dev/isolated": "true"} if labels is None else labels
    return ObjectFacts(name="kdebug-isolated", uid="u-isolated", labels=marks, annotations=annotations)


NAMES = ConnectionNames(
    context="staging",
    cluster="staging-eu",
    user="oncall",
    server="https://k8s.staging.example.com:6443",
    namespace="prism",
    is_tls_verified=True,
    ca_fingerprint="ca",
)
SERVER = ServerFacts(
    isolated=isolated(),
    target_namespace=ObjectFacts(name="prism", uid="u-prism"),
    target=ObjectFacts(name="prism-proxy-pod", uid="u-target"),
    isolated_name="kdebug-isolated",
    target_namespace_name="prism",
    kube_system_uid="u-kube-system",
    now=NOW,
)
RULES = GuardRules()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the guard is given; a cluster that is allowed by default."""

    names: ConnectionNames = NAMES
    server: ServerFacts = SERVER
    rules: GuardRules = RULES

    def named(self, **changes: object) -> Facts:
        return replace(self, names=replace(self.names, **changes))  # type: ignore[arg-type]

    def said(self, **changes: object) -> Facts:
        return replace(self, server=replace(self.server, **changes))  # type: ignore[arg-type]


def node(name: str = "node-1", **changes: object) -> ObjectFacts:
    return replace(ObjectFacts(name=name, uid=f"u-{name}"), **changes)  # type: ignore[arg-type]


def marked(facts: ObjectFacts | None, **changes: object) -> ObjectFacts:
    assert facts is not None
    return replace(facts, **changes)  # type: ignore[arg-type]


def with_isolated(
    facts: Facts, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> Facts:
    """Add to what the isolated namespace says, which exists and can be read then."""
    before = facts.server.isolated or isolated()
    labels, annotations = {**before.labels, **(labels or {})}, {**before.annotations, **(annotations or {})}
    return facts.said(isolated=replace(before, labels=labels, annotations=annotations), is_isolated_missing=False)


def with_target_namespace(facts: Facts, **marks: Mapping[str, str]) -> Facts:
    """Say this of the target's namespace, which exists and can be read then."""
    return facts.said(target_namespace=marked(SERVER.target_namespace, **marks), is_target_namespace_missing=False)


def denied(facts: Facts, pattern: str) -> Facts:
    """Add a denied pattern to the configuration."""
    return replace(facts, rules=replace(facts.rules, deny=(*facts.rules.deny, pattern)))


Change = Callable[[Facts], Facts]

OFFLINE_VETOES: Mapping[str, Change] = {
    "context": lambda facts: facts.named(context="prod-eu"),
    "cluster": lambda facts: facts.named(cluster="gke_acme_europe_live"),
    "user": lambda facts: facts.named(user="prod-admin"),
    "host": lambda facts: facts.named(server="https://api.prod.example.com:6443"),
    "encoded host": lambda facts: facts.named(server="https://xn--rod-r1c.example.com"),
    "namespace": lambda facts: facts.named(namespace="prism-prod"),
    "look-alike context": lambda facts: facts.named(context="\u0440rod"),
    "denied context": lambda facts: denied(facts.named(context="staging"), "STAG*"),
    "denied host": lambda facts: denied(facts.named(server=NAMES.server), "*.example.com"),
    "unverified TLS": lambda facts: facts.named(server=NAMES.server, is_tls_verified=False),
    "plain HTTP": lambda facts: facts.named(server="http://k8s.staging.example.com"),
    "no host": lambda facts: facts.named(server=""),
}
"""Each alone decides from the kubeconfig, before any connection."""

SERVER_VETOES: Mapping[str, Change] = {
    "isolated label": lambda facts: with_isolated(facts, labels={"environment": "production"}),
    "isolated annotation": lambda facts: with_isolated(facts, annotations={"example.com/tier": "prod"}),
    "statement of production": lambda facts: with_isolated(facts, annotations={"kdebug.dev/environment": "production"}),
    "target namespace label": lambda facts: with_target_namespace(
        facts, labels={"app.kubernetes.io/environment": "Live"}
    ),
    "target namespace short word": lambda facts: with_target_namespace(facts, labels={"env": "pro"}),
    "target namespace annotation": lambda facts: with_target_namespace(facts, annotations={"stage": "prd"}),
    "target label": lambda facts: facts.said(target=marked(SERVER.target, labels={"env": "prod-eu"})),
    "target annotation": lambda facts: facts.said(
        target=marked(SERVER.target, annotations={"deployment.environment": "prod"})
    ),
    "node label": lambda facts: facts.said(
        nodes=(node(), node("node-2", labels={"tags.example.com/env": "production"}))
    ),
    "node name": lambda facts: facts.said(nodes=(node(), node("ip-10-0-0-1.prod.internal"))),
    "isolated name": lambda facts: facts.said(isolated_name="kdebug-prod"),
    "target namespace name": lambda facts: facts.said(target_namespace_name="live"),
    "denied target": lambda facts: denied(facts.said(target=SERVER.target), "prism-proxy-*"),
    "denied node": lambda facts: denied(facts.said(nodes=(node("bastion"),)), "bastion"),
}

UNKNOWNS: Mapping[str, Change] = {
    "isolated unreadable": lambda facts: facts.said(isolated=None),
    "isolated missing": lambda facts: facts.said(isolated=None, is_isolated_missing=True),
    "target namespace unreadable": lambda facts: facts.said(target_namespace=None),
    "no label": lambda facts: facts.said(isolated=isolated(labels={})),
    "label false": lambda facts: with_isolated(facts, labels={"kdebug.dev/isolated": "false"}),
    "no environment": lambda facts: facts.said(isolated=isolated({"kdebug.dev/covers": "cluster"})),
    "unknown environment": lambda facts: with_isolated(facts, annotations={"kdebug.dev/environment": "blue"}),
    "canary": lambda facts: with_isolated(facts, annotations={"kdebug.dev/environment": "canary"}),
    "no covers": lambda facts: facts.said(isolated=isolated({"kdebug.dev/environment": "staging"})),
    "covers another": lambda facts: with_isolated(facts, annotations={"kdebug.dev/covers": "prism-2,other"}),
    "covers nonsense": lambda facts: with_isolated(facts, annotations={"kdebug.dev/covers": "*"}),
    "covers mixed": lambda facts: with_isolated(facts, annotations={"kdebug.dev/covers": "cluster,prism"}),
}

NEUTRAL: Mapping[str, Change] = {
    "nothing": lambda facts: facts,
    "covers the cluster": lambda facts: with_isolated(facts, annotations={"kdebug.dev/covers": "cluster"}),
    "covers several": lambda facts: with_isolated(facts, annotations={"kdebug.dev/covers": "other, prism"}),
    "numbered environment": lambda facts: with_isolated(facts, annotations={"kdebug.dev/environment": "QA-2"}),
    "nodes readable": lambda facts: facts.said(
        nodes=(node(), node("node-2", labels={"env": "staging", "zone": "prod"}))
    ),
    "preprod everywhere": lambda facts: facts.named(
        context="preprod", cluster="uat", server="https://preprod.example.com"
    ),
    "address": lambda facts: facts.named(server="https://10.1.2.3:6443"),
    "tunnel": lambda facts: facts.named(server="https://127.0.0.1:16443"),
    "loopback without TLS": lambda facts: facts.named(server="http://localhost:8080", is_tls_verified=False),
    "pod called prod": lambda facts: facts.said(target=marked(SERVER.target, name="prod-report")),
    "unrelated deny": lambda facts: denied(facts, "blue-*"),
    "manifest": lambda facts: facts.said(target_namespace=None, is_target_namespace_missing=True),
    "no target yet": lambda facts: facts.said(target=None),
}


def second_key(
    name: str, *, days: float = 10, reason: object = "sells products", expires: object = None
) -> dict[str, object]:
    """Return the annotation's object that acknowledges a name."""
    until = (NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z")
    return {"name": name, "reason": reason, "expires": until if expires is None else expires}
