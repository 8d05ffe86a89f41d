"""A client that dies in the midst of a shell: the server alone removes everything, and no second kdebug is needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from kdebug.domain.kinds import JOB, POD, uid_of
from kdebug.domain.ownership import GRACE_SECONDS, LEASE_SECONDS, TTL_SECONDS, read_session
from tests.e2e.conftest import Stage
from tests.support import program
from tests.support.eventually import eventually

pytestmark = pytest.mark.cluster
Start = Callable[..., program.Terminal]
PROMISED_SECONDS = LEASE_SECONDS + TTL_SECONDS + GRACE_SECONDS


def expire_in(stage: Stage, seconds: int) -> None:
    """Shorten the only session's lease, as nobody but a test's administrator does: to so many seconds from now."""
    job = stage.admin.list(JOB, stage.isolated).items[0]
    started = read_session(job).started
    assert started is not None
    elapsed = int((stage.admin.now() - started).total_seconds())
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": uid_of(job)},
        {"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": elapsed + seconds},
    ]
    stage.admin.patch(JOB, job["metadata"]["name"], stage.isolated, operations)


def test_the_promise_is_at_most_340_seconds() -> None:
    assert PROMISED_SECONDS <= 340


def test_a_client_killed_in_the_shell_leaves_nothing_after_its_lease(stage: Stage, terminal: Start) -> None:
    run = terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"])
    run.expect(r"\$ ")
    run.type("sleep 100000\r")
    run.process.kill()
    run.process.wait()
    kinds = {item.partition("/")[0] for item in stage.left()}
    assert kinds == {"Job", "NetworkPolicy", "Pod"}
    expire_in(stage, 5)
    began = time.monotonic()
    eventually(lambda: stage.left() == [], "the server removed everything", 5 + TTL_SECONDS + GRACE_SECONDS, pause=0.5)
    print(f"gone {time.monotonic() - began:.1f} s after a kill with 5 s of lease left")


def test_a_session_that_was_ended_elsewhere_is_said_and_not_made_anew(stage: Stage, terminal: Start) -> None:
    run = terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"])
    run.expect(r"\$ ")
    clone = stage.admin.list(POD, stage.isolated).items[0]
    job = stage.admin.list(JOB, stage.isolated).items[0]
    stage.admin.delete(JOB, job["metadata"]["name"], stage.isolated, uid=uid_of(job))
    assert run.finish(60) == 1
    assert "the session was ended while the shell was open" in run.shown.decode(errors="replace")
    eventually(lambda: stage.left() == [], "everything is gone", 30)
    uids = {uid_of(pod) for pod in stage.admin.list(POD, stage.isolated).items}
    assert uids <= {uid_of(clone)}


def test_an_ended_session_cannot_be_saved(stage: Stage, terminal: Start, env: dict[str, str]) -> None:
    run = terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"])
    run.expect(r"\$ ")
    run.process.kill()
    run.process.wait()
    name = stage.admin.list(JOB, stage.isolated).items[0]["metadata"]["name"]
    expire_in(stage, 1)
    eventually(lambda: read_session(stage.admin.get(JOB, name, stage.isolated)).is_over, "the deadline has passed", 20)
    done = program.run(["attach", name, "--take-over", *stage.flags, "--", "/busybox/true"], env)
    assert done.returncode == 125, done.stderr.decode()
    assert b"has ended" in done.stderr
    cleaned = program.run(["clean", "--expired", *stage.flags], env)
    assert cleaned.returncode == 0, cleaned.stderr.decode()
    assert stage.left() == []


def test_a_shell_that_kills_itself_is_no_ended_session(stage: Stage, terminal: Start) -> None:
    run = terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"])
    run.expect(r"\$ ")
    run.type("kill -9 $$\r")
    told = run.expect("everything is gone")
    assert "exit status 137" in told
    assert run.finish() == 0
