"""What speaks against a cluster: names, denied patterns, an unverified connection, labels that say production."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kdebug.domain.guard_facts import CONNECTION, ConnectionNames, GuardRules, ObjectFacts, ServerFacts, Signal
from kdebug.domain.guard_statement import ACKNOWLEDGED, WHO, acknowledgement
from kdebug.domain.names import host_of, is_loopback, judge_name, judge_server

ENVIRONMENT_KEYS = frozenset({"environment", "env", "tier", "stage"})
SHORT_WORDS = frozenset({"p", "pro"})
"""Values of an environment label that mean production where environments are called dev, pre and pro; not names."""

_KEY_WORDS = re.compile(r"[-_.]")
_CREDENTIALS = re.compile(r"//[^/?#]*@")


@dataclass(frozen=True, kw_only=True)
class Named:
    """One name that the guard judges, and where it stands."""

    name: str
    value: str
    place: str
    is_judged: bool = True
    """False for a name that only denied patterns apply to: a pod may be called prod-report in any cluster."""


def name_signals(names: ConnectionNames, server: ServerFacts | None, rules: GuardRules) -> Iterator[Signal]:
    """Yield a signal for every name of the kubeconfig and, once it was asked, of the server."""
    for named in (*_kubeconfig_names(names), *(_server_names(names, server) if server else ())):
        if not named.value:
            continue
        pattern = next((pattern for pattern in rules.deny if _is_denied(named.value, pattern)), "")
        if pattern:
            yield Signal(
                name=named.name,
                value=named.value,
                place=named.place,
                weight="veto",
                meaning=f"the configuration denies {pattern!r}",
                remedy="use another cluster; the pattern stands under guard.deny or in KDEBUG_DENY",
            )
        elif named.is_judged:
            yield _judged(named, server, rules)
    if server and server.nodes is not None:
        yield from _node_signals(server.nodes, server, rules)


def _kubeconfig_names(names: ConnectionNames) -> tuple[Named, ...]:
    return (
        Named(name="context", value=names.context, place="kubeconfig"),
        Named(name="cluster", value=names.cluster, place="kubeconfig"),
        Named(name="user", value=names.user, place="kubeconfig"),
        Named(name="host", value=host_of(names.server), place="kubeconfig, server URL"),
        Named(name="host", value=names.tls_server_name, place="kubeconfig, tls-server-name"),
        Named(name="namespace", value=names.namespace, place="kubeconfig or --namespace"),
    )


def _server_names(names: ConnectionNames, server: ServerFacts) -> tuple[Named, ...]:
    target_namespace = "" if server.target_namespace_name == names.namespace else server.target_namespace_name
    return (
        Named(name="target namespace", value=target_namespace, place="the cluster"),
        Named(name="isolated namespace", value=server.isolated_name, place="configuration"),
        Named(name="target", value=server.target.name if server.target else "", place="the cluster", is_judged=False),
    )


def _is_denied(value: str, pattern: str) -> bool:
    return fnmatchcase(value.casefold(), pattern.casefold())


def _judged(named: Named, server: ServerFacts | None, rules: GuardRules) -> Signal:
    judgement = judge_server(named.value) if named.name == "host" else judge_name(named.value)
    if not judgement.is_production_like:
        return Signal(
            name=named.name,
            value=named.value,
            place=named.place,
            weight="neutral",
            meaning="nothing in it says production",
        )
    meaning = (
        f"{judgement.token!r} in it means production"
        if judgement.verdict == "production"
        else f"{judgement.token!r} in it cannot be told from other letters, so it is taken for production"
    )
    if named.value not in rules.acknowledge:
        return _veto(named, meaning)
    if server is None:
        return Signal(
            name=named.name,
            value=named.value,
            place=named.place,
            weight="unknown",
            meaning=f"{meaning}; the configuration acknowledges it, the server has to as well",
        )
    second_key = acknowledgement(server, named.value)
    if second_key.problem:
        return _veto(named, f"{meaning}; the configuration acknowledges it, but {second_key.problem}")
    return Signal(
        name=named.name,
        value=named.value,
        place=named.place,
        weight="neutral",
        meaning=f"acknowledged by the configuration and by the cluster: {second_key.reason}",
    )


def _veto(named: Named, meaning: str) -> Signal:
    return Signal(
        name=named.name,
        value=named.value,
        place=named.place,
        weight="veto",
        meaning=meaning,
        remedy="use a cluster that is not production; for a name that misleads, guard.acknowledge in the configuration "
        f"and {ACKNOWLEDGED} on the isolated namespace (by {WHO})",
    )


def _node_signals(nodes: Sequence[ObjectFacts], server: ServerFacts, rules: GuardRules) -> Iterator[Signal]:
    for node in nodes:
        named = Named(name="node", value=node.name, place="the cluster")
        denied = next((pattern for pattern in rules.deny if _is_denied(node.name, pattern)), "")
        signal = _judged(named, server, rules)
        if denied:
            signal = _veto(named, f"the configuration denies {denied!r}")
        if signal.weight != "neutral":
            yield signal
    yield Signal(
        name="nodes",
        value=str(len(nodes)),
        place="the cluster",
        weight="neutral",
        meaning="their names and labels were looked at",
    )


def connection_signals(names: ConnectionNames) -> Iterator[Signal]:
    """Yield whether the connection proves which server it reaches."""
    host = host_of(names.server)
    is_own = is_loopback(host) and not names.proxy
    is_encrypted = names.server.casefold().startswith("https://")
    if not host:
        yield _connection(names, "veto", "the URL names no host", "correct the cluster's server in the kubeconfig")
    elif not is_own and not is_encrypted:
        yield _connection(
            names, "veto", "plain HTTP off this machine: anybody on the way could answer", "use an https:// server URL"
        )
    elif not is_own and not names.is_tls_verified:
        yield _connection(
            names,
            "veto",
            "the server's certificate is not verified: anybody on the way could answer",
            "give the cluster's certificate-authority instead of insecure-skip-tls-verify in the kubeconfig",
        )
    else:
        yield _connection(names, "neutral", "on this machine" if is_own else "the server's certificate is verified", "")


def _connection(names: ConnectionNames, weight: str, meaning: str, remedy: str) -> Signal:
    shown = _CREDENTIALS.sub("//", names.server) or "<unset>"
    return Signal(name=CONNECTION, value=shown, place="kubeconfig", weight=weight, meaning=meaning, remedy=remedy)


def label_signals(kind: str, facts: ObjectFacts) -> Iterator[Signal]:
    """Yield a veto for each label or annotation that names an environment and says production."""
    for what, pairs in (("label", facts.labels), ("annotation", facts.annotations)):
        for key, value in environment_marks(pairs):
            judgement = judge_name(value)
            if judgement.is_production_like or value.strip().casefold() in SHORT_WORDS:
                yield Signal(
                    name=f"{what} {key}",
                    value=value,
                    place=f"{kind} {facts.name}",
                    weight="veto",
                    meaning="it says production",
                    remedy=f"use what is not production; if the {what} is wrong, {WHO} can correct it",
                )


def environment_marks(pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the labels or annotations whose key's last segment has environment, env, tier or stage among its words."""
    return tuple(
        (key, value)
        for key, value in sorted(pairs.items())
        if ENVIRONMENT_KEYS.intersection(_KEY_WORDS.split(key.rpartition("/")[2].casefold()))
    )
