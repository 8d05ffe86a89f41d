"""The steps about volumes that hold data of the target, of its node or of its identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import (
    Step,
    containers_of,
    drop_mounts,
    drop_volumes,
    edit_spec,
    edit_volumes,
    on_containers,
    without,
)

_HARMLESS = ("emptyDir", "configMap", "secret", "downwardAPI", "projected")
_IDENTITIES = ("serviceAccountToken", "clusterTrustBundle", "podCertificate")


def only_mounted() -> Step:
    """Leave out volumes that no kept container mounts, and mounts of volumes that are not there."""

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        mounted = {
            mount.get("name") for container in containers_of(spec) for mount in container.get("volumeMounts") or ()
        }
        there = {volume.get("name") for volume in spec.get("volumes") or ()}
        kept = drop_volumes(spec, lambda volume: volume.get("name") not in mounted)
        return on_containers(
            kept, lambda container: drop_mounts(container, lambda mount: mount.get("name") not in there)
        )

    return Step(name="mounted volumes", why="no container of the clone mounts it", apply=edit_spec(edit))


def no_host_volumes() -> Step:
    """Leave out directories and devices of the node."""

    def plain(container: Mapping[str, Any]) -> Mapping[str, Any]:
        mounts = container.get("volumeMounts")
        rest = without(container, "volumeDevices")
        return rest if not mounts else {**rest, "volumeMounts": [without(mount, *_MOUNT_OPTIONS) for mount in mounts]}

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        return on_containers(drop_volumes(spec, lambda volume: "hostPath" in volume), plain)

    return Step(
        name="host volumes",
        why="directories, devices and mounts of the node are not the clone's to touch",
        apply=edit_spec(edit),
    )


_MOUNT_OPTIONS = ("mountPropagation", "recursiveReadOnly")


def no_tokens() -> Step:
    """Leave out projected identities; the directory stays, so that the program finds the same paths."""

    def edit(volume: Mapping[str, Any]) -> Mapping[str, Any]:
        projected = volume.get("projected")
        if projected is None:
            return volume
        sources = [without(source, *_IDENTITIES) for source in projected.get("sources") or ()]
        kept = [source for source in sources if source]
        return (
            {**volume, "projected": {**projected, "sources": kept}}
            if kept
            else {"name": volume.get("name"), "emptyDir": {}}
        )

    return Step(
        name="identity tokens",
        why="a token or certificate would let the clone act as the target, to the cluster or to a cloud",
        apply=edit_spec(lambda spec: edit_volumes(spec, edit)),
    )


def empty_storage() -> Step:
    """Put an empty directory where the target has storage."""

    def edit(volume: Mapping[str, Any]) -> Mapping[str, Any]:
        is_harmless = any(field in volume for field in _HARMLESS)
        is_huge = str((volume.get("emptyDir") or {}).get("medium", "")).startswith("HugePages")
        return volume if is_harmless and not is_huge else {"name": volume.get("name"), "emptyDir": {}}

    return Step(
        name="storage",
        why="an empty directory in its place: the data, and the lock on it, stay the target's",
        apply=edit_spec(lambda spec: edit_volumes(spec, edit)),
    )


def own_downward(settings: CloneSettings) -> Step:
    """Let references to a container's resources name one that the clone has."""

    def of_item(item: Mapping[str, Any], names: set[Any]) -> Mapping[str, Any]:
        reference = item.get("resourceFieldRef")
        if not reference or reference.get("containerName") in (None, "", *names):
            return item
        return {**item, "resourceFieldRef": {**reference, "containerName": settings.container}}

    def of_items(downward: Mapping[str, Any], names: set[Any]) -> Mapping[str, Any]:
        return {**downward, "items": [of_item(item, names) for item in downward.get("items") or ()]}

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        names = {container.get("name") for container in containers_of(spec)}

        def of_volume(volume: Mapping[str, Any]) -> Mapping[str, Any]:
            if "downwardAPI" in volume:
                return {**volume, "downwardAPI": of_items(volume["downwardAPI"], names)}
            if "projected" not in volume:
                return volume
            sources = [
                {**source, "downwardAPI": of_items(source["downwardAPI"], names)} if "downwardAPI" in source else source
                for source in volume["projected"].get("sources") or ()
            ]
            return {**volume, "projected": {**volume["projected"], "sources": sources}}

        def of_container(container: Mapping[str, Any]) -> Mapping[str, Any]:
            if not any("resourceFieldRef" in (entry.get("valueFrom") or {}) for entry in container.get("env") or ()):
                return container
            env = [
                {**entry, "valueFrom": of_item(entry["valueFrom"], names)} if entry.get("valueFrom") else entry
                for entry in container["env"]
            ]
            return {**container, "env": env}

        return on_containers(edit_volumes(spec, of_volume), of_container)

    return Step(
        name="downward API",
        why="the container that it names is not in the clone; it reads the target container's resources instead",
        apply=edit_spec(edit),
    )
