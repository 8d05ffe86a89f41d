"""Names that must read like production, and names that must not: the list is data, each with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.domain.names import address_of, host_of, is_loopback, judge_name, judge_server

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "names.jsonl").read_text("ascii").splitlines()]


@pytest.mark.parametrize(("name", "verdict"), [(case["name"], case["verdict"]) for case in CASES], ids=ascii)
def test_name(name: str, verdict: str) -> None:
    assert judge_name(name).verdict == verdict


def test_the_list_is_long_enough_to_mean_something() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 300


def test_the_token_that_decided_is_named_as_it_is_written() -> None:
    assert judge_name("gke_acme-Prod2_us").token == "Prod2"
    assert judge_name("k8sLiveCluster").token == "Live"
    assert judge_name("dev \u0440rod").token == "\u0440rod"
    assert judge_name("staging").token == ""


def test_a_production_token_is_told_before_a_look_alike() -> None:
    assert judge_name("\u0441luster-prod").verdict == "production"


@given(before=st.text(), after=st.text())
def test_a_production_token_between_any_text_and_separators_is_found(before: str, after: str) -> None:
    assert judge_name(f"{before}-eu-prod-eu-{after}").verdict == "production"


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    judgement = judge_name(text)
    assert judgement.is_production_like == (judgement.verdict != "clear")
    assert bool(judgement.token) == judgement.is_production_like


@given(st.sampled_from(["prod", "prd", "production", "live"]), st.integers(0, 9999))
def test_digits_at_the_ends_do_not_hide_a_word(word: str, number: int) -> None:
    assert judge_name(f"{word}{number}").verdict == "production"
    assert judge_name(f"{number}{word}").verdict == "production"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://api.prod.example.com:6443", "production"),
        ("https://API.PROD.EXAMPLE.COM", "production"),
        ("https://prod-eu.hcp.westeurope.azmk8s.io:443", "production"),
        ("api.prd.example.com:6443", "production"),
        ("https://10.0.0.1:6443", "clear"),
        ("https://[fd00::1]:6443", "clear"),
        ("https://[fe80::1%25eth0]:6443", "clear"),
        ("https://127.0.0.1:16443", "clear"),
        ("https://rancher.example.com/k8s/clusters/prod", "clear"),
        ("https://prod:prod@staging.example.com", "clear"),
        ("https://staging.example.com?x=prod#prod", "clear"),
        ("https://xn--rod-r1c.example.com", "lookalike"),
        ("https://\u0440rod.example.com", "lookalike"),
        ("", "clear"),
        ("https://[::1", "clear"),
    ],
)
def test_a_server_is_judged_by_its_host_alone(url: str, verdict: str) -> None:
    assert judge_server(url).verdict == verdict


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://127.0.0.1:6443", True),
        ("http://localhost:8080", True),
        ("https://LOCALHOST.", True),
        ("https://[::1]:6443", True),
        ("https://127.5.5.5", True),
        ("https://10.0.0.1", False),
        ("https://localhost.example.com", False),
        ("https://127.0.0.1.nip.io", False),
        ("", False),
    ],
)
def test_loopback(url: str, expected: bool) -> None:
    assert is_loopback(host_of(url)) is expected


def test_a_host_that_is_no_address_has_none() -> None:
    assert address_of("kubernetes.default.svc") is None
    assert str(address_of("fe80::1%eth0")) == "fe80::1"
