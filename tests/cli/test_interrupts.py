"""Real signals: the first begins the end, the way to teardown cannot be cut, a second interrupt leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kdebug.cli.interrupts import NAMES, Interrupts
from kdebug.errors import InterruptedBySignal


def send(name: str) -> None:
    """Send a signal to this process; its function has run when this returns."""
    signal.raise_signal(signal.Signals[name])


@pytest.fixture(autouse=True)
def nothing_is_ignored() -> Iterator[None]:
    """Begin each test with the system's own handling: the tests themselves may run under nohup."""
    before = {name: signal.signal(signal.Signals[name], signal.SIG_DFL) for name in NAMES if name != "SIGINT"}
    yield
    for name, previous in before.items():
        signal.signal(signal.Signals[name], previous)


@contextmanager
def ignoring(name: str) -> Iterator[None]:
    """Ignore a signal as nohup does."""
    before = signal.signal(signal.Signals[name], signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.Signals[name], before)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_signal_ends_a_blocking_call(name: str) -> None:
    """It is raised in the main thread with its own exit code."""
    with Interrupts() as interrupts, pytest.raises(InterruptedBySignal) as caught:
        send(name)
    assert caught.value.exit_code == 128 + signal.Signals[name]
    assert interrupts.first is caught.value


def test_the_way_to_teardown_is_not_cut() -> None:
    """Whatever comes after the first does not raise: it would skip the removal."""
    with Interrupts() as interrupts:
        with pytest.raises(InterruptedBySignal):
            send("SIGTERM")
        for name in NAMES:
            send(name)
    assert interrupts.first is not None
    assert interrupts.first.exit_code == 143


def test_what_was_there_before_comes_back() -> None:
    """Also after an error."""
    before = [signal.getsignal(signal.Signals[name]) for name in NAMES]
    with pytest.raises(ValueError, match="x"), Interrupts():
        raise ValueError("x")
    assert [signal.getsignal(signal.Signals[name]) for name in NAMES] == before


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """nohup and background jobs mean it."""
    with ignoring("SIGHUP"), Interrupts() as interrupts:
        send("SIGHUP")
        assert interrupts.first is None


def test_an_event_loop_is_woken() -> None:
    """While a loop runs, the signal is delivered and nothing is raised into it."""

    async def wait() -> InterruptedBySignal:
        loop = asyncio.get_running_loop()
        came: asyncio.Future[InterruptedBySignal] = loop.create_future()
        with interrupts.delivering_to(lambda received: void(loop.call_soon_threadsafe(came.set_result, received))):
            loop.call_soon(os.kill, os.getpid(), signal.SIGHUP)
            return await asyncio.wait_for(came, 10)

    with Interrupts() as interrupts:
        assert asyncio.run(wait()).exit_code == 129


def void(_: object) -> None:
    """Return nothing."""


def test_an_earlier_signal_is_delivered_at_once() -> None:
    """A signal between two phases is not lost."""
    seen: list[InterruptedBySignal] = []
    with Interrupts() as interrupts:
        with pytest.raises(InterruptedBySignal) as caught:
            send("SIGINT")
        with interrupts.delivering_to(seen.append):
            pass
    assert seen == [caught.value]


def test_the_first_signal_in_teardown_is_only_noted() -> None:
    """The removal goes on, and the exit code can still be the signal's."""
    noted: list[InterruptedBySignal] = []
    with Interrupts() as interrupts:
        with interrupts.teardown(lambda _: pytest.fail("left"), on_first=noted.append):
            send("SIGINT")
            send("SIGTERM")
        assert [one.number for one in noted] == [signal.SIGINT]
        assert interrupts.first is noted[0]


CHILD = """
import sys, time
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import to_stderr
from kdebug.errors import InterruptedBySignal
with Interrupts() as interrupts:
    try:
        print("up", flush=True)
        time.sleep(60)
    except InterruptedBySignal as error:
        with interrupts.teardown(lambda signal: to_stderr(f"leaving on {signal.number}")):
            print("teardown", flush=True)
            for _ in range(600):
                time.sleep(0.1)  # short: a signal that comes just before a call blocks is seen after it
            print("not reached", flush=True)
"""


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_leaves_at_once(first: signal.Signals) -> None:
    """The process ends within the teardown, with 130, after saying what the server will do."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        child.send_signal(first)
        assert child.stdout.readline() == "teardown\n"
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", "leaving on 2")
