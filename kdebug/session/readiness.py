"""Wait for the clone, say each step in words, and stop as soon as the server knows that it will not start."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from kdebug.domain.diagnosis import LAST_LINES
from kdebug.domain.kinds import EVENT, POD, Manifest, name_of, uid_of
from kdebug.domain.progress import Progress, read_progress
from kdebug.domain.text import age, safe
from kdebug.errors import (
    ApiError,
    CloneNotStartedError,
    DeniedError,
    ImageMissingError,
    NotFoundError,
    ServerFaultError,
    ThrottledError,
    UnreachableError,
)
from kdebug.session.events import CloneProgressed, Emit
from kdebug.session.port import Change, Cluster

SLICE_SECONDS = 1.0
"""How long one watch lasts: the longest that an ending of the session waits for."""
EVENTS_SECONDS = 1.5
"""The least time between two readings of the pod's events, and how long nothing must move before the first."""
PAUSE_SECONDS = 0.3


def _go_on() -> None:
    """Never ask to stop."""


def await_clone(
    cluster: Cluster,
    namespace: str,
    name: str,
    container: str,
    *,
    seconds: float,
    clock: Callable[[], float],
    emit: Emit,
    stop: Callable[[], None] = _go_on,
    sleep: Callable[[float], None] = time.sleep,
    image_remedy: str = "",
) -> Manifest:
    """Return the clone's manifest as soon as `container` runs, so that a command can be started in it.

    Waits at most `seconds` of `clock`; `stop` is called about once a second and may raise to end the wait. What passes
    (no answer, 429, 5xx, a scheduler that has not decided) is waited for. Raises CloneNotStartedError with the server's
    own words and what to try, `image_remedy` where the image is the trouble; DeniedError where the pod may not be read.
    """
    wait = _Wait(
        cluster=cluster,
        namespace=namespace,
        name=name,
        container=container,
        clock=clock,
        emit=emit,
        remedy=image_remedy,
    )
    end = clock() + seconds
    wait.moved_at = clock()
    while clock() < end:
        stop()
        began = clock()
        try:
            ready = wait.look(min(SLICE_SECONDS, end - clock()), stop)
        except (UnreachableError, ServerFaultError, ThrottledError) as error:
            wait.trouble = error
            sleep(min(float(getattr(error, "retry_after", None) or PAUSE_SECONDS), max(end - clock(), 0.0)))
            continue
        if ready is not None:
            return ready
        if clock() - began < PAUSE_SECONDS:
            sleep(min(PAUSE_SECONDS, max(end - clock(), 0.0)))
    raise wait.too_late(seconds)


