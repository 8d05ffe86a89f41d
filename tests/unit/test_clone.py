"""The recipe: what a clone is and is not, for targets of all kinds, and that every difference is accounted for."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import kubernetes_validate
import pytest

from kdebug.domain.clone import (
    PLACEHOLDER,
    Clone,
    CloneSettings,
    OriginalCommand,
    clone_pod,
    kept_containers,
    original_command,
    recipe,
)
from kdebug.domain.clone.quantities import quantity, smallest
from kdebug.domain.clone.scheduling import MAX_SEARCHES, MAX_SEARCHES_LENGTH
from kdebug.domain.dependencies import find_dependencies
from kdebug.domain.literals import session_literals
from kdebug.errors import TargetError
from tests.support.target_pods import REFUSED, TARGETS, Pod, container, pod

OWNER = {
    "apiVersion": "batch/v1", "kind": "Job", "name": "kdebug-abc", "uid": "00000000-0000-0000-0000-000000000000",
    "blockOwnerDeletion": False, "controller": False,
}  # fmt: skip
VERSIONS = ("1.25", "1.30", "1.34", kubernetes_validate.latest_version())


def settings(**changes: Any) -> CloneSettings:
    """Return the settings of a session that copies nothing."""
    defaults: dict[str, Any] = {
        "session_id": "abc",
        "name": "kdebug-abc",
        "namespace": "kdebug-isolated",
        "container": "proxy",
        "image": "ghcr.io/prism/proxy:v1.2.3-debug",
        "owner": OWNER,
        "hard_cap_seconds": 14400,
        "labels": {"kdebug.dev/session": "abc", "app.kubernetes.io/managed-by": "kdebug"},
        "target_namespace": "prism",
    }
    return CloneSettings(**{**defaults, **changes})


def generous(target: Pod) -> CloneSettings:
    """Return the settings of a session that keeps and copies all that it can, by way of the fallback image."""
    kept = kept_containers(target, settings(keep_init_containers=True))
    found = find_dependencies(target, kept)
    literals = session_literals(target, "proxy", kept)
    return settings(
        keep_init_containers=True,
        fallback_image="busybox:1",
        env={"ADDED": "yes", "RUST_LOG": "trace"},
        config_maps={
            entry.name: f"kdebug-abc-{number}" for number, entry in enumerate(found) if entry.kind == "ConfigMap"
        },
        secret_name="kdebug-abc",
        secret_keys={
            (entry.name, key): f"{entry.name}.{key}"
            for entry in found
            if entry.kind == "Secret"
            for key in (*entry.keys, "EXTRA_KEY")
        },
        literal_keys=literals.keys,
    )


def variants(target: Pod) -> tuple[CloneSettings, ...]:
    """Return the kinds of sessions that a target is cloned for."""
    return settings(), generous(target), settings(is_same_cluster=False)


@cache
def clones(name: str) -> tuple[Clone, ...]:
    """Return a target's clones, one for each kind of session."""
    return tuple(clone_pod(TARGETS[name], own) for own in variants(TARGETS[name]))


def spec_of(clone: Clone) -> dict[str, Any]:
    """Return the clone's spec, to be read."""
    spec: dict[str, Any] = clone.manifest["spec"]
    return spec


def proxy_of(clone: Clone) -> dict[str, Any]:
    """Return the target container of the clone."""
    (found,) = spec_of(clone)["containers"]
    assert isinstance(found, dict)
    return found


Leaf = tuple[tuple[str, ...], Any]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Yield every value of a manifest with its path; items of a list are named as the account names them."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for item in value:
            yield from _leaves(item, (*path, "*"))
    elif value not in (None, []):
        yield path, value


