"""The plan: every object that a session would create, in order, and all in which clone and target differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdebug.domain.clone import Clone, OriginalCommand
from kdebug.domain.dependencies import Decision
from kdebug.domain.diagnosis import Diagnosis
from kdebug.domain.kinds import Manifest
from kdebug.domain.ownership import MAX_HARD_CAP_SECONDS, with_owner


@dataclass(frozen=True, kw_only=True)
class ImageChoice:
    """The image that the clone runs, the one that it stands for, and why."""

    old: str
    new: str
    reason: str
    is_fallback: bool = False
    """The debug variant is not used: the target's own image, with /busybox brought by an init container."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be created, before it is; the session executes it and nothing else."""

    session_id: str
    namespace: str
    """The isolated namespace."""
    target_title: str
    """pod/NAME"""
    target_namespace: str
    target_uid: str
    target_because: str
    container: str
    diagnosis: Diagnosis
    image: ImageChoice
    clone: Clone
    objects: tuple[Manifest, ...]
    """In the order of creation: the anchor, the NetworkPolicy, ConfigMaps, the Secret, the pod; zero owner uid."""
    dependencies: tuple[Decision, ...]
    original: OriginalCommand
    network: str
    """dns | source | open"""
    shell: str
    hard_cap_seconds: int = MAX_HARD_CAP_SECONDS
    warnings: tuple[str, ...] = ()

    @property
    def anchor(self) -> Manifest:
        """The Job that owns the rest."""
        return self.objects[0]

    @property
    def pod(self) -> Manifest:
        """The clone itself."""
        return self.objects[-1]

    def children(self, anchor_uid: str) -> tuple[Mapping[str, Any], ...]:
        """Return the objects after the anchor, owned by its real uid."""
        return tuple(with_owner(manifest, anchor_uid) for manifest in self.objects[1:])


def redacted(objects: Sequence[Manifest]) -> tuple[Mapping[str, Any], ...]:
    """Return the objects with every Secret value replaced, so that a plan can be shown, mailed and dry-run."""
    return tuple(_redact(manifest) for manifest in objects)


def _redact(manifest: Manifest) -> Mapping[str, Any]:
    if manifest.get("kind") != "Secret":
        return manifest
    hidden = dict.fromkeys({**(manifest.get("stringData") or {}), **(manifest.get("data") or {})}, "redacted")
    return {key: value for key, value in manifest.items() if key not in ("data", "stringData")} | {"stringData": hidden}
