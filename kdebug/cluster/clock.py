"""The API server's clock, known from the Date of its answers and carried on by a local clock that counts sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DATE_RESOLUTION = 1.0
"""Seconds that a Date header may be behind the clock it was read from (RFC 9110 has no fractions)."""


def boot_seconds() -> float:
    """Return seconds of a clock that goes on while the machine sleeps: CLOCK_BOOTTIME, or macOS's CLOCK_MONOTONIC."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ServerClock:
    """An estimate of the server's time that each answer narrows: never ahead of it, less than a second behind."""

    def __init__(self, elapsed: Callable[[], float] = boot_seconds) -> None:
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._offset: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether an answer has been seen."""
        return self._offset is not None

    def started(self) -> float:
        """Return the moment to hand to `observe` when the answer to a request that starts now is there."""
        return self._elapsed()

    def observe(self, date: str | None, started: float) -> None:
        """Take in an answer's Date header; one that cannot be read is passed over.

        The server wrote it between `started` and now, so its clock is at least Date now, and was less than one
        second past Date at `started`. An estimate outside of these bounds means that the server's clock was set.
        """
        try:
            seconds = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        lowest = seconds - self._elapsed()
        highest = seconds + DATE_RESOLUTION - started
        with self._lock:
            if self._offset is None or not lowest <= self._offset <= highest:
                self._offset = lowest

    def now(self) -> datetime:
        """Return the server's time in UTC. Raises ValueError before the first answer."""
        if self._offset is None:
            raise ValueError("no answer of the server has been seen")
        return datetime.fromtimestamp(self._offset + self._elapsed(), UTC)
