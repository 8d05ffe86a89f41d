"""How long the cluster's own work takes, in seconds of its clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Delays of controllers and kubelet; the defaults are near those of a small real cluster."""

    schedule: float = 0.1
    """From a pod's creation to its node."""
    create: float = 0.6
    """From its node to its containers' start: its network, its volumes, an image that is already there."""
    collect: float = 1.0
    """From a deletion to what the garbage collector and the namespace's end make of it."""
    stop: float = 0.5
    """What a process needs that ends on TERM, at most its grace period."""
    retry: float = 10.0
    """Until the kubelet tries again to mount a volume or to configure a container."""
    pull: float = 0.5
    """Until a registry has said that an image does not exist."""
    restart: float = 10.0
    """The first back-off of a crash loop; it doubles up to 300."""


FAST = Timings(schedule=0.0, create=0.02, collect=0.02, stop=0.02, retry=0.2, pull=0.02)
"""For tests: everything takes a moment, nothing is skipped."""
