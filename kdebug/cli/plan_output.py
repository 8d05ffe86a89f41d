"""A plan on stdout: as text, as the manifests that would be created, as one JSON object, or as a diff to the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from difflib import unified_diff
from typing import Any

from kdebug.cli.output import as_json, as_yaml
from kdebug.cli.plan_text import plan_lines
from kdebug.domain.clone.hiding import hidden, secret_values
from kdebug.domain.dependencies import Decision
from kdebug.domain.guard import Verdict
from kdebug.domain.kinds import Manifest, title_of
from kdebug.domain.plan import Plan, redacted
from kdebug.domain.text import safe

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Holds the whole manifest once more, its secrets included."""
_NOT_SHOWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")


def render_plan(
    plan: Plan, *, target: Manifest, form: str = "", verdict: Verdict | None = None, refusal: Sequence[str] = ()
) -> str:
    """Return the plan in a form: '' (text), yaml, json or diff; `refusal` has the guard's lines where it would refuse.

    YAML is exactly what would be created, with a zero owner uid; nothing that looks secret is in any form.
    """
    if form == "json":
        return as_json("Plan", _content(plan, verdict, refusal))
    if form == "yaml":
        return _comments(refusal) + as_yaml(redacted(plan.objects))
    if form == "diff":
        return _comments(refusal) + _difference(plan, target)
    return "\n".join(plan_lines(plan, verdict, refusal)).rstrip("\n") + "\n"


def _comments(lines: Sequence[str]) -> str:
    return "".join(f"# {safe(line)}\n" for line in lines)


def _difference(plan: Plan, target: Manifest) -> str:
    secrets = secret_values(target) | secret_values(plan.pod)
    before, after = (as_yaml([_shown(manifest, secrets)]).splitlines() for manifest in (target, plan.pod))
    names = (f"target/{plan.target_namespace}/{plan.target_title}", f"clone/{plan.namespace}/{title_of(plan.pod)}")
    return "".join(f"{safe(line, 4096)}\n" for line in unified_diff(before, after, *names, lineterm=""))


def _shown(pod: Manifest, secrets: Set[str]) -> Mapping[str, Any]:
    """Return a pod as the two sides of a diff: fields in one order, no status, nothing that looks secret."""
    metadata = {key: value for key, value in pod["metadata"].items() if key not in _NOT_SHOWN}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    shown: Mapping[str, Any] = _sorted({"metadata": metadata, "spec": hidden(pod["spec"], secrets)})
    return {"apiVersion": "v1", "kind": "Pod", **shown}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, (list, tuple)) else value


def _content(plan: Plan, verdict: Verdict | None, refusal: Sequence[str]) -> dict[str, Any]:
    return {
        "verdict": _verdict(verdict),
        "refusal": refusal,
        "session": plan.session_id,
        "target": {
            "namespace": plan.target_namespace,
            "name": plan.target_title,
            "uid": plan.target_uid,
            "container": plan.container,
            "because": plan.target_because,
        },
        "failure": {
            "isFailing": plan.diagnosis.is_failing,
            "state": plan.diagnosis.state,
            "exitCode": plan.diagnosis.exit_code,
            "summary": plan.diagnosis.summary,
        },
        "image": _fields(plan.image),
        "namespace": plan.namespace,
        "network": plan.network,
        "shell": plan.shell,
        "hardCapSeconds": plan.hard_cap_seconds,
        "objects": redacted(plan.objects),
        "steps": [{"name": step.name, "why": step.why} for step in plan.clone.steps],
        "changes": [
            {"path": change.path, "old": change.old, "new": change.new, "step": change.step, "reason": change.reason}
            for change in plan.clone.changes
        ],
        "leftOut": [{"path": entry.path, "step": entry.step, "reason": entry.reason} for entry in plan.clone.left_out],
        "dependencies": [_decision(decision) for decision in plan.dependencies],
        "warnings": plan.warnings,
    }


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {"isAllowed": verdict.is_allowed, "signals": [_fields(signal) for signal in verdict.signals]}


def _decision(decision: Decision) -> dict[str, Any]:
    return {**_fields(decision.dependency), "outcome": decision.outcome, "reason": decision.reason}


def _fields(value: Any) -> dict[str, Any]:
    """Return a frozen value's fields as data, in the spelling of JSON."""
    return {_camel(field.name): getattr(value, field.name) for field in fields(value)}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
