"""One session from its first write to its last: create, await, hold the lease, tear down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from kdebug.domain.kinds import JOB, Manifest, title_of
from kdebug.domain.ownership import GRACE_SECONDS as SERVER_GRACE_SECONDS
from kdebug.domain.ownership import (
    LEASE_SECONDS,
    TTL_SECONDS,
    SessionRecord,
    difference_of_anchor,
    object_name,
    read_session,
)
from kdebug.domain.plan import Plan
from kdebug.errors import ApiError, CloneNotStartedError, DeniedError, InvalidError, KdebugError
from kdebug.session.background import begin
from kdebug.session.creation import create_surely
from kdebug.session.events import CloneReady, DryRunPassed, Emit, ObjectCreated, WarningRaised
from kdebug.session.journal import Entry, Journal
from kdebug.session.lease import Lease, renew
from kdebug.session.port import Cluster
from kdebug.session.readiness import await_clone
from kdebug.session.teardown import OwnedObject, Teardown, tear_down
from kdebug.session.timing import Timing

RENEWAL_SECONDS = 60.0
"""How long a renewal on its way may hold up a detaching."""

PURPOSES = {
    "Job": "the anchor: expires on the server and owns the rest",
    "NetworkPolicy": "the clone's network",
    "ConfigMap": "a copy of the target's",
    "Secret": "values that only this session's pod reads",
    "Pod": "the clone",
}


@dataclass(kw_only=True)
class DebugSession:
    """A session that executes one plan. `tear_down` may be called at any time, from any ending, more than once."""

    cluster: Cluster
    plan: Plan
    timing: Timing
    emit: Emit
    recheck: Callable[[], None]
    """Judges the guard's facts again, read anew; raises RefusedError when they changed."""
    journal: Journal | None = None
    entry: Entry | None = None
    force_command: str = ""
    """What a person types to remove a leftover."""
    running_timeout: float = 120.0
    image_remedy: str = ""

    def __post_init__(self) -> None:
        self._attempted: list[OwnedObject] = []
        self._lease: Lease | None = None
        self._is_detached = False

    @property
    def pod_name(self) -> str:
        """The clone's name in the isolated namespace."""
        return object_name(self.plan.session_id)

    @property
    def record(self) -> SessionRecord | None:
        """The session as the server last confirmed it."""
        return self._lease.record if self._lease else None

    def open(self) -> None:
        """Create everything and return when the clone runs.

        Raises RefusedError, DeniedError, CloneNotStartedError, ApiError; the caller tears down in its `finally`.
        """
        self.recheck()
        self._dry_run()
        self._write_journal()
        began = self.timing.clock()
        anchor = self._create(self.plan.anchor)
        self._check_anchor(anchor)
        self._lease = Lease(
            cluster=self.cluster, record=read_session(anchor), timing=self.timing, emit=self.emit, recheck=self.recheck
        )
        *children, pod = self.plan.children(str(anchor["metadata"]["uid"]))
        for child in children:
            self._create(child)
        anchor = self.cluster.get(JOB, self.pod_name, self.plan.namespace)
        self._check_anchor(anchor)
        self._lease.record = read_session(anchor)
        # Not before: a renewal would look like a webhook's change of the deadline.
        self._lease.start()
        self._create(pod)
        await_clone(
            self.cluster,
            self.plan.namespace,
            self.pod_name,
            self.plan.container,
            seconds=self.running_timeout,
            clock=self.timing.clock,
            sleep=self.timing.sleep,
            emit=self.emit,
            image_remedy=self.image_remedy,
        )
        self.emit(CloneReady(title=f"pod/{self.pod_name}", seconds=self.timing.clock() - began))

    def detach(self) -> SessionRecord:
        """Renew once up to the hard cap and leave; the server ends the session then."""
        lease = self._require_lease()
        lease.stop()
        lease.join(RENEWAL_SECONDS)
        lease.record = renew(self.cluster, lease.record, holder=lease.record.holder, detached=True)
        self._is_detached = True
        return lease.record

    def tear_down(self) -> Teardown:
        """Stop renewing, remove what was or may have been made, prove it gone; a detached session is left alone."""
        if self._lease:
            self._lease.stop()
        if self._is_detached or not self._attempted:
            return Teardown(gone=(), leftovers=(), because="", seconds=0.0)
        if self._lease and not self._lease.is_ours():
            self.emit(WarningRaised(text="somebody else holds the session now: it is left to them"))
            self._attempted = []
            return Teardown(gone=(), leftovers=(), because="", seconds=0.0)
        until = self._lease.gone_by if self._lease else None
        seconds = LEASE_SECONDS + TTL_SECONDS + SERVER_GRACE_SECONDS
        result = tear_down(
            self.cluster,
            self._attempted,
            self.plan.session_id,
            timing=self.timing,
            emit=self.emit,
            until=until or self.cluster.now() + timedelta(seconds=seconds),
            command=self.force_command,
        )
        self._attempted = list(result.leftovers)
        if not result.leftovers and self.journal and self.entry:
            self.journal.forget(self.entry.session_id)
        return result

    def _create(self, manifest: Manifest) -> Manifest:
        """Create one object; it counts as made from before the request is sent, so that no ending can miss it."""
        attempted = OwnedObject.of(manifest)
        self._attempted.append(attempted)
        try:
            made = create_surely(self.cluster, manifest, self.timing)
        except (DeniedError, InvalidError) as error:
            self._attempted.remove(attempted)
            raise _not_created(manifest, error) from error
        self._attempted[self._attempted.index(attempted)] = replace(attempted, uid=OwnedObject.of(made).uid)
        self.emit(
            ObjectCreated(
                title=title_of(manifest), namespace=attempted.namespace, purpose=PURPOSES[attempted.kind.name]
            )
        )
        return made

    def _check_anchor(self, anchor: Manifest) -> None:
        changed = difference_of_anchor(self.plan.anchor, anchor)
        if changed:
            raise CloneNotStartedError(
                "the session cannot be made to expire on the server",
                because=changed,
                remedy="ask whoever runs the cluster which admission webhook changes Jobs in this namespace",
            )

    def _dry_run(self) -> None:
        """Let admission, quota and Pod Security answer together before the first write."""
        trials = [begin(self._dry_run_one, manifest) for manifest in self.plan.objects]
        outcomes = [trial.result() for trial in trials]
        warnings = tuple(warning for warning in outcomes if warning)
        for warning in warnings:
            self.emit(WarningRaised(text=warning))
        self.emit(DryRunPassed(count=len(outcomes), warnings=warnings))

    def _dry_run_one(self, manifest: Manifest) -> str:
        try:
            self.cluster.create(manifest, dry_run=True)
        except ApiError as error:
            if "dry run" in error.because or "dryRun" in error.because:
                return f"a webhook cannot answer a dry run for {title_of(manifest)}: {error.because}"
            if isinstance(error, DeniedError | InvalidError):
                raise _not_created(manifest, error) from error
            raise
        return ""

    def _write_journal(self) -> None:
        if not self.journal or not self.entry:
            return
        try:
            self.journal.record(self.entry)
        except OSError as error:
            self.emit(
                WarningRaised(text=f"no local journal ({error.strerror}): the cluster alone remembers this session")
            )

    def _require_lease(self) -> Lease:
        if self._lease is None:
            raise KdebugError("the session is not open")
        return self._lease


def _not_created(manifest: Manifest, error: ApiError) -> ApiError:
    """Return the error with the object named, keeping its class and the server's words."""
    words = error.because or error.what
    remedy = error.remedy or "ask whoever runs the cluster about this rule; kdebug plan -o yaml shows what is asked for"
    if "exceeded quota" in words:
        remedy = "kdebug sessions shows who uses the quota; kdebug clean --expired frees what is over"
    return type(error)(
        f"the server does not accept {title_of(manifest)}",
        because=words,
        remedy=remedy,
        status=error.status,
        reason=error.reason,
    )
