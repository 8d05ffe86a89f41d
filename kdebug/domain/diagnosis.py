"""The diagnosis: why a pod fails, in one line and in its parts, from its status, its logs and its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdebug.domain.kinds import Manifest
from kdebug.domain.panics import Panic, find_panic
from kdebug.domain.state import (
    ContainerState,
    container_word,
    failing_container,
    is_terminating,
    mapping,
    state_of,
    unschedulable,
    word_of,
)
from kdebug.domain.text import safe

LAST_LINES = 20
_LINE_LIMIT = 500
_LOG_LIMIT = 2 * 1024 * 1024
_NO_LOG = "unable to retrieve container logs for "
"""What the kubelet writes, with status 200, in place of a log that the runtime has already removed."""

_MEANINGS = {
    126: "the command cannot be executed",
    127: "the command was not found",
    128: "the command could not be started",
}
_SIGNALS = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
)  # fmt: skip
"""Linux's numbers from 1: the containers run there, whatever this machine calls them."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What is known of a pod's failure; all text is safe to show."""

    state: str
    """CrashLoopBackOff, OOMKilled, ImagePullBackOff, Unschedulable, Running... Init:STATE for an init container's."""
    is_failing: bool
    container: str
    """The container that the findings are about: the failing init container, where the target waits for one."""
    exit_code: int | None = None
    exit_meaning: str = ""
    restarts: int = 0
    reason: str = ""
    """The machine's word behind the state where it says more: OOMKilled, Evicted, a scheduler's or a probe's."""
    message: str = ""
    """The server's own words."""
    panic: str = ""
    last_lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """The pod's Warning events, oldest first, as `REASON: MESSAGE (N times)`."""
    image_id: str = ""
    is_terminating: bool = False

    @property
    def summary(self) -> str:
        """One line: state, reason, exit code, restarts and the line that says why."""
        facts = [self.state]
        if self.reason:
            facts.append(self.reason)
        if self.exit_code is not None and (self.is_failing or self.exit_code != 0):
            meaning = f" ({self.exit_meaning})" if self.exit_meaning else ""
            last = "" if self.is_failing and self.state != "NotReady" else "last ended with "
            facts.append(f"{last}exit code {self.exit_code}{meaning}")
        if self.restarts:
            facts.append(f"{self.restarts} restart{'' if self.restarts == 1 else 's'}")
        if self.is_terminating and self.state != "Terminating":
            facts.append("being deleted")
        why = (self.panic or self.message) if self.is_failing else ""
        return ", ".join(facts) + (f": {why}" if why else "")


def suspect(pod: Manifest, container: str) -> ContainerState | None:
    """Return the container to look at for this one: itself, or the one that keeps it from starting."""
    chosen = state_of(pod, container)
    failing = failing_container(pod)
    is_held = chosen is not None and not chosen.is_failing and chosen.phase in ("waiting", "unknown")
    return failing or chosen if chosen is None or is_held else chosen


def diagnose(
    pod: Manifest, container: str, log_tail: str = "", previous_log: str = "", events: Sequence[Manifest] = ()
) -> Diagnosis:
    """Return the diagnosis of the pod as seen from one of its containers.

    `log_tail` is the log of the current run (of the last one, while the container waits to be started again),
    `previous_log` of the run before; `events` are the pod's, in any order. A container that cannot start because an
    init container fails is diagnosed through that one (`suspect`), and the logs are that one's.
    """
    chosen = suspect(pod, container)
    logs = [_clean_log(log_tail), _clean_log(previous_log)]
    if chosen is not None and chosen.phase == "running" and chosen.restarts:
        logs.reverse()
    log = next((text for text in logs if text.strip()), "")
    panic = find_panic(log)
    reason, message = _reason(pod, chosen, events)
    word = _word(pod, chosen)
    return Diagnosis(
        state=safe(word),
        is_failing=_is_failing(pod, chosen),
        container=safe(chosen.name if chosen else container),
        exit_code=chosen.exit_code if chosen else None,
        exit_meaning=_meaning(chosen, panic),
        restarts=chosen.restarts if chosen else 0,
        reason="" if reason == word else safe(reason),
        message=safe(message, limit=_LINE_LIMIT),
        panic=safe(panic.line, limit=_LINE_LIMIT) if panic and chosen and chosen.is_failing else "",
        last_lines=tuple(safe(line, limit=_LINE_LIMIT) for line in log.splitlines() if line.strip())[-LAST_LINES:],
        warnings=_warnings(events),
        image_id=safe(chosen.image_id) if chosen else "",
        is_terminating=is_terminating(pod),
    )


