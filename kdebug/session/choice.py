"""What to say when a name means several pods, or none: a list with states, and the nearest names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from difflib import SequenceMatcher
from heapq import nlargest

from kdebug.domain.kinds import Manifest, name_of
from kdebug.domain.state import restarts_of, word_of
from kdebug.domain.target import severity, workload_of, worst
from kdebug.domain.text import age, safe
from kdebug.errors import TargetError

MAX_LISTED = 20
_HEADS = ("NAME", "STATE", "RESTARTS", "AGE", "WORKLOAD")


def ambiguous(because: str, pods: Sequence[Manifest], now: datetime, namespace: str) -> TargetError:
    """Return the error for pods of different workloads: the worst first, with what to type for that one."""
    workloads = {workload_of(pod) for pod in pods}
    return TargetError(
        f"{because} of {len(workloads)} different workloads, and one is needed",
        because=pod_table(pods, now),
        remedy=f"kdebug {safe(workload_of(worst(pods)))} -n {namespace}",
    )


def pod_table(pods: Sequence[Manifest], now: datetime) -> str:
    """Return lines of NAME, STATE, RESTARTS, AGE and WORKLOAD, worst first, at most `MAX_LISTED` of them."""
    rows = [_HEADS, *(_row(pod, now) for pod in sorted(pods, key=severity, reverse=True)[:MAX_LISTED])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(pods) > MAX_LISTED:
        lines.append(f"and {len(pods) - MAX_LISTED} more")
    return "\n".join(lines)


def _row(pod: Manifest, now: datetime) -> tuple[str, str, str, str, str]:
    created = str(pod["metadata"].get("creationTimestamp") or "")
    old = age((now - datetime.fromisoformat(created)).total_seconds()) if created else "?"
    return safe(name_of(pod)), safe(word_of(pod)), str(restarts_of(pod)), old, safe(workload_of(pod))


def nearest(wanted: str, names: Sequence[str], count: int = 3) -> list[str]:
    """Return the names most like the wanted one, best first; a cheap measure sorts out all but a few of many."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)

    def likeness(name: str) -> float:
        matcher.set_seq1(name.rpartition("/")[2] if "/" not in wanted else name)
        return matcher.ratio()

    def bound(name: str) -> float:
        matcher.set_seq1(name)
        return matcher.quick_ratio()

    return nlargest(count, nlargest(10 * count, names, key=bound), key=likeness)
