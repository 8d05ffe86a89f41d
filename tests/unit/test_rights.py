"""The rights of a session: complete, reasoned, granted by setup's roles, and printed as a Role when missing."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest

from kdebug.domain.isolation import engineer_role, target_reader_role
from kdebug.domain.kinds import Manifest
from kdebug.domain.rights import Access, role_for, session_accesses

EVERYTHING = session_accesses("iso", "prism", with_secret=["db"], copies_config_maps=["app"], makes_secret=True)


def is_granted(role: Manifest, access: Access) -> bool:
    return any(
        access.group in rule["apiGroups"]
        and access.resource_path in rule["resources"]
        and access.verb in rule["verbs"]
        and (access.name in rule["resourceNames"] if "resourceNames" in rule else True)
        for rule in role["rules"]
    )


def questions(accesses: tuple[Access, ...], namespace: str) -> set[str]:
    return {f"{access.verb} {access.resource_path}" for access in accesses if access.namespace == namespace}


def test_the_engineers_role_is_exactly_enough_in_the_isolated_namespace() -> None:
    refused = [
        access for access in EVERYTHING if access.namespace == "iso" and not is_granted(engineer_role("iso"), access)
    ]
    assert refused == []


def test_the_readers_role_is_enough_for_the_target_but_for_secrets() -> None:
    refused = [
        access for access in EVERYTHING if access.namespace == "prism" and not is_granted(target_reader_role(), access)
    ]
    assert [(access.verb, access.resource, access.name) for access in refused] == [("get", "secrets", "db")]


def test_a_plain_session_asks_for_this_and_no_more() -> None:
    accesses = session_accesses("iso", "prism")
    assert questions(accesses, "iso") == {
        "get namespaces", "create jobs", "get jobs", "patch jobs", "delete jobs",
        "create networkpolicies", "get networkpolicies", "delete networkpolicies",
        "create pods", "get pods", "list pods", "watch pods", "delete pods",
        "get pods/exec", "create pods/exec", "get pods/log", "list events",
    }  # fmt: skip
    assert questions(accesses, "prism") == {"get namespaces", "get pods", "list pods", "get pods/log", "list events"}


def test_only_reads_are_asked_of_the_targets_side() -> None:
    assert {access.verb for access in EVERYTHING if access.namespace == "prism"} <= {"get", "list"}
    assert not [access for access in EVERYTHING if access.namespace == "prism" and access.subresource == "exec"]


def test_logs_and_events_can_be_missing() -> None:
    optional = {
        f"{access.verb} {access.resource_path}" for access in session_accesses("iso", "prism") if access.is_optional
    }
    assert optional == {"list pods", "get pods/log", "list events"}
    assert not [access for access in session_accesses("iso") if access.is_optional and access.resource_path == "pods"]


def test_secrets_are_asked_for_when_used_and_never_to_be_read_in_isolation() -> None:
    assert not [access for access in session_accesses("iso", "prism") if access.resource == "secrets"]
    own = questions(session_accesses("iso", "prism", makes_secret=True), "iso")
    assert {question for question in own if "secrets" in question} == {"create secrets", "delete secrets"}
    copied = session_accesses("iso", "prism", with_secret=["db"])
    assert [str(access) for access in copied if access.resource == "secrets"] == [
        "get secrets db in namespace prism",
        "create secrets in namespace iso",
        "delete secrets in namespace iso",
    ]


def test_a_target_from_a_manifest_needs_no_right_on_its_side() -> None:
    assert {access.namespace for access in session_accesses("iso")} == {"iso"}


def test_every_right_says_why() -> None:
    assert all(access.reason for access in EVERYTHING)
    assert len(set(EVERYTHING)) == len(EVERYTHING)


def test_rights_are_spelled_as_kubectl_would() -> None:
    words = [str(access) for access in session_accesses("iso", "prism")]
    assert "get namespace iso" in words
    assert "create jobs.batch in namespace iso" in words
    assert "create pods/exec in namespace iso" in words
    assert str(Access(verb="create", resource="namespaces")) == "create namespaces in the cluster"


@pytest.mark.parametrize("user", ["oncall", "system:serviceaccount:ci:robot", ""])
def test_the_role_grants_exactly_what_was_asked(user: str) -> None:
    manifests = role_for(EVERYTHING, user)
    for manifest in manifests:
        kubernetes_validate.validate(json.loads(json.dumps(manifest)), "1.34", strict=True)
    for namespace in ("iso", "prism"):
        (role,) = (made for made in manifests if made["kind"] == "Role" and made["metadata"]["namespace"] == namespace)
        assert all(is_granted(role, access) for access in EVERYTHING if access.namespace == namespace)
        granted = sum(len(rule["verbs"]) for rule in role["rules"])
        assert granted == len([access for access in EVERYTHING if access.namespace == namespace])


def subject_of(user: str) -> Any:
    return role_for(EVERYTHING, user)[1]["subjects"][0]


def test_the_binding_names_the_user_as_the_server_does() -> None:
    assert subject_of("jane@example.com") == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane@example.com"
    }  # fmt: skip
    assert subject_of("system:serviceaccount:ci:robot") == {
        "kind": "ServiceAccount",
        "namespace": "ci",
        "name": "robot",
    }
    assert [manifest["kind"] for manifest in role_for(EVERYTHING, "")] == ["Role", "Role"]


def test_roles_of_different_content_never_replace_each_other() -> None:
    def name(accesses: tuple[Access, ...], user: str) -> str:
        return str(role_for(accesses, user)[0]["metadata"]["name"])

    assert name(EVERYTHING, "a") == name(EVERYTHING, "a")
    assert len({name(EVERYTHING, "a"), name(EVERYTHING[:3], "a"), name(EVERYTHING, "b")}) == 3


def test_a_right_in_the_cluster_becomes_a_cluster_role() -> None:
    role, binding = role_for([Access(verb="create", resource="namespaces")], "jane")
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert "namespace" not in role["metadata"]
