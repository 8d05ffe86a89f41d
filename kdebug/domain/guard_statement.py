"""What the cluster says for itself: the isolated namespace's statement, a local cluster's marks, acknowledged names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kdebug.domain.guard_facts import ConnectionNames, ObjectFacts, ServerFacts, Signal
from kdebug.domain.isolation import DEFAULT_NAMESPACE
from kdebug.domain.names import address_of, host_of, is_loopback
from kdebug.domain.statement import COVERS, ENVIRONMENT, ISOLATED_LABEL, WHOLE_CLUSTER, covers_of, is_covered

ACKNOWLEDGED = "kdebug.dev/acknowledged"
ACKNOWLEDGED_DAYS = 30

NON_PRODUCTION_WORDS = (
    "staging", "stage", "stg", "dev", "develop", "development", "test", "testing", "tst", "qa", "uat", "sit",
    "integration", "int", "preprod", "pre-prod", "preproduction", "pre-production", "pre", "preview", "nonprod",
    "non-prod", "nonproduction", "non-production", "acceptance", "acc", "sandbox", "playground", "lab", "demo",
    "local", "ci", "perf", "performance", "load", "loadtest", "experimental", "training", "review", "debug",
    "ephemeral", "scratch",
)  # fmt: skip
"""What an environment may be called in a statement. canary is not among them: it serves real users."""

WHO = "whoever runs the cluster"


def is_non_production_word(word: str) -> bool:
    """Return whether an environment's name is on the list, a number at its end aside (dev2, qa-1)."""
    return word.strip().casefold().rstrip("0123456789").rstrip("-_") in NON_PRODUCTION_WORDS


def setup_command(server: ServerFacts) -> str:
    """Return the command that makes the statement cover the target's namespace, keeping what it says already."""
    annotations = {} if server.isolated is None else server.isolated.annotations
    stated, covers = annotations.get(ENVIRONMENT, "").strip(), covers_of(annotations)
    namespace = server.target_namespace_name or WHOLE_CLUSTER
    wanted = covers if is_covered(covers, server.target_namespace_name) else (*covers, namespace)
    is_mixed = WHOLE_CLUSTER in wanted
    environment = stated if is_non_production_word(stated) else "staging"
    elsewhere = "" if server.isolated_name == DEFAULT_NAMESPACE else f" --to-namespace {server.isolated_name}"
    covered = WHOLE_CLUSTER if is_mixed else ",".join(wanted)
    return f"kdebug setup --environment {environment} --covers {covered}{elsewhere}"


def is_local(names: ConnectionNames, server: ServerFacts) -> bool:
    """Return whether this is a kind, k3d or minikube cluster on this machine.

    Every node carries the marks, and the host is loopback or a node's own private address. Loopback alone proves
    nothing, since tunnels end there, and through a proxy it is the proxy's.
    """
    nodes = server.nodes or ()
    if not nodes or names.proxy or not all(_has_local_marks(node) for node in nodes):
        return False
    host = host_of(names.server)
    address = address_of(host)
    own = {own for node in nodes for own in node.addresses}
    return is_loopback(host) or (address is not None and address.is_private and str(address) in own)


def _has_local_marks(node: ObjectFacts) -> bool:
    is_k3d = node.provider_id.startswith("k3s://k3d-") and node.name.startswith("k3d-")
    return is_k3d or node.provider_id.startswith("kind://") or bool(node.labels.get("minikube.k8s.io/name"))


def statement_signals(names: ConnectionNames, server: ServerFacts) -> Iterator[Signal]:
    """Yield what the server states about itself, and what is missing for a statement."""
    if is_local(names, server):
        yield Signal(
            name="local cluster",
            value=host_of(names.server),
            place="nodes and kubeconfig",
            weight="statement",
            meaning="every node is one of kind, k3d or minikube, and the API server is on this machine",
        )
        yield _isolated_of_local(server)
        return
    yield _isolated(server)
    if server.isolated is not None:
        yield from _claims(server, server.isolated)


def _isolated(server: ServerFacts) -> Signal:
    if server.isolated is not None:
        return _isolated_label(server, server.isolated)
    return _absent_isolated(
        server, "unknown", "no isolated namespace says what this cluster is for", f"{setup_command(server)} (by {WHO})"
    )


def _isolated_of_local(server: ServerFacts) -> Signal:
    if server.isolated is not None:
        return _isolated_label(server, server.isolated)
    return _absent_isolated(server, "neutral", "it does not exist yet and is made when the plan is confirmed", "")


