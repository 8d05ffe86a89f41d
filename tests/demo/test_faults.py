"""Calls that go wrong: what the client sees, and whether the call took effect."""

from __future__ import annotations

import http.client
from collections.abc import Callable

import pytest

from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.faults import (
    Answered,
    Cut,
    Fault,
    Gate,
    Late,
    Lost,
    LostThenApplied,
    Refused,
    Silence,
    bad_json,
    html,
    redirect,
)
from tests.demo.client import Client
from tests.demo.objects import CONFIG_MAPS, config_map


def exists(cluster: EmbeddedCluster, name: str = "child") -> bool:
    return any(item["metadata"]["name"] == name for item in cluster.objects())


@pytest.mark.parametrize(
    ("fault", "has_taken_effect"),
    [
        (Refused(), False),
        (Lost(has_taken_effect=False), False),
        (Lost(has_taken_effect=True), True),
        (Cut(where="body"), True),
    ],
)
def test_a_broken_connection(cluster: EmbeddedCluster, api: Client, fault: Fault, has_taken_effect: bool) -> None:
    cluster.faults.add(fault, method="POST", path="configmaps")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        api("POST", CONFIG_MAPS, config_map())
    assert exists(cluster) is has_taken_effect
    assert api("GET", CONFIG_MAPS).status == 200


def test_headers_that_are_cut_look_like_an_empty_success(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.faults.add(Cut(where="headers"), method="POST")
    reply = api("POST", CONFIG_MAPS, config_map())
    assert (reply.body, "Date" in reply.headers) == ("", False)
    assert exists(cluster)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Answered(status=429, retry_after=7), 429),
        (Answered(status=503), 503),
        (Answered(status=500, has_taken_effect=True), 500),
        (html(), 200),
        (redirect(), 302),
        (bad_json(), 200),
    ],
)
def test_another_answer(cluster: EmbeddedCluster, api: Client, fault: Answered, status: int) -> None:
    cluster.faults.add(fault)
    reply = api("POST", CONFIG_MAPS, config_map())
    assert reply.status == status
    assert reply.headers.get("Retry-After") == (str(fault.retry_after) if fault.retry_after else None)
    assert exists(cluster) is fault.has_taken_effect


def test_the_nth_call_and_no_other(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.faults.add(Answered(status=500), nth=3)
    assert [api("GET", CONFIG_MAPS).status for _ in range(4)] == [200, 200, 500, 200]


def test_a_lasting_fault_on_some_calls(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.faults.add(Answered(status=403), method="GET", path=r"/configmaps$", times=None)
    assert [api("GET", CONFIG_MAPS).status for _ in range(2)] == [403, 403]
    assert api("GET", f"{CONFIG_MAPS}/kube-root-ca.crt").status == 200
    cluster.faults.clear()
    assert api("GET", CONFIG_MAPS).status == 200


def test_an_answer_that_comes_when_the_gate_opens(cluster: EmbeddedCluster, api: Client) -> None:
    gate = Gate()
    cluster.faults.add(Late(gate=gate), method="POST")
    _times_out(lambda: Client(url=api.url, token=api.token, timeout=0.3)("POST", CONFIG_MAPS, config_map()))
    assert exists(cluster)
    gate.open()


def test_a_post_that_takes_effect_after_its_connection_was_lost(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.faults.add(LostThenApplied(seconds=60), method="POST")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        api("POST", CONFIG_MAPS, config_map())
    assert not exists(cluster)
    cluster.clock.advance(61)
    assert api("GET", f"{CONFIG_MAPS}/child").status == 200


def test_silence(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.faults.add(Silence())
    _times_out(lambda: Client(url=api.url, token=api.token, timeout=0.3)("GET", CONFIG_MAPS))
    assert api("GET", CONFIG_MAPS).status == 200


def test_every_call_is_logged_without_its_credentials(cluster: EmbeddedCluster, api: Client) -> None:
    api("POST", CONFIG_MAPS, config_map(), dryRun="All")
    (call,) = cluster.calls
    assert (call.number, call.method, call.path, call.query["dryRun"]) == (1, "POST", CONFIG_MAPS, "All")
    assert call.body["metadata"]["name"] == "child"
    assert cluster.token not in str(call)


def _times_out(action: Callable[[], object]) -> None:
    with pytest.raises(TimeoutError):
        action()
