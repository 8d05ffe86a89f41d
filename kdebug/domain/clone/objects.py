"""The steps about ConfigMaps and Secrets: what is read from the session's copies, and what stands in for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import Step, containers_of, edit_volumes, having, on_containers
from kdebug.domain.kinds import Manifest

PLACEHOLDER = "kdebug-placeholder"
PLACEHOLDER_ANNOTATION = "kdebug.dev/placeholder"
"""Files that stand in for keys are made from this annotation of the clone: no object is needed for them."""

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

Source = Mapping[str, Any]
Copy = Callable[[Source, str], Source | None]
"""From a volume source and its object's name to the source that reads the session's copy, or None without one."""


def config_maps(settings: CloneSettings) -> Step:
    """Read ConfigMaps from the session's copies."""

    def copied(reference: Source) -> Source | None:
        name = settings.config_maps.get(str(reference.get("name")))
        # A key that is missing may be the very failure; it must not keep the clone from starting.
        return None if name is None else {**reference, "name": name, "optional": True}

    def of_source(source: Source) -> Source:
        reference = source.get("configMapRef")
        return source if reference is None else having(source, configMapRef=copied(reference))

    def of_container(container: Mapping[str, Any]) -> Mapping[str, Any]:
        sources = [of_source(source) for source in container.get("envFrom") or ()]
        kept = [source for source in sources if "configMapRef" in source or "secretRef" in source]
        variables = [_of_variable(entry, "configMapKeyRef", copied) for entry in container.get("env") or ()]
        return having(container, env=[entry for entry in variables if entry], envFrom=kept)

    return Step(
        name="config maps",
        why="read from the session's own copies; where one may not be copied, an optional reference is left out, "
        f"and a named key reads {PLACEHOLDER}",
        apply=_edit("configMap", of_container, lambda source, _name: copied(source)),
    )


def secrets(settings: CloneSettings) -> Step:
    """Read Secrets from the session's own, and only the keys that were asked for."""

    def copied(reference: Source) -> Source | None:
        key = settings.secret_keys.get((str(reference.get("name")), str(reference.get("key"))))
        return None if key is None or not settings.secret_name else {"name": settings.secret_name, "key": key}

    def of_container(container: Mapping[str, Any]) -> Mapping[str, Any]:
        sources = container.get("envFrom") or ()
        own = {entry.get("name") for entry in container.get("env") or ()}
        brought: dict[str, Mapping[str, Any]] = {}
        for source in sources:
            brought |= _variables_of(source, settings)
        entries = container.get("env") or ()
        variables = [_of_variable(entry, "secretKeyRef", copied, is_secret=True) for entry in entries]
        env = [*(entry for name, entry in brought.items() if name not in own), *(entry for entry in variables if entry)]
        return having(container, env=env, envFrom=[source for source in sources if "secretRef" not in source])

    def copied_volume(source: Source, name: str) -> Source | None:
        items = _secret_items(source, _keys_of(name, settings))
        if not items or not settings.secret_name:
            return None
        mode = {"defaultMode": source["defaultMode"]} if "defaultMode" in source else {}
        return {**mode, "items": items, "optional": True}

    return Step(
        name="secrets",
        why=f"no Secret is read unless it was asked for: a key that the target names reads {PLACEHOLDER}, "
        "and of a Secret taken whole the keys are unknown",
        apply=_edit("secret", of_container, copied_volume, settings.secret_name),
    )


def _edit(
    field: str, of_container: Callable[[Mapping[str, Any]], Mapping[str, Any]], copy: Copy, name: str = ""
) -> Callable[[Manifest], Manifest]:
    """Return a step's function for containers, volumes and projected sources; `name` is the copy's, if there is one."""

    def apply(pod: Manifest) -> Manifest:
        spec = pod["spec"]

        def of_volume(volume: Mapping[str, Any]) -> Mapping[str, Any]:
            if field in volume:
                return _of_volume(volume, field, copy, name, _sub_paths(spec, str(volume.get("name"))))
            return _of_projected(volume, field, copy, name) if "projected" in volume else volume

        edited = edit_volumes(on_containers(spec, of_container), of_volume)
        return _annotated({**pod, "spec": edited})

    return apply


