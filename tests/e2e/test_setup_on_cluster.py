"""Setup and the preflight on a real cluster, each step as the user who would do it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.connect import connect
from kdebug.cluster.context import Selection
from kdebug.cluster.kubeconfig import load
from kdebug.domain.isolation import (
    MAX_SESSIONS,
    QUOTA,
    SetupSettings,
    engineer_binding,
    session_network_policy,
    target_reader_binding,
)
from kdebug.domain.kinds import JOB, NAMESPACE, POD, RESOURCE_QUOTA, SECRET, Manifest, uid_of
from kdebug.domain.ownership import session_labels
from kdebug.domain.rights import session_accesses
from kdebug.domain.statement import allow_of, covers_of, dns_peers_recorded
from kdebug.errors import DeniedError, MissingRightsError, NotFoundError
from kdebug.session.events import Event, ObjectCreated
from kdebug.session.port import Cluster
from kdebug.session.preflight import check_rights
from kdebug.session.setup import apply_setup, plan_setup
from tests.support.eventually import eventually

pytestmark = pytest.mark.cluster

As = Callable[[str], Cluster]


@pytest.fixture(scope="module")
def as_user(kubeconfig: Path) -> As:
    """Return the connection of a user, in the context USER@CLUSTER beside the administrator's."""
    default = load(Selection(kubeconfig=str(kubeconfig)), os.environ, Path.home())
    cluster = default.names.context.partition("@")[2]

    @cache
    def connected(user: str) -> Cluster:
        selection = Selection(kubeconfig=str(kubeconfig), context=f"{user}@{cluster}")
        resolved = load(selection, os.environ, Path.home())
        return connect(resolved, os.environ, user_agent="kdebug-tests", request_timeout=30)

    return connected


@pytest.fixture(scope="module")
def target_namespace(as_user: As) -> Iterator[str]:
    name = f"t-setup-target-{uuid.uuid4().hex[:8]}"
    admin = as_user("admin")
    made = admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    admin.delete(NAMESPACE, name, "", uid=uid_of(made))


@pytest.fixture(scope="module")
def settings(as_user: As, target_namespace: str) -> Iterator[SetupSettings]:
    """Set up an isolated namespace of its own; the ClusterRole stays, as all isolated namespaces share it."""
    settings = SetupSettings(
        environment="staging", covers=(target_namespace,), namespace=f"t-setup-{uuid.uuid4().hex[:8]}"
    )
    admin = as_user("admin")
    events: list[Event] = []
    apply_setup(admin, plan_setup(admin, settings), events.append)
    assert {type(event) for event in events} == {ObjectCreated}
    yield settings
    admin.delete(NAMESPACE, settings.namespace, "", uid=uid_of(admin.get(NAMESPACE, settings.namespace)))


@pytest.fixture(scope="module")
def bound(as_user: As, settings: SetupSettings, target_namespace: str) -> SetupSettings:
    """Bind both roles to the group of the people on call."""
    as_user("admin").create(engineer_binding(settings.namespace, "oncall"))
    as_user("admin").create(target_reader_binding(target_namespace, "oncall"))
    return settings


def anchor(namespace: str, name: str) -> Manifest:
    container = {
        "name": "none",
        "image": "busybox:1",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parallelism": 0,
            "completions": 1,
            "backoffLimit": 0,
            "activeDeadlineSeconds": 60,
            "ttlSecondsAfterFinished": 5,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


def pod(namespace: str, **security: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "first", "namespace": namespace},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "one",
                    "image": "busybox:1",
                    "securityContext": {
                        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}
                    } | security,
                }
            ],
        },
    }  # fmt: skip


def test_a_pod_is_accepted_as_soon_as_setup_has_ended(as_user: As, settings: SetupSettings) -> None:
    accepted = as_user("admin").create(pod(settings.namespace), dry_run=True)
    assert accepted["spec"]["containers"][0]["resources"]["limits"]["memory"] == "512Mi"
    assert as_user("admin").get(RESOURCE_QUOTA, "kdebug-quota", settings.namespace)["status"]["used"]


def test_setup_run_again_changes_nothing(as_user: As, settings: SetupSettings) -> None:
    plan = plan_setup(as_user("admin"), settings)
    assert [change.differences for change in plan.writes] == []
    assert len(plan.changes) == 6


def test_the_statement_is_read_back(as_user: As, settings: SetupSettings) -> None:
    annotations = as_user("admin").get(NAMESPACE, settings.namespace)["metadata"]["annotations"]
    assert covers_of(annotations) == settings.covers
    assert allow_of(annotations) == {"configmaps"}
    assert dns_peers_recorded(annotations)


