"""The plan in a few lines, as it is shown before the question whether to go on."""

from __future__ import annotations

from collections.abc import Iterator

from kdebug.cli.values import in_words
from kdebug.domain.dependencies import COPIED, NOT_NEEDED
from kdebug.domain.kinds import title_of
from kdebug.domain.plan import Plan
from kdebug.domain.text import safe

_STORES = ("ConfigMap", "Secret", "PersistentVolumeClaim")
"""What a program reads its settings and data from: their absence is what it would notice first."""


def plan_summary(plan: Plan) -> Iterator[str]:
    """Yield what will be made, in what it differs in short, and when it ends."""
    yield f"image     {safe(plan.image.old)} -> {safe(plan.image.new)}  ({safe(plan.image.reason)})"
    yield f"creates   in namespace {plan.namespace}: {', '.join(title_of(manifest) for manifest in plan.objects)}"
    yield f"network   {plan.network}; ends with the shell, or after {in_words(plan.hard_cap_seconds)}"
    changes, left_out = len(plan.clone.changes), len(plan.clone.left_out)
    yield f"differs   {changes} changes, {left_out} things left out: kdebug plan shows each with its reason"
    for decision in plan.dependencies:
        if decision.dependency.kind in _STORES and decision.outcome not in (COPIED, NOT_NEEDED):
            name = f"{decision.dependency.kind.casefold()}/{safe(decision.dependency.name)}"
            yield f"          {name}: {decision.outcome}"
    for warning in plan.warnings:
        yield f"note      {safe(warning)}"
