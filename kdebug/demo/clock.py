"""The embedded cluster's time: one schedule of actions, driven by the real clock or by a test."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

VIRTUAL_START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Timer:
    """An action that is due at a time, until it is cancelled."""

    def __init__(self, when: datetime, action: Callable[[], None]) -> None:
        self.when = when
        self.action = action
        self.is_cancelled = False

    def cancel(self) -> None:
        """Make sure that the action does not run any more."""
        self.is_cancelled = True


class Clock(Protocol):
    """Time as the cluster knows it. Actions run one at a time, on the loop's thread once a loop is attached."""

    def now(self) -> datetime:
        """Return the time, UTC."""

    def call_after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run the action when so many seconds have passed; with 0, as soon as the current action has ended."""

    def advance(self, seconds: float) -> None:
        """Pass time by hand and run what falls due. A real clock allows it only before a loop is attached."""

    def begin(self, history: float) -> None:
        """Set the clock back by `history` seconds, so that a past can be played before a loop is attached."""

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Drive the schedule from this loop from now on. Called on the loop's thread."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most so many seconds of this clock; return whether the event came."""


class _Schedule:
    """The timers that are due, in order of time and then of arrival."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._due: list[tuple[datetime, int, Timer]] = []
        self._arrivals = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _add(self, timer: Timer) -> None:
        heapq.heappush(self._due, (timer.when, next(self._arrivals), timer))

    def _next(self) -> datetime | None:
        while self._due and self._due[0][2].is_cancelled:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _run_until(self, moment: datetime) -> None:
        while (when := self._next()) is not None and when <= moment:
            timer = heapq.heappop(self._due)[2]
            self._now = max(self._now, when)
            timer.action()
        self._now = max(self._now, moment)

    def begin(self, history: float) -> None:
        """Set the clock back, see Clock."""
        self._now -= timedelta(seconds=history)


class VirtualClock(_Schedule):
    """A clock that moves when a test says so.

    With `flows`, it also moves by itself, from one due action to the next, whenever a request waits on it and nothing
    else happens for a moment: a watch then sees at once what it would have waited for.
    """

    _PATIENCE = 0.01

    def __init__(self, start: datetime = VIRTUAL_START, *, flows: bool = False) -> None:
        super().__init__(start)
        self._flows = flows
        self._thread: int | None = None

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._now

    def call_after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Schedule an action, see Clock."""
        timer = Timer(self._now + timedelta(seconds=max(0.0, seconds)), action)
        self._add(timer)
        if self._loop is not None and timer.when <= self._now:
            self._loop.call_soon(self._settle)
        return timer

    def _settle(self) -> None:
        self._run_until(self._now)

    def advance(self, seconds: float) -> None:
        """Move the clock, from any thread; returns when everything that fell due has run."""
        loop = self._loop
        if loop is None or loop.is_closed() or threading.get_ident() == self._thread:
            self._run_until(self._now + timedelta(seconds=seconds))
            return

        async def move() -> None:
            self._run_until(self._now + timedelta(seconds=seconds))

        asyncio.run_coroutine_threadsafe(move(), loop).result()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run actions on this loop's thread from now on."""
        self._loop, self._thread = loop, threading.get_ident()

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event or for this clock, see Clock."""
        is_over = asyncio.Event()
        timer = self.call_after(seconds, is_over.set)
        try:
            while not event.is_set() and not is_over.is_set():
                await self._wait_for_either(event, is_over, self._PATIENCE if self._flows else None)
                following = self._next()
                if self._flows and following is not None and not event.is_set():
                    self._run_until(max(self._now, following))
        finally:
            timer.cancel()
        return event.is_set()

    @staticmethod
    async def _wait_for_either(one: asyncio.Event, other: asyncio.Event, timeout: float | None) -> None:
        waits = [asyncio.ensure_future(one.wait()), asyncio.ensure_future(other.wait())]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class RealClock(_Schedule):
    """The system's clock. Until a loop is attached it stands still and is moved by hand, for the scenario's past."""

    def __init__(self, system: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(system())
        self._system = system
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._now if self._loop is None else self._system()

    def call_after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Schedule an action, see Clock."""
        timer = Timer(self.now() + timedelta(seconds=max(0.0, seconds)), action)
        self._add(timer)
        self._arm()
        return timer

    def advance(self, seconds: float) -> None:
        """Play the past; RuntimeError once a loop drives the clock."""
        if self._loop is not None:
            raise RuntimeError("the real clock cannot be moved")
        self._run_until(self._now + timedelta(seconds=seconds))

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the system's clock from now on."""
        self._loop = loop
        self._ring()

    def _ring(self) -> None:
        self._run_until(self._system())
        self._arm()

    def _arm(self) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        if self._alarm is not None:
            self._alarm.cancel()
        following = self._next()
        if following is not None:
            delay = max(0.0, (following - self._system()).total_seconds())
            self._alarm = self._loop.call_later(delay, self._ring)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event or for this clock, see Clock."""
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        return True


def stamp(moment: datetime) -> str:
    """Return a time as Kubernetes writes it: 2026-01-01T12:00:00Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    """Return the time that Kubernetes wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
