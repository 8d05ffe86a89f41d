"""What marks an object as a session's own, and how a session is read back from its anchor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kdebug.domain import ownership

CLONE: dict[str, Any] = {
    "spec": {
        "securityContext": {"runAsNonRoot": True},
        "containers": [
            {"name": "proxy", "image": "x:1-debug", "command": ["/busybox/sh"], "env": [{"name": "A", "value": "b"}]}
        ],
    }
}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(**changes: Any) -> dict[str, Any]:
    """Return an anchor as the server gives it back."""
    job = ownership.anchor(
        "a" * 16,
        "kdebug-isolated",
        annotations={ownership.HOLDER: "me", ownership.TARGET: "prism/p", ownership.HARD_CAP: "3600"},
        clone=CLONE,
    )
    job["metadata"]["uid"] = "u1"
    job["status"] = {"startTime": "2026-01-02T03:04:05Z"}
    job["spec"].update(changes)
    return job


def test_ids_are_80_bits_and_lower_case() -> None:
    assert ownership.new_session_id(bytes(10)) == "a" * 16
    assert ownership.new_session_id(b"\xff" * 10) == "7" * 16
    with pytest.raises(ValueError, match="80"):
        ownership.new_session_id(bytes(9))


def test_the_anchor_makes_no_pod_and_expires() -> None:
    spec = made()["spec"]
    assert (spec["parallelism"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 300, 30)
    assert "suspend" not in spec
    container = spec["template"]["spec"]["containers"][0]
    assert container["image"] == "x:1-debug"
    assert "env" not in container


def test_a_child_gets_the_anchors_real_uid_and_nothing_else_changes() -> None:
    child = {
        "kind": "Pod",
        "metadata": {"name": "c", "ownerReferences": [ownership.owner_reference("a" * 16), {"uid": "other"}]},
    }
    owned = ownership.with_owner(child, "u1")
    assert [reference["uid"] for reference in owned["metadata"]["ownerReferences"]] == ["u1", "other"]
    assert child["metadata"]["ownerReferences"][0]["uid"] == ownership.ZERO_UID  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"suspend": True}, "suspended"),
        ({"activeDeadlineSeconds": 99999}, "activeDeadlineSeconds"),
        ({"activeDeadlineSeconds": None}, "activeDeadlineSeconds"),
        ({"ttlSecondsAfterFinished": 9}, "ttl"),
        ({"parallelism": 1}, "parallelism"),
        ({"suspend": False}, ""),
        ({}, ""),
    ],
)
def test_an_anchor_that_a_webhook_changed_is_noticed(change: dict[str, Any], says: str) -> None:
    found = ownership.difference_of_anchor(made(), made(**change))
    assert (says in found) if says else found == ""


def test_an_anchor_whose_labels_were_taken_is_noticed() -> None:
    changed = made()
    changed["metadata"]["labels"] = {}
    assert "labels" in ownership.difference_of_anchor(made(), changed)


def test_a_session_is_read_back_from_its_anchor() -> None:
    record = ownership.read_session(made())
    assert (record.id, record.target, record.holder, record.hard_cap_seconds) == ("a" * 16, "prism/p", "me", 3600)
    assert record.until == NOW + timedelta(seconds=300)
    assert record.gone_by == NOW + timedelta(seconds=340)
    assert not record.is_expired(NOW + timedelta(seconds=299))
    assert record.is_expired(NOW + timedelta(seconds=300))


@pytest.mark.parametrize(("seconds", "is_lost"), [(119, False), (120, True), (500, True)])
def test_a_holder_that_has_not_renewed_for_two_minutes_is_lost(seconds: int, is_lost: bool) -> None:
    record = ownership.read_session(made())
    assert record.is_holder_lost(NOW + timedelta(seconds=seconds)) is is_lost


@pytest.mark.parametrize("condition", ["Failed", "FailureTarget", "Complete"])
def test_a_finished_anchor_is_over(condition: str) -> None:
    job = made()
    job["status"]["conditions"] = [{"type": condition, "status": "True"}]
    assert ownership.is_over(job)
    job["status"]["conditions"] = [{"type": condition, "status": "False"}]
    assert not ownership.is_over(job)


def test_only_kdebugs_own_objects_are_owned() -> None:
    job = made()
    assert ownership.is_owned(job)
    assert ownership.is_owned(job, "a" * 16)
    assert not ownership.is_owned(job, "b" * 16)
    assert not ownership.is_owned({"metadata": {"labels": {ownership.SESSION: "x"}}})
    assert not ownership.is_owned({"metadata": {}})
