"""The configuration as the rest of kdebug sees it: plain frozen values, complete with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from kdebug.domain.guard import GuardRules
from kdebug.domain.isolation import DEFAULT_NAMESPACE
from kdebug.domain.ownership import MAX_HARD_CAP_SECONDS


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """How debug variants are named, and what brings /busybox where there is none."""

    debug_suffix: str = "debug"
    fallback: str = "busybox:1-musl"
    """Statically linked: it has to run in images without a C library of their own."""
    rules: tuple[tuple[str, str], ...] = ()
    """Pairs of repository glob and suffix: ("gcr.io/distroless/*", "debug-nonroot"); the first that matches counts."""
    also_debug: tuple[str, ...] = ()
    """Prefixes of repositories whose images get their debug variant too when they are not the target container's."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper limits of a clone: Kubernetes quantities, and seconds."""

    cpu: str = "2"
    memory: str = "2Gi"
    max_duration_seconds: int = MAX_HARD_CAP_SECONDS


@dataclass(frozen=True, kw_only=True)
class Config:
    """All files together with the environment; `Config()` is what applies without any."""

    guard: GuardRules = field(default_factory=GuardRules)
    namespace: str = DEFAULT_NAMESPACE
    images: ImageSettings = field(default_factory=ImageSettings)
    limits: Limits = field(default_factory=Limits)
    harmless_env: tuple[str, ...] = ()
    """Environment variables whose literal values may cross clusters."""
    isolation: str = "reported"
    """`required`: the session ends unless the network isolation is seen to be enforced; `reported`: it is shown."""
    sources: tuple[str, ...] = ()
    """The files that were read."""
