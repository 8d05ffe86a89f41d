"""What cannot be cloned at all, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.fields import is_pod
from kdebug.domain.clone.steps import containers_of
from kdebug.domain.kinds import Manifest, name_of
from kdebug.errors import TargetError

MIRROR = "kubernetes.io/config.mirror"
CONFIG_SOURCE = "kubernetes.io/config.source"
_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")


def refuse_what_cannot_be_cloned(target: Manifest, container: str) -> None:
    """Raise TargetError for a manifest that is no pod, has no such container, is a static pod or runs on Windows."""
    if not is_pod(target):
        raise TargetError("the target is not a Pod", because=f"its kind is {target.get('kind')!r}", remedy="name a pod")
    title, spec = f"pod/{name_of(target)}", target["spec"]
    if not _has_containers(spec):
        raise TargetError(
            f"{title} cannot be cloned", because="it has no containers", remedy="name a pod that has containers"
        )
    if _is_static(target):
        raise TargetError(
            f"{title} cannot be cloned",
            because="it is a static pod: a node made it from its own files, and it needs that node's files and network",
            remedy="look at it on its node",
        )
    if _is_windows(spec):
        raise TargetError(
            f"{title} cannot be cloned",
            because="it is a Windows pod, and the tools of a debug variant (/busybox) run on Linux only",
            remedy="kubectl describe " + title,
        )
    names = [str(item.get("name")) for item in containers_of(spec)]
    if container not in names:
        raise TargetError(
            f"{title} has no container {container!r}",
            because=f"its containers are {', '.join(names)}",
            remedy="-c CONTAINER",
        )


def _has_containers(spec: Mapping[str, Any]) -> bool:
    lists = [spec.get("containers"), spec.get("initContainers") or []]
    return bool(lists[0]) and all(_is_list_of_named(items) for items in lists)


def _is_list_of_named(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, Mapping) and item.get("name") for item in items)


def _is_static(target: Manifest) -> bool:
    annotations = target["metadata"].get("annotations") or {}
    owners = target["metadata"].get("ownerReferences") or ()
    is_from_file = annotations.get(CONFIG_SOURCE) not in (None, "api")
    return MIRROR in annotations or is_from_file or any(owner.get("kind") == "Node" for owner in owners)


def _is_windows(spec: Mapping[str, Any]) -> bool:
    if (spec.get("os") or {}).get("name") == "windows":
        return True
    if any((spec.get("nodeSelector") or {}).get(label) == "windows" for label in _OS_LABELS):
        return True
    contexts = [item.get("securityContext") or {} for item in (spec, *containers_of(spec))]
    return any(context.get("windowsOptions") for context in contexts) or _wants_windows_node(spec)


def _wants_windows_node(spec: Mapping[str, Any]) -> bool:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or ()
    expressions = [entry for term in terms for entry in term.get("matchExpressions") or ()]
    return any(
        entry.get("key") in _OS_LABELS and entry.get("operator") == "In" and entry.get("values") == ["windows"]
        for entry in expressions
    )
