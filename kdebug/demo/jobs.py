"""The Job controller's clockwork: start time, deadline, suspension and the time to live. It makes no pods."""

from __future__ import annotations

from datetime import datetime, timedelta

from kdebug.demo.clock import Clock, moment_of, stamp
from kdebug.demo.deletion import delete
from kdebug.demo.events import Recorder
from kdebug.demo.resources import JSON
from kdebug.demo.store import Change, Store, copied
from kdebug.domain.kinds import JOB, Manifest, name_of, namespace_of

_TOO_LONG = "Job was active longer than specified deadline"


class JobController:
    """Keeps each Job's status. A suspended Job has no deadline; a finished one takes no notice of a new one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._events = Recorder(store, clock, "job-controller")
        store.subscribe(self._see)

    def _see(self, change: Change) -> None:
        if change.kind == JOB and change.type != "DELETED":
            self._look_again(change.object, 0.0)

    def _look_again(self, job: Manifest, seconds: float) -> None:
        self._clock.call_after(seconds, lambda: self._sync(namespace_of(job), name_of(job)))

    def _sync(self, namespace: str, name: str) -> None:
        job = self._store.get(JOB, namespace, name)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return
        finished = finished_at(job)
        if finished is not None:
            self._expire(job, finished)
            return
        new = copied(job)
        status: JSON = new.setdefault("status", {})
        now = stamp(self._clock.now())
        is_suspended = bool(job["spec"].get("suspend"))
        self._suspend_or_resume(status, now, is_suspended=is_suspended)
        status |= {"terminating": 0, "uncountedTerminatedPods": {}, "ready": 0}
        seconds = job["spec"].get("activeDeadlineSeconds")
        if not is_suspended and seconds is not None:
            deadline = moment_of(status["startTime"]) + timedelta(seconds=seconds)
            if self._clock.now() >= deadline:
                _add_conditions(status, now)
                self._events.record(job, "DeadlineExceeded", _TOO_LONG, is_warning=True)
            else:
                self._look_again(job, (deadline - self._clock.now()).total_seconds())
        self._store.replace(job, new)

    def _suspend_or_resume(self, status: JSON, now: str, *, is_suspended: bool) -> None:
        known = next((c for c in status.get("conditions", ()) if c["type"] == "Suspended"), None)
        was_suspended = known is not None and known["status"] == "True"
        if is_suspended and not was_suspended:
            _set_condition(status, "Suspended", "True", "JobSuspended", "Job suspended", now)
        if was_suspended and not is_suspended:
            _set_condition(status, "Suspended", "False", "JobResumed", "Job resumed", now)
            status["startTime"] = now
        if not is_suspended:
            status.setdefault("startTime", now)

    def _expire(self, job: Manifest, finished: datetime) -> None:
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None:
            return
        left = (finished + timedelta(seconds=seconds) - self._clock.now()).total_seconds()
        if left > 0:
            self._look_again(job, left)
        else:
            delete(self._store, self._clock, job, {"propagationPolicy": "Foreground"})


def finished_at(job: Manifest) -> datetime | None:
    """Return when the Job became Failed or Complete, or None."""
    for condition in (job.get("status") or {}).get("conditions", ()):
        if condition["type"] in ("Failed", "Complete") and condition["status"] == "True":
            return moment_of(condition["lastTransitionTime"])
    return None


def _add_conditions(status: JSON, now: str) -> None:
    for condition in ("FailureTarget", "Failed"):
        _set_condition(status, condition, "True", "DeadlineExceeded", _TOO_LONG, now)


def _set_condition(status: JSON, name: str, value: str, reason: str, message: str, now: str) -> None:
    others = [condition for condition in status.get("conditions", ()) if condition["type"] != name]
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    status["conditions"] = [*others, {"type": name, "status": value, **times, "reason": reason, "message": message}]
