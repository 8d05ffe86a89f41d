"""The clock that the session waits by: a parameter, so that tests decide how time passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _seconds_since_boot() -> float:
    """Return seconds of a clock that goes on while the machine sleeps, where there is one."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds that never go backwards, and how to wait for some of them."""

    clock: Callable[[], float] = _seconds_since_boot
    sleep: Callable[[float], None] = time.sleep
