"""A whole session on the embedded cluster: clean, refused, and with any single write going wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kdebug.cluster.connect import connect
from kdebug.cluster.kubeconfig import Selection, load
from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.faults import Answered, Cut, Fault, Lost
from kdebug.domain.diagnosis import diagnose
from kdebug.domain.kinds import CONFIG_MAP, JOB, NETWORK_POLICY, POD, SECRET
from kdebug.domain.ownership import MANAGED_BY
from kdebug.domain.plan import Plan
from kdebug.errors import CloneNotStartedError, ImageMissingError, KdebugError, RefusedError
from kdebug.session.cleanup import remove_session
from kdebug.session.events import CloneReady, Event, ObjectGone
from kdebug.session.facts import object_facts, read_facts
from kdebug.session.lease import renew
from kdebug.session.lifecycle import DebugSession
from kdebug.session.planning import PlanOptions, make_plan
from kdebug.session.port import Cluster
from kdebug.session.resolve import TargetRequest, resolve
from kdebug.session.teardown import Teardown
from kdebug.session.timing import Timing
from tests.support.embedded import embedded_cluster

ISOLATED = "kdebug-isolated"
OPTIONS = PlanOptions(namespace=ISOLATED)


@pytest.fixture
def embedded() -> Iterator[EmbeddedCluster]:
    """Return a running embedded cluster."""
    with embedded_cluster() as cluster:
        yield cluster


def connected(embedded: EmbeddedCluster, home: Path) -> Cluster:
    """Return the embedded cluster through the adapter."""
    resolved = load(Selection(kubeconfig=str(embedded.kubeconfig_path)), {}, home)
    return connect(resolved, {}, user_agent="kdebug-tests", request_timeout=5)


def planned(cluster: Cluster, options: PlanOptions = OPTIONS) -> Plan:
    """Return the plan for the demo's pod."""
    target = resolve(cluster, TargetRequest(name="prism-proxy-pod", namespace="prism"))
    facts, _ = read_facts(cluster, isolated=ISOLATED, target_namespace="prism", target=None)
    facts = replace(facts, target=object_facts(target.manifest))
    diagnosis = diagnose(target.manifest, target.container)
    return make_plan(cluster, target, diagnosis, facts, options, session_id="b" * 16, user="me", holder="here/1/x")


def run(
    cluster: Cluster, plan: Plan, *, recheck: Callable[[], None] = lambda: None
) -> tuple[KdebugError | None, Teardown, list[Event]]:
    """Open a session and tear it down; return what open raised, how the end went, and the events."""
    told: list[Event] = []
    session = DebugSession(
        cluster=cluster, plan=plan, timing=Timing(), emit=told.append, recheck=recheck, running_timeout=20
    )
    error: KdebugError | None = None
    try:
        session.open()
    except KdebugError as caught:
        error = caught
    return error, session.tear_down(), told


def left(cluster: Cluster) -> list[str]:
    """Return what of any session exists."""
    kinds = (JOB, POD, NETWORK_POLICY, CONFIG_MAP, SECRET)
    return [
        f"{kind.name}/{item['metadata']['name']}"
        for kind in kinds
        for item in cluster.list(kind, ISOLATED, labels=f"{MANAGED_BY}=kdebug").items
    ]


def test_a_clean_session_names_each_object_as_gone(embedded: EmbeddedCluster, tmp_path: Path) -> None:
    cluster = connected(embedded, tmp_path)
    plan = planned(cluster)
    error, end, told = run(cluster, plan)
    assert error is None
    assert any(isinstance(event, CloneReady) for event in told)
    assert len([event for event in told if isinstance(event, ObjectGone)]) == len(plan.objects)
    assert not end.leftovers
    assert left(cluster) == []


