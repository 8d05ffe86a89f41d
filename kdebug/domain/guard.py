"""The production rule: one pure function from facts to a verdict with every signal it looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kdebug.domain.guard_facts import (
    CANNOT_BE_READ,
    UNREADABLE,
    WEIGHTS,
    ConnectionNames,
    GuardRules,
    ObjectFacts,
    ServerFacts,
    Signal,
    Verdict,
)
from kdebug.domain.guard_statement import (
    ACKNOWLEDGED,
    NON_PRODUCTION_WORDS,
    WHO,
    is_local,
    is_non_production_word,
    setup_command,
    statement_signals,
)
from kdebug.domain.guard_vetoes import connection_signals, environment_marks, label_signals, name_signals
from kdebug.domain.names import host_of, judge_name
from kdebug.domain.statement import COVERS, ENVIRONMENT, ISOLATED_LABEL

__all__ = [
    "ACKNOWLEDGED",
    "NON_PRODUCTION_WORDS",
    "UNREADABLE",
    "WEIGHTS",
    "ConnectionNames",
    "GuardRules",
    "ObjectFacts",
    "ServerFacts",
    "Signal",
    "Verdict",
    "changed",
    "identity",
    "is_local",
    "is_non_production_word",
    "judge",
    "judge_setup",
    "offline_veto",
]

NOT_ASKED = Signal(
    name="server",
    value="not asked yet",
    place="kubeconfig alone",
    weight="unknown",
    meaning="no name says production; the server decides",
)


def judge(names: ConnectionNames, server: ServerFacts | None, rules: GuardRules) -> Verdict:
    """Judge whether a session may start: allowed when the server states that it may and nothing says production.

    With `server` None only the kubeconfig is judged, before any connection: such a verdict is never allowed, and
    `is_vetoed` tells whether it is final or the server is to be asked.
    """
    signals = [*name_signals(names, server, rules), *connection_signals(names)]
    if server is None:
        is_vetoed = any(signal.weight == "veto" for signal in signals)
        return _verdict(signals if is_vetoed else [*signals, NOT_ASKED])
    verdict = _verdict(
        [*signals, *_environment_signals(server), *_target_namespace(server), *statement_signals(names, server)]
    )
    return replace(verdict, setup_command=setup_command(server))


def offline_veto(names: ConnectionNames, rules: GuardRules) -> Verdict | None:
    """Return the refusal that the kubeconfig alone gives, or None when the server is to be asked."""
    verdict = judge(names, None, rules)
    return verdict if verdict.is_vetoed else None


def judge_setup(
    names: ConnectionNames,
    server: ServerFacts,
    rules: GuardRules,
    *,
    environment: str,
    covered: Sequence[ObjectFacts] = (),
) -> Verdict:
    """Judge whether `kdebug setup` may make the statement: vetoes, and the word for the environment.

    `covered` are the namespaces that the statement would cover, where they can be read.
    """
    signals = [*name_signals(names, server, rules), *connection_signals(names), *_environment_signals(server)]
    for namespace in covered:
        signals += label_signals("namespace", namespace)
        signals += _covered_name(namespace)
    if server.isolated is None and not server.is_isolated_missing:
        signals.append(_unreadable("isolated namespace", server.isolated_name))
    signals.append(_environment_word(environment))
    return _verdict(signals)


def _verdict(signals: Iterable[Signal]) -> Verdict:
    ordered = tuple(sorted(signals, key=lambda signal: WEIGHTS.index(signal.weight)))
    weights = {signal.weight for signal in ordered}
    return Verdict(is_allowed="statement" in weights and not weights & {"veto", "unknown"}, signals=ordered)


def _environment_signals(server: ServerFacts) -> Iterator[Signal]:
    for kind, facts in (
        ("namespace", server.isolated),
        ("namespace", server.target_namespace),
        ("target", server.target),
    ):
        if facts is not None:
            yield from label_signals(kind, facts)
    for node in server.nodes or ():
        yield from label_signals("node", node)


def _target_namespace(server: ServerFacts) -> Iterator[Signal]:
    if server.target_namespace is not None or server.is_target_namespace_missing:
        return
    yield _unreadable("target namespace", server.target_namespace_name)


def _unreadable(name: str, namespace: str) -> Signal:
    return Signal(
        name=name,
        value=namespace or "<unset>",
        place="the cluster",
        weight="unknown",
        meaning=CANNOT_BE_READ,
        remedy=f"ask {WHO} for get on namespace {namespace}",
    )


def _covered_name(namespace: ObjectFacts) -> Iterator[Signal]:
    judgement = judge_name(namespace.name)
    if judgement.is_production_like:
        yield Signal(
            name="covered namespace",
            value=namespace.name,
            place="--covers",
            weight="veto",
            meaning=f"{judgement.token!r} in it means production",
            remedy="name namespaces that are not production",
        )


def _environment_word(environment: str) -> Signal:
    if is_non_production_word(environment):
        weight, meaning, remedy = "statement", "a word for an environment that is not production", ""
    elif judge_name(environment).is_production_like:
        weight, meaning, remedy = (
            "veto",
            "it says production, where there are no clones",
            "run setup on a cluster that is not production",
        )
    else:
        weight, meaning = "unknown", "this is not a known word for a non-production environment"
        remedy = f"use one of {', '.join(NON_PRODUCTION_WORDS[:12])}..."
    return Signal(
        name="environment",
        value=environment or "<unset>",
        place="--environment",
        weight=weight,
        meaning=meaning,
        remedy=remedy,
    )


def identity(names: ConnectionNames, server: ServerFacts) -> str:
    """Return a fingerprint of the facts that must stay as they are during a session: host, CA, uids and statement."""
    facts = [host_of(names.server), names.ca_fingerprint, server.kube_system_uid]
    for namespace in (server.isolated, server.target_namespace):
        facts += ["", ""] if namespace is None else [namespace.uid, json.dumps(_marks(namespace))]
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def changed(before: ServerFacts, after: ServerFacts) -> str:
    """Return what is another fact than before, in words, or an empty string.

    What could not be read now, or did not exist before, has not changed: a failed read is tried again.
    """
    if before.kube_system_uid and after.kube_system_uid and before.kube_system_uid != after.kube_system_uid:
        return "this is another cluster: the uid of namespace kube-system differs"
    isolated = f"isolated namespace {before.isolated_name}"
    target_namespace = f"namespace {before.target_namespace_name}"
    return _changed_namespace(
        isolated, before.isolated, after.isolated, after.is_isolated_missing
    ) or _changed_namespace(
        target_namespace, before.target_namespace, after.target_namespace, after.is_target_namespace_missing
    )


def _changed_namespace(title: str, before: ObjectFacts | None, after: ObjectFacts | None, is_missing: bool) -> str:
    if before is not None and is_missing:
        return f"{title} is gone"
    if before is None or after is None:
        return ""
    if before.uid != after.uid:
        return f"{title} is another one: it was deleted and made anew"
    old, new = dict(_marks(before)), dict(_marks(after))
    key = next((key for key in sorted({*old, *new}) if old.get(key) != new.get(key)), "")
    return f"{title}: {key} is now {new.get(key, '<unset>')!r}, it was {old.get(key, '<unset>')!r}" if key else ""


def _marks(namespace: ObjectFacts) -> list[tuple[str, str]]:
    labels = [(f"label {key}", value) for key, value in environment_marks(namespace.labels)]
    labels += (
        [(f"label {ISOLATED_LABEL}", namespace.labels[ISOLATED_LABEL])] if ISOLATED_LABEL in namespace.labels else []
    )
    stated = {key: value for key, value in namespace.annotations.items() if key in (ENVIRONMENT, COVERS)}
    annotations = {**dict(environment_marks(namespace.annotations)), **stated}
    return sorted({*labels, *((f"annotation {key}", value) for key, value in annotations.items())})
