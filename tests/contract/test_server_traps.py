"""What the lease and teardown rely on, and what they must not trust, on a real server and on the embedded one."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.domain.kinds import CONFIG_MAP, JOB, POD, SECRET, Kind, Manifest, uid_of
from kdebug.domain.ownership import (
    HOLDER,
    LEASE_SECONDS,
    SessionRecord,
    anchor,
    difference_of_anchor,
    is_over,
    new_session_id,
    object_name,
    owner_reference,
    read_session,
    session_labels,
)
from kdebug.errors import ConflictError, InvalidError, NotFoundError
from kdebug.session.lease import SessionOverError, renew, renewal
from tests.contract.conftest import Contract

SESSION = new_session_id(b"0123456789")
NAME = object_name(SESSION)
ANOTHER_UID = "11111111-1111-4111-8111-111111111111"
RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER: dict[str, Any] = {
    "name": "c",
    "image": "ghcr.io/prism/proxy:v1.2.3-debug",
    "command": ["/busybox/sh", "-c", "trap 'exit 0' TERM; while :; do /busybox/sleep 1; done"],
    "securityContext": RESTRICTED,
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
}


def pod(contract: Contract, uid: str) -> Manifest:
    """Return a pod that the anchor with this uid owns."""
    metadata = metadata_of(contract, uid)
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [CONTAINER]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def child(contract: Contract, uid: str, kind: Kind = CONFIG_MAP) -> Manifest:
    """Return a ConfigMap or Secret that the anchor with this uid owns."""
    return {"apiVersion": "v1", "kind": kind.name, "metadata": metadata_of(contract, uid)}


def metadata_of(contract: Contract, uid: str) -> dict[str, Any]:
    """Return what every object of the session has."""
    return {
        "name": NAME,
        "namespace": contract.namespace,
        "labels": session_labels(SESSION),
        "ownerReferences": [owner_reference(SESSION, uid)],
    }


def make_anchor(contract: Contract, *, deadline: int = LEASE_SECONDS, ttl: int | None = None, **spec: Any) -> Manifest:
    """Create the session's anchor as kdebug makes it, but for its times."""
    notes = {HOLDER: "me", "kdebug.dev/hard-cap-seconds": "3600"}
    clone = {"spec": {"containers": [CONTAINER]}}
    manifest = anchor(SESSION, contract.namespace, annotations=notes, clone=clone, deadline_seconds=deadline)
    times = {} if ttl is None else {"ttlSecondsAfterFinished": ttl}
    return contract.cluster.create({**manifest, "spec": {**manifest["spec"], **times, **spec}})


def is_gone(contract: Contract, kind: Kind) -> bool:
    """Return whether the session has no object of the kind."""
    try:
        contract.cluster.get(kind, NAME, contract.namespace)
    except NotFoundError:
        return True
    return False


def await_gone(contract: Contract, kind: Kind) -> None:
    """Wait until the session has no object of the kind."""
    contract.await_fact(lambda: is_gone(contract, kind), f"the {kind.name} is gone", 20)


def is_failed(contract: Contract) -> bool:
    """Return whether the anchor's deadline has passed and the server has said so."""
    return is_over(contract.cluster.get(JOB, NAME, contract.namespace))


def record_of(contract: Contract) -> SessionRecord:
    """Return the session as its anchor tells it."""
    return read_session(contract.cluster.get(JOB, NAME, contract.namespace))


def test_deadline_and_time_to_live_remove_everything_without_a_client(contract: Contract) -> None:
    uid = uid_of(make_anchor(contract, deadline=6, ttl=3))
    contract.cluster.create(child(contract, uid))
    contract.cluster.create(child(contract, uid, SECRET))
    contract.cluster.create(pod(contract, uid))
    assert not is_failed(contract)
    contract.await_fact(lambda: is_gone(contract, JOB), "the anchor is gone", 20)
    for kind in (CONFIG_MAP, SECRET, POD):
        await_gone(contract, kind)


def test_the_anchor_makes_no_pod_of_its_own(contract: Contract) -> None:
    make_anchor(contract)
    contract.pass_time(3)
    assert contract.cluster.list(POD, contract.namespace).items == ()
    assert record_of(contract).started is not None


def test_a_child_that_comes_after_its_owner_went_is_collected(contract: Contract) -> None:
    uid = uid_of(make_anchor(contract))
    contract.cluster.delete(JOB, NAME, contract.namespace, uid=uid)
    contract.await_fact(lambda: is_gone(contract, JOB), "the anchor is gone", 10)
    contract.cluster.create(child(contract, uid))
    contract.await_fact(lambda: is_gone(contract, CONFIG_MAP), "the late child is collected", 20)


def test_our_delete_takes_the_children_and_leaves_none_behind(contract: Contract) -> None:
    uid = uid_of(make_anchor(contract))
    contract.cluster.create(child(contract, uid))
    contract.cluster.create(pod(contract, uid))
    contract.cluster.delete(JOB, NAME, contract.namespace, uid=uid)
    for kind in (JOB, CONFIG_MAP, POD):
        await_gone(contract, kind)


