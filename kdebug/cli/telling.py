"""Each event of a session as a line of plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from kdebug.session import events
from kdebug.session.events import Event


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: a warning is told in quiet mode too, a detail in verbose mode only."""

    text: str
    is_warning: bool = False
    is_detail: bool = False


def tell(event: Event) -> tuple[Line, ...]:
    """Return the lines of an event; an event that nobody needs to read has none."""
    return tuple(_tell(event))


def clock_time(moment: datetime) -> str:
    """Return a time of day as users are told it: 05:41:55 UTC."""
    return moment.astimezone(UTC).strftime("%H:%M:%S UTC")


def _tell(event: Event) -> Iterator[Line]:
    match event:
        case events.TargetResolved():
            yield Line(text=f"{event.title}{_in(event.namespace)}, container {event.container}: {event.failure}")
            if event.because:
                yield Line(text=f"this one because {event.because}")
        case events.RightsChecked():
            yield Line(text=f"all {event.count} rights that it takes are there")
        case events.DryRunPassed():
            yield Line(text=f"the server would accept {_objects(event.count)}")
            yield from (Line(text=f"the server warns: {warning}", is_warning=True) for warning in event.warnings)
        case events.ObjectCreated():
            yield Line(text=f"created {event.title}{_in(event.namespace)}{_after(event.purpose)}")
        case events.ObjectChanged():
            yield Line(text=f"changed {event.title}{_in(event.namespace)}{_after('; '.join(event.differences))}")
        case events.CloneProgressed():
            yield Line(text=f"{event.step}{_after(event.detail)}")
        case events.CloneReady():
            yield Line(text=f"{event.title} runs, after {event.seconds:.1f} s")
        case events.ProbeFinished():
            text = f"network isolation: {event.isolation}{_after(event.detail)}"
            yield Line(text=text, is_warning=event.isolation != "enforced")
        case _:
            yield from _tell_ending(event)


def _tell_ending(event: Event) -> Iterator[Line]:
    match event:
        case events.LeaseRenewed():
            yield Line(text=f"the server keeps the session until {clock_time(event.until)}", is_detail=True)
        case events.LeaseFaltered():
            until = clock_time(event.until)
            yield Line(text=f"lease not renewed: {event.because}; unless it is, all ends at {until}", is_warning=True)
        case events.SessionEnded():
            yield Line(text=f"the session is over: {event.because}", is_warning=True)
        case events.TeardownStarted():
            yield Line(text=f"removing {_objects(event.count)}")
        case events.ObjectGone():
            yield Line(text=f"{event.title} is gone{_from(event.namespace)}")
        case events.TeardownFinished():
            yield from _tell_teardown(event)
        case events.WarningRaised():
            yield Line(text=f"warning: {event.text}", is_warning=True)
        case _:
            return


def _tell_teardown(event: events.TeardownFinished) -> Iterator[Line]:
    if not event.leftovers:
        yield Line(text=f"everything is gone, {event.seconds:.1f} s after the end")
        return
    for leftover in event.leftovers:
        yield Line(text=f"not proven gone: {leftover}", is_warning=True)
    if event.until:
        yield Line(text=f"the server removes it by {clock_time(event.until)}", is_warning=True)
    if event.command:
        yield Line(text=f"to remove it now: {event.command}", is_warning=True)


def _objects(count: int) -> str:
    return f"{count} object{'' if count == 1 else 's'}"


def _in(namespace: str) -> str:
    return f" in {namespace}" if namespace else ""


def _from(namespace: str) -> str:
    return f" from {namespace}" if namespace else ""


def _after(text: str) -> str:
    return f": {text}" if text else ""
