"""Teardown: nothing is called gone that was not seen gone, nothing else is touched, and it always ends."""

from __future__ import annotations

import pytest

from kdebug.domain.kinds import JOB, NETWORK_POLICY, POD, SECRET
from kdebug.domain.ownership import object_name
from kdebug.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    ServerFaultError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from kdebug.session.events import Event, ObjectGone, TeardownFinished
from kdebug.session.teardown import OwnedObject, Teardown, tear_down
from kdebug.session.timing import Timing
from tests.support.collecting import NAMESPACE, SESSION, CollectingCluster, Fault, running_session, session_object


def end(cluster: CollectingCluster, objects: list[OwnedObject]) -> tuple[Teardown, list[Event]]:
    """Tear down and return the result with the events."""
    told: list[Event] = []
    timing = Timing(clock=cluster.clock, sleep=cluster.clock.sleep)
    return tear_down(cluster, objects, SESSION, timing=timing, emit=told.append, command="kdebug clean x"), told


def test_everything_is_removed_and_each_object_is_named() -> None:
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    result, told = end(cluster, objects)
    assert not cluster.objects
    assert not result.leftovers
    assert {event.title for event in told if isinstance(event, ObjectGone)} == {o.title for o in objects}


def test_the_anchor_goes_first_and_the_pod_next() -> None:
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    cluster.requests.clear()
    end(cluster, list(reversed(objects)))
    deletes = [request for request in cluster.requests if request.startswith("delete")]
    assert deletes[0].startswith("delete jobs")
    assert not any(request.startswith("delete networkpolicies") for request in deletes)


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("no answer"),
        ServerFaultError("500", status=500),
        ThrottledError("429", status=429, retry_after=86400),
        UnauthenticatedError("401", status=401),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("request_", ["delete Job", "delete Pod", "get Job", "get NetworkPolicy", "delete Secret"])
@pytest.mark.parametrize("is_applied", [False, True])
def test_any_single_fault_is_only_a_delay(request_: str, error: ApiError, is_applied: bool) -> None:
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    cluster.faults = [Fault(request=request_, error=error, is_applied=is_applied)]
    result, _ = end(cluster, objects)
    assert not result.leftovers
    assert not cluster.objects


def test_credentials_are_read_again_once_after_a_401() -> None:
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    cluster.faults = [Fault(request="delete Job", error=UnauthenticatedError("401", status=401), count=3)]
    end(cluster, objects)
    assert cluster.reloads == 1


def test_a_lasting_fault_ends_within_the_budget_and_names_what_is_left() -> None:
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    down = UnreachableError("the server does not answer", because="connection refused")
    requests = [f"{verb} {kind}" for verb in ("get", "delete") for kind in ("Job", "Pod", "NetworkPolicy", "Secret")]
    cluster.faults = [Fault(request=request, error=down, count=9999) for request in requests]
    result, told = end(cluster, objects)
    assert len(result.leftovers) == 4
    assert cluster.clock.seconds <= 15
    finished = told[-1]
    assert isinstance(finished, TeardownFinished)
    assert "connection refused" in finished.leftovers[0]
    assert finished.command == "kdebug clean x"
    assert not any(isinstance(event, ObjectGone) for event in told)


def test_a_forbidden_delete_is_left_to_the_server_and_said() -> None:
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    denied = DeniedError("no", because='User "oncall" cannot delete jobs', status=403)
    cluster.faults = [Fault(request="delete Job", error=denied, count=9999)]
    result, _ = end(cluster, objects)
    assert {o.kind for o in result.leftovers} == {JOB, NETWORK_POLICY}
    assert "cannot delete jobs" in result.because


def test_an_object_of_the_same_name_with_another_uid_is_not_touched() -> None:
    cluster = CollectingCluster()
    stranger = session_object("Pod", containers=[])
    stranger["metadata"]["ownerReferences"] = []
    cluster.add(stranger)
    ours = OwnedObject(kind=POD, name=object_name(SESSION), namespace=NAMESPACE, uid="ours")
    result, _ = end(cluster, [ours])
    assert not result.leftovers
    assert len(cluster.objects) == 1


@pytest.mark.parametrize("has_landed", [False, True])
def test_an_object_whose_creation_was_cut_off_is_looked_for_by_name(has_landed: bool) -> None:
    cluster = CollectingCluster()
    if has_landed:
        cluster.create(session_object("Pod", containers=[]))
    result, _ = end(cluster, [OwnedObject(kind=POD, name=object_name(SESSION), namespace=NAMESPACE)])
    assert not result.leftovers
    assert not cluster.objects
    assert has_landed or cluster.clock.seconds >= 1


def test_a_late_arrival_within_a_second_is_still_removed() -> None:
    cluster = CollectingCluster()

    def arrive() -> None:
        cluster.add(session_object("Pod", containers=[]))

    cluster.faults = [Fault(request="get Pod", error=UnreachableError("lost"), then=arrive)]
    result, _ = end(cluster, [OwnedObject(kind=POD, name=object_name(SESSION), namespace=NAMESPACE)])
    assert not result.leftovers
    assert not cluster.objects


def test_a_name_taken_by_somebody_without_our_labels_is_not_ours() -> None:
    cluster = CollectingCluster()
    stranger = session_object("Pod", containers=[])
    stranger["metadata"]["labels"] = {}
    cluster.add(stranger)
    result, _ = end(cluster, [OwnedObject(kind=POD, name=object_name(SESSION), namespace=NAMESPACE)])
    assert not result.leftovers
    assert len(cluster.objects) == 1


def test_a_secret_is_proven_gone_without_reading_it() -> None:
    cluster = CollectingCluster()
    running_session(cluster)
    cluster.requests.clear()
    result, _ = end(cluster, [OwnedObject(kind=SECRET, name=object_name(SESSION), namespace=NAMESPACE)])
    assert not result.leftovers
    assert not any(request.startswith(("get secrets", "list secrets")) for request in cluster.requests)


def test_a_conflict_that_is_not_about_the_uid_proves_nothing() -> None:
    """An admission webhook may answer a delete with 409 too."""
    cluster = CollectingCluster()
    objects = [OwnedObject.of(manifest) for manifest in running_session(cluster)]
    no = ConflictError("no", because="admission webhook denied the request", status=409)
    cluster.faults = [Fault(request=f"delete {kind}", error=no, count=9999) for kind in ("Job", "Pod")]
    result, _ = end(cluster, objects)
    assert {o.kind for o in result.leftovers} >= {JOB, POD}
    assert "webhook denied" in result.because
