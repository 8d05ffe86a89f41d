"""Every other object that a target refers to, and what becomes of each in its clone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kdebug.domain.kinds import Manifest

COPIED = "copied"
PLACEHOLDER = "placeholder"
LEFT_OUT = "left out"
EMPTY_DIR = "replaced by emptyDir"
NOT_NEEDED = "not needed"

ROOT_CA = "kube-root-ca.crt"
"""The ConfigMap that every namespace has; it comes with the token volume, which a clone does without."""

_Found = tuple[str, str, str, str, bool, str]
"""kind, name, key ('' for all or none), where, is_optional, container ('' for the pod)."""


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """One object that the target refers to, with every place that does."""

    kind: str
    name: str
    keys: tuple[str, ...]
    """The keys that the target names; of a ConfigMap or Secret taken whole they are unknown."""
    where: tuple[str, ...]
    """Paths in the target: spec.containers[proxy].env[DB_URL]."""
    is_optional: bool
    """Whether every reference says so."""
    is_whole: bool
    """Whether some reference takes all keys of a ConfigMap or Secret."""
    is_kept: bool
    """Whether a container that the clone keeps needs it."""


@dataclass(frozen=True, kw_only=True)
class DependencyPolicy:
    """What may be copied into the isolated namespace, and what of it could be read."""

    config_maps: Collection[str] = ()
    """ConfigMaps that were read, or are to be, and may be copied."""
    secrets: Collection[str] = ()
    """Secrets that the user asked for by name and that may be copied."""
    is_same_cluster: bool = True


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What happens to a dependency: one of the five words, and why."""

    dependency: Dependency
    outcome: str
    reason: str


def find_dependencies(pod: Manifest, kept: Collection[str]) -> tuple[Dependency, ...]:
    """Return what the pod refers to, in the order of its places; `kept` are the containers that the clone has."""
    spec = pod["spec"]
    mounted = {
        mount.get("name")
        for container in _containers(spec)
        if container.get("name") in kept
        for mount in (*(container.get("volumeMounts") or ()), *(container.get("volumeDevices") or ()))
    }
    groups: dict[tuple[str, str], list[tuple[_Found, bool]]] = {}
    for found in (*_of_containers(spec), *_of_volumes(spec), *_of_pod(spec)):
        if not found[1]:
            continue
        volume = (
            found[3].removeprefix("spec.volumes[").partition("]")[0] if found[3].startswith("spec.volumes[") else ""
        )
        is_kept = volume in mounted if volume else found[5] in kept or not found[5]
        groups.setdefault((found[0], found[1]), []).append((found, is_kept))
    return tuple(_grouped(kind, name, items) for (kind, name), items in groups.items())


def _grouped(kind: str, name: str, items: list[tuple[_Found, bool]]) -> Dependency:
    has_keys = kind in ("ConfigMap", "Secret")
    return Dependency(
        kind=kind,
        name=name,
        keys=tuple(dict.fromkeys(found[2] for found, _ in items if found[2])),
        where=tuple(dict.fromkeys(found[3] for found, _ in items)),
        is_optional=all(found[4] for found, _ in items),
        is_whole=has_keys and any(not found[2] and _takes_keys(found[3]) for found, _ in items),
        is_kept=any(is_kept for _, is_kept in items),
    )


def _takes_keys(where: str) -> bool:
    """Whether a place takes keys: storage and pull secrets hand the whole object to someone else."""
    return ".envFrom[" in where or where.endswith((".secret", ".configMap"))


def _containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item for field in _CONTAINER_FIELDS for item in spec.get(field) or ()]


_CONTAINER_FIELDS = ("initContainers", "containers", "ephemeralContainers")


def _of_containers(spec: Mapping[str, Any]) -> Iterator[_Found]:
    for field in _CONTAINER_FIELDS:
        for container in spec.get(field) or ():
            name = str(container.get("name"))
            yield from _of_container(container, f"spec.{field}[{name}]", name)