def _sub_paths(spec: Mapping[str, Any], volume: str) -> list[str]:
    """Return the keys that mounts name: a subPath into a ConfigMap or Secret is a file."""
    mounts = [mount for container in containers_of(spec) for mount in container.get("volumeMounts") or ()]
    paths = [str(mount["subPath"]) for mount in mounts if mount.get("name") == volume and mount.get("subPath")]
    return sorted({path for path in paths if "/" not in path})


def _of_volume(volume: Mapping[str, Any], field: str, copy: Copy, name: str, named: Sequence[str]) -> Mapping[str, Any]:
    source = volume[field]
    own = {"name": volume.get("name")}
    reference = str(source.get("secretName" if field == "secret" else "name"))
    copied = copy(source, reference)
    if copied is not None:
        return {**own, field: {**copied, "secretName": name} if field == "secret" else copied}
    items = source.get("items") or [{"key": key, "path": key} for key in named]
    if not items:
        return {**own, "emptyDir": {}}
    mode = {"defaultMode": source["defaultMode"]} if "defaultMode" in source else {}
    return {**own, "downwardAPI": {"items": [_stand_in(item) for item in items], **mode}}


def _of_projected(volume: Mapping[str, Any], field: str, copy: Copy, name: str) -> Mapping[str, Any]:
    sources: list[Mapping[str, Any]] = []
    stand_ins: list[Mapping[str, Any]] = []
    for source in volume["projected"].get("sources") or ():
        if field not in source:
            sources.append(source)
            continue
        copied = copy(source[field], str(source[field].get("name")))
        if copied is not None:
            sources.append({field: {**copied, "name": name or copied["name"]}})
        elif source[field].get("items"):
            stand_ins.append({"downwardAPI": {"items": [_stand_in(item) for item in source[field]["items"]]}})
    sources += stand_ins
    if not sources:
        return {"name": volume.get("name"), "emptyDir": {}}
    return {**volume, "projected": {**volume["projected"], "sources": sources}}


def _stand_in(item: Mapping[str, Any]) -> Mapping[str, Any]:
    mode = {"mode": item["mode"]} if "mode" in item else {}
    field = f"metadata.annotations['{PLACEHOLDER_ANNOTATION}']"
    return {"path": item.get("path") or item.get("key"), "fieldRef": {"fieldPath": field}, **mode}


def _annotated(pod: Manifest) -> Manifest:
    if PLACEHOLDER_ANNOTATION not in str(pod["spec"].get("volumes")):
        return pod
    metadata = pod["metadata"]
    annotations = {**(metadata.get("annotations") or {}), PLACEHOLDER_ANNOTATION: PLACEHOLDER}
    return {**pod, "metadata": {**metadata, "annotations": annotations}}


def _of_variable(
    entry: Mapping[str, Any], field: str, copied: Callable[[Source], Source | None], *, is_secret: bool = False
) -> Mapping[str, Any] | None:
    """Return a variable that reads the copy, its placeholder, or None for an optional one that is not copied."""
    reference = (entry.get("valueFrom") or {}).get(field)
    if reference is None:
        return entry
    copy = copied(reference)
    if copy is not None:
        return {"name": entry.get("name"), "valueFrom": {field: {**copy, "optional": True}}}
    if reference.get("optional") and not is_secret:
        return None
    return {"name": entry.get("name"), "value": PLACEHOLDER}


def _keys_of(secret: str, settings: CloneSettings) -> dict[str, str]:
    return {key: copy for (name, key), copy in settings.secret_keys.items() if name == secret}


def _variables_of(source: Source, settings: CloneSettings) -> dict[str, Mapping[str, Any]]:
    """Return the variables of an envFrom source's Secret, one by one: only their keys are in the session's Secret."""
    prefix = str(source.get("prefix") or "")
    keys = _keys_of(str((source.get("secretRef") or {}).get("name")), settings) if settings.secret_name else {}
    return {
        prefix + key: {
            "name": prefix + key,
            "valueFrom": {"secretKeyRef": {"name": settings.secret_name, "key": copy, "optional": True}},
        }
        for key, copy in sorted(keys.items())
        if _VARIABLE.fullmatch(prefix + key)
    }


def _secret_items(source: Source, keys: Mapping[str, str]) -> list[Mapping[str, Any]]:
    items = source.get("items") or [{"key": key, "path": key} for key in sorted(keys)]
    return [{**item, "key": keys[item["key"]]} for item in items if item.get("key") in keys]
