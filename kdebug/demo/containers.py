"""One container as the kubelet remembers it, and how that looks in a pod's status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kdebug.demo.images import full_name, image_of
from kdebug.demo.resources import JSON
from kdebug.domain.kinds import Manifest


@dataclass(kw_only=True)
class Container:
    """A container of a pod: its states, its logs, and how often it was started again."""

    spec: JSON
    is_init: bool = False
    state: JSON = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: JSON = field(default_factory=dict)
    restarts: int = 0
    log: tuple[str, ...] = ()
    previous_log: tuple[str, ...] | None = None
    run_id: str = ""

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """The exit code of a container that ended for good, or None."""
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    @property
    def has_started(self) -> bool:
        """Whether the container was ever started."""
        return self.is_running or "terminated" in self.state or bool(self.last_state)

    def status(self) -> JSON:
        """Return the container's entry in the pod's status."""
        image = image_of(self.spec["image"])
        known = image is not None and self.has_started
        name = full_name(self.spec["image"]) if known else self.spec["image"]
        status: JSON = {
            "name": self.name,
            "image": name,
            "imageID": f"{name.rpartition(':')[0]}@{image.digest}" if image is not None and known else "",
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.exit_code == 0 if self.is_init else self.is_running,
            "restartCount": self.restarts,
            "started": self.is_running,
        }
        if self.run_id:
            status["containerID"] = self.run_id
        return status


def phase_of(containers: Iterable[Container], restart_policy: str) -> str:
    """Return the pod's phase from its containers, as the kubelet computes it."""
    inits = [container for container in containers if container.is_init]
    mains = [container for container in containers if not container.is_init]
    if restart_policy == "Never" and any(container.exit_code for container in inits):
        return "Failed"
    if any(container.exit_code != 0 for container in inits) or not any(container.has_started for container in mains):
        return "Pending"
    codes = [container.exit_code for container in mains]
    if any(code is None for code in codes) or restart_policy == "Always":
        return "Running"
    if all(code == 0 for code in codes):
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def environment_of(
    container: JSON, config: Mapping[tuple[str, str], Manifest], namespace: str
) -> tuple[dict[str, str], str]:
    """Return the container's environment, and what it lacks (in the kubelet's words) or an empty string.

    `config` holds the namespace's ConfigMaps and Secrets by (kind, name).
    """
    environment: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        kind = "ConfigMap" if "configMapRef" in source else "Secret"
        reference = source.get("configMapRef") or source.get("secretRef") or {}
        found = config.get((kind, reference.get("name", "")))
        if found is None and not reference.get("optional"):
            return environment, f'{kind.lower()} "{reference.get("name")}" not found'
        environment |= {source.get("prefix", "") + key: "" for key in (found or {}).get("data") or {}}
        if kind == "ConfigMap":
            environment |= {
                source.get("prefix", "") + key: value for key, value in ((found or {}).get("data") or {}).items()
            }
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        kind = "ConfigMap" if "configMapKeyRef" in origin else "Secret"
        reference = origin.get("configMapKeyRef") or origin.get("secretKeyRef")
        if reference is None:
            environment[variable["name"]] = str(variable.get("value", ""))
            continue
        found = config.get((kind, reference.get("name", "")))
        data = (found or {}).get("data") or {}
        if found is None and not reference.get("optional"):
            return environment, f'{kind.lower()} "{reference.get("name")}" not found'
        if reference["key"] in data:
            environment[variable["name"]] = data[reference["key"]] if kind == "ConfigMap" else ""
        elif not reference.get("optional"):
            return environment, f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}"
    return environment, ""


def missing_volume(spec: JSON, config: Mapping[tuple[str, str], Manifest]) -> tuple[str, str]:
    """Return the first volume whose ConfigMap or Secret is missing, and the kubelet's words, or two empty strings."""
    for volume in spec.get("volumes") or ():
        for kind, source, key in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            reference = volume.get(source)
            if reference and not reference.get("optional") and (kind, reference.get(key, "")) not in config:
                return str(volume["name"]), f'{kind.lower()} "{reference.get(key)}" not found'
    return "", ""
