"""The steps that harden the clone, so that a namespace which enforces Pod Security `restricted` takes it.

Rules: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.steps import (
    Step,
    containers_of,
    edit_containers,
    edit_spec,
    having,
    on_containers,
    unused_name,
    without,
)

NONROOT = 65532
"""The uid of `nonroot` in distroless images."""


def no_root() -> Step:
    """Run as the target's user, or as nonroot where that is root or not said."""

    def of_container(container: Mapping[str, Any]) -> Mapping[str, Any]:
        context = container.get("securityContext") or {}
        changes: dict[str, Any] = {}
        if context.get("runAsUser") == 0:
            changes["runAsUser"] = NONROOT
        if context.get("runAsNonRoot") is False:
            changes["runAsNonRoot"] = True
        return container if not changes else {**container, "securityContext": {**context, **changes}}

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        context = {**(spec.get("securityContext") or {}), "runAsNonRoot": True}
        is_said = all("runAsUser" in (item.get("securityContext") or {}) for item in containers_of(spec))
        if context.get("runAsUser") == 0 or ("runAsUser" not in context and not is_said):
            context["runAsUser"] = NONROOT
        return on_containers({**spec, "securityContext": context}, of_container)

    return Step(
        name="user",
        why=f"a clone never runs as root: where the target does, or does not say, it runs as {NONROOT}",
        apply=edit_spec(edit),
    )


def no_privileges() -> Step:
    """Take every privilege off every container."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        context = without(container.get("securityContext") or {}, "privileged", "procMount")
        hardened = {**context, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        return {**container, "securityContext": hardened}

    return Step(
        name="privileges",
        why="no privileged mode, no capability, no escalation: a shell can do no more than the program could",
        apply=edit_containers(edit),
    )


def default_profiles() -> Step:
    """Confine the clone by the runtime's default seccomp profile, and by no profile of a node."""
    of_nodes = ("seLinuxOptions", "seLinuxChangePolicy", "appArmorProfile", "supplementalGroupsPolicy", "sysctls")

    def of_container(container: Mapping[str, Any]) -> Mapping[str, Any]:
        context = without(container.get("securityContext") or {}, *of_nodes)
        if (context.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
            context = without(context, "seccompProfile")
        return having(container, securityContext=context or None)

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        context = without(spec.get("securityContext") or {}, *of_nodes)
        return on_containers(
            {**spec, "securityContext": {**context, "seccompProfile": {"type": "RuntimeDefault"}}}, of_container
        )

    return Step(
        name="confinement",
        why="the runtime's default seccomp profile; other profiles and kernel settings belong to the target's nodes",
        apply=edit_spec(edit),
    )


def writable_tmp() -> Step:
    """Give a container with a read-only root a place to write."""

    def needs_tmp(container: Mapping[str, Any]) -> bool:
        mounts = [str(mount.get("mountPath", "")).rstrip("/") for mount in container.get("volumeMounts") or ()]
        return (container.get("securityContext") or {}).get("readOnlyRootFilesystem") is True and "/tmp" not in mounts

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        if not needs_tmp(spec["containers"][0]):
            return spec
        volumes = list(spec.get("volumes") or ())
        name = unused_name("kdebug-tmp", (str(volume.get("name")) for volume in volumes))
        container = spec["containers"][0]
        mounts = [*(container.get("volumeMounts") or ()), {"name": name, "mountPath": "/tmp"}]
        return {
            **spec,
            "containers": [{**container, "volumeMounts": mounts}],
            "volumes": [*volumes, {"name": name, "emptyDir": {}}],
        }

    return Step(
        name="writable /tmp",
        why="the root file system is read-only as the target's, and a shell and its tools need a place to write",
        apply=edit_spec(edit),
    )
