"""Setup makes what is missing, changes what differs, and leaves everything else alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from kdebug.domain.isolation import SetupSettings, isolated_namespace
from kdebug.domain.kinds import Kind, Manifest, kind_of, name_of, namespace_of
from kdebug.domain.rights import Access
from kdebug.domain.statement import dns_peers_recorded
from kdebug.errors import ConflictError, DeniedError, MissingRightsError, NotFoundError
from kdebug.session.events import Event, ObjectChanged, ObjectCreated, WarningRaised
from kdebug.session.port import Change, Cluster, Listing
from kdebug.session.setup import SetupPlan, apply_setup, plan_setup

SETTINGS = SetupSettings(environment="staging", covers=("prism",))
DNS_POD: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "coredns-1", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
    "spec": {},
}
NODE: Manifest = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "one"},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.88.0.2"}]},
}


class Server:
    """As much of a cluster as setup touches: a store, the two controllers it waits for, and a log of the writes."""

    def __init__(self, *manifests: Manifest) -> None:
        self.objects: dict[tuple[str, str, str], Any] = {}
        self.writes: list[str] = []
        self.dry_runs: list[str] = []
        self.refused: tuple[str, ...] = ()
        self.has_controllers = True
        for manifest in manifests:
            self._store(manifest)

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest:
        try:
            return cast(Manifest, copy.deepcopy(self.objects[kind.name, namespace, name]))
        except KeyError as error:
            raise NotFoundError("not there", status=404) from error

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> Listing:
        if f"list {kind.plural}" in self.refused:
            raise DeniedError("not listed", because="no", status=403)
        key, _, value = labels.partition("=")
        items = [
            item
            for (of_kind, place, _), item in self.objects.items()
            if of_kind == kind.name and namespace in ("", place)
            if not key or item["metadata"].get("labels", {}).get(key) == value
            if not fields or fields == f"metadata.name={name_of(item)}"
        ]
        return Listing(items=tuple(items), resource_version="1")

    def watch(
        self, kind: Kind, namespace: str, *, fields: str = "", resource_version: str = "", seconds: float
    ) -> Iterator[Change]:
        if not self.has_controllers:
            return
        if kind.name == "ServiceAccount":
            yield Change(type="ADDED", object={"kind": "ServiceAccount", "metadata": {"name": "default"}})
        for item in self.list(kind, namespace, fields=fields).items:
            yield Change(type="MODIFIED", object=item)
            yield Change(type="MODIFIED", object={**item, "status": {"used": {"count/pods": "0"}}})

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        if not dry_run:
            self._store(manifest)
        self._log(f"create {kind_of(manifest).name} {namespace_of(manifest)}", dry_run)
        return manifest

    def merge(self, kind: Kind, name: str, namespace: str, change: Manifest, *, dry_run: bool = False) -> Manifest:
        merged = _merged(self.get(kind, name, namespace), change)
        if not dry_run:
            self._store(merged)
        self._log(f"merge {kind.name} {namespace}", dry_run)
        return cast(Manifest, merged)

    def may(self, accesses: Sequence[Access]) -> tuple[bool, ...]:
        return tuple(f"{access.verb} {access.resource}" not in self.refused for access in accesses)

    def user(self) -> str:
        return "jane"

    def _store(self, manifest: Manifest) -> None:
        key = (kind_of(manifest).name, namespace_of(manifest), name_of(manifest))
        self.objects[key] = copy.deepcopy(dict(manifest))

    def _log(self, line: str, dry_run: bool) -> None:
        (self.dry_runs if dry_run else self.writes).append(line.strip())


def _merged(target: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def plan(server: Server, settings: SetupSettings = SETTINGS) -> SetupPlan:
    return plan_setup(cast(Cluster, server), settings)


def run(server: Server, settings: SetupSettings = SETTINGS) -> list[Event]:
    events: list[Event] = []
    apply_setup(cast(Cluster, server), plan(server, settings), events.append)
    return events


def test_on_a_new_cluster_everything_is_made_the_engineers_role_last() -> None:
    server = Server(DNS_POD)
    events = run(server)
    assert server.writes == [
        "create ClusterRole",
        "create Namespace",
        "create NetworkPolicy kdebug-isolated",
        "create ResourceQuota kdebug-isolated",
        "create LimitRange kdebug-isolated",
        "create Role kdebug-isolated",
    ]
    assert [event.title for event in events if isinstance(event, ObjectCreated)] == [
        "clusterrole/kdebug-target-reader",
        "namespace/kdebug-isolated",
        "networkpolicy/kdebug-default-deny",
        "resourcequota/kdebug-quota",
        "limitrange/kdebug-limits",
        "role/kdebug-engineer",
    ]
    assert all(isinstance(event, ObjectCreated) and event.purpose for event in events)


def test_run_again_nothing_is_written() -> None:
    server = Server(DNS_POD)
    run(server)
    again = plan(server)
    assert again.writes == ()
    assert {change.verb for change in again.changes} == {"unchanged"}
    server.writes.clear()
    assert run(server) == []
    assert server.writes == []


def test_planning_writes_nothing() -> None:
    server = Server(DNS_POD)
    assert [change.verb for change in plan(server).changes] == ["create"] * 6
    assert server.writes == server.dry_runs == []


def test_a_changed_statement_is_shown_and_merged() -> None:
    server = Server(DNS_POD)
    run(server)
    server.objects["Namespace", "", "kdebug-isolated"]["metadata"]["labels"]["team"] = "a"
    wider = SetupSettings(environment="staging", covers=("cluster",))
    (change,) = plan(server, wider).writes
    assert change.verb == "change"
    assert change.differences == ("metadata.annotations.kdebug.dev/covers: prism -> cluster",)
    (event,) = run(server, wider)
    assert isinstance(event, ObjectChanged)
    assert event.differences == change.differences
    stored = server.objects["Namespace", "", "kdebug-isolated"]["metadata"]
    assert stored["annotations"]["kdebug.dev/covers"] == "cluster"
    assert stored["labels"]["team"] == "a"
    assert plan(server, wider).writes == ()


def test_a_hole_in_the_default_deny_is_closed() -> None:
    server = Server(DNS_POD)
    run(server)
    server.objects["NetworkPolicy", "kdebug-isolated", "kdebug-default-deny"]["spec"]["egress"] = [{}]
    run(server)
    assert server.objects["NetworkPolicy", "kdebug-isolated", "kdebug-default-deny"]["spec"]["egress"] == []


def test_what_was_removed_by_hand_is_made_again() -> None:
    server = Server(DNS_POD)
    run(server)
    del server.objects["ResourceQuota", "kdebug-isolated", "kdebug-quota"]
    server.writes.clear()
    run(server)
    assert server.writes == ["create ResourceQuota kdebug-isolated"]
    assert server.dry_runs[-1] == "create ResourceQuota kdebug-isolated"


def recorded(made: SetupPlan) -> tuple[Manifest, ...]:
    namespace = next(change.manifest for change in made.changes if change.manifest["kind"] == "Namespace")
    return dns_peers_recorded(namespace["metadata"]["annotations"])


def test_dns_pods_are_recorded() -> None:
    made = plan(Server(DNS_POD, NODE))
    assert recorded(made)[0]["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert made.warnings == ()


def test_without_dns_pods_the_nodes_are_recorded() -> None:
    assert recorded(plan(Server(NODE)))[0]["to"] == [{"ipBlock": {"cidr": "10.88.0.2/32"}}]


def test_unknown_dns_servers_are_said() -> None:
    server = Server(DNS_POD)
    server.refused = ("list pods",)
    made = plan(server)
    assert recorded(made) == ()
    assert "DNS" in made.warnings[0]


def test_dns_servers_that_cannot_be_read_again_stay_recorded() -> None:
    server = Server(DNS_POD)
    run(server)
    server.refused = ("list pods",)
    assert plan(server).writes == ()


@pytest.mark.parametrize("right", ["create clusterroles", "create namespaces", "create roles", "create limitranges"])
def test_a_missing_right_stops_before_the_first_write(right: str) -> None:
    server = Server(DNS_POD)
    server.refused = (right,)
    with pytest.raises(MissingRightsError) as caught:
        run(server)
    assert server.writes == server.dry_runs == []
    assert caught.value.because.startswith(f"jane may not {right}")
    # A Role cannot stand in a namespace that does not exist yet.
    assert [manifest["kind"] for manifest in caught.value.manifests] == ["ClusterRole", "ClusterRoleBinding"]


def test_what_may_not_be_read_cannot_be_compared() -> None:
    server = Server(DNS_POD)
    server.refused = ("get limitranges",)
    with pytest.raises(MissingRightsError):
        plan(server)


def test_only_the_rights_that_are_used_are_needed() -> None:
    server = Server(DNS_POD)
    run(server)
    server.refused = ("create clusterroles", "create namespaces", "patch namespaces")
    assert run(server) == []


def test_a_namespace_in_use_is_not_taken_over() -> None:
    prism: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prism"}}
    pod: Manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "proxy", "namespace": "prism"}}
    settings = SetupSettings(environment="staging", covers=("cluster",), namespace="prism")
    with pytest.raises(ConflictError, match="in use"):
        plan(Server(DNS_POD, prism, pod), settings)
    assert plan(Server(DNS_POD, prism), settings).changes[1].verb == "change"


def test_sessions_in_the_namespace_do_not_hinder_setup() -> None:
    clone: Manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c", "namespace": "kdebug-isolated"}}
    server = Server(DNS_POD, clone)
    server.objects |= Server(*isolated_namespace(SETTINGS)).objects
    assert [change.verb for change in plan(server).writes] == ["change"]


def test_a_namespace_that_is_being_deleted_is_left_alone() -> None:
    metadata = {"name": "kdebug-isolated", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    server = Server({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    with pytest.raises(ConflictError, match="being deleted") as caught:
        plan(server)
    assert "2026-01-01T00:00:00Z" in caught.value.because
    assert "kubectl wait" in caught.value.remedy


def test_controllers_that_do_not_answer_are_a_warning() -> None:
    server = Server(DNS_POD)
    server.has_controllers = False
    warnings = [event.text for event in run(server) if isinstance(event, WarningRaised)]
    assert [text.split(" was")[0] for text in warnings] == ["ServiceAccount default", "ResourceQuota kdebug-quota"]
