"""The isolation probe never claims more than it saw."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.errors import StreamLostError
from kdebug.session.probe import ENFORCED, NOT_ENFORCED, UNKNOWN, Peer, denied_peers, probe, read_result, script_for

PEERS = (Peer(address="10.0.0.9", port=8980, what="the target"),)
REFUSED = "dns\ncode 0\npeer\nnc: can't connect to remote host (10.0.0.9): Connection refused\ncode 1\n"
SILENT = "dns\ncode 0\npeer\nnc: timed out\ncode 1\n"


@pytest.mark.parametrize(
    ("output", "isolation"),
    [
        (SILENT, ENFORCED),
        ("dns\ncode 0\npeer\ncode 143\n", ENFORCED),
        (REFUSED, NOT_ENFORCED),
        ("dns\ncode 1\npeer\ncode 0\n", NOT_ENFORCED),
        ("dns\ncode 1\npeer\nnc: timed out\ncode 1\n", UNKNOWN),
        ("dns\ncode 0\n", UNKNOWN),
        ("", UNKNOWN),
        ("sh: /busybox/nc: not found\n", UNKNOWN),
    ],
)
def test_what_an_answer_means(output: str, isolation: str) -> None:
    assert read_result(output, PEERS)[0] == isolation


def test_without_an_address_that_would_answer_nothing_is_claimed() -> None:
    assert read_result("dns\ncode 0\n", ())[0] == UNKNOWN


def test_a_policy_that_takes_a_moment_is_waited_for() -> None:
    answers = iter([REFUSED, SILENT])
    slept: list[float] = []
    assert probe(lambda: next(answers), PEERS, sleep=slept.append)[0] == ENFORCED
    assert len(slept) == 1


def test_what_stays_open_is_said() -> None:
    isolation, detail = probe(lambda: REFUSED, PEERS, sleep=lambda _: None)
    assert isolation == NOT_ENFORCED
    assert "10.0.0.9:8980" in detail


def test_a_probe_that_cannot_run_is_unknown() -> None:
    def fail() -> str:
        raise StreamLostError("connection lost", because="closed")

    assert probe(fail, PEERS) == (UNKNOWN, "it could not be tried: closed")


@pytest.mark.parametrize("address", ["", "10.0.0.1; reboot", "$(id)"])
def test_only_an_address_gets_into_the_script(address: str) -> None:
    target: dict[str, Any] = {"spec": {"containers": [{}]}, "status": {"podIP": address}}
    assert denied_peers(target) == ()


def test_the_first_port_of_the_target_is_tried() -> None:
    target: dict[str, Any] = {
        "spec": {"containers": [{"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 8980}]}]},
        "status": {"podIP": "10.0.0.9"},
    }
    assert denied_peers(target) == PEERS
    assert "try 10.0.0.9 8980" in script_for(PEERS)