@pytest.mark.parametrize("wrong", [ANOTHER_UID, ""], ids=["another uid", "no uid"])
@pytest.mark.parametrize("kind", [JOB, CONFIG_MAP, SECRET], ids=lambda kind: kind.name)
def test_a_delete_with_the_wrong_uid_answers_409_and_touches_nothing(
    contract: Contract, kind: Kind, wrong: str
) -> None:
    owner = make_anchor(contract)
    made = owner if kind is JOB else contract.cluster.create(child(contract, uid_of(owner), kind))
    with pytest.raises(ConflictError) as caught:
        contract.cluster.delete(kind, NAME, contract.namespace, uid=wrong)
    assert caught.value.status == 409
    found = contract.cluster.get(kind, NAME, contract.namespace)
    assert uid_of(found) == uid_of(made)
    assert "deletionTimestamp" not in found["metadata"]


def test_a_delete_of_what_is_gone_answers_404_whatever_the_uid(contract: Contract) -> None:
    for kind in (JOB, SECRET, POD):
        with pytest.raises(NotFoundError):
            contract.cluster.delete(kind, NAME, contract.namespace, uid=ANOTHER_UID)


def test_a_repeated_delete_proves_a_secret_gone_without_a_read(contract: Contract) -> None:
    owner = uid_of(make_anchor(contract))
    uid = uid_of(contract.cluster.create(child(contract, owner, SECRET)))
    contract.cluster.delete(SECRET, NAME, contract.namespace, uid=uid)

    def is_proven() -> bool:
        try:
            contract.cluster.delete(SECRET, NAME, contract.namespace, uid=uid)
        except NotFoundError:
            return True
        return False

    contract.await_fact(is_proven, "a DELETE answers 404", 10)
    again = contract.cluster.create(child(contract, owner, SECRET))
    assert uid_of(again) != uid
    with pytest.raises(ConflictError):
        contract.cluster.delete(SECRET, NAME, contract.namespace, uid=uid)


def test_a_renewal_moves_the_deadline_on(contract: Contract) -> None:
    make_anchor(contract, deadline=8, ttl=0)
    contract.pass_time(4)
    record = renew(contract.cluster, record_of(contract), holder="me")
    assert record.deadline_seconds >= LEASE_SECONDS + 3
    contract.pass_time(6)
    assert not is_failed(contract)


def test_a_renewal_of_a_failed_anchor_succeeds_and_means_nothing(contract: Contract) -> None:
    make_anchor(contract, deadline=2, ttl=12)
    before = record_of(contract)
    contract.await_fact(lambda: is_failed(contract), "the anchor's deadline passed", 15)
    renewed = contract.cluster.patch(
        JOB, NAME, contract.namespace, renewal(before, contract.cluster.now(), holder="me")
    )
    assert renewed["spec"]["activeDeadlineSeconds"] >= LEASE_SECONDS
    assert is_over(renewed)
    with pytest.raises(SessionOverError):
        renew(contract.cluster, before, holder="me")
    contract.await_fact(lambda: is_gone(contract, JOB), "the renewed anchor is gone all the same", 25)


@pytest.mark.parametrize(
    ("path", "value"), [("/metadata/uid", ANOTHER_UID), ("/metadata/annotations/kdebug.dev~1holder", "another")]
)
def test_a_patch_whose_test_fails_answers_422_and_changes_nothing(contract: Contract, path: str, value: str) -> None:
    make_anchor(contract)
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": path, "value": value},
        {"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 3000},
    ]
    with pytest.raises(InvalidError) as caught:
        contract.cluster.patch(JOB, NAME, contract.namespace, operations)
    assert caught.value.status == 422
    assert record_of(contract).deadline_seconds == LEASE_SECONDS


def test_a_patch_of_what_is_gone_answers_404(contract: Contract) -> None:
    with pytest.raises(NotFoundError):
        contract.cluster.patch(JOB, NAME, contract.namespace, [{"op": "test", "path": "/metadata/uid", "value": "x"}])


def test_a_suspended_anchor_never_expires_so_it_is_never_trusted(contract: Contract) -> None:
    manifest = make_anchor(contract, deadline=2, ttl=0, suspend=True)
    contract.pass_time(6)
    assert not is_gone(contract, JOB)
    assert not is_failed(contract)
    sent = {**manifest, "spec": {**manifest["spec"], "suspend": None}}
    assert "suspended" in difference_of_anchor(sent, manifest)


def test_a_name_that_is_taken_answers_409(contract: Contract) -> None:
    make_anchor(contract)
    with pytest.raises(ConflictError):
        make_anchor(contract)


def test_a_dry_run_stores_nothing(contract: Contract) -> None:
    contract.cluster.create(pod(contract, ANOTHER_UID), dry_run=True)
    assert is_gone(contract, POD)
