"""The isolated namespace: what setup makes, what its annotations mean, and which traffic a session is allowed."""

from __future__ import annotations

import copy
import json
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.domain.comparison import differences, merge_change
from kdebug.domain.dns import dns_peers_as_text, dns_peers_from_text, dns_peers_of
from kdebug.domain.isolation import (
    MAX_SESSIONS,
    SetupSettings,
    engineer_binding,
    isolated_namespace,
    next_steps,
    session_network_policy,
    target_reader_binding,
)
from kdebug.domain.kinds import Manifest
from kdebug.domain.ownership import owner_reference, session_labels
from kdebug.domain.statement import allow_of, covers_of, dns_peers_recorded, is_covered
from kdebug.errors import UsageError

UDP_AND_TCP = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]


def settings(**changes: Any) -> SetupSettings:
    return SetupSettings(**({"environment": "staging", "covers": ("cluster",)} | changes))


def of_kind(kind: str, made: SetupSettings | None = None) -> Any:
    return next(manifest for manifest in isolated_namespace(made or settings()) if manifest["kind"] == kind)


def dns_pod(
    *, namespace: str = "kube-system", label: tuple[str, str] = ("k8s-app", "kube-dns"), **spec: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": "dns", "namespace": namespace, "labels": dict([label])},
        "spec": spec,
        "status": {"hostIP": "10.0.0.7"},
    }


def node(address: str) -> Manifest:
    return {"status": {"addresses": [{"type": "Hostname", "address": "a"}, {"type": "InternalIP", "address": address}]}}


def policy(network: str, dns_peers: tuple[Manifest, ...] = (), target_namespace: str = "prism") -> Any:
    return session_network_policy(
        name="kdebug-abc",
        namespace="kdebug-isolated",
        labels=session_labels("abc"),
        owner=owner_reference("abc"),
        network=network,
        dns_peers=dns_peers,
        target_namespace=target_namespace,
    )


@pytest.mark.parametrize("version", ["1.25", "1.31", "1.34"])
def test_every_manifest_keeps_the_schema(version: str) -> None:
    peers = dns_peers_of([dns_pod()])
    made = [
        *isolated_namespace(settings(dns_peers=peers)),
        target_reader_binding("prism", "oncall"),
        engineer_binding("kdebug-isolated", "oncall"),
        *(policy(network, peers) for network in ("dns", "source", "open")),
    ]
    for manifest in made:
        kubernetes_validate.validate(json.loads(json.dumps(manifest)), version, strict=True)