@pytest.fixture(scope="module")
def _schemas_read_once() -> Iterator[None]:
    """Keep the schemas in memory: they are read from disk for every manifest otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


@pytest.mark.parametrize("name", TARGETS)
def test_the_target_is_not_touched(name: str) -> None:
    before = copy.deepcopy(TARGETS[name])
    for own in variants(TARGETS[name]):
        clone_pod(TARGETS[name], own)
    assert TARGETS[name] == before


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.usefixtures("_schemas_read_once")
def test_a_clone_is_valid_in_every_version(name: str, version: str) -> None:
    for clone in clones(name):
        kubernetes_validate.validate(dict(clone.manifest), version, strict=True)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_disappears_or_appears_without_an_account(name: str) -> None:
    """Every value of one manifest that the other does not have lies at or below a place that the account names."""
    theirs = list(_leaves(TARGETS[name]))
    for clone in clones(name):
        ours = list(_leaves(dict(clone.manifest)))
        told = [entry.path for entry in clone.changes] + [entry.path for entry in clone.left_out]
        places = {tuple(part.split("[")[0] for part in _parts(path)) for path in told}
        filled = {path[:length] for path, _ in ours for length in range(len(path))}
        missing = [(path, value) for path, value in _beyond(theirs, ours) if not (value == {} and path in filled)]
        for path, value in [*missing, *_beyond(ours, theirs)]:
            plain = tuple(part for part in path if part != "*")
            assert any(plain[:length] in places for length in range(1, len(plain) + 1)), (path, value)


def _beyond(leaves: list[Leaf], others: list[Leaf]) -> list[Leaf]:
    """Return the leaves that the other manifest does not have."""
    there = {repr(leaf) for leaf in others}
    return [leaf for leaf in leaves if repr(leaf) not in there]


def _parts(path: str) -> list[str]:
    """Return a written path as its field names: `a.b[x.y].c` is a, b, c; the key of a map stands in brackets too."""
    parts, depth, current = [], 0, ""
    for character in path:
        depth += (character == "[") - (character == "]")
        if character == "." and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]


@pytest.mark.parametrize("name", TARGETS)
def test_every_account_names_a_step_and_its_reason(name: str) -> None:
    for clone in clones(name):
        reasons = {step.name: step.why for step in clone.steps}
        assert all(reasons[entry.step] == entry.reason for entry in clone.changes)
        assert all(reasons[entry.step] == entry.reason for entry in clone.left_out)
        assert len({entry.path for entry in clone.left_out}) == len(clone.left_out)


def test_no_step_is_idle_and_no_two_have_one_name() -> None:
    busy: set[str] = set()
    names: set[str] = set()
    for target in TARGETS.values():
        for own in variants(target):
            stage: Any = target
            for step in recipe(own):
                after = step.apply(stage)
                busy |= {step.name} if after != stage else set()
                stage = after
            names |= {step.name for step in recipe(own)}
            assert len({step.name for step in recipe(own)}) == len(recipe(own))
    assert names == busy


ALLOWED_SPEC = {
    "activeDeadlineSeconds", "automountServiceAccountToken", "containers", "dnsConfig", "initContainers",
    "nodeSelector", "os",
    "restartPolicy", "securityContext", "serviceAccountName", "terminationGracePeriodSeconds", "volumes",
}  # fmt: skip
ALLOWED_CONTAINER = {
    "command", "env", "envFrom", "image", "imagePullPolicy", "name", "ports", "resources", "securityContext",
    "terminationMessagePath", "terminationMessagePolicy", "volumeMounts", "workingDir",
}  # fmt: skip
ALLOWED_VOLUMES = {"configMap", "downwardAPI", "emptyDir", "name", "projected", "secret"}


@pytest.mark.parametrize("name", TARGETS)
def test_a_clone_is_harmless(name: str) -> None:
    for clone in clones(name):
        spec = spec_of(clone)
        assert set(spec) <= ALLOWED_SPEC
        assert set(clone.manifest) == {"apiVersion", "kind", "metadata", "spec"}
        assert set(clone.manifest["metadata"]) == {"name", "namespace", "labels", "annotations", "ownerReferences"}
        assert spec["restartPolicy"] == "Never"
        assert spec["terminationGracePeriodSeconds"] == 2
        assert spec["activeDeadlineSeconds"] == 14400
        assert spec["serviceAccountName"] == "default"
        assert spec["automountServiceAccountToken"] is False
        assert all(set(volume) <= ALLOWED_VOLUMES for volume in spec.get("volumes", []))
        assert "serviceAccountToken" not in json.dumps(spec)
        for item in [*spec.get("initContainers", []), *spec["containers"]]:
            _assert_hardened(item, spec)


def _assert_hardened(item: dict[str, Any], spec: dict[str, Any]) -> None:
    assert set(item) <= ALLOWED_CONTAINER | {"args"}
    context = item["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context.get("runAsNonRoot", True) is True
    assert {**spec["securityContext"], **context}["runAsUser"] > 0
    assert set(item["resources"]) == {"limits", "requests"}
    for name, cap, small in (("cpu", "2", "100m"), ("memory", "2Gi", "128Mi")):
        limit, request = quantity(item["resources"]["limits"][name]), quantity(item["resources"]["requests"][name])
        assert limit is not None
        assert request is not None
        assert 0 < limit <= (quantity(cap) or 0)
        assert request <= min(limit, quantity(small) or 0)
    assert all("hostPort" not in port for port in item.get("ports", []))


@pytest.mark.parametrize("name", TARGETS)
def test_a_clone_has_the_sessions_names_and_none_of_the_targets(name: str) -> None:
    metadata = clone_pod(TARGETS[name], settings()).manifest["metadata"]
    assert metadata["name"] == "kdebug-abc"
    assert metadata["namespace"] == "kdebug-isolated"
    assert metadata["ownerReferences"] == [OWNER]
    assert metadata["labels"]["kdebug.dev/session"] == "abc"
    assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
    assert not set(metadata["labels"]) & {"app", "pod-template-hash", "batch.kubernetes.io/job-name"}
    assert "\x1b" not in json.dumps(metadata, ensure_ascii=False)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cloned_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(TargetError) as caught:
        clone_pod(REFUSED[name], settings())
    with pytest.raises(TargetError):
        kept_containers(REFUSED[name], settings())
    assert caught.value.because
    assert caught.value.remedy


def test_the_target_container_sleeps_and_keeps_what_it_is() -> None:
    clone = clone_pod(TARGETS["working directory"], settings())
    proxy = proxy_of(clone)
    assert proxy["image"] == "ghcr.io/prism/proxy:v1.2.3-debug"
    assert proxy["command"][:2] == ["/busybox/sh", "-c"]
    assert proxy["workingDir"] == "/srv/app"
    assert not {"args", "stdin", "stdinOnce", "tty"} & set(proxy)
    assert original_command(TARGETS["working directory"], "proxy") == OriginalCommand(
        command=("/app/server",), args=("--port", "80"), working_dir="/srv/app"
    )
    with pytest.raises(KeyError):
        original_command(TARGETS["working directory"], "nginx")


def test_another_shell_brings_its_own_sleep() -> None:
    proxy = proxy_of(clone_pod(TARGETS["hardened"], settings(shell="/bin/sh")))
    assert proxy["command"][0] == "/bin/sh"
    assert "/bin/sleep" in proxy["command"][2]


@pytest.mark.parametrize(
    ("asked", "had", "expected"),
    [
        ("", "IfNotPresent", "IfNotPresent"),
        ("", "Always", "Always"),
        ("", "Never", "IfNotPresent"),
        ("Always", "Never", "Always"),
    ],
)
def test_the_pull_policy(asked: str, had: str, expected: str) -> None:
    clone = clone_pod(pod(container(imagePullPolicy=had)), settings(pull_policy=asked))
    assert proxy_of(clone)["imagePullPolicy"] == expected


def test_init_containers_are_kept_only_when_asked_and_sidecars_never() -> None:
    target = TARGETS["native sidecar"]
    assert "initContainers" not in spec_of(clone_pod(target, settings()))
    kept = spec_of(clone_pod(target, settings(keep_init_containers=True)))["initContainers"]
    assert [(item["name"], item["command"]) for item in kept] == [("migrate", ["/app/migrate"])]
    assert kept_containers(target, settings(keep_init_containers=True)) == ("migrate", "proxy")


def test_an_init_container_can_be_the_target() -> None:
    target = pod(initContainers=[container("first"), container("migrate", restartPolicy="Always"), container("last")])
    clone = clone_pod(target, settings(container="migrate", keep_init_containers=True))
    assert [item["name"] for item in spec_of(clone)["containers"]] == ["migrate"]
    assert [item["name"] for item in spec_of(clone)["initContainers"]] == ["first"]
    assert kept_containers(target, settings(container="migrate")) == ("migrate",)


def test_the_fallback_brings_the_tools() -> None:
    clone = clone_pod(TARGETS["hardened"], settings(fallback_image="busybox:1", image="ghcr.io/prism/proxy:v1.2.3"))
    (bringer,) = spec_of(clone)["initContainers"]
    assert bringer["image"] == "busybox:1"
    mounts = {mount["mountPath"]: mount["name"] for mount in proxy_of(clone)["volumeMounts"]}
    assert mounts["/busybox"] == bringer["volumeMounts"][0]["name"]


def test_the_fallback_takes_no_name_of_the_target() -> None:
    spec = spec_of(clone_pod(TARGETS["busybox is taken"], settings(fallback_image="busybox:1")))
    assert [volume["name"] for volume in spec["volumes"]] == ["kdebug-busybox-2"]
    mounts = [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]]
    assert mounts == ["/busybox"]


@pytest.mark.parametrize(("name", "expected"), [("hardened", True), ("writable tmp", False), ("own user", False)])
def test_a_read_only_root_gets_a_writable_tmp(name: str, expected: bool) -> None:
    volumes = [volume["name"] for volume in spec_of(clone_pod(TARGETS[name], settings())).get("volumes", [])]
    assert ("kdebug-tmp" in volumes) is expected


@pytest.mark.parametrize(
    ("name", "uid", "gid"),
    [("root", 65532, 0), ("own user", 1000, 2000), ("pod's user", 1001, 0), ("bare minimum", 65532, None)],
)
def test_the_user_is_the_targets_unless_it_is_root(name: str, uid: int, gid: int | None) -> None:
    clone = clone_pod(TARGETS[name], settings())
    effective = {**spec_of(clone)["securityContext"], **proxy_of(clone)["securityContext"]}
    assert (effective["runAsUser"], effective.get("runAsGroup")) == (uid, gid)


def test_groups_are_kept() -> None:
    context = spec_of(clone_pod(TARGETS["own user"], settings()))["securityContext"]
    assert context["fsGroup"] == 3000
    assert context["supplementalGroups"] == [4000, 5000]


def test_storage_becomes_an_empty_directory_and_says_so() -> None:
    clone = clone_pod(TARGETS["claims"], settings())
    assert spec_of(clone)["volumes"] == [{"name": "state", "emptyDir": {}}, {"name": "scratch", "emptyDir": {}}]
    assert ("spec.volumes[state].persistentVolumeClaim", "storage") in {
        (item.path, item.step) for item in clone.left_out
    }


def test_a_volume_kind_of_tomorrow_is_an_unknown_field() -> None:
    clone = clone_pod(TARGETS["volume of tomorrow"], settings())
    assert spec_of(clone)["volumes"] == [{"name": "new", "emptyDir": {}}]
    told = {item.path: item.reason for item in clone.left_out}
    assert told["spec.volumes[new].quantumStorage"].startswith("unknown field")


def test_unknown_fields_are_listed() -> None:
    told = {item.path: item.reason for item in clone_pod(TARGETS["unknown fields"], settings()).left_out}
    for path in (
        "spec.workloadRef",
        "spec.evictionMood",
        "spec.containers[proxy].cloudBurst",
        "spec.containers[proxy].securityContext.quantumSafe",
        "specV2",
    ):
        assert told[path].startswith("unknown field")


def test_secret_keys_read_the_placeholder() -> None:
    env = {entry["name"]: entry for entry in proxy_of(clone_pod(TARGETS["secrets in env"], settings()))["env"]}
    assert env["DB_PASSWORD"] == {"name": "DB_PASSWORD", "value": PLACEHOLDER}
    assert env["DB_URL"]["value"] == "postgres://app:$(DB_PASSWORD)@db/app"


def test_secrets_that_were_asked_for_are_read_from_the_sessions() -> None:
    keys = {("db", "password"): "db-1", ("db", "user"): "db-2", ("db", "not a variable"): "db-3"}
    proxy = proxy_of(clone_pod(TARGETS["secrets in env"], settings(secret_name="kdebug-abc", secret_keys=keys)))
    env = {entry["name"]: entry for entry in proxy["env"]}
    assert env["DB_PASSWORD"]["valueFrom"]["secretKeyRef"]["key"] == "db-1"
    assert env["DB_user"]["valueFrom"]["secretKeyRef"] == {"name": "kdebug-abc", "key": "db-2", "optional": True}
    assert "DB_not a variable" not in env
    assert env["API_TOKEN"]["value"] == PLACEHOLDER
    assert "envFrom" not in proxy


def test_files_of_secrets_stand_in_for_the_keys_that_are_named() -> None:
    clone = clone_pod(TARGETS["secret volumes"], settings())
    volumes = {volume["name"]: volume for volume in spec_of(clone)["volumes"]}
    (item,) = volumes["tls"]["downwardAPI"]["items"]
    assert (item["path"], item["mode"]) == ("cert", 256)
    assert volumes["db"]["downwardAPI"]["items"][0]["path"] == "password"
    assert "emptyDir" in volumes["whole"]
    assert clone.manifest["metadata"]["annotations"]["kdebug.dev/placeholder"] == PLACEHOLDER


def test_files_of_secrets_that_were_asked_for() -> None:
    keys = {("tls", "tls.crt"): "k1", ("api", "a"): "k2", ("api", "b"): "k3"}
    clone = clone_pod(TARGETS["secret volumes"], settings(secret_name="kdebug-abc", secret_keys=keys))
    volumes = {volume["name"]: volume for volume in spec_of(clone)["volumes"]}
    assert volumes["tls"]["secret"] == {
        "secretName": "kdebug-abc", "optional": True, "defaultMode": 256,
        "items": [{"key": "k1", "path": "cert", "mode": 256}],
    }  # fmt: skip
    assert [item["path"] for item in volumes["whole"]["secret"]["items"]] == ["a", "b"]


def test_config_maps_are_read_from_the_sessions_copies() -> None:
    proxy = proxy_of(clone_pod(TARGETS["config maps in env"], settings(config_maps={"settings": "kdebug-abc-1"})))
    env = {entry["name"]: entry for entry in proxy["env"]}
    assert env["MODE"]["valueFrom"]["configMapKeyRef"] == {"name": "kdebug-abc-1", "key": "mode", "optional": True}
    assert env["MUST"]["value"] == PLACEHOLDER
    assert "EXTRA" not in env
    assert proxy["envFrom"] == [{"configMapRef": {"name": "kdebug-abc-1", "optional": True}}]


def test_secret_literals_move_and_are_never_shown() -> None:
    target = TARGETS["secret literals"]
    literals = session_literals(target, "proxy", ("proxy",))
    clone = clone_pod(target, settings(secret_name="kdebug-abc", literal_keys=literals.keys))
    text = json.dumps(clone.manifest) + repr(clone.changes) + repr(clone.left_out)
    for secret in ("correct horse battery", "s3cr3t", "abcd1234efgh", "letmein"):
        assert secret not in text
    env = {entry["name"]: entry for entry in proxy_of(clone)["env"]}
    assert env["PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "kdebug-abc", "key": "literal-1"}
    assert env["RUST_LOG"]["value"] == "debug"


def test_values_do_not_cross_clusters() -> None:
    env = {
        entry["name"]: entry.get("value")
        for entry in proxy_of(clone_pod(TARGETS["secret literals"], settings(is_same_cluster=False)))["env"]
    }
    assert env == {
        "PASSWORD": PLACEHOLDER, "REDIS_URL": PLACEHOLDER, "DSN": PLACEHOLDER, "RUST_LOG": "debug",
        "TOKEN_FILE": PLACEHOLDER,
        "MAX_TOKENS": "4096",
    }  # fmt: skip


def test_the_users_variables_win() -> None:
    env = proxy_of(clone_pod(TARGETS["hardened"], settings(env={"RUST_LOG": "trace", "NEW": "1"})))["env"]
    assert env == [{"name": "RUST_LOG", "value": "trace"}, {"name": "NEW", "value": "1"}]


def test_a_replaced_secret_is_told_of_but_not_shown() -> None:
    clone = clone_pod(TARGETS["secret literals"], settings(env={"PASSWORD": "another pass phrase"}))
    assert "another pass phrase" not in repr(clone.changes)
    assert any(change.path.endswith("env[PASSWORD].value") for change in clone.changes)


def test_references_to_what_is_not_there_are_mended() -> None:
    proxy = proxy_of(clone_pod(TARGETS["downward API"], settings()))
    env = {entry["name"]: entry for entry in proxy["env"]}
    assert env["CPU"]["valueFrom"]["resourceFieldRef"]["containerName"] == "proxy"
    mounts = {mount["mountPath"]: mount for mount in proxy["volumeMounts"]}
    assert mounts["/logs"]["subPathExpr"] == "$(POD_NAME)"
    assert "subPathExpr" not in mounts["/more"]


@pytest.mark.parametrize("name", ["names", "long searches", "hardened"])
def test_short_service_names_mean_the_same(name: str) -> None:
    searches = spec_of(clone_pod(TARGETS[name], settings()))["dnsConfig"]["searches"]
    assert searches[0] == "prism.svc.cluster.local"
    assert len(searches) <= MAX_SEARCHES
    assert len(" ".join(searches)) <= MAX_SEARCHES_LENGTH


def test_no_search_is_added_where_the_namespaces_are_one() -> None:
    assert "dnsConfig" not in spec_of(clone_pod(TARGETS["hardened"], settings(target_namespace="kdebug-isolated")))


def test_only_the_platform_is_selected() -> None:
    selector = spec_of(clone_pod(TARGETS["scheduling"], settings()))["nodeSelector"]
    assert selector == {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}


@pytest.mark.parametrize(
    ("name", "limits", "requests"),
    [
        ("gpu", {"cpu": "2", "memory": "2Gi"}, {"cpu": "100m", "memory": "128Mi"}),
        ("small", {"cpu": "50m", "memory": "64Mi"}, {"cpu": "10m", "memory": "8Mi"}),
        ("odd quantities", {"cpu": "2", "memory": "1e9"}, {"cpu": "1e-2", "memory": "128974848000m"}),
        ("huge pages", {"cpu": "1500m", "memory": "100Mi"}, {"cpu": "0.05", "memory": "100Mi"}),
    ],
)
def test_resources_are_small_and_capped(name: str, limits: dict[str, str], requests: dict[str, str]) -> None:
    assert proxy_of(clone_pod(TARGETS[name], settings()))["resources"] == {"limits": limits, "requests": requests}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", Fraction(1, 10)), ("1", 1), (2, 2), (0.5, Fraction(1, 2)), ("1.5Gi", 3 * 2**29), ("1k", 1000),
        ("1e3", 1000),
        ("1E3", 1000), ("1E", 10**18), ("1Ei", 2**60), (".5", Fraction(1, 2)), ("5.", 5), ("-1", -1),
        ("7n", Fraction(7, 10**9)),
        ("", None), ("abc", None), ("1KiB", None), ("1 Gi", None), (None, None), ([], None), ("1e9999", None),
    ],
)  # fmt: skip
def test_quantities(text: object, number: Fraction | int | None) -> None:
    assert quantity(text) == number


def test_the_smallest_keeps_its_spelling() -> None:
    assert smallest("0.1", "200m", None, "junk") == "0.1"
    with pytest.raises(ValueError, match="empty"):
        smallest(None, "junk")
