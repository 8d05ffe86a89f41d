"""A refusal says verdict, signal, value, place, what to change, who can, what is possible now, in few safe lines."""

from __future__ import annotations

import pytest

from kdebug.domain.guard import judge
from kdebug.domain.refusal import explain, plan_command, refusal, refused_error
from kdebug.domain.text import safe
from kdebug.errors import RefusedError
from tests.unit.guard_cases import OFFLINE_VETOES, SERVER_VETOES, UNKNOWNS, Facts

CASES = {**OFFLINE_VETOES, **SERVER_VETOES, **UNKNOWNS}


@pytest.mark.parametrize("case", CASES)
def test_every_refusal_is_complete_and_short(case: str) -> None:
    facts = CASES[case](Facts())
    verdict = judge(facts.names, facts.server, facts.rules)
    lines = explain(verdict, facts.names, "prism-proxy-pod")
    assert len(lines) <= 12
    assert all(safe(line, 1000) == line for line in lines)
    text = "\n".join(lines)
    assert lines[0].startswith("refused: ")
    assert safe(verdict.deciding.value, 120) in text
    assert verdict.deciding.place in text
    assert "change: " in text
    assert "whoever runs the cluster" in text
    assert "kdebug plan prism-proxy-pod -n " in text
    is_unreadable = "cannot be read" in lines[1]
    assert ("kubectl create rolebinding " if is_unreadable else "kdebug setup --environment staging --covers ") in text


def test_a_veto_says_production_and_asks_for_another_cluster() -> None:
    facts = OFFLINE_VETOES["context"](Facts())
    lines = explain(judge(facts.names, None, facts.rules), facts.names, "prism-proxy-pod")
    assert lines[:2] == (
        "refused: this looks like production",
        "  because: context 'prod-eu' (kubeconfig): 'prod' in it means production",
    )
    assert lines[-1].strip() == "kdebug setup --environment staging --covers cluster"


def test_an_unknown_offers_the_setup_for_the_namespace() -> None:
    facts = UNKNOWNS["isolated missing"](Facts())
    lines = explain(judge(facts.names, facts.server, facts.rules), facts.names, "deploy/prism-proxy", "prism")
    assert lines[0] == "refused: nothing shows that this is not production"
    assert "kdebug setup --environment staging --covers prism" in lines[3 - 1]
    assert lines[-1].strip() == "kdebug setup --environment staging --covers prism"


def test_an_unverified_connection_is_not_called_production() -> None:
    facts = OFFLINE_VETOES["unverified TLS"](Facts())
    lines = explain(judge(facts.names, None, facts.rules), facts.names, "pod")
    assert lines[0] == "refused: the connection does not prove which cluster answers"
    assert not any("also:" in line for line in lines)


@pytest.mark.parametrize(
    ("case", "command"),
    [
        ("covers another", "kdebug setup --environment staging --covers prism-2,other,prism"),
        ("unknown environment", "kdebug setup --environment staging --covers prism"),
        ("no environment", "kdebug setup --environment staging --covers cluster"),
        ("covers nonsense", "kdebug setup --environment staging --covers prism"),
        ("isolated unreadable", "kdebug setup --environment staging --covers prism"),
    ],
)
def test_the_command_to_ask_for_keeps_what_the_statement_says_already(case: str, command: str) -> None:
    facts = UNKNOWNS[case](Facts())
    lines = explain(judge(facts.names, facts.server, facts.rules), facts.names, "pod")
    assert lines[-1].strip() == command


def test_without_a_target_no_plan_is_offered() -> None:
    facts = OFFLINE_VETOES["context"](Facts())
    lines = explain(judge(facts.names, None, facts.rules), facts.names, "")
    assert not any("kdebug plan" in line for line in lines)
    assert "I want to debug a pod of namespace prism" in lines[-2]


def test_further_signals_are_counted() -> None:
    facts = OFFLINE_VETOES["user"](OFFLINE_VETOES["context"](Facts()))
    parts = refusal(judge(facts.names, facts.server, facts.rules), facts.names, "pod")
    assert parts.others == "1 more signal against it"


def test_the_command_is_quoted_for_a_shell() -> None:
    assert (
        plan_command("pod; rm -rf ~", "my context", "ns") == "kdebug plan 'pod; rm -rf ~' -n ns --context 'my context'"
    )
    assert plan_command("pod", "", "") == "kdebug plan pod"


def test_hostile_names_are_shown_without_their_controls() -> None:
    facts = Facts().named(context="prod\x1b]52;c;AAAA\x07\u202e")
    lines = explain(judge(facts.names, None, facts.rules), facts.names, "pod\x1b[2J")
    assert not any(char in line for line in lines for char in "\x1b\x07\u202e")


def test_the_error_carries_the_same_words() -> None:
    facts = OFFLINE_VETOES["host"](Facts())
    error = refused_error(judge(facts.names, None, facts.rules), facts.names, "prism-proxy-pod")
    assert isinstance(error, RefusedError)
    assert error.exit_code == 3
    assert error.what == "this looks like production"
    assert "api.prod.example.com" in error.because
    text = f"refused: {error.what}\n{error.because}\n{error.remedy}"
    for line in explain(judge(facts.names, None, facts.rules), facts.names, "prism-proxy-pod"):
        assert line.strip().removeprefix("because: ").removeprefix("change: ") in text
