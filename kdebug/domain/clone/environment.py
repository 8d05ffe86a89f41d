"""The steps about literal values of variables: secret ones move, foreign ones are stood in for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.objects import PLACEHOLDER
from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import Step, edit_container, edit_containers, having
from kdebug.domain.literals import is_harmless

_VARIABLE = re.compile(r"\$\(([^)]*)\)")


def known_sources() -> Step:
    """Leave out variables whose source is of a kind that kdebug has no rule for."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        env = [entry for entry in container.get("env") or () if entry.get("valueFrom") != {}]
        sources = [entry for entry in container.get("envFrom") or () if "configMapRef" in entry or "secretRef" in entry]
        return having(container, env=env, envFrom=sources)

    return Step(
        name="sources of variables",
        why="the variable's value comes from a place that kdebug has no rule for",
        apply=edit_containers(edit),
    )


def secret_literals_aside(settings: CloneSettings) -> Step:
    """Read secret-looking literals from the session's Secret."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        env = [_aside(entry, str(container.get("name")), settings) for entry in container.get("env") or ()]
        return having(container, env=env)

    return Step(
        name="secret values",
        why="the value looks secret: it is read from the session's own Secret, which pod readers do not see",
        apply=edit_containers(edit),
    )


def _aside(entry: Mapping[str, Any], container: str, settings: CloneSettings) -> Mapping[str, Any]:
    name = str(entry.get("name"))
    key = settings.literal_keys.get(name if container == settings.container else f"{container}/{name}")
    if key is None or not settings.secret_name or not entry.get("value"):
        return entry
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": settings.secret_name, "key": key}}}


def no_foreign_values(settings: CloneSettings) -> Step:
    """Put placeholders for values that must not cross from one cluster to another."""

    def of_variable(entry: Mapping[str, Any]) -> Mapping[str, Any]:
        name, value = str(entry.get("name")), str(entry.get("value") or "")
        if "valueFrom" in entry or value == PLACEHOLDER or is_harmless(name, value, settings.harmless_env):
            return entry
        return {**entry, "value": PLACEHOLDER}

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        return having(container, env=[of_variable(entry) for entry in container.get("env") or ()])

    return Step(
        name="foreign values",
        why="values do not cross from one cluster to another, except harmless ones",
        apply=edit_containers(edit),
    )


def added_variables(settings: CloneSettings) -> Step:
    """Set the variables that the user gave."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = [entry for entry in container.get("env") or () if entry.get("name") not in settings.env]
        return having(container, env=[*kept, *({"name": name, "value": value} for name, value in settings.env.items())])

    return Step(
        name="your variables",
        why="--env on the command line",
        apply=edit_container(settings.container, edit),
    )


def resolvable_paths() -> Step:
    """Leave out sub-paths made from variables that the clone does not have: a node starts no such container."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        names = {entry.get("name") for entry in container.get("env") or ()}

        def of_mount(mount: Mapping[str, Any]) -> Mapping[str, Any]:
            used = set(_VARIABLE.findall(str(mount.get("subPathExpr", ""))))
            return having(mount, subPathExpr=None) if used - names else mount

        return having(container, volumeMounts=[of_mount(mount) for mount in container.get("volumeMounts") or ()])

    return Step(
        name="sub-paths",
        why="the sub-path is made from a variable that the clone does not have",
        apply=edit_containers(edit),
    )