def _absent_isolated(server: ServerFacts, weight: str, meaning: str, remedy: str) -> Signal:
    place = "the cluster"
    if server.is_isolated_missing:
        return Signal(
            name="isolated namespace",
            value=server.isolated_name,
            place=place,
            weight=weight,
            meaning=meaning,
            remedy=remedy,
        )
    return Signal(
        name="isolated namespace",
        value=server.isolated_name,
        place=place,
        weight="unknown",
        meaning="it may not be read, so what this cluster is for is unknown",
        remedy=f"ask {WHO} for get on namespace {server.isolated_name}",
    )


def _isolated_label(server: ServerFacts, isolated: ObjectFacts) -> Signal:
    value = isolated.labels.get(ISOLATED_LABEL, "")
    is_isolated = value == "true"
    return Signal(
        name=f"label {ISOLATED_LABEL}",
        value=value or "<unset>",
        place=f"namespace {server.isolated_name}",
        weight="neutral" if is_isolated else "unknown",
        meaning="the namespace is for clones" if is_isolated else "the namespace is not marked as one for clones",
        remedy="" if is_isolated else f"{setup_command(server)} (by {WHO})",
    )


def _claims(server: ServerFacts, isolated: ObjectFacts) -> Iterator[Signal]:
    environment = isolated.annotations.get(ENVIRONMENT, "").strip()
    covers = isolated.annotations.get(COVERS, "").strip()
    is_labelled = isolated.labels.get(ISOLATED_LABEL) == "true"
    is_said = is_non_production_word(environment)
    is_target_covered = is_covered(covers_of(isolated.annotations), server.target_namespace_name)
    yield _claim(
        server,
        ENVIRONMENT,
        environment,
        "neutral" if is_said else "unknown",
        "a word for an environment that is not production"
        if is_said
        else "this is not a known word for a non-production environment",
    )
    yield _claim(
        server,
        COVERS,
        covers,
        "neutral" if is_target_covered else "unknown",
        "the statement covers the target's namespace"
        if is_target_covered
        else f"the statement does not cover namespace {server.target_namespace_name or '<unset>'}",
    )
    if is_labelled and is_said and is_target_covered:
        yield _claim(
            server,
            "statement",
            environment,
            "statement",
            f"the cluster says that it is {environment} and may hold clones",
        )


def _claim(server: ServerFacts, key: str, value: str, weight: str, meaning: str) -> Signal:
    return Signal(
        name=key if weight == "statement" else f"annotation {key}",
        value=value or "<unset>",
        place=f"namespace {server.isolated_name}",
        weight=weight,
        meaning=meaning,
        remedy=f"{setup_command(server)} (by {WHO}, if it is not production)" if weight == "unknown" else "",
    )


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """What the isolated namespace says of one name that misleads: why it does, or the problem with saying so."""

    reason: str = ""
    problem: str = ""


def acknowledgement(server: ServerFacts, name: str) -> Acknowledgement:
    """Return the second key for a name: the annotation's JSON object (or list of them) with name, reason and expires.

    `expires` is RFC 3339 with a zone, later than the server's clock and at most 30 days ahead of it.
    """
    text = "" if server.isolated is None else server.isolated.annotations.get(ACKNOWLEDGED, "")
    if not text:
        return Acknowledgement(problem=f"namespace {server.isolated_name} does not acknowledge it")
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return Acknowledgement(problem=f"annotation {ACKNOWLEDGED} is not JSON")
    entries = decoded if isinstance(decoded, list) else [decoded]
    entry = next((entry for entry in entries if isinstance(entry, Mapping) and entry.get("name") == name), None)
    if entry is None:
        return Acknowledgement(problem=f"annotation {ACKNOWLEDGED} is for another name")
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        return Acknowledgement(problem=f"annotation {ACKNOWLEDGED} gives no reason")
    problem = _expiry_problem(entry.get("expires"), server.now)
    return Acknowledgement(problem=problem) if problem else Acknowledgement(reason=reason.strip())


def _expiry_problem(expires: object, now: datetime) -> str:
    try:
        until = datetime.fromisoformat(expires) if isinstance(expires, str) else None
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        return f"annotation {ACKNOWLEDGED} has no expires in the form 2026-01-31T12:00:00Z"
    if until <= now:
        return f"the acknowledgement expired at {until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if until > now + timedelta(days=ACKNOWLEDGED_DAYS):
        return f"the acknowledgement expires more than {ACKNOWLEDGED_DAYS} days ahead"
    return ""
