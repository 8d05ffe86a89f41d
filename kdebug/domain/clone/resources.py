"""The step about CPU and memory: a clone asks for little and gets no more than the cap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.quantities import quantity, smallest
from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import Step, edit_spec, on_containers, without

SMALL = {"cpu": "100m", "memory": "128Mi"}


def small_resources(settings: CloneSettings) -> Step:
    """Set small requests and capped limits on every container."""
    caps = {"cpu": settings.max_cpu, "memory": settings.max_memory}

    def edit(container: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = container.get("resources") or {}
        wanted, allowed = asked.get("requests") or {}, asked.get("limits") or {}
        limits = {name: smallest(_limit(allowed.get(name)), cap) for name, cap in caps.items()}
        requests = {name: smallest(wanted.get(name), small, limits[name]) for name, small in SMALL.items()}
        return {**without(container, "resizePolicy"), "resources": {"requests": requests, "limits": limits}}

    return Step(
        name="resources",
        why=f"a shell sleeps: it asks for at most {SMALL['cpu']} and {SMALL['memory']}, gets the target's limits up to "
        f"{settings.max_cpu} CPU and {settings.max_memory}, and takes no devices, huge pages or other resources",
        apply=edit_spec(lambda spec: on_containers(without(spec, "resources"), edit)),
    )


def _limit(value: object) -> object:
    # A limit of zero means that there is none.
    return value if quantity(value) else None