def _of_container(container: Mapping[str, Any], place: str, name: str) -> Iterator[_Found]:
    for entry in container.get("env") or ():
        source = entry.get("valueFrom") or {}
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if reference := source.get(field):
                where = f"{place}.env[{entry.get('name')}]"
                yield kind, _name(reference), str(reference.get("key", "")), where, _is_optional(reference), name
    for index, source in enumerate(container.get("envFrom") or ()):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if reference := source.get(field):
                yield kind, _name(reference), "", f"{place}.envFrom[{index}]", _is_optional(reference), name
    for claim in (container.get("resources") or {}).get("claims") or ():
        yield "PodResourceClaim", _name(claim), "", f"{place}.resources.claims", False, name


def _of_volumes(spec: Mapping[str, Any]) -> Iterator[_Found]:
    for volume in spec.get("volumes") or ():
        place = f"spec.volumes[{volume.get('name')}]"
        yield from _of_keys(volume, place)
        yield from _of_sub_paths(spec, volume, place)
        for index, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            yield from _of_keys(source, f"{place}.projected.sources[{index}]")
            token = source.get("serviceAccountToken")
            if token is not None:
                yield "ServiceAccountToken", str(token.get("audience") or "the API server"), "", place, False, ""
            if "clusterTrustBundle" in source:
                yield "ClusterTrustBundle", _bundle(source["clusterTrustBundle"]), "", place, False, ""
        yield from _of_storage(volume, place)


def _of_keys(source: Mapping[str, Any], place: str) -> Iterator[_Found]:
    for field, kind, name_field in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        reference = source.get(field)
        if not reference:
            continue
        name = str(reference.get(name_field) or reference.get("name") or "")
        keys = [str(item.get("key", "")) for item in reference.get("items") or ()] or [""]
        for key in keys:
            yield kind, name, key, f"{place}.{field}", _is_optional(reference), ""


def _of_sub_paths(spec: Mapping[str, Any], volume: Mapping[str, Any], place: str) -> Iterator[_Found]:
    """Yield the keys that mounts name: a subPath into a ConfigMap or Secret is a key's file."""
    mounts = [mount for container in _containers(spec) for mount in container.get("volumeMounts") or ()]
    paths = {str(mount.get("subPath") or "") for mount in mounts if mount.get("name") == volume.get("name")}
    for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        reference = volume.get(field) or {}
        for key in sorted(path for path in paths if path and "/" not in path and not reference.get("items")):
            name = str(reference.get("secretName") or reference.get("name") or "")
            yield kind, name, key, f"{place}.{field}", _is_optional(reference), ""


def _of_storage(volume: Mapping[str, Any], place: str) -> Iterator[_Found]:
    if claim := volume.get("persistentVolumeClaim"):
        yield "PersistentVolumeClaim", str(claim.get("claimName", "")), "", place, False, ""
    if ephemeral := volume.get("ephemeral"):
        wanted = (ephemeral.get("volumeClaimTemplate") or {}).get("spec") or {}
        yield "StorageClass", str(wanted.get("storageClassName") or "the default class"), "", place, False, ""
    if csi := volume.get("csi"):
        yield "CSIDriver", str(csi.get("driver", "")), "", place, False, ""
        yield "Secret", _name(csi.get("nodePublishSecretRef") or {}), "", f"{place}.csi.nodePublishSecretRef", False, ""
    for field, source in volume.items():
        if isinstance(source, Mapping) and isinstance(source.get("secretRef"), Mapping):
            yield "Secret", _name(source["secretRef"]), "", f"{place}.{field}.secretRef", False, ""
    if file := volume.get("azureFile"):
        yield "Secret", str(file.get("secretName", "")), "", f"{place}.azureFile.secretName", False, ""


def _of_pod(spec: Mapping[str, Any]) -> Iterator[_Found]:
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        yield "ServiceAccount", str(account), "", "spec.serviceAccountName", False, ""
    for index, reference in enumerate(spec.get("imagePullSecrets") or ()):
        yield "Secret", _name(reference), "", f"spec.imagePullSecrets[{index}]", False, ""
    for field, kind in (("priorityClassName", "PriorityClass"), ("runtimeClassName", "RuntimeClass")):
        yield kind, str(spec.get(field) or ""), "", f"spec.{field}", False, ""
    for claim in spec.get("resourceClaims") or ():
        place = f"spec.resourceClaims[{claim.get('name')}]"
        source = {**claim, **(claim.get("source") or {})}
        yield "ResourceClaim", str(source.get("resourceClaimName") or ""), "", place, False, ""
        yield "ResourceClaimTemplate", str(source.get("resourceClaimTemplateName") or ""), "", place, False, ""


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference.get("name") or "")


