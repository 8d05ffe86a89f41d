"""A lost answer to a create is unknown, not failed: it is asked for by name, and never made twice."""

from __future__ import annotations

import pytest

from kdebug.errors import ApiError, ConflictError, DeniedError, ServerFaultError, ThrottledError, UnreachableError
from kdebug.session.creation import create_surely
from kdebug.session.timing import Timing
from tests.support.collecting import CollectingCluster, Fault, session_object

LOST = [UnreachableError("lost"), ServerFaultError("500", status=500), ServerFaultError("504", status=504)]


def timing(cluster: CollectingCluster) -> Timing:
    """Return the cluster's own clock."""
    return Timing(clock=cluster.clock, sleep=cluster.clock.sleep)


@pytest.mark.parametrize("kind", ["Pod", "NetworkPolicy", "ConfigMap", "Secret"])
@pytest.mark.parametrize("error", LOST)
@pytest.mark.parametrize("is_applied", [False, True])
def test_a_lost_answer_ends_in_one_object(kind: str, error: ApiError, is_applied: bool) -> None:
    cluster = CollectingCluster(faults=[Fault(request=f"create {kind}", error=error, is_applied=is_applied)])
    made = create_surely(cluster, session_object(kind), timing(cluster))
    assert made["metadata"]["name"] == session_object(kind)["metadata"]["name"]
    assert len(cluster.objects) == 1


def test_throttling_is_waited_out() -> None:
    fault = Fault(request="create Pod", error=ThrottledError("429", status=429, retry_after=3))
    cluster = CollectingCluster(faults=[fault])
    create_surely(cluster, session_object("Pod"), timing(cluster))
    assert 3 <= cluster.clock.seconds < 5


def test_a_server_that_stays_away_is_given_up_within_the_budget() -> None:
    cluster = CollectingCluster(faults=[Fault(request="create Pod", error=UnreachableError("down"), count=9999)])
    with pytest.raises(UnreachableError):
        create_surely(cluster, session_object("Pod"), timing(cluster))
    assert cluster.clock.seconds <= 20
    assert not cluster.objects


def test_a_taken_name_is_an_error_at_once() -> None:
    cluster = CollectingCluster()
    cluster.add(session_object("Pod"))
    with pytest.raises(ConflictError):
        create_surely(cluster, session_object("Pod"), timing(cluster))


def test_a_strangers_object_is_never_adopted() -> None:
    stranger = session_object("Pod")
    stranger["metadata"]["labels"] = {}
    cluster = CollectingCluster()
    cluster.faults = [Fault(request="create Pod", error=UnreachableError("lost"), then=lambda: cluster.add(stranger))]
    with pytest.raises(ConflictError, match="not this session's"):
        create_surely(cluster, session_object("Pod"), timing(cluster))


def test_a_refusal_is_not_tried_again() -> None:
    cluster = CollectingCluster(faults=[Fault(request="create Pod", error=DeniedError("403", status=403), count=9)])
    with pytest.raises(DeniedError):
        create_surely(cluster, session_object("Pod"), timing(cluster))
    assert cluster.faults[0].count == 8


def test_a_refusal_after_a_lost_answer_does_not_hide_what_was_made() -> None:
    """The quota is full because of the object itself, which the lost request has made."""
    full = DeniedError("403", because="exceeded quota", status=403)
    cluster = CollectingCluster()
    cluster.faults = [
        Fault(request="create Pod", error=UnreachableError("lost"), is_applied=True),
        Fault(request="get Pod", error=UnreachableError("lost")),
        Fault(request="create Pod", error=full),
    ]
    made = create_surely(cluster, session_object("Pod"), timing(cluster))
    assert made["metadata"]["uid"]


def test_a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    """What was sent first may still arrive: only its own answer would tell."""
    refused = DeniedError("401", status=401)
    cluster = CollectingCluster()
    cluster.faults = [
        Fault(request="create Secret", error=UnreachableError("lost"), is_applied=True),
        Fault(request="create Secret", error=refused),
    ]
    with pytest.raises(UnreachableError) as caught:
        create_surely(cluster, session_object("Secret"), timing(cluster))
    assert caught.value.__cause__ is refused
