"""The production rule over every signal alone, every pair with a veto, and the two keys that pass a name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from kdebug.domain.guard import (
    NON_PRODUCTION_WORDS,
    ConnectionNames,
    GuardRules,
    ObjectFacts,
    Verdict,
    changed,
    identity,
    is_non_production_word,
    judge,
    judge_setup,
    offline_veto,
)
from kdebug.domain.names import judge_name
from tests.unit.guard_cases import (
    NEUTRAL,
    OFFLINE_VETOES,
    SERVER_VETOES,
    UNKNOWNS,
    Change,
    Facts,
    denied,
    isolated,
    marked,
    node,
    second_key,
    with_isolated,
)

VETOES: Mapping[str, Change] = {**OFFLINE_VETOES, **SERVER_VETOES}
ALL: Mapping[str, Change] = {**VETOES, **UNKNOWNS, **NEUTRAL}


def verdict_of(facts: Facts) -> Verdict:
    return judge(facts.names, facts.server, facts.rules)


@pytest.mark.parametrize("case", NEUTRAL)
def test_what_says_nothing_against_it_is_allowed_by_the_statement(case: str) -> None:
    verdict = verdict_of(NEUTRAL[case](Facts()))
    assert verdict.is_allowed, verdict.deciding
    assert verdict.deciding.weight == "statement"
    assert not verdict.is_vetoed


@pytest.mark.parametrize("case", VETOES)
def test_a_veto_decides(case: str) -> None:
    verdict = verdict_of(VETOES[case](Facts()))
    assert not verdict.is_allowed
    assert verdict.is_vetoed
    assert verdict.deciding.weight == "veto"


@pytest.mark.parametrize("case", UNKNOWNS)
def test_unknown_is_refused_without_being_a_veto(case: str) -> None:
    verdict = verdict_of(UNKNOWNS[case](Facts()))
    assert not verdict.is_allowed
    assert not verdict.is_vetoed
    assert verdict.deciding.weight == "unknown"


@pytest.mark.parametrize("veto", VETOES)
def test_every_pair_with_a_veto_is_refused_by_a_veto(veto: str) -> None:
    for other, change in ALL.items():
        verdict = verdict_of(VETOES[veto](change(Facts())))
        assert verdict.is_vetoed, other
        assert not verdict.is_allowed, other
        assert verdict.deciding.weight == "veto", other


@pytest.mark.parametrize("first", VETOES)
def test_every_triple_with_a_veto_and_two_other_facts_is_refused(first: str) -> None:
    others = {**UNKNOWNS, **NEUTRAL}
    for second, third in itertools.combinations(others, 2):
        assert verdict_of(VETOES[first](others[third](others[second](Facts())))).is_vetoed, (second, third)


@pytest.mark.parametrize("unknown", UNKNOWNS)
def test_every_pair_of_unknowns_is_refused(unknown: str) -> None:
    for other in UNKNOWNS:
        facts = UNKNOWNS[other](UNKNOWNS[unknown](Facts()))
        assert not verdict_of(facts).is_allowed, (unknown, other)


@pytest.mark.parametrize("case", ALL)
def test_every_signal_says_what_it_saw_where_and_what_to_change(case: str) -> None:
    for signal in verdict_of(ALL[case](Facts())).signals:
        assert signal.name
        assert signal.place
        assert signal.meaning
        assert signal.weight in ("veto", "unknown", "statement", "neutral")
        if signal.weight in ("veto", "unknown"):
            assert signal.remedy


@pytest.mark.parametrize("case", OFFLINE_VETOES)
def test_the_kubeconfig_alone_is_enough_for_a_veto(case: str) -> None:
    facts = OFFLINE_VETOES[case](Facts())
    verdict = offline_veto(facts.names, facts.rules)
    assert verdict is not None
    assert verdict.is_vetoed


def test_without_a_veto_the_server_is_asked_and_nothing_is_allowed_yet() -> None:
    facts = Facts()
    verdict = judge(facts.names, None, facts.rules)
    assert not verdict.is_allowed
    assert not verdict.is_vetoed
    assert verdict.deciding.name == "server"
    assert offline_veto(facts.names, facts.rules) is None


def test_the_value_and_the_place_of_the_deciding_signal() -> None:
    facts = Facts().named(context="prod-eu")
    deciding = judge(facts.names, None, facts.rules).deciding
    assert (deciding.name, deciding.value, deciding.place) == ("context", "prod-eu", "kubeconfig")
    assert "'prod'" in deciding.meaning


def test_a_proxy_takes_loopback_its_meaning_away() -> None:
    facts = Facts().named(server="http://localhost:8080", is_tls_verified=False, proxy="http://proxy:3128")
    assert verdict_of(facts).is_vetoed


def test_credentials_in_a_url_are_not_shown() -> None:
    facts = Facts().named(server="https://me:secret@k8s.example.com", is_tls_verified=False)
    verdict = verdict_of(facts)
    assert verdict.deciding.value == "https://k8s.example.com"
    assert "secret" not in str(verdict)


# --- two keys ---


def acknowledged(annotation: object, *names: str) -> Facts:
    text = annotation if isinstance(annotation, str) else json.dumps(annotation)
    facts = with_isolated(Facts(), annotations={"kdebug.dev/acknowledged": text})
    return replace(facts.named(context="noprod"), rules=GuardRules(acknowledge=names))


def test_the_first_key_only_lets_the_server_be_asked() -> None:
    facts = replace(Facts().named(context="noprod"), rules=GuardRules(acknowledge=("noprod",)))
    assert offline_veto(facts.names, facts.rules) is None
    assert verdict_of(facts).is_vetoed


def test_both_keys_pass_a_name() -> None:
    verdict = verdict_of(acknowledged(second_key("noprod"), "noprod"))
    assert verdict.is_allowed
    assert any("sells products" in signal.meaning for signal in verdict.signals)


def test_the_second_key_alone_passes_nothing() -> None:
    assert verdict_of(acknowledged(second_key("noprod"))).is_vetoed


def test_several_names_are_acknowledged_by_a_list() -> None:
    facts = acknowledged([second_key("noprod"), second_key("noprod-eu")], "noprod", "noprod-eu").named(
        cluster="noprod-eu"
    )
    assert verdict_of(facts).is_allowed


def test_a_name_is_acknowledged_exactly() -> None:
    assert verdict_of(acknowledged(second_key("noprod"), "NOPROD", "noprod*")).is_vetoed
    assert verdict_of(acknowledged(second_key("noprod"), "noprod").named(cluster="noprod-eu")).is_vetoed


def test_thirty_days_ahead_are_allowed() -> None:
    assert verdict_of(acknowledged(second_key("noprod", days=30), "noprod")).is_allowed


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (second_key("other"), "another name"),
        (second_key("noprod", days=0), "expired at 2026-03-01T12:00:00Z"),
        (second_key("noprod", days=-1), "expired"),
        (second_key("noprod", days=30.01), "30 days"),
        (second_key("noprod", reason=""), "no reason"),
        (second_key("noprod", reason=None), "no reason"),
        (second_key("noprod", expires="2026-03-05T12:00:00"), "no expires"),
        (second_key("noprod", expires="soon"), "no expires"),
        (second_key("noprod", expires=1), "no expires"),
        ("noprod", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('"noprod"', "another name"),
        ("null", "another name"),
        ("", "does not acknowledge"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_second_key_that_does_not_fit(annotation: object, words: str) -> None:
    verdict = verdict_of(acknowledged(annotation, "noprod"))
    assert verdict.is_vetoed
    assert words in verdict.deciding.meaning


@pytest.mark.parametrize("case", [name for name in VETOES if "context" not in name])
def test_an_acknowledged_name_lifts_no_other_veto(case: str) -> None:
    assert verdict_of(VETOES[case](acknowledged(second_key("noprod"), "noprod"))).is_vetoed


def test_a_denied_pattern_wins_over_both_keys() -> None:
    assert verdict_of(denied(acknowledged(second_key("noprod"), "noprod"), "nopr*")).is_vetoed


# --- local clusters ---

KIND = (node("kind-control-plane", provider_id="kind://docker/kind/kind-control-plane", addresses=("172.18.0.2",)),)
K3D = (node("k3d-dev-server-0", provider_id="k3s://k3d-dev-server-0"),)
MINIKUBE = (node("minikube", labels={"minikube.k8s.io/name": "minikube"}, addresses=("192.168.49.2", "minikube")),)


def local(nodes: tuple[ObjectFacts, ...] = KIND, server: str = "https://127.0.0.1:40001") -> Facts:
    return Facts().named(context="kind-kind", server=server).said(nodes=nodes, isolated=None, is_isolated_missing=True)


@pytest.mark.parametrize(
    "facts",
    [
        local(),
        local(K3D),
        local(MINIKUBE),
        local(MINIKUBE, "https://192.168.49.2:8443"),
        local(KIND, "https://172.18.0.2:6443"),
    ],
)
def test_a_local_cluster_is_a_statement_and_its_namespace_is_made_later(facts: Facts) -> None:
    verdict = verdict_of(facts)
    assert verdict.is_allowed
    assert verdict.deciding.name == "local cluster"
    assert any("made when the plan is confirmed" in signal.meaning for signal in verdict.signals)


@pytest.mark.parametrize(
    "facts",
    [
        local(nodes=()),
        local().said(nodes=None),
        local((*KIND, node("node-2"))),
        local(server="https://k8s.example.com:6443"),
        local(MINIKUBE, "https://192.168.49.3:8443"),
        local((node("n", provider_id="kind://docker/kind/n", addresses=("8.8.8.8",)),), "https://8.8.8.8:6443"),
        local((node("n", provider_id="k3s://ip-10-0-0-1"),)),
        local().named(proxy="socks5://jump:1080"),
        local().said(is_isolated_missing=False),
        local().said(isolated=isolated(labels={})),
        local().said(target_namespace=None),
    ],
)
def test_what_only_looks_like_a_local_cluster_is_not_one(facts: Facts) -> None:
    verdict = verdict_of(facts)
    assert not verdict.is_allowed
    assert verdict.deciding.weight == "unknown"


@pytest.mark.parametrize("case", VETOES)
def test_a_veto_holds_on_a_local_cluster(case: str) -> None:
    facts = VETOES[case](local())
    assert verdict_of(facts).is_vetoed


def test_a_local_cluster_with_a_marked_namespace_needs_no_words() -> None:
    assert verdict_of(local().said(isolated=isolated({}), is_isolated_missing=False)).is_allowed


# --- setup ---


def test_setup_needs_no_statement_but_a_word() -> None:
    facts = Facts().said(isolated=None, is_isolated_missing=True)
    assert judge_setup(facts.names, facts.server, facts.rules, environment="staging").is_allowed


@pytest.mark.parametrize(
    ("word", "weight"), [("production", "veto"), ("live", "veto"), ("blue", "unknown"), ("", "unknown")]
)
def test_setup_takes_only_words_for_what_is_not_production(word: str, weight: str) -> None:
    facts = Facts().said(isolated=None, is_isolated_missing=True)
    verdict = judge_setup(facts.names, facts.server, facts.rules, environment=word)
    assert not verdict.is_allowed
    assert verdict.deciding.weight == weight


@pytest.mark.parametrize("case", VETOES)
def test_setup_is_vetoed_by_what_vetoes_a_session(case: str) -> None:
    facts = VETOES[case](Facts())
    assert judge_setup(facts.names, facts.server, facts.rules, environment="staging").is_vetoed


@pytest.mark.parametrize(
    "namespace",
    [
        ObjectFacts(name="prism-prod"),
        ObjectFacts(name="prism", labels={"env": "prod"}),
        ObjectFacts(name="prism", annotations={"tier": "live"}),
    ],
)
def test_setup_looks_at_every_namespace_that_it_would_cover(namespace: ObjectFacts) -> None:
    facts = Facts()
    verdict = judge_setup(
        facts.names, facts.server, facts.rules, environment="qa", covered=[ObjectFacts(name="ok"), namespace]
    )
    assert verdict.is_vetoed


def test_setup_does_not_write_over_what_it_may_not_read() -> None:
    facts = Facts().said(isolated=None)
    assert not judge_setup(facts.names, facts.server, facts.rules, environment="staging").is_allowed


@pytest.mark.parametrize("word", NON_PRODUCTION_WORDS)
def test_no_word_for_a_statement_reads_like_production(word: str) -> None:
    assert is_non_production_word(word)
    assert not judge_name(word).is_production_like


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Staging", True),
        (" dev2 ", True),
        ("qa-1", True),
        ("prod", False),
        ("staging-eu", False),
        ("", False),
        ("2", False),
    ],
)
def test_non_production_words(word: str, expected: bool) -> None:
    assert is_non_production_word(word) is expected


# --- during a session ---

CHANGES: Mapping[str, tuple[Change, str]] = {
    "isolated made anew": (lambda facts: facts.said(isolated=marked(facts.server.isolated, uid="u-2")), "made anew"),
    "isolated gone": (lambda facts: facts.said(isolated=None, is_isolated_missing=True), "gone"),
    "target namespace made anew": (
        lambda facts: facts.said(target_namespace=ObjectFacts(name="prism", uid="u-2")),
        "made anew",
    ),
    "target namespace gone": (
        lambda facts: facts.said(target_namespace=None, is_target_namespace_missing=True),
        "gone",
    ),
    "label taken": (
        lambda facts: facts.said(isolated=isolated(labels={})),
        "label kdebug.dev/isolated is now '<unset>'",
    ),
    "environment": (
        lambda facts: with_isolated(facts, annotations={"kdebug.dev/environment": "uat"}),
        "is now 'uat', it was 'staging'",
    ),
    "covers": (
        lambda facts: with_isolated(facts, annotations={"kdebug.dev/covers": "other"}),
        "kdebug.dev/covers is now 'other'",
    ),
    "isolated marked": (lambda facts: with_isolated(facts, labels={"env": "prod"}), "label env is now 'prod'"),
    "namespace marked": (
        lambda facts: facts.said(
            target_namespace=marked(facts.server.target_namespace, annotations={"x/tier": "live"})
        ),
        "annotation x/tier is now 'live'",
    ),
    "another cluster": (lambda facts: facts.said(kube_system_uid="u-2"), "another cluster"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_fact_is_named(case: str) -> None:
    change, words = CHANGES[case]
    before, after = Facts(), change(Facts())
    assert words in changed(before.server, after.server)
    assert identity(before.names, before.server) != identity(after.names, after.server)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts,
        lambda facts: facts.said(isolated=None),
        lambda facts: facts.said(target_namespace=None),
        lambda facts: facts.said(kube_system_uid=""),
        lambda facts: facts.said(target=None),
        lambda facts: with_isolated(facts, labels={"team": "prism"}),
    ],
)
def test_a_read_that_failed_and_an_unrelated_label_change_nothing(change: Change) -> None:
    assert changed(Facts().server, change(Facts()).server) == ""


def test_a_namespace_that_was_made_in_between_has_not_changed() -> None:
    assert changed(local().server, Facts().server) == ""


def test_the_identity_is_stable_and_knows_host_and_authority() -> None:
    facts = Facts()
    first = identity(facts.names, facts.server)
    assert first == identity(facts.names, Facts().server)
    for other in (facts.named(server="https://other.example.com"), facts.named(ca_fingerprint="other")):
        assert identity(other.names, other.server) != first


def test_the_name_behind_a_tunnel_is_judged() -> None:
    names = ConnectionNames(
        context="tunnel",
        cluster="tunnel",
        user="me",
        server="https://127.0.0.1:6443",
        namespace="prism",
        is_tls_verified=True,
        tls_server_name="api.prod.example.com",
    )
    verdict = offline_veto(names, GuardRules())
    assert verdict is not None
    assert verdict.deciding.value == "api.prod.example.com"