def test_a_person_without_rights_sets_nothing_up(as_user: As) -> None:
    settings = SetupSettings(environment="staging", covers=("cluster",), namespace=f"t-setup-{uuid.uuid4().hex[:8]}")
    with pytest.raises(MissingRightsError):
        plan_setup(as_user("nobody"), settings)
    with pytest.raises(MissingRightsError):
        apply_setup(as_user("nobody"), plan_setup(as_user("admin"), settings), lambda event: None)
    with pytest.raises(NotFoundError):
        as_user("admin").get(NAMESPACE, settings.namespace)


def test_the_printed_role_grants_what_is_missing(as_user: As, settings: SetupSettings, target_namespace: str) -> None:
    accesses = session_accesses(settings.namespace, target_namespace, makes_secret=True, copies_config_maps=["app"])
    with pytest.raises(MissingRightsError) as caught:
        check_rights(as_user("viewer"), accesses)
    needed = [access for access in accesses if not access.is_optional]
    assert caught.value.because.count("\n") + 1 == len(needed)
    assert "viewer may not create pods/exec" in caught.value.because
    for manifest in caught.value.manifests:
        as_user("admin").create(manifest)
    missing = check_rights(as_user("viewer"), accesses)
    assert set(missing) == set(accesses) - set(needed)


def test_setups_roles_are_enough_for_a_session(as_user: As, bound: SetupSettings, target_namespace: str) -> None:
    oncall = as_user("oncall")
    accesses = session_accesses(bound.namespace, target_namespace, makes_secret=True, copies_config_maps=["app"])
    assert check_rights(oncall, accesses) == ()
    assert oncall.get(NAMESPACE, bound.namespace)
    assert oncall.get(NAMESPACE, target_namespace)
    with pytest.raises(DeniedError):
        oncall.get(NAMESPACE, "kube-system")
    with pytest.raises(DeniedError):
        oncall.list(SECRET, bound.namespace)
    with pytest.raises(DeniedError):
        oncall.create(pod(target_namespace), dry_run=True)


def test_secrets_of_the_target_take_a_right_of_their_own(
    as_user: As, bound: SetupSettings, target_namespace: str
) -> None:
    with pytest.raises(MissingRightsError) as caught:
        check_rights(as_user("oncall"), session_accesses(bound.namespace, target_namespace, with_secret=["db"]))
    assert caught.value.because.startswith(f"oncall may not get secrets db in namespace {target_namespace}")
    assert "\n" not in caught.value.because


def test_the_namespace_refuses_pods_that_are_not_hardened(as_user: As, bound: SetupSettings) -> None:
    oncall = as_user("oncall")
    assert oncall.create(pod(bound.namespace), dry_run=True)
    with pytest.raises(DeniedError) as caught:
        oncall.create(pod(bound.namespace, allowPrivilegeEscalation=True), dry_run=True)
    assert "PodSecurity" in caught.value.because


@pytest.mark.parametrize("network", ["dns", "source", "open"])
def test_the_server_accepts_a_sessions_policy(
    as_user: As, bound: SetupSettings, target_namespace: str, network: str
) -> None:
    oncall = as_user("oncall")
    made = oncall.create(anchor(bound.namespace, f"owner-{network}"))
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": f"owner-{network}", "uid": uid_of(made)}
    annotations = oncall.get(NAMESPACE, bound.namespace)["metadata"]["annotations"]
    policy = session_network_policy(
        name=f"kdebug-{network}",
        namespace=bound.namespace,
        labels=session_labels(network),
        owner=owner,
        network=network,
        dns_peers=dns_peers_recorded(annotations),
        target_namespace=target_namespace,
    )
    stored = oncall.create(policy)
    assert stored["spec"].get("egress") == policy["spec"]["egress"]
    assert set(stored["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    oncall.delete(JOB, f"owner-{network}", bound.namespace, uid=uid_of(made))


def test_the_eleventh_session_is_over_quota(as_user: As, bound: SetupSettings) -> None:
    oncall = as_user("oncall")
    # The quota's controller counts anew after a deletion: until it has, it may forget what is made meanwhile.
    eventually(lambda: _jobs_counted(as_user("admin"), bound.namespace) == "0", "earlier anchors are not counted")
    for number in range(MAX_SESSIONS):
        oncall.create(anchor(bound.namespace, f"session-{number}"))
    with pytest.raises(DeniedError) as caught:
        oncall.create(anchor(bound.namespace, "session-11"))
    assert "exceeded quota: kdebug-quota" in caught.value.because
    assert oncall.list(POD, bound.namespace).items == ()


def _jobs_counted(admin: Cluster, namespace: str) -> str:
    quota = admin.get(RESOURCE_QUOTA, QUOTA, namespace)
    return str(quota.get("status", {}).get("used", {}).get("count/jobs.batch", ""))
