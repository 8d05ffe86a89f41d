"""The lease: what a renewal writes, and when the session is over in spite of an answer that says it succeeded."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from kdebug.domain import ownership
from kdebug.domain.kinds import JOB
from kdebug.errors import NotFoundError, RefusedError, ServerFaultError
from kdebug.session.events import Event, LeaseRenewed
from kdebug.session.lease import Lease, SessionOverError, renew
from kdebug.session.timing import Timing
from tests.support.collecting import NAMESPACE, SESSION, CollectingCluster, Fault, running_session
from tests.support.memory_cluster import NOW

NAME = ownership.object_name(SESSION)
KEY = ("Job", NAMESPACE, NAME)


def started() -> tuple[CollectingCluster, ownership.SessionRecord]:
    """Return a cluster with a session, and its record."""
    cluster = CollectingCluster()
    running_session(cluster)
    return cluster, ownership.read_session(cluster.objects[KEY])


def lease_of(
    cluster: CollectingCluster, record: ownership.SessionRecord, told: list[Event], rechecks: list[str]
) -> Lease:
    """Return a lease whose thread is not started: the tests renew."""
    timing = Timing(clock=cluster.clock, sleep=cluster.clock.sleep)
    return Lease(
        cluster=cluster, record=record, timing=timing, emit=told.append, recheck=lambda: rechecks.append("again")
    )


def test_a_renewal_moves_the_deadline_to_now_and_five_minutes_by_the_servers_clock() -> None:
    cluster, record = started()
    cluster.clock.sleep(60)
    renewed = renew(cluster, record, holder="me")
    assert renewed.deadline_seconds == 360
    assert renewed.until == NOW + timedelta(seconds=360)
    assert renewed.renewed == NOW + timedelta(seconds=60)


def test_no_renewal_passes_the_hard_cap() -> None:
    cluster, record = started()
    cluster.clock.sleep(3500)
    assert renew(cluster, record, holder="me").deadline_seconds == 3600


def test_detaching_is_one_renewal_up_to_the_hard_cap() -> None:
    cluster, record = started()
    detached = renew(cluster, record, holder="me", detached=True)
    assert detached.deadline_seconds == 3600
    assert detached.is_detached


@pytest.mark.parametrize("condition", ["Failed", "FailureTarget"])
def test_a_renewal_that_succeeds_on_a_job_that_has_failed_means_nothing(condition: str) -> None:
    cluster, record = started()
    cluster.objects[KEY]["status"]["conditions"] = [{"type": condition, "status": "True"}]
    with pytest.raises(SessionOverError, match="ended on the server"):
        renew(cluster, record, holder="me")


def test_a_job_of_another_uid_is_not_renewed() -> None:
    cluster, record = started()
    cluster.objects[KEY]["metadata"]["uid"] = "other"
    with pytest.raises(SessionOverError, match="used again"):
        renew(cluster, record, holder="me")
    assert cluster.objects[KEY]["spec"]["activeDeadlineSeconds"] == 300


def test_a_session_that_somebody_took_over_is_not_renewed() -> None:
    cluster, record = started()
    assert renew(cluster, record, holder="another").holder == "another"
    with pytest.raises(SessionOverError, match="taken over by another"):
        renew(cluster, record, holder="me")


def test_an_absent_anchor_ends_the_session() -> None:
    cluster, record = started()
    cluster.delete(JOB, NAME, NAMESPACE, uid=record.uid)
    with pytest.raises(SessionOverError, match="removed"):
        renew(cluster, record, holder="me")


def test_the_guard_is_asked_again_at_every_fifth_renewal() -> None:
    cluster, record = started()
    told: list[Event] = []
    rechecks: list[str] = []
    lease = lease_of(cluster, record, told, rechecks)
    for _ in range(10):
        cluster.clock.sleep(60)
        lease.renew_once()
    assert len(rechecks) == 2
    assert len([event for event in told if isinstance(event, LeaseRenewed)]) == 10
    assert lease.until == NOW + timedelta(seconds=900)


def test_facts_that_changed_end_the_session_before_it_is_renewed() -> None:
    cluster, record = started()

    def refuse() -> None:
        raise RefusedError("the namespace says production now")

    timing = Timing(clock=cluster.clock, sleep=cluster.clock.sleep)
    lease = Lease(cluster=cluster, record=record, timing=timing, emit=lambda _: None, recheck=refuse)
    for _ in range(4):
        lease.renew_once()
    before = cluster.objects[KEY]["spec"]["activeDeadlineSeconds"]
    cluster.clock.sleep(60)
    with pytest.raises(RefusedError):
        lease.renew_once()
    assert cluster.objects[KEY]["spec"]["activeDeadlineSeconds"] == before


def test_after_a_long_silence_the_anchor_is_read_before_it_is_written() -> None:
    cluster, record = started()
    lease = lease_of(cluster, record, [], [])
    cluster.clock.sleep(600)
    cluster.objects[KEY]["status"]["conditions"] = [{"type": "Failed", "status": "True"}]
    cluster.requests.clear()
    with pytest.raises(SessionOverError):
        lease.renew_once()
    assert not any(request.startswith("patch") for request in cluster.requests)


def test_a_fault_leaves_the_last_confirmed_time_as_it_was() -> None:
    cluster, record = started()
    lease = lease_of(cluster, record, [], [])
    cluster.faults = [Fault(request="patch Job", error=ServerFaultError("500", status=500), is_applied=True)]
    cluster.clock.sleep(60)
    with pytest.raises(ServerFaultError):
        lease.renew_once()
    assert lease.until == NOW + timedelta(seconds=300)


def test_only_a_session_that_somebody_took_over_is_not_ours_to_remove() -> None:
    cluster, record = started()
    lease = lease_of(cluster, record, [], [])
    assert lease.is_ours()
    renew(cluster, record, holder="another")
    assert not lease.is_ours()
    cluster.faults = [Fault(request="get Job", error=ServerFaultError("500", status=500))]
    assert lease.is_ours()


@pytest.mark.parametrize(("noted", "cap"), [("999999", 4 * 3600), ("", 300), ("9" * 5000, 300)])
def test_the_annotation_cannot_raise_the_hard_cap_and_its_absence_ends_nothing(noted: str, cap: int) -> None:
    cluster, record = started()
    cluster.objects[KEY]["metadata"]["annotations"][ownership.HARD_CAP] = noted
    record = ownership.read_session(cluster.objects[KEY])
    assert renew(cluster, record, holder="me", detached=True).deadline_seconds == cap


def test_a_lease_that_was_stopped_tells_nothing_more() -> None:
    """Its renewal was on the way when the session was removed: that is no news."""
    cluster, record = started()
    told: list[Event] = []
    lease = lease_of(cluster, record, told, [])
    reached, go_on = threading.Event(), threading.Event()

    def hold_up() -> None:
        reached.set()
        go_on.wait(10)

    cluster.faults = [Fault(request="patch Job", error=NotFoundError("gone", status=404), then=hold_up)]
    lease.start()
    cluster.clock.sleep(61)
    assert reached.wait(10)
    lease.stop()
    go_on.set()
    lease.join(10)
    assert told == []