@dataclass(kw_only=True)
class _Wait:
    """What has been seen of one clone so far."""

    cluster: Cluster
    namespace: str
    name: str
    container: str
    clock: Callable[[], float]
    emit: Emit
    remedy: str
    moved_at: float = 0.0
    events: tuple[Manifest, ...] = ()
    events_at: float | None = None
    are_events_denied: bool = False
    said: str = ""
    failing_since: tuple[str, float] = ("", 0.0)
    last: Progress = field(default_factory=lambda: Progress(step="waiting for the server"))
    trouble: ApiError | None = None

    def look(self, seconds: float, stop: Callable[[], None]) -> Manifest | None:
        """Read the pod, then watch it for a moment; return it when it is ready. Raises CloneNotStartedError."""
        selector = f"metadata.name={self.name}"
        listing = self.cluster.list(POD, self.namespace, fields=selector)
        self.trouble = None
        if not listing.items:
            raise self.gone()
        pod = listing.items[0]
        if self.judge(pod).is_ready:
            return pod
        self.read_events(pod)
        version = listing.resource_version
        changes = self.cluster.watch(POD, self.namespace, fields=selector, resource_version=version, seconds=seconds)
        try:
            return self.follow(changes, stop)
        finally:
            # An error's traceback would keep the watch, and its connection, open.
            if isinstance(changes, Generator):
                changes.close()

    def follow(self, changes: Iterator[Change], stop: Callable[[], None]) -> Manifest | None:
        """Judge each change; return the pod when it is ready, None when the watch is over."""
        for change in changes:
            if change.type == "DELETED":
                raise self.gone()
            if self.judge(change.object).is_ready:
                return change.object
            stop()
        return None

    def judge(self, pod: Manifest) -> Progress:
        """Take one reading, tell what is new in it, and raise CloneNotStartedError when it is final."""
        reading = read_progress(pod, self.container, self.events)
        now = self.clock()
        self.last = reading
        if reading.step != self.said and not reading.is_ready:
            self.said, self.moved_at = reading.step, now
            self.emit(CloneProgressed(step=reading.step, detail=reading.detail))
        if reading.failure != self.failing_since[0]:
            self.failing_since = (reading.failure, now)
        if reading.failure and now - self.failing_since[1] >= reading.grace_seconds:
            raise self.failed(pod, reading)
        return reading

    def read_events(self, pod: Manifest) -> None:
        """Read the pod's events when nothing has moved for a while, and judge again; they are optional."""
        now = self.clock()
        since = max(self.moved_at, self.events_at if self.events_at is not None else self.moved_at)
        if self.are_events_denied or now - since < EVENTS_SECONDS:
            return
        self.events_at = now
        events = events_of(self.cluster, self.namespace, pod)
        if events is None:
            self.are_events_denied = True
            return
        self.events = events
        self.judge(pod)

    def failed(self, pod: Manifest, reading: Progress) -> CloneNotStartedError:
        """Return the error for a final failure, with the end of the log where a container ended."""
        because = reading.detail
        log = self.log_of(reading.ended) if reading.ended else ""
        if log:
            because = f"{because}\n{log}" if because else f"its log ends with:\n{log}"
        remedy = self.remedy if reading.is_image_missing and self.remedy else reading.remedy
        error = ImageMissingError if reading.is_image_missing else CloneNotStartedError
        return error(reading.failure, because=because or _node_words(pod), remedy=remedy)

    def log_of(self, container: str) -> str:
        """Return the last lines of a container's log, or nothing when it cannot be read."""
        try:
            text = self.cluster.logs(self.namespace, self.name, container=container, tail_lines=LAST_LINES)
        except ApiError:
            return ""
        return safe(text, limit=8000, multiline=True).rstrip()

    def gone(self) -> CloneNotStartedError:
        """Return the error for a clone that does not exist any more."""
        return CloneNotStartedError(
            f"pod {self.name} was deleted while it started",
            because=self.last.detail or f"namespace {self.namespace} has no pod {self.name} any more",
            remedy=f"kubectl get events -n {self.namespace}",
        )

    def too_late(self, seconds: float) -> CloneNotStartedError:
        """Return the error for a wait that is over, with the last that is known."""
        because = self.last.step + (f": {self.last.detail}" if self.last.detail else "")
        if self.trouble is not None:
            because = f"{self.trouble.what}: {self.trouble.because}" if self.trouble.because else self.trouble.what
        error = CloneNotStartedError(
            f"the clone did not run within {age(seconds)}",
            because=because,
            remedy=self.last.remedy or "--pod-running-timeout 5m waits longer",
        )
        error.__cause__ = self.trouble
        return error


def events_of(cluster: Cluster, namespace: str, pod: Manifest) -> tuple[Manifest, ...] | None:
    """Return the events about this pod, None when they may not be read, none when they cannot be read now."""
    fields = [f"involvedObject.name={name_of(pod)}"]
    if uid_of(pod):
        fields.append(f"involvedObject.uid={uid_of(pod)}")
    try:
        return cluster.list(EVENT, namespace, fields=",".join(fields)).items
    except (DeniedError, NotFoundError):
        return None
    except (UnreachableError, ServerFaultError, ThrottledError):
        return ()


def _node_words(pod: Manifest) -> str:
    """Return what little the pod says when a failure has no words."""
    conditions: Sequence[Manifest] = pod.get("status", {}).get("conditions") or ()
    words = [str(condition.get("message") or "") for condition in conditions if condition.get("status") == "False"]
    return safe(next((word for word in words if word), ""))