def _bundle(bundle: Mapping[str, Any]) -> str:
    return str(bundle.get("name") or bundle.get("signerName") or "")


def _is_optional(reference: Mapping[str, Any]) -> bool:
    return reference.get("optional") is True


def decide(dependencies: Collection[Dependency], policy: DependencyPolicy) -> tuple[Decision, ...]:
    """Return what happens to each dependency, in words for the user; the recipe does the same."""
    return tuple(_decision(dependency, policy) for dependency in dependencies)


def _decision(dependency: Dependency, policy: DependencyPolicy) -> Decision:
    outcome, reason = _outcome(dependency, policy)
    return Decision(dependency=dependency, outcome=outcome, reason=reason)


def _outcome(dependency: Dependency, policy: DependencyPolicy) -> tuple[str, str]:
    if not dependency.is_kept:
        return NOT_NEEDED, "only containers that the clone does not have use it"
    if dependency.kind == "ConfigMap":
        return _of_config_map(dependency, policy)
    if dependency.kind == "Secret":
        return _of_secret(dependency, policy)
    return _REST.get(dependency.kind, (LEFT_OUT, "the clone does without"))


_REST = {
    "PersistentVolumeClaim": (EMPTY_DIR, "the data, and the lock on it, stay the target's"),
    "StorageClass": (EMPTY_DIR, "the clone needs no storage of its own"),
    "CSIDriver": (EMPTY_DIR, "what the driver brings belongs to the target"),
    "ServiceAccount": (LEFT_OUT, "the clone runs as the isolated namespace's default account, without a token"),
    "ServiceAccountToken": (LEFT_OUT, "the clone cannot act as the target, to the cluster or to a cloud"),
    "ClusterTrustBundle": (LEFT_OUT, "the clone has no projected certificates"),
    "PriorityClass": (LEFT_OUT, "a clone must never push out real work"),
    "RuntimeClass": (LEFT_OUT, "the clone runs under the default runtime"),
    "ResourceClaim": (LEFT_OUT, "a claimed device belongs to the target"),
    "ResourceClaimTemplate": (LEFT_OUT, "a clone claims no device"),
}


def _of_config_map(dependency: Dependency, policy: DependencyPolicy) -> tuple[str, str]:
    if dependency.name == ROOT_CA and all(".projected." in place for place in dependency.where):
        return NOT_NEEDED, "it comes with the service account's token, which the clone does without"
    if dependency.name in policy.config_maps:
        return COPIED, "as an object of the session"
    why = "it may not be read or copied" if policy.is_same_cluster else "nothing crosses from one cluster to another"
    return _stand_in(dependency, why)


def _of_secret(dependency: Dependency, policy: DependencyPolicy) -> tuple[str, str]:
    if all(place.startswith("spec.imagePullSecrets") for place in dependency.where):
        return LEFT_OUT, "images are pulled with the isolated namespace's own pull secrets"
    if dependency.name in policy.secrets:
        return COPIED, "the keys that are referred to, into the session's own Secret, as asked for"
    if not dependency.keys and not dependency.is_whole:
        return LEFT_OUT, "it belongs to storage that the clone does without"
    return _stand_in(dependency, f"no Secret is read unless asked for: --with-secret {dependency.name}")


def _stand_in(dependency: Dependency, why: str) -> tuple[str, str]:
    has_volume = any(place.startswith("spec.volumes[") for place in dependency.where)
    if dependency.kind == "ConfigMap" and dependency.is_optional and not has_volume:
        return LEFT_OUT, f"{why}; it is optional"
    if dependency.keys:
        unknown = "; the other keys are unknown" if dependency.is_whole else ""
        return PLACEHOLDER, f"{why}{unknown}"
    if has_volume:
        return EMPTY_DIR, f"{why}; its keys are unknown"
    return LEFT_OUT, f"{why}; its keys are unknown"