def meaning_of(exit_code: int) -> str:
    """Return what an exit code means by the conventions of shells and runtimes, empty when by none of them.

    101 is Rust's code for a panic; 126, 127 the shell's; 128 + N a signal's. Codes 1 and 2 mean whatever they want.
    """
    if exit_code == 101:
        return "Rust panic"
    if exit_code in _MEANINGS:
        return _MEANINGS[exit_code]
    number = exit_code - 128
    if 1 <= number <= len(_SIGNALS):
        return f"SIG{_SIGNALS[number - 1]}"
    return f"signal {number}" if 1 <= number <= 64 else ""


def _meaning(chosen: ContainerState | None, panic: Panic | None) -> str:
    if chosen is None or chosen.exit_code is None:
        return ""
    known = meaning_of(chosen.exit_code)
    if chosen.exit_reason == "OOMKilled":
        return f"{known or 'killed'}, out of memory"
    if chosen.exit_code == 2 and panic is not None and panic.language == "Go":
        return "Go panic"
    return known


def _is_failing(pod: Manifest, chosen: ContainerState | None) -> bool:
    phase = mapping(pod.get("status")).get("phase")
    return phase == "Failed" or bool(unschedulable(pod)) or (chosen is not None and chosen.is_failing)


def _word(pod: Manifest, chosen: ContainerState | None) -> str:
    """The pod's own reason first (Evicted), then what is wrong with the container, then the pod's state."""
    if mapping(pod.get("status")).get("reason") or chosen is None:
        return word_of(pod)
    if chosen.is_failing:
        return container_word(chosen)
    if is_terminating(pod):
        return "Terminating"
    return chosen.word if chosen.phase in ("running", "terminated") else word_of(pod)


def _reason(pod: Manifest, chosen: ContainerState | None, events: Sequence[Manifest]) -> tuple[str, str]:
    """Return the reason behind the state and the server's words for it."""
    status = mapping(pod.get("status"))
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message") or "")
    if unschedulable(pod):
        return "Unschedulable", unschedulable(pod)
    if chosen is None or not chosen.is_failing:
        return "", ""
    probe, probe_message = _probe(chosen, events)
    if probe:
        return probe, probe_message
    if chosen.is_looping or chosen.phase == "terminated":
        plain = ("Error", "Completed")
        return "" if chosen.exit_reason in plain else chosen.exit_reason, chosen.exit_message
    return "", chosen.message or _last_mount_message(events)


def _probe(chosen: ContainerState, events: Sequence[Manifest]) -> tuple[str, str]:
    """Return which probe fails: the liveness or startup probe that had it killed, the readiness probe that holds it."""
    wanted: tuple[str, ...] = ()
    if chosen.phase == "running":
        wanted = ("Startup probe", "Liveness probe", "Readiness probe")
    elif chosen.exit_code in (137, 143) and chosen.exit_reason != "OOMKilled":
        wanted = ("Startup probe", "Liveness probe")
    for probe in wanted:
        for event in reversed(in_order(events)):
            words = str(event.get("message") or "")
            field = str(mapping(event.get("involvedObject")).get("fieldPath") or "")
            is_other = "{" in field and f"{{{chosen.name}}}" not in field
            if event.get("reason") == "Unhealthy" and words.startswith(probe) and not is_other:
                return f"{probe[0].lower()}{probe[1:]} failed", words
    return "", ""


def _last_mount_message(events: Sequence[Manifest]) -> str:
    failed = [event for event in in_order(events) if str(event.get("reason", "")).startswith("FailedMount")]
    return str(failed[-1].get("message") or "") if failed else ""


def _warnings(events: Sequence[Manifest]) -> tuple[str, ...]:
    lines = []
    for event in in_order(events):
        if event.get("type") == "Warning":
            count = count_of(event)
            times = f" ({count} times)" if count > 1 else ""
            lines.append(safe(f"{event.get('reason')}: {event.get('message')}", limit=_LINE_LIMIT) + times)
    return tuple(lines)


def in_order(events: Sequence[Manifest]) -> list[Manifest]:
    """Return the events by the time they happened last; an event has one of four fields for it."""
    return sorted(events, key=_time_of)


def count_of(event: Manifest) -> int:
    """Return how often the event happened, in the old form or the new one."""
    return int(event.get("count") or mapping(event.get("series")).get("count") or 1)


def _time_of(event: Manifest) -> str:
    series: Any = mapping(event.get("series")).get("lastObservedTime")
    created = mapping(event.get("metadata")).get("creationTimestamp")
    return str(event.get("lastTimestamp") or series or event.get("eventTime") or created or "")


def _clean_log(text: str) -> str:
    return "" if text.startswith(_NO_LOG) else safe(text, limit=_LOG_LIMIT, multiline=True)
