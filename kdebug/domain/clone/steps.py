"""A step of the recipe, and the small edits of nested manifests that steps are written with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kdebug.domain.kinds import Manifest

Apply = Callable[[Manifest], Manifest]
Edit = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One named change from manifest to manifest, and the sentence that tells the user why it is made."""

    name: str
    why: str
    apply: Apply


def without(mapping: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the mapping without these keys."""
    return {key: value for key, value in mapping.items() if key not in names}


def having(mapping: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the mapping with these fields set; one that is None is left out, and so is a list that became empty."""
    merged = {**mapping, **fields}
    return {key: value for key, value in merged.items() if not (key in fields and (value is None or value == []))}


def edit_spec(edit: Edit) -> Apply:
    """Return a step's function that edits `spec`."""
    return lambda pod: {**pod, "spec": edit(pod["spec"])}


def leave_out(*names: str) -> Apply:
    """Return a step's function that leaves out fields of `spec`."""
    return edit_spec(lambda spec: without(spec, *names))


def edit_containers(edit: Edit) -> Apply:
    """Return a step's function that edits every container, init containers included."""
    return edit_spec(lambda spec: on_containers(spec, edit))


def on_containers(spec: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    """Return the pod spec with every container edited, init containers included."""
    lists = {
        field: [edit(item) for item in spec[field]] for field in ("initContainers", "containers") if spec.get(field)
    }
    return {**spec, **lists}


def edit_container(name: str, edit: Edit) -> Apply:
    """Return a step's function that edits the one container of this name."""
    return edit_containers(lambda container: edit(container) if container.get("name") == name else container)


def containers_of(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return init containers, then containers."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def drop_volumes(spec: Mapping[str, Any], is_dropped: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """Return the pod spec without these volumes and without their mounts."""
    volumes = spec.get("volumes") or []
    dropped = {volume.get("name") for volume in volumes if is_dropped(volume)}
    kept = [volume for volume in volumes if volume.get("name") not in dropped]
    edited = on_containers(spec, lambda container: drop_mounts(container, lambda mount: mount.get("name") in dropped))
    return having(edited, volumes=kept)


def drop_mounts(container: Mapping[str, Any], is_dropped: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """Return the container without these mounts."""
    mounts = container.get("volumeMounts") or ()
    return having(container, volumeMounts=[mount for mount in mounts if not is_dropped(mount)])


def edit_volumes(spec: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    """Return the pod spec with every volume edited."""
    return having(spec, volumes=[edit(volume) for volume in spec.get("volumes") or ()])


def unused_name(wanted: str, taken: Iterable[str]) -> str:
    """Return `wanted`, with a number behind it where the name is taken."""
    names = set(taken)
    number = 1
    candidate = wanted
    while candidate in names:
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate
