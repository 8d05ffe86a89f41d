"""From the name that the user gave to one pod: exact, by workload, by prefix or by selector, in the fewest requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kdebug.domain.kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    REPLICA_SET,
    STATEFUL_SET,
    Kind,
    Manifest,
    name_of,
    title_of,
    uid_of,
)
from kdebug.domain.selector import selector_text
from kdebug.domain.state import word_of
from kdebug.domain.target import Target, controller_of, target_of, workload_of, worst
from kdebug.domain.text import safe
from kdebug.errors import DeniedError, NotFoundError, TargetError, UnauthenticatedError
from kdebug.session.choice import ambiguous
from kdebug.session.evidence import Evidence, read_evidence
from kdebug.session.lookup import Lookup
from kdebug.session.port import Cluster
from kdebug.session.request import TargetRequest, parse, validate_name

__all__ = ["Evidence", "TargetRequest", "read_evidence", "resolve", "validate_name"]

_BY_NAME = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, CRON_JOB)
"""The kinds that a bare name is tried as, once no pod has it."""
_CRON_SUFFIX = re.compile(r"-\d+$")
"""What a CronJob appends to its name for its Jobs."""


def resolve(cluster: Cluster, request: TargetRequest) -> Target:
    """Return the one pod that is meant; an exact pod's name costs one GET.

    A workload, a prefix and a selector mean their worst pod (`kdebug.domain.target.severity`), and the target says so
    in `because`. Raises UsageError before any request for what cannot be a name; TargetError when nothing or pods of
    different workloads match (they are listed, with their states); DeniedError where a needed read is not allowed.
    """
    kind, name = parse(request)
    lookup = Lookup(cluster=cluster, namespace=request.namespace)
    resolution = _Resolution(lookup=lookup, container=request.container)
    if request.selector:
        return resolution.by_selector(request.selector)
    if kind is None:
        return resolution.by_name(name)
    return resolution.by_pod(name) if kind is POD else resolution.by_workload(kind, name)


@dataclass(frozen=True, kw_only=True)
class _Resolution:
    """One request being answered."""

    lookup: Lookup
    container: str

    def by_pod(self, name: str) -> Target:
        """Resolve pod/NAME: that pod or none."""
        try:
            return target_of(self.lookup.get(POD, name), container=self.container)
        except NotFoundError as error:
            raise self.lookup.not_found(f"pod {name}", name, self.lookup.items_if_allowed(POD) or ()) from error

    def by_name(self, name: str) -> Target:
        """Resolve NAME: the pod, else the workload of that name, else the pods that begin with it."""
        try:
            return target_of(self.lookup.get(POD, name), container=self.container)
        except NotFoundError as error:
            absent = error
        pods = self.pods_beside(name)
        named = [pod for pod in pods if workload_of(pod).partition("/")[2] == name]
        if named:
            return self.choose(named, f"{name} means {_pods(named)}")
        matching = [pod for pod in pods if name_of(pod).startswith(name)]
        if any(_cron_name(workload_of(pod)) == name for pod in matching):
            cron_job = self.lookup.find(CRON_JOB, name)
            if cron_job is not None:
                return self.by_cron_job(cron_job)
        if matching:
            return self.choose(matching, f"{name} is a prefix of {_pods(matching)}")
        self.refuse_idle(name)
        raise self.lookup.not_found(f"pod or workload {name}", name, pods) from absent

    def pods_beside(self, name: str) -> list[Manifest]:
        """Return the namespace's pods when none is called `name`; raise TargetError where they may not be listed."""
        try:
            return self.lookup.items(POD)
        except UnauthenticatedError:
            raise
        except DeniedError as error:
            raise TargetError(
                f"namespace {self.lookup.namespace} has no pod {name}",
                because=f"and no workload or prefix can be looked up: {error.because or error.what}",
                remedy=f"give the pod's whole name, or ask for the right to {self.lookup.access(POD, 'list')}",
            ) from error

    def by_selector(self, selector: str) -> Target:
        """Resolve -l SELECTOR."""
        pods = self.lookup.items(POD, selector)
        namespace = self.lookup.namespace
        if not pods:
            raise TargetError(
                f"no pod in namespace {namespace} matches the labels {safe(selector)}",
                because=self.lookup.why_empty(),
                remedy=f"kubectl get pods -n {namespace} --show-labels",
            )
        return self.choose(pods, f"{safe(selector)} selects {_pods(pods)}")

    def by_workload(self, kind: Kind, name: str) -> Target:
        """Resolve TYPE/NAME: the worst of the pods that it owns; for a CronJob, of its newest Job that has pods."""
        title = f"{kind.name.casefold()}/{name}"
        try:
            workload = self.lookup.get(kind, name)
        except NotFoundError as error:
            pods = self.lookup.items_if_allowed(POD) or ()
            raise self.lookup.not_found(title, name, pods, title) from error
        if kind is CRON_JOB:
            return self.by_cron_job(workload)
        found = self.pods_of(kind, workload)
        if not found:
            raise self.lookup.idle(title, "it has no pods")
        return self.take(found, f"{title} has {_pods(found)}", title)

    def by_cron_job(self, cron_job: Manifest) -> Target:
        """Return the worst pod of the CronJob's newest Job that still has pods."""
        title = title_of(cron_job)
        jobs = [job for job in self.lookup.items(JOB) if controller_of(job).get("uid") == uid_of(cron_job)]
        for job in sorted(jobs, key=_created, reverse=True):
            pods = self.pods_of(JOB, job)
            if pods:
                return self.take(pods, f"{title}: its newest Job with pods, {title_of(job)}, has {_pods(pods)}", title)
        because = "none of its Jobs has pods any more" if jobs else "it has no Jobs"
        raise self.lookup.idle(title, because)

    def pods_of(self, kind: Kind, workload: Manifest) -> list[Manifest]:
        """Return the pods that match the workload's selector and that it owns, a Deployment through its ReplicaSets."""
        selector = selector_text(workload.get("spec", {}).get("selector") or {})
        if not selector:
            return []
        pods = self.lookup.items(POD, selector)
        owners = {uid_of(workload)}
        if kind is DEPLOYMENT and pods:
            sets = self.lookup.items_if_allowed(REPLICA_SET, selector)
            if sets is None:
                return [pod for pod in pods if workload_of(pod) == title_of(workload)]
            owners = {uid_of(item) for item in sets if controller_of(item).get("uid") in owners}
        return [pod for pod in pods if controller_of(pod).get("uid") in owners]

    def choose(self, pods: Sequence[Manifest], because: str) -> Target:
        """Return the worst of pods of one workload, where Jobs of one CronJob count as one; TargetError for several."""
        workloads = {workload_of(pod) for pod in pods}
        if len(workloads) == 1:
            workload = workloads.pop()
            return self.take(pods, f"{because} of {workload}", workload)
        cron_names = {_cron_name(workload) for workload in workloads}
        if len(cron_names) == 1 and "" not in cron_names:
            cron_job = self.lookup.find(CRON_JOB, cron_names.pop())
            if cron_job is not None:
                return self.by_cron_job(cron_job)
        raise ambiguous(because, pods, self.lookup.cluster.now(), self.lookup.namespace)

    def take(self, pods: Sequence[Manifest], because: str, workload: str) -> Target:
        """Return the worst pod, and why it is the one."""
        pod = worst(pods)
        if len(pods) > 1:
            because += f"; the worst is {name_of(pod)} ({word_of(pod)})"
        return target_of(pod, container=self.container, because=safe(because), workload=workload)

    def refuse_idle(self, name: str) -> None:
        """Raise TargetError when a workload has this name and no pods."""
        for kind in _BY_NAME:
            workload = self.lookup.find(kind, name)
            if workload is not None:
                raise self.lookup.idle(title_of(workload), "it has no pods")


def _cron_name(workload: str) -> str:
    """Return the name of the CronJob that may have made a Job, by the Job's name; empty when none can have."""
    kind, _, name = workload.partition("/")
    return _CRON_SUFFIX.sub("", name) if kind == "job" and _CRON_SUFFIX.search(name) else ""


def _created(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("creationTimestamp") or "")


def _pods(pods: Sequence[Manifest]) -> str:
    return "1 pod" if len(pods) == 1 else f"{len(pods)} pods"
