"""Waiting for the clone: ready at once, told in words, ended as soon as the server knows better."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kdebug.errors import (
    CloneNotStartedError,
    DeniedError,
    InterruptedBySignal,
    ServerFaultError,
    ThrottledError,
    UnreachableError,
)
from kdebug.session.events import CloneProgressed, Event
from kdebug.session.readiness import await_clone
from tests.support.memory_cluster import MemoryCluster
from tests.support.pods import UNSCHEDULABLE, event, pod, running, terminated, waiting

REMEDY = "docker build --target debug -t prism/app:v1-debug ."
NOT_FOUND = 'failed to resolve reference "prism/app:v1-debug": not found'
TIMEOUT = "dial tcp 10.0.0.1:443: i/o timeout"


def clone(*statuses: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return pod("web", *statuses, **{"policy": "Never", "phase": "Pending", **parts})


READY = clone(running("app"), phase="Running")
NEW = clone(waiting("app"), node="")


class Wait:
    """One wait on a memory cluster, with what was told."""

    def __init__(self, *upcoming: Any, start: dict[str, Any] | None = NEW) -> None:
        self.cluster = MemoryCluster()
        if start is not None:
            self.cluster.add(start)
        self.cluster.upcoming.extend(upcoming)
        self.told: list[Event] = []

    def run(self, seconds: float = 60.0, stop: Callable[[], None] = lambda: None) -> Any:
        return await_clone(
            self.cluster, "prism", "web", "app",
            seconds=seconds, clock=self.cluster.clock, emit=self.told.append, stop=stop,
            sleep=self.cluster.clock.sleep, image_remedy=REMEDY,
        )  # fmt: skip

    def fail(self, seconds: float = 60.0) -> CloneNotStartedError:
        with pytest.raises(CloneNotStartedError) as caught:
            self.run(seconds)
        assert caught.value.exit_code == 7
        return caught.value

    @property
    def steps(self) -> list[str]:
        return [told.step for told in self.told if isinstance(told, CloneProgressed)]


def test_a_clone_that_runs_already_is_one_request() -> None:
    wait = Wait(start=READY)
    assert wait.run()["metadata"]["name"] == "web"
    assert wait.cluster.requests == ["list pods prism/metadata.name=web"]


def test_each_step_is_told_once_in_words() -> None:
    wait = Wait(clone(waiting("app")), clone(waiting("app")), READY)
    wait.run()
    assert wait.steps == ["waiting for a node", "scheduled on node node-1"]


def test_events_tell_more_when_nothing_moves_and_are_read_seldom() -> None:
    wait = Wait(*[None] * 9, READY, start=clone(waiting("app")))
    wait.cluster.add(event("Pulling", 'Pulling image "prism/app:v1-debug"', kind="Normal"))
    wait.run()
    assert wait.steps == ["scheduled on node node-1", "image is being pulled"]
    readings = [request for request in wait.cluster.requests if request.startswith("list events")]
    assert 2 <= len(readings) <= 6
    assert "involvedObject.uid=uid-Pod-web" in readings[0]


def test_events_that_may_not_be_read_are_asked_for_once() -> None:
    wait = Wait(*[None] * 9, READY)
    wait.cluster.denied.add(("list", "events"))
    wait.run()
    assert len([request for request in wait.cluster.requests if request.startswith("list events")]) == 1


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_a_missing_debug_variant_ends_the_wait_at_once(reason: str) -> None:
    wait = Wait(clone(waiting("app", reason, NOT_FOUND)))
    error = wait.fail()
    assert error.what == "image prism/app:v1 does not exist in its registry"
    assert (error.because, error.remedy) == (NOT_FOUND, REMEDY)
    assert wait.cluster.clock.seconds <= 1.0


def test_a_pull_that_times_out_is_waited_for_until_it_fails_twice() -> None:
    def second_failure() -> None:
        wait.cluster.add(event("Failed", f'Failed to pull image "prism/app:v1": {TIMEOUT}', count=2))

    wait = Wait(clone(waiting("app", "ErrImagePull", TIMEOUT)), *[None] * 10, second_failure)
    error = wait.fail()
    assert error.what == "image prism/app:v1 could not be pulled, twice"
    assert error.because == TIMEOUT
    assert 11 <= wait.cluster.clock.seconds <= 16


def test_a_pull_that_works_the_second_time_is_no_failure() -> None:
    wait = Wait(clone(waiting("app", "ErrImagePull", TIMEOUT)), *[None] * 10, READY)
    assert wait.run()["metadata"]["name"] == "web"


def test_an_unschedulable_clone_ends_after_a_short_grace_in_the_scheduler_s_words() -> None:
    wait = Wait(start=clone(node="", conditions=UNSCHEDULABLE))
    error = wait.fail()
    assert error.what == "no node accepts the clone"
    assert error.because == UNSCHEDULABLE[0]["message"]
    assert 5 <= wait.cluster.clock.seconds <= 7


def test_a_node_within_the_grace_is_no_failure() -> None:
    wait = Wait(None, None, READY, start=clone(node="", conditions=UNSCHEDULABLE))
    assert wait.run()["metadata"]["name"] == "web"


def test_an_autoscaler_at_work_is_waited_for() -> None:
    wait = Wait(*[None] * 20, READY, start=clone(node="", conditions=UNSCHEDULABLE))
    wait.cluster.add(event("TriggeredScaleUp", "pod triggered scale-up", kind="Normal"))
    wait.run()
    assert "waiting for a new node" in wait.steps


def test_a_mount_that_cannot_be_made_ends_the_wait_with_its_words() -> None:
    wait = Wait(start=clone(waiting("app")))
    wait.cluster.add(event("FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "nope" not found'))
    error = wait.fail()
    assert error.what == "the clone's volumes cannot be mounted"
    assert 'secret "nope" not found' in error.because
    assert wait.cluster.clock.seconds <= 9


def test_a_clone_that_ended_says_its_code_and_its_last_lines() -> None:
    wait = Wait(clone(terminated("app", 3), phase="Failed"))
    wait.cluster.log_texts["web", "app", False] = "one\n\x1b[31mtwo\n"
    error = wait.fail()
    assert error.what == "container app ended before the clone was ready (exit code 3)"
    assert error.because == "its log ends with:\none\ntwo"


def test_a_log_that_may_not_be_read_does_not_hide_the_failure() -> None:
    wait = Wait(clone(terminated("app", 3), phase="Failed"))
    wait.cluster.denied.add(("get", "pods/log"))
    assert wait.fail().what == "container app ended before the clone was ready (exit code 3)"


def test_an_evicted_clone_says_why() -> None:
    error = Wait(clone(phase="Failed", reason="Evicted", message="The node was low on memory.")).fail()
    assert (error.what, error.because) == (
        "the clone ended before it was ready (Evicted)",
        "The node was low on memory.",
    )


@pytest.mark.parametrize("start", [None, NEW])
def test_a_clone_that_is_deleted_ends_the_wait(start: dict[str, Any] | None) -> None:
    def delete() -> None:
        wait.cluster.objects.clear()

    wait = Wait(delete, start=start)
    assert wait.fail().what == "pod web was deleted while it started"


@pytest.mark.parametrize(
    "trouble",
    [
        UnreachableError("the server does not answer", because="connection refused"),
        ServerFaultError("the server failed", status=500),
        ThrottledError("too many requests", status=429, retry_after=2),
    ],
)
def test_what_passes_is_waited_for(trouble: Any) -> None:
    wait = Wait(trouble, trouble, None, READY)
    assert wait.run()["metadata"]["name"] == "web"


def test_a_server_that_stays_away_ends_the_wait_at_the_deadline_with_its_words() -> None:
    trouble = UnreachableError("the server does not answer", because="connection refused")
    wait = Wait(*[trouble] * 100)
    error = wait.fail(seconds=10.0)
    assert error.what == "the clone did not run within 10s"
    assert error.because == "the server does not answer: connection refused"
    assert error.__cause__ is trouble
    assert 10.0 <= wait.cluster.clock.seconds <= 11.5


def test_the_deadline_says_what_was_known_last() -> None:
    wait = Wait(start=clone(waiting("app", "ErrImagePull", TIMEOUT)))
    error = wait.fail(seconds=8.0)
    assert error.because == f"image prism/app:v1 is not pulled: {TIMEOUT}"
    assert error.remedy == "--pod-running-timeout 5m waits longer"


def test_without_the_right_to_read_pods_the_wait_does_not_go_on() -> None:
    wait = Wait()
    wait.cluster.denied.add(("watch", "pods"))
    with pytest.raises(DeniedError):
        wait.run()


def test_an_ending_is_heard_within_a_second() -> None:
    def stop() -> None:
        if wait.cluster.clock.seconds >= 3:
            raise InterruptedBySignal(15, "SIGTERM")

    wait = Wait()
    with pytest.raises(InterruptedBySignal):
        wait.run(stop=stop)
    assert wait.cluster.clock.seconds <= 4
