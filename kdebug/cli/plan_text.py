"""A plan in words: why the target fails, what would be made in which order, and in what the clone differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from kdebug.cli.values import in_words
from kdebug.domain.clone import Explained
from kdebug.domain.clone.hiding import HIDDEN
from kdebug.domain.guard import Verdict
from kdebug.domain.kinds import namespace_of, title_of
from kdebug.domain.literals import secret_words
from kdebug.domain.ownership import GRACE_SECONDS, LEASE_SECONDS, TTL_SECONDS
from kdebug.domain.plan import Plan
from kdebug.domain.text import safe

_REACH = {
    "dns": "the cluster's DNS servers, nothing else",
    "source": "the cluster's DNS servers and the target's namespace",
    "open": "everything that the cluster lets it",
}
_PURPOSE = {
    "Job": "the anchor: it owns the rest and expires on the server",
    "NetworkPolicy": "what the clone may reach",
    "ConfigMap": "a copy of the target's",
    "Secret": "values that look secret, or were asked for",
    "Pod": "the clone",
}
_LONGEST = 160
_WIDTH = 116
_MARKS = ("metadata.labels", "metadata.annotations")
_GONE_WITHIN = LEASE_SECONDS + TTL_SECONDS + GRACE_SECONDS


def plan_lines(plan: Plan, verdict: Verdict | None = None, refusal: Sequence[str] = ()) -> Iterator[str]:
    """Yield the plan as lines; the guard's verdict comes first, a refusal with all that it has to say."""
    if verdict:
        yield from refusal or (verdict_line(verdict),)
        yield ""
    yield from _facts(plan)
    yield ""
    yield from _objects(plan)
    yield from _section("How the clone differs from the target, step by step", _steps(plan))
    yield from _section("What the target refers to", _dependencies(plan))
    yield from _section("Note", plan.warnings)


def verdict_line(verdict: Verdict) -> str:
    """Return the guard's answer and the signal that decided, on one line."""
    signal = verdict.deciding
    word = "allowed" if verdict.is_allowed else "open would be refused"
    return (
        f"Verdict    {word}: {safe(signal.name)} {safe(signal.value)!r} ({safe(signal.place)}): {safe(signal.meaning)}"
    )


def _facts(plan: Plan) -> Iterator[str]:
    yield f"Target     {safe(plan.target_title)} in {safe(plan.target_namespace)}, container {safe(plan.container)}"
    if plan.target_because:
        yield f"           this one because {safe(plan.target_because)}"
    yield f"{'Fails' if plan.diagnosis.is_failing else 'State':<11}{safe(plan.diagnosis.summary)}"
    yield f"Image      {safe(plan.image.old)} -> {safe(plan.image.new)}"
    yield f"           {safe(plan.image.reason)}"
    yield f"Runs       {safe(plan.shell)}; the target runs {_command(plan)}"
    yield f"Network    {plan.network}: {_REACH[plan.network]}"
    yield f"Life       ends with the session; whatever happens, after {in_words(plan.hard_cap_seconds)}"
    yield f"           if kdebug dies, the server removes everything within {_GONE_WITHIN} s"


def _command(plan: Plan) -> str:
    words = [*plan.original.command, *plan.original.args]
    secret = secret_words(words)
    shown = (HIDDEN if index in secret else word for index, word in enumerate(words))
    return safe(" ".join(shown), _LONGEST) or "what its image says"


def _objects(plan: Plan) -> Iterator[str]:
    yield f"Created in {plan.namespace}, in this order, and removed at the end:"
    width = max(len(title_of(manifest)) for manifest in plan.objects)
    for manifest in plan.objects:
        where = namespace_of(manifest)
        elsewhere = f" (in {where})" if where != plan.namespace else ""
        yield f"  {title_of(manifest):<{width}}  {_PURPOSE.get(str(manifest['kind']), '')}{elsewhere}".rstrip()
    yield ""


def _steps(plan: Plan) -> Iterator[str]:
    """Yield each step that changed something: its reason, then what it changed and what it left out."""
    for step in plan.clone.steps:
        changes = [change for change in plan.clone.changes if change.step == step.name]
        left_out = [safe(entry.path) for entry in plan.clone.left_out if entry.step == step.name]
        if changes or left_out:
            yield f"{step.name}: {step.why}"
            yield from (f"  {line}" for line in _changes(changes))
            if left_out:
                yield from (f"  {line}" for line in _wrapped(f"left out: {', '.join(left_out)}"))


def _changes(changes: Sequence[Explained]) -> Iterator[str]:
    """Yield path: old -> new; labels and annotations that a step adds by the dozen are one line."""
    added: dict[str, list[str]] = {}
    for change in changes:
        place, _, key = safe(change.path).partition("[")
        if change.old is None and place in _MARKS:
            added.setdefault(place, []).append(f"{key.removesuffix(']')}={_value(change.new)}")
        else:
            yield f"{safe(change.path)}: {_value(change.old)} -> {_value(change.new)}"
    for place, marks in added.items():
        yield from _wrapped(f"{place}: adds {', '.join(marks)}")


def _wrapped(text: str) -> list[str]:
    return wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _dependencies(plan: Plan) -> Iterator[str]:
    for decision in plan.dependencies:
        dependency = decision.dependency
        yield f"{dependency.kind.casefold()}/{safe(dependency.name)}: {decision.outcome}, {safe(decision.reason)}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = [f"  {line}" for line in lines]
    if found:
        yield f"{title}:"
        yield from found
        yield ""


def _value(value: Any) -> str:
    """Return a manifest's value on one line; None is a field that is absent."""
    if value is None:
        return "(absent)"
    return safe(value if isinstance(value, str) and value else json.dumps(value, default=dict), _LONGEST)