def test_the_pod_is_made_last_and_nothing_before_the_anchor(embedded: EmbeddedCluster, tmp_path: Path) -> None:
    cluster = connected(embedded, tmp_path)
    run(cluster, planned(cluster))
    posts = [
        call.body["kind"]
        for call in embedded.calls
        if call.method == "POST" and "dryRun" not in call.query and f"/namespaces/{ISOLATED}/" in call.path
    ]
    assert posts[0] == "Job"
    assert posts[-1] == "Pod"


def test_a_guard_that_changed_its_mind_leaves_nothing(embedded: EmbeddedCluster, tmp_path: Path) -> None:
    cluster = connected(embedded, tmp_path)
    plan = planned(cluster)
    before = len(embedded.calls)

    def refuse() -> None:
        raise RefusedError("the label says production now")

    error, _, _ = run(cluster, plan, recheck=refuse)
    assert isinstance(error, RefusedError)
    assert [call for call in embedded.calls[before:] if call.method != "GET"] == []


def test_an_image_that_does_not_exist_is_said_and_everything_removed(embedded: EmbeddedCluster, tmp_path: Path) -> None:
    cluster = connected(embedded, tmp_path)
    plan = planned(cluster, PlanOptions(namespace=ISOLATED, image="ghcr.io/prism/nothing:v1"))
    error, end, _ = run(cluster, plan)
    assert isinstance(error, ImageMissingError)
    assert isinstance(error, CloneNotStartedError)
    assert "not found" in error.because
    assert not end.leftovers
    assert left(cluster) == []


def writes_of_a_clean_run() -> list[tuple[str, str, bool]]:
    """Return the writes of a session: method, path's end, whether it is a dry run."""
    return [
        ("POST", "/jobs", True),
        ("POST", "/pods", True),
        ("POST", "/jobs", False),
        ("POST", "/networkpolicies", False),
        ("POST", "/configmaps", False),
        ("POST", "/pods", False),
        ("DELETE", f"/jobs/kdebug-{'b' * 16}", False),
        ("DELETE", f"/pods/kdebug-{'b' * 16}", False),
    ]


FAULTS: dict[str, Fault] = {
    "lost before": Lost(has_taken_effect=False),
    "lost after": Lost(has_taken_effect=True),
    "cut in the body": Cut(),
    "500 before": Answered(status=500, reason="InternalError"),
    "500 after": Answered(status=500, reason="InternalError", has_taken_effect=True),
    "429": Answered(status=429, reason="TooManyRequests", retry_after=1),
    "403": Answered(status=403, reason="Forbidden"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("method", "path", "is_dry_run"), writes_of_a_clean_run())
def test_any_single_write_may_go_wrong(
    embedded: EmbeddedCluster, tmp_path: Path, method: str, path: str, is_dry_run: bool, fault: str
) -> None:
    cluster = connected(embedded, tmp_path)
    plan = planned(cluster)
    # The dry run of a kind comes before its real creation: both match, so the second is the real one.
    nth = 2 if method == "POST" and not is_dry_run else 1
    embedded.faults.add(FAULTS[fault], method=method, path=rf"{path}$", nth=nth)
    error, end, _ = run(cluster, plan)
    if fault == "403" and method == "DELETE":
        assert {o.kind for o in end.leftovers} <= {JOB, NETWORK_POLICY, CONFIG_MAP, POD}
        return
    assert not end.leftovers, (error, end)
    assert left(cluster) == []
    if not is_dry_run and fault != "403":
        assert error is None


def test_a_session_that_was_taken_over_is_left_to_its_new_holder(embedded: EmbeddedCluster, tmp_path: Path) -> None:
    cluster = connected(embedded, tmp_path)
    session = DebugSession(
        cluster=cluster, plan=planned(cluster), timing=Timing(), emit=lambda _: None, recheck=lambda: None
    )
    session.open()
    assert session.record is not None
    taken = renew(cluster, session.record, holder="there/2/y")
    assert not session.tear_down().gone
    assert len(left(cluster)) == 4
    assert not remove_session(cluster, taken, timing=Timing(), emit=lambda _: None).leftovers
    assert left(cluster) == []
