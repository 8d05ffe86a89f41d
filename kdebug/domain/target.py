"""The target: the failing pod that the user named, and which of its containers is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdebug.domain.kinds import Manifest, name_of, namespace_of, uid_of
from kdebug.domain.state import (
    container_states,
    failing_container,
    is_failing,
    is_terminating,
    mapping,
    mappings,
    restarts_of,
)
from kdebug.domain.text import safe
from kdebug.errors import TargetError

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
MAX_NAME = 253
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9][-a-z0-9.]*")
_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("template",),
    "StatefulSet": ("template",),
    "DaemonSet": ("template",),
    "ReplicaSet": ("template",),
    "ReplicationController": ("template",),
    "Job": ("template",),
    "CronJob": ("jobTemplate", "spec", "template"),
}
"""Where each kind keeps its pod template, below `spec`."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One pod and one of its containers; `uid` is empty when it comes from a manifest and not from a cluster."""

    namespace: str
    name: str
    uid: str
    manifest: Manifest
    container: str
    """The container that the session is about; it may be an init container."""
    workload: str
    """Who owns the pod, as TYPE/NAME; pod/NAME when nobody does."""
    because: str = ""
    """Why this pod and no other, empty when it was named exactly."""

    @property
    def title(self) -> str:
        """The pod as kubectl's TYPE/NAME."""
        return f"pod/{self.name}"

    @property
    def container_spec(self) -> Mapping[str, Any]:
        """The chosen container's part of the manifest."""
        return next(spec for spec in _containers(self.manifest) if spec.get("name") == self.container)


def target_of(pod: Manifest, *, container: str = "", because: str = "", workload: str = "") -> Target:
    """Return the target for a pod; raises TargetError when the pod has no such container, or none at all."""
    return Target(
        namespace=namespace_of(pod),
        name=name_of(pod),
        uid=uid_of(pod),
        manifest=pod,
        container=choose_container(pod, container),
        workload=workload or workload_of(pod),
        because=because,
    )


def choose_container(pod: Manifest, wanted: str = "") -> str:
    """Return the container meant: the wanted one, else the annotated default, else the failing one, else the first.

    The annotation is kubectl's own (`kubectl.kubernetes.io/default-container`); one that names no container is ignored,
    as kubectl does. Raises TargetError, with the names there are, when `wanted` is not among them.
    """
    names = [state.name for state in container_states(pod)]
    title = f"pod {safe(name_of(pod))}"
    if not mappings(mapping(pod.get("spec")).get("containers")):
        raise TargetError(
            f"{title} has no containers",
            because="its spec.containers is empty",
            remedy="name a pod that has containers, or add one to the manifest",
        )
    if wanted:
        if wanted not in names:
            listed = ", ".join(safe(name) for name in names)
            raise TargetError(
                f"{title} has no container {safe(wanted)!r}",
                because=f"its containers are: {listed}",
                remedy=f"-c {safe(names[0])}",
            )
        return wanted
    annotated = str(mapping(mapping(pod.get("metadata")).get("annotations")).get(DEFAULT_CONTAINER, ""))
    if annotated in names:
        return annotated
    failing = failing_container(pod)
    if failing is not None:
        return failing.name
    return next(state.name for state in container_states(pod) if not state.is_init)


def severity(pod: Manifest) -> tuple[bool, bool, int, str, str]:
    """Return a key by which the worst pod is the greatest: failing, not going away, most restarts, newest, name."""
    created = str(mapping(pod.get("metadata")).get("creationTimestamp") or "")
    return (is_failing(pod), not is_terminating(pod), restarts_of(pod), created, name_of(pod))


def worst(pods: Iterable[Manifest]) -> Manifest:
    """Return the pod that most needs a look; ValueError when there are none."""
    return max(pods, key=severity)


def workload_of(pod: Manifest) -> str:
    """Return who owns the pod as TYPE/NAME, read from the pod alone; pod/NAME when nobody does.

    A ReplicaSet that a Deployment made is called NAME-HASH, and its pods carry HASH as their label pod-template-hash:
    the Deployment is known without a request. A mirror pod's owner is its node, which is no workload.
    """
    owner = controller_of(pod)
    kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
    if not name or kind == "Node":
        return f"pod/{name_of(pod)}"
    labels = mapping(mapping(pod.get("metadata")).get("labels"))
    suffix = f"-{labels.get('pod-template-hash', '')}"
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return f"deployment/{name.removesuffix(suffix)}"
    return f"{kind.casefold()}/{name}"


def controller_of(manifest: Manifest) -> Mapping[str, Any]:
    """Return the owner reference of the object's controller, else its first owner's, else an empty one."""
    owners = mappings(mapping(manifest.get("metadata")).get("ownerReferences"))
    return next((owner for owner in owners if owner.get("controller")), owners[0] if owners else {})


