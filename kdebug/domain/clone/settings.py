"""What the recipe needs to know beside the target: names, image, limits, and what the session brings along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class CloneSettings:
    """Everything that is decided outside the recipe. All names are fixed by the caller before the first write."""

    session_id: str
    name: str
    """The clone's name: kdebug-<id>."""
    namespace: str
    """The isolated namespace."""
    container: str
    """The target container; an init container may be one."""
    image: str
    """The debug variant, or the target's own image when `fallback_image` brings the tools."""
    owner: Mapping[str, Any]
    """The owner reference to the anchor, as it stands in a manifest."""
    hard_cap_seconds: int
    pull_policy: str = ""
    """Always | IfNotPresent | Never; empty keeps `Always` where the target has it, else IfNotPresent."""
    shell: str = "/busybox/sh"
    """The shell that sleeps until the clone is deleted; `sleep` is taken from beside it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    target_namespace: str = ""
    keep_init_containers: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that the user adds or replaces in the target container."""
    config_maps: Mapping[str, str] = field(default_factory=dict)
    """The target's ConfigMap -> the session's copy; one that is not here is not copied."""
    secret_name: str = ""
    """The session's Secret, or empty when it has none."""
    secret_keys: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(Secret, key) of the target -> key in the session's Secret, for those the user asked for by name."""
    literal_keys: Mapping[str, str] = field(default_factory=dict)
    """Variable -> key in the session's Secret; CONTAINER/VARIABLE for the variables of a kept init container."""
    harmless_env: tuple[str, ...] = ()
    """Globs of variable names whose values may cross from one cluster to another."""
    is_same_cluster: bool = True
    fallback_image: str = ""
    """The image that brings /busybox through an init container, or empty."""
    max_cpu: str = "2"
    max_memory: str = "2Gi"
    cluster_domain: str = "cluster.local"
