"""What the user named, parsed and judged before any request is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kdebug.domain.kinds import POD, WORKLOADS, Kind, workload_kind
from kdebug.domain.target import MAX_NAME, is_object_name
from kdebug.domain.text import safe
from kdebug.errors import UsageError

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class TargetRequest:
    """What the user named: NAME or TYPE/NAME, or a label selector, in one namespace, and perhaps a container."""

    namespace: str
    name: str = ""
    selector: str = ""
    container: str = ""


def parse(request: TargetRequest) -> tuple[Kind | None, str]:
    """Return the kind (None where none is given) and the name; raises UsageError. Sends no request."""
    if not _NAMESPACE.fullmatch(request.namespace):
        raise UsageError(
            f"{safe(request.namespace)!r} is not a namespace's name",
            because="a namespace is at most 63 of a-z, 0-9 and -",
        )
    if request.container:
        validate_name(request.container, "container")
    if request.selector:
        if request.name:
            raise UsageError("a name and a selector exclude each other", remedy="leave out the name or -l")
        if not request.selector.strip() or not request.selector.isprintable():
            raise UsageError("the label selector is empty or holds control characters", remedy="-l app=NAME")
        return POD, ""
    word, slash, name = request.name.partition("/")
    if not slash:
        validate_name(request.name)
        return None, request.name
    kind = workload_kind(word.partition(".")[0])
    if kind is None:
        known = ", ".join(kind.words[0] for kind in WORKLOADS)
        raise UsageError(
            f"{safe(word)!r} is not a type that runs pods", because=f"known types: {known}", remedy="kdebug TYPE/NAME"
        )
    validate_name(name, kind.words[0])
    return kind, name


def validate_name(text: str, what: str = "pod") -> str:
    """Return the name; raise UsageError for one that no object has and none begins with (RFC 1123, 253 characters)."""
    if is_object_name(text, is_prefix=True):
        return text
    if not text:
        raise UsageError(f"the {what}'s name is empty", remedy="kubectl get pods shows the names")
    if len(text) > MAX_NAME:
        raise UsageError(f"the {what}'s name has {len(text)} characters", because=f"the longest name has {MAX_NAME}")
    lowered = text.casefold()
    remedy = f"try {lowered}" if is_object_name(lowered, is_prefix=True) else "kubectl get pods shows the names"
    raise UsageError(
        f"{safe(text, limit=80)!r} is not a {what}'s name", because="names consist of a-z, 0-9, - and .", remedy=remedy
    )
