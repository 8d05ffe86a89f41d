"""The clocks: order, cancellation, history, and time that flows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kdebug.demo.clock import VIRTUAL_START, RealClock, VirtualClock

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_actions_run_in_the_order_of_their_time_and_see_it() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, (clock.now() - VIRTUAL_START).total_seconds()))

    def first() -> None:
        note("first")
        clock.call_after(0.5, lambda: note("between"))

    clock.call_after(2, lambda: note("second"))
    clock.call_after(1, first)
    clock.call_after(9, lambda: note("never"))
    clock.advance(3)
    assert seen == [("first", 1.0), ("between", 1.5), ("second", 2.0)]


def test_a_cancelled_action_does_not_run() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    clock.call_after(1, lambda: seen.append("ran")).cancel()
    clock.advance(2)
    assert seen == []


def test_a_real_clock_plays_a_past_and_then_follows_the_system() -> None:
    async def run() -> list[datetime]:
        clock = RealClock(lambda: NOW)
        seen: list[datetime] = []
        clock.begin(100)
        clock.call_after(40, lambda: seen.append(clock.now()))
        clock.advance(100)
        clock.attach(asyncio.get_running_loop())
        seen.append(clock.now())
        with pytest.raises(RuntimeError):
            clock.advance(1)
        return seen

    assert asyncio.run(run()) == [NOW - timedelta(seconds=60), NOW]


def test_a_flowing_clock_jumps_when_nothing_else_happens() -> None:
    async def run() -> tuple[bool, float]:
        clock = VirtualClock(flows=True)
        clock.attach(asyncio.get_running_loop())
        event = asyncio.Event()
        clock.call_after(50, event.set)
        came = await clock.wait(event, 1000)
        return came, (clock.now() - VIRTUAL_START).total_seconds()

    assert asyncio.run(run()) == (True, 50.0)
