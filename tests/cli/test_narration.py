"""What users read while it happens: one line each, with times, on stderr alone, and clean."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from kdebug.cli.narration import Level, Narration, has_colour, to_stderr
from kdebug.session import events
from kdebug.session.events import Event

UNTIL = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAMPLES: tuple[tuple[Event, str], ...] = (
    (
        events.TargetResolved(
            title="pod/p", namespace="prism", container="app", failure="CrashLoopBackOff", because="it fails"
        ),
        "pod/p in prism, container app: CrashLoopBackOff\nthis one because it fails",
    ),
    (events.RightsChecked(count=9), "all 9 rights that it takes are there"),
    (events.DryRunPassed(count=1, warnings=("w",)), "the server would accept 1 object\nthe server warns: w"),
    (events.ObjectCreated(title="job/k", namespace="iso", purpose="the anchor"), "created job/k in iso: the anchor"),
    (events.ObjectCreated(title="clusterrole/k", namespace=""), "created clusterrole/k"),
    (
        events.ObjectChanged(title="role/k", namespace="iso", differences=("a: 1 -> 2",)),
        "changed role/k in iso: a: 1 -> 2",
    ),
    (events.CloneProgressed(step="scheduled", detail="on n1"), "scheduled: on n1"),
    (events.CloneReady(title="pod/k", seconds=1.26), "pod/k runs, after 1.3 s"),
    (
        events.LeaseFaltered(until=UNTIL, because="503"),
        "lease not renewed: 503; unless it is, all ends at 03:04:05 UTC",
    ),
    (events.SessionEnded(because="expired"), "the session is over: expired"),
    (events.ProbeFinished(isolation="NOT ENFORCED", detail="d"), "network isolation: NOT ENFORCED: d"),
    (events.TeardownStarted(count=3), "removing 3 objects"),
    (events.ObjectGone(title="pod/k", namespace="iso"), "pod/k is gone from iso"),
    (events.TeardownFinished(seconds=2.04), "everything is gone, 2.0 s after the end"),
    (
        events.TeardownFinished(seconds=15, leftovers=("pod/k",), until=UNTIL, command="kubectl delete pod k"),
        "not proven gone: pod/k\nthe server removes it by 03:04:05 UTC\nto remove it now: kubectl delete pod k",
    ),
    (events.WarningRaised(text="careful"), "warning: careful"),
)


def told(event: Event, level: Level = "normal", *, colour: bool = False) -> str:
    """Return what is written for an event, a second and a half after the beginning."""
    written: list[str] = []
    ticks = iter([100.0, *[101.5] * 9])
    Narration(level=level, sink=written.append, clock=lambda: next(ticks), colour=colour)(event)
    return "".join(written)


@pytest.mark.parametrize(("event", "text"), SAMPLES, ids=lambda value: type(value).__name__)
def test_each_event_is_told_in_words(event: Event, text: str) -> None:
    """With the seconds since the beginning before each line."""
    assert told(event) == "".join(f"  1.5s  {line}\n" for line in text.split("\n"))


def test_every_event_is_known() -> None:
    """An event that is added and not told would be a silent step."""
    silent = {events.LeaseRenewed}
    declared = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)}
    assert declared - {Event} - silent == {type(event) for event, _ in SAMPLES}


def test_renewals_are_told_to_those_who_ask() -> None:
    """Each minute would be too much otherwise."""
    renewed = events.LeaseRenewed(until=UNTIL)
    assert told(renewed) == ""
    assert "03:04:05 UTC" in told(renewed, "verbose")


@pytest.mark.parametrize(("event", "text"), SAMPLES, ids=lambda value: type(value).__name__)
def test_quiet_keeps_what_must_be_known_and_mute_nothing(event: Event, text: str) -> None:
    """A leftover, a faltering lease or an open network is never silenced by -q."""
    is_warning = type(event) in (
        events.LeaseFaltered, events.SessionEnded, events.ProbeFinished, events.WarningRaised,
    ) or bool(getattr(event, "leftovers", ()) or getattr(event, "warnings", ()))  # fmt: skip
    assert bool(told(event, "quiet")) == is_warning
    assert told(event, "mute") == ""


def test_an_enforced_network_is_no_warning() -> None:
    """Quiet stays quiet about what is as it should be."""
    assert told(events.ProbeFinished(isolation="enforced"), "quiet") == ""


def test_what_the_cluster_says_does_not_act_on_the_terminal() -> None:
    """A message with control sequences is one clean line."""
    line = told(events.WarningRaised(text="a\x1b]52;c;eA==\x07b\nc\x1b[2J"))
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_a_raw_terminal_gets_whole_lines() -> None:
    """A line that comes during the shell starts and ends at the left edge."""
    written: list[str] = []
    narration = Narration(sink=written.append, clock=lambda: 0.0, colour=False)
    with narration.raw():
        narration.warn("w")
    narration.say("s")
    assert written == ["\r\n  0.0s  w\r\n", "  0.0s  s\n"]


def test_a_refusal_stands_as_written() -> None:
    """Its lines have no times; quiet does not silence it."""
    written: list[str] = []
    Narration(level="quiet", sink=written.append, colour=False).refuse(("refused: x", "  because: y"))
    assert written == ["refused: x\n  because: y\n"]


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], is_terminal: bool, expected: bool) -> None:
    """NO_COLOR and TERM=dumb are respected."""
    assert has_colour(environment, is_terminal=is_terminal) is expected


def test_colour_surrounds_and_never_carries_meaning() -> None:
    """Without the codes the words are the same."""
    event = events.WarningRaised(text="careful")
    plain = told(event, colour=True)
    for code in ("\x1b[33m", "\x1b[2m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == told(event)


def test_a_terminal_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teardown goes on after a hangup."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        to_stderr("lost")
    monkeypatch.setattr("sys.stderr", None)
    to_stderr("lost")


def test_a_terminal_that_is_full_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell's non-blocking descriptor does not cut a line."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    text = "x" * 200_000
    with os.fdopen(writer, "w") as stream, os.fdopen(reader, "rb") as source:
        from concurrent.futures import ThreadPoolExecutor

        monkeypatch.setattr("sys.stderr", stream)
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(source.read, len(text))
            to_stderr(text)
            assert reading.result(30) == text.encode()


def test_what_is_to_be_copied_stands_without_times() -> None:
    told: list[str] = []
    narration = Narration(sink=told.append, colour=False)
    narration.show(("Let a group hold sessions:", "  kubectl create rolebinding x"))
    assert told == ["Let a group hold sessions:\n  kubectl create rolebinding x\n"]
    Narration(level="quiet", sink=told.append, colour=False).show(("no",))
    assert len(told) == 1
