"""The steps about containers: which ones stay, what the target container runs, and what is taken off them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdebug.domain.clone.refusals import refuse_what_cannot_be_cloned
from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import (
    Step,
    containers_of,
    edit_container,
    edit_containers,
    edit_spec,
    having,
    leave_out,
    unused_name,
    without,
)
from kdebug.domain.kinds import Manifest

TOOLS = "/busybox"


@dataclass(frozen=True, kw_only=True)
class OriginalCommand:
    """What the target container runs; empty parts are the image's own."""

    command: tuple[str, ...]
    args: tuple[str, ...]
    working_dir: str


def original_command(target: Manifest, container: str) -> OriginalCommand:
    """Return what the named container of the target runs, as its spec says; KeyError without one."""
    found = next((item for item in containers_of(target["spec"]) if item.get("name") == container), None)
    if found is None:
        raise KeyError(container)
    return OriginalCommand(
        command=tuple(found.get("command") or ()),
        args=tuple(found.get("args") or ()),
        working_dir=str(found.get("workingDir") or ""),
    )


def kept_containers(target: Manifest, settings: CloneSettings) -> tuple[str, ...]:
    """Return the names of the containers that the clone takes over from the target, init containers first.

    TargetError for what cannot be cloned, so that nothing needs to be read on its behalf.
    """
    refuse_what_cannot_be_cloned(target, settings.container)
    spec = target["spec"]
    return (*(item["name"] for item in _kept_init(spec, settings)), settings.container)


def _kept_init(spec: Mapping[str, Any], settings: CloneSettings) -> list[Mapping[str, Any]]:
    """Return the init containers to run before the target container: those that end, in front of it."""
    if not settings.keep_init_containers:
        return []
    kept: list[Mapping[str, Any]] = []
    for container in spec.get("initContainers") or ():
        if container.get("name") == settings.container:
            break
        if container.get("restartPolicy") != "Always":
            kept.append(container)
    return kept


def only_the_target(settings: CloneSettings) -> Step:
    """Keep the target container, and the init containers that were asked for."""

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        target = next(item for item in containers_of(spec) if item.get("name") == settings.container)
        return having(spec, initContainers=_kept_init(spec, settings), containers=[target])

    return Step(
        name="one container",
        why="only the target container is debugged: others would do real work a second time",
        apply=edit_spec(edit),
    )


def no_ephemeral_containers() -> Step:
    """Leave out the containers that earlier debugging added."""
    return Step(
        name="ephemeral containers",
        why="a pod cannot be created with containers that were added to a running one",
        apply=leave_out("ephemeralContainers"),
    )


def no_probes() -> Step:
    """Take all probes off."""
    return Step(
        name="probes",
        why="a probe would end the clone while its shell is in use",
        apply=edit_containers(lambda container: without(container, "livenessProbe", "readinessProbe", "startupProbe")),
    )


def no_hooks() -> Step:
    """Take lifecycle hooks off."""
    return Step(
        name="lifecycle hooks",
        why="a hook acts on the outside world when a container starts or ends",
        apply=edit_containers(lambda container: without(container, "lifecycle")),
    )


def no_restart_rules() -> Step:
    """Take the containers' own restart policies off."""
    return Step(
        name="container restarts",
        why="no container of a clone is started a second time",
        apply=edit_containers(lambda container: without(container, "restartPolicy")),
    )


def debug_image(settings: CloneSettings) -> Step:
    """Put the debug variant in the target container's place."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        default = "Always" if container.get("imagePullPolicy") == "Always" else "IfNotPresent"
        return {**container, "image": settings.image, "imagePullPolicy": settings.pull_policy or default}

    return Step(
        name="image",
        why="the debug variant is the same program with a shell and tools at /busybox",
        apply=edit_container(settings.container, edit),
    )


def sleeper(shell: str) -> list[str]:
    """Return the command that waits for the session and ends at once on TERM; it reaps what shells leave."""
    sleep = f"{shell.rpartition('/')[0]}/sleep" if "/" in shell else "sleep"
    return [shell, "-c", f'trap "exit 0" TERM INT; while :; do {sleep} 3600 & wait $!; done']


def sleep_instead(settings: CloneSettings) -> Step:
    """Let the target container sleep in place of its own command."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**without(container, "args", "stdin", "stdinOnce", "tty"), "command": sleeper(settings.shell)}

    return Step(
        name="sleeper",
        why="the program is started by hand, on request; until then the clone sleeps, and it ends at once when told to",
        apply=edit_container(settings.container, edit),
    )


def bring_tools(settings: CloneSettings) -> Step:
    """Bring /busybox into the target's own image with an init container."""
    mount = {"mountPath": TOOLS}
    place = "/kdebug-tools"
    # Hard links, made by the copy itself: they hold wherever the directory is mounted, and whatever image brought it.
    script = f"busybox cp /proc/self/exe {place}/busybox && {place}/busybox --install {place}"

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        volume = unused_name("kdebug-busybox", (str(item.get("name")) for item in spec.get("volumes") or ()))
        bringer = {
            "name": unused_name("kdebug-busybox", (str(item.get("name")) for item in containers_of(spec))),
            "image": settings.fallback_image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["busybox", "sh", "-c", script],
            "securityContext": {"readOnlyRootFilesystem": True},
            "volumeMounts": [{"name": volume, "mountPath": place}],
        }
        target = spec["containers"][0]
        mounts = [item for item in target.get("volumeMounts") or () if str(item.get("mountPath")).rstrip("/") != TOOLS]
        return {
            **spec,
            "initContainers": [*(spec.get("initContainers") or ()), bringer],
            "containers": [{**target, "volumeMounts": [*mounts, {"name": volume, **mount, "readOnly": True}]}],
            "volumes": [*(spec.get("volumes") or ()), {"name": volume, "emptyDir": {}}],
        }

    return Step(
        name="busybox",
        why="the image has no debug variant: an init container brings the tools to /busybox",
        apply=edit_spec(edit),
    )


def no_host_ports() -> Step:
    """Keep the container's ports, not those of the node."""

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        return having(container, ports=[without(port, "hostPort", "hostIP") for port in container.get("ports") or ()])

    return Step(
        name="host ports",
        why="a port of the node is not the clone's to take",
        apply=edit_containers(edit),
    )