def is_object_name(text: str, *, is_prefix: bool = False) -> bool:
    """Return whether a pod could have this name, or begin with it (RFC 1123 subdomain, at most 253 characters)."""
    return len(text) <= MAX_NAME and bool((_PREFIX if is_prefix else _NAME).fullmatch(text))


def from_manifest(documents: Manifest | Sequence[Manifest], *, namespace: str, container: str = "") -> Target:
    """Return the target that a file describes: a pod, or the pod template of a workload.

    `documents` are what the file held, decoded; a List counts as its items. Exactly one of them must be pod-like. The
    manifest's own namespace wins over `namespace`. Raises TargetError.
    """
    found = [item for item in _flatten(documents) if _is_pod_like(item)]
    if len(found) != 1:
        seen = ", ".join(safe(f"{item['kind']}/{mapping(item.get('metadata')).get('name')}") for item in found)
        raise TargetError(
            f"the manifest holds {len(found)} pods or workloads, and one is needed",
            because=f"found: {seen or 'none'}",
            remedy="kubectl get pod NAME -o yaml | kdebug -f -",
        )
    source = found[0]
    pod = _pod_of(source, namespace)
    title = safe(f"{source['kind']}/{name_of(pod)}")
    if not is_object_name(name_of(pod)):
        raise TargetError(
            f"{safe(source['kind'])}/{safe(name_of(pod), limit=60)} has a name that no pod can have",
            because=f"{ascii(name_of(pod))[:60]}: a name is at most {MAX_NAME} of a-z, 0-9, - and .",
            remedy="correct metadata.name in the manifest",
        )
    _check_shape(pod, title)
    workload = f"{str(source['kind']).casefold()}/{name_of(pod)}"
    return target_of(pod, container=container, workload=workload, because=f"from the manifest of {title}")


def _flatten(documents: Manifest | Sequence[Manifest]) -> list[Manifest]:
    flat: list[Manifest] = []
    for document in documents if isinstance(documents, list | tuple) else [documents]:
        if isinstance(document, Mapping) and str(document.get("kind", "")).endswith("List") and "items" in document:
            flat += mappings(document["items"])
        elif isinstance(document, Mapping):
            flat.append(document)
    return flat


def _is_pod_like(document: Manifest) -> bool:
    return document.get("kind") == "Pod" or str(document.get("kind")) in _TEMPLATES


def _pod_of(source: Manifest, namespace: str) -> Manifest:
    """Return the Pod that the document is or would make, with name and namespace filled in."""
    metadata = mapping(source.get("metadata"))
    template: Mapping[str, Any] = source
    if source["kind"] != "Pod":
        template = mapping(source.get("spec"))
        for key in _TEMPLATES[str(source["kind"])]:
            template = mapping(template.get(key))
    name = metadata.get("name") or str(metadata.get("generateName") or "manifest").rstrip("-.")
    named = {
        **mapping(template.get("metadata")),
        "name": str(name),
        "namespace": str(metadata.get("namespace") or namespace),
    }
    named.pop("uid", None)
    return {**template, "apiVersion": "v1", "kind": "Pod", "metadata": named}


_LISTS = ("env", "envFrom", "ports", "volumeMounts", "volumeDevices")
_MAPPINGS = ("securityContext", "resources", "lifecycle")
_CORRECT = "correct the manifest: kubectl apply --dry-run=client -f FILE finds more"


def _check_shape(pod: Manifest, title: str) -> None:
    """Raise TargetError where a list or mapping that the clone is made from is something else."""
    spec = mapping(pod.get("spec"))
    lists = ("containers", "initContainers", "volumes", "imagePullSecrets")
    _check_fields(spec, lists, ("securityContext",), title, "spec")
    _check_fields(mapping(pod.get("metadata")), ("ownerReferences",), ("labels", "annotations"), title, "metadata")
    names: set[object] = set()
    for part in _containers(pod):
        name = part.get("name")
        if not isinstance(name, str) or not is_object_name(name) or name in names:
            what = f"{title} has a container with a missing, wrong or repeated name"
            raise TargetError(what, because=safe(f"name: {name}"), remedy=_CORRECT)
        names.add(name)
        _check_fields(part, _LISTS, _MAPPINGS, title, f"container {name}")


def _check_fields(part: Mapping[str, Any], lists: Sequence[str], maps: Sequence[str], title: str, place: str) -> None:
    for key in (*lists, *maps):
        value = part.get(key)
        is_list = isinstance(value, list) and len(mappings(value)) == len(value)
        is_right = isinstance(value, Mapping) if key in maps else is_list
        if value is not None and not is_right:
            wanted = "a mapping" if key in maps else "a list of mappings"
            raise TargetError(f"{title} cannot be read", because=f"{place}: {key} is not {wanted}", remedy=_CORRECT)


def _containers(pod: Manifest) -> list[Mapping[str, Any]]:
    spec = mapping(pod.get("spec"))
    return [*mappings(spec.get("containers")), *mappings(spec.get("initContainers"))]