def test_nobody_can_hold_a_session_before_the_namespace_is_isolated() -> None:
    kinds = [manifest["kind"] for manifest in isolated_namespace(settings())]
    assert kinds == ["ClusterRole", "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "Role"]


def test_the_namespace_states_what_it_is_for() -> None:
    made = settings(covers=("prism", "billing", "prism"), allow=("secrets", "configmaps"), environment=" staging ")
    metadata = of_kind("Namespace", made)["metadata"]
    assert metadata["labels"]["kdebug.dev/isolated"] == "true"
    assert {metadata["labels"][f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {
        "restricted"
    }
    assert metadata["annotations"] == {
        "kdebug.dev/environment": "staging",
        "kdebug.dev/covers": "prism,billing",
        "kdebug.dev/allow": "configmaps,secrets",
    }
    assert covers_of(metadata["annotations"]) == ("prism", "billing")
    assert allow_of(metadata["annotations"]) == {"configmaps", "secrets"}


def test_allowing_nothing_is_a_statement_too() -> None:
    annotations = of_kind("Namespace", settings(allow=()))["metadata"]["annotations"]
    assert allow_of(annotations) == frozenset()


def test_the_eleventh_session_is_over_quota_with_its_first_object() -> None:
    hard = of_kind("ResourceQuota")["spec"]["hard"]
    assert MAX_SESSIONS == 10
    assert hard["count/jobs.batch"] == "10"
    assert int(hard["count/pods"]) >= 2 * MAX_SESSIONS
    assert int(hard["count/networkpolicies.networking.k8s.io"]) > MAX_SESSIONS


def test_engineers_never_read_secrets() -> None:
    rules = of_kind("Role")["rules"] + of_kind("ClusterRole")["rules"]
    secrets = [verb for rule in rules if "secrets" in rule["resources"] for verb in rule["verbs"]]
    assert secrets == ["create", "delete"]
    assert "*" not in json.dumps(rules)


def test_readers_of_targets_only_read() -> None:
    verbs = {verb for rule in of_kind("ClusterRole")["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}
    assert not any("exec" in resource for rule in of_kind("ClusterRole")["rules"] for resource in rule["resources"])


@pytest.mark.parametrize(
    "changes",
    [
        {"namespace": "default"},
        {"namespace": "kube-system"},
        {"namespace": "openshift-dns"},
        {"namespace": "Upper"},
        {"namespace": ""},
        {"namespace": "a" * 64},
        {"namespace": "a\nb"},
        {"environment": "  "},
        {"covers": ()},
        {"covers": ("",)},
        {"covers": ("cluster", "prism")},
        {"covers": ("pri sm",)},
        {"allow": ("secrets", "everything")},
    ],
)
def test_settings_that_state_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        isolated_namespace(settings(**changes))
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "covers"),
    [
        ("cluster", ("cluster",)),
        (" prism , billing,prism", ("prism", "billing")),
        ("", ()),
        ("prism,", ()),
        ("prism;billing", ()),
        ("cluster,prism", ()),
        ("*", ()),
        ("prism\n", ("prism",)),
        ("PRISM", ()),
    ],
)
def test_covers_is_read_strictly(text: str, covers: tuple[str, ...]) -> None:
    assert covers_of({"kdebug.dev/covers": text}) == covers


def test_what_is_not_stated_is_not_covered() -> None:
    assert not is_covered(covers_of({}), "prism")
    assert is_covered(("cluster",), "prism")
    assert is_covered(("prism",), "prism")
    assert not is_covered(("prism",), "prism-prod")
    assert not is_covered(("prism",), "cluster")


@pytest.mark.parametrize(
    ("annotations", "allow"),
    [
        ({}, {"configmaps"}),
        ({"kdebug.dev/allow": ""}, set()),
        ({"kdebug.dev/allow": "secrets"}, {"secrets"}),
        ({"kdebug.dev/allow": "configmaps, secrets"}, {"configmaps", "secrets"}),
        ({"kdebug.dev/allow": "configmaps,secret"}, set()),
        ({"kdebug.dev/allow": "all"}, set()),
    ],
)
def test_a_malformed_allow_allows_nothing(annotations: dict[str, str], allow: set[str]) -> None:
    assert allow_of(annotations) == allow


def test_dns_pods_are_selected_in_their_namespace_only() -> None:
    (rule,) = dns_peers_of([dns_pod(), dns_pod(), dns_pod(namespace="somebody")], [node("10.0.0.1")])
    assert rule == {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": UDP_AND_TCP,
    }


def test_dns_pods_on_their_hosts_network_are_named_by_address() -> None:
    cache = dns_pod(
        label=("k8s-app", "node-local-dns"),
        hostNetwork=True,
        containers=[{"args": ["-localip", "169.254.20.10,10.96.0.10", "-conf", "/etc/Corefile"]}],
    )
    (rule,) = dns_peers_of([cache])
    cidrs = [peer["ipBlock"]["cidr"] for peer in rule["to"]]
    assert cidrs == ["10.0.0.7/32", "10.96.0.10/32", "169.254.20.10/32"]


def test_dns_ports_are_the_pods_own() -> None:
    server = dns_pod(
        namespace="openshift-dns",
        label=("dns.operator.openshift.io/daemonset-dns", "default"),
        containers=[{"ports": [{"name": "dns", "containerPort": 5353}, {"name": "dns-tcp", "containerPort": 5353}]}],
    )
    (rule,) = dns_peers_of([server])
    assert [port["port"] for port in rule["ports"]] == [5353, 5353]


def test_without_dns_pods_the_nodes_serve_names() -> None:
    (rule,) = dns_peers_of([], [node("10.88.0.2"), node("fd00::2"), node("not-an-address")])
    assert rule == {
        "to": [{"ipBlock": {"cidr": "10.88.0.2/32"}}, {"ipBlock": {"cidr": "fd00::2/128"}}],
        "ports": UDP_AND_TCP,
    }


def test_a_large_cluster_without_dns_pods_is_unknown() -> None:
    assert dns_peers_of([], [node(f"10.0.0.{number}") for number in range(21)]) == ()
    assert dns_peers_of([dns_pod(namespace="somebody")]) == ()


def test_recorded_peers_are_read_back() -> None:
    peers = dns_peers_of([dns_pod()]) + dns_peers_of([], [node("10.88.0.2")])
    annotations = of_kind("Namespace", settings(dns_peers=peers))["metadata"]["annotations"]
    assert dns_peers_recorded(annotations) == peers
    assert dns_peers_recorded({}) == ()


GOOD = {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": UDP_AND_TCP}


@pytest.mark.parametrize(
    "rules",
    [
        {},
        [{}],
        [GOOD, {}],
        [GOOD | {"to": []}],
        [GOOD | {"ports": []}],
        [{"to": GOOD["to"]}],
        [{"ports": UDP_AND_TCP}],
        [GOOD | {"to": [{}]}],
        [GOOD | {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
        [GOOD | {"to": [{"ipBlock": {"cidr": "10.0.0.1/32", "except": []}}]}],
        [GOOD | {"to": [{"ipBlock": {"cidr": 5}}]}],
        [GOOD | {"to": [{"ipBlock": {"cidr": "nowhere"}}]}],
        [GOOD | {"to": [{"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}],
        [GOOD | {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}],
        [GOOD | {"ports": [{"port": 53, "protocol": "UDP", "endPort": 65535}]}],
        [GOOD | {"ports": [{"port": True, "protocol": "UDP"}]}],
        [GOOD | {"ports": [{"port": 0, "protocol": "UDP"}]}],
        [GOOD | {"ports": [{"port": 53, "protocol": "SCTP"}]}],
        ["text"],
        5,
    ],
)
def test_peers_that_setup_does_not_write_open_nothing(rules: Any) -> None:
    assert dns_peers_from_text(json.dumps(rules)) == ()


@given(st.text())
def test_any_text_is_read_as_no_peers(text: str) -> None:
    assert dns_peers_from_text(text) == ()


def test_peers_are_written_the_same_way_each_time() -> None:
    one, other = dns_pod(hostNetwork=True), dns_pod(hostNetwork=True)
    other["status"] = {"hostIP": "10.0.0.8"}
    assert dns_peers_as_text(dns_peers_of([one, other])) == dns_peers_as_text(dns_peers_of([other, one]))


def test_a_sessions_policy_selects_its_own_pods_and_lets_nothing_in() -> None:
    made = policy("dns", dns_peers_of([dns_pod()]))
    assert made["spec"]["podSelector"] == {"matchLabels": {"kdebug.dev/session": "abc"}}
    assert made["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert made["spec"]["ingress"] == []
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Job"
    assert made["metadata"]["labels"]["kdebug.dev/session"] == "abc"


def test_networks_open_what_they_say() -> None:
    peers = dns_peers_of([dns_pod()])
    target = {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "prism"}}}]}
    assert policy("dns", peers)["spec"]["egress"] == [*peers]
    assert policy("source", peers)["spec"]["egress"] == [*peers, target]
    assert policy("open", peers)["spec"]["egress"] == [{}]


def test_unknown_dns_servers_do_not_open_port_53_to_all() -> None:
    assert policy("dns")["spec"]["egress"] == []


def test_a_network_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError):
        policy("internet")
    with pytest.raises(UsageError):
        policy("source", target_namespace="")


def test_next_steps_name_each_namespace() -> None:
    steps = next_steps(settings(covers=("prism", "billing"), namespace="team-a"))
    assert [step for step in steps if step.endswith("--namespace=prism")]
    assert [step for step in steps if step.endswith("--namespace=billing")]
    assert [step for step in steps if "--role=kdebug-engineer" in step and step.endswith("--namespace=team-a")]
    assert [step for step in next_steps(settings()) if step.endswith("--namespace=NAMESPACE")]


def test_the_same_object_with_more_fields_does_not_differ() -> None:
    for wanted in isolated_namespace(settings()):
        existing = json.loads(json.dumps(wanted)) | {"status": {"phase": "Active"}}
        existing["metadata"] |= {"uid": "u", "resourceVersion": "1"}
        existing["metadata"]["labels"]["team"] = "a"
        assert differences(wanted, existing) == ()
        assert merge_change(wanted, existing) == {}


def test_an_empty_field_means_empty() -> None:
    wanted = of_kind("NetworkPolicy")
    existing = copy.deepcopy(wanted)
    del existing["spec"]["ingress"]
    existing["spec"]["egress"] = [{}]
    existing["spec"]["podSelector"] = {"matchLabels": {"app": "a"}}
    assert differences(wanted, existing) == (
        'spec.podSelector: {"matchLabels": {"app": "a"}} -> {}',
        "spec.egress: [{}] -> []",
    )
    assert merge_change(wanted, existing) == {"spec": {"podSelector": {"matchLabels": None}, "egress": []}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abc"), JSON.filter(lambda value: value is not None), max_size=3)


def merged(target: Any, change: Any) -> Any:
    """Apply a merge patch by the pseudo-code of RFC 7396."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(OBJECT.map(without_nulls), OBJECT.map(without_nulls))
def test_after_the_merge_nothing_differs(wanted: dict[str, Any], existing: dict[str, Any]) -> None:
    before = copy.deepcopy((wanted, existing))
    assert differences(wanted, merged(existing, merge_change(wanted, existing))) == ()
    assert bool(differences(wanted, existing)) == bool(merge_change(wanted, existing))
    assert (wanted, existing) == before
