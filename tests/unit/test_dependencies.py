"""Everything that a target refers to is found, and told what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.domain.clone import CloneSettings, clone_pod
from kdebug.domain.dependencies import (
    COPIED,
    EMPTY_DIR,
    LEFT_OUT,
    NOT_NEEDED,
    PLACEHOLDER,
    Dependency,
    DependencyPolicy,
    decide,
    find_dependencies,
)
from tests.support.target_pods import TARGETS, container, pod
from tests.unit.test_clone import settings


def _found(name: str, *kept: str) -> dict[tuple[str, str], Dependency]:
    found = find_dependencies(TARGETS[name], kept or ("proxy",))
    return {(dependency.kind, dependency.name): dependency for dependency in found}


def _decided(target: dict[str, Any], **policy: Any) -> dict[tuple[str, str], str]:
    decisions = decide(find_dependencies(target, ("proxy",)), DependencyPolicy(**policy))
    return {(entry.dependency.kind, entry.dependency.name): entry.outcome for entry in decisions}


def test_keys_places_and_optionality_of_config_maps() -> None:
    found = _found("config maps in env")
    settings_map = found["ConfigMap", "settings"]
    assert settings_map.keys == ("mode",)
    assert settings_map.is_whole
    assert settings_map.where == ("spec.containers[proxy].env[MODE]", "spec.containers[proxy].envFrom[0]")
    assert not settings_map.is_optional
    assert not found["ConfigMap", "extras"].is_optional


def test_keys_of_secret_volumes() -> None:
    found = _found("secret volumes")
    assert found["Secret", "tls"].keys == ("tls.crt",)
    assert not found["Secret", "tls"].is_whole
    assert found["Secret", "api"].is_whole
    assert found["Secret", "db"].keys == ("password",), "a subPath names a key"


def test_storage_and_its_secrets() -> None:
    assert set(_found("csi")) >= {
        ("CSIDriver", "secrets-store.csi.k8s.io"),
        ("CSIDriver", "s3.csi.example.com"),
        ("Secret", "bucket-keys"),
    }
    assert {("Secret", "ceph"), ("Secret", "azure")} <= set(_found("old network storage"))
    assert ("PersistentVolumeClaim", "state-0") in _found("claims")
    assert ("PersistentVolumeClaim", "raw-0") in _found("block device")
    assert ("StorageClass", "the default class") in _found("claims")


def test_classes_claims_accounts_and_pull_secrets() -> None:
    assert ("PriorityClass", "system-cluster-critical") in _found("scheduling")
    assert ("RuntimeClass", "nvidia") in _found("gpu")
    claims = set(_found("dynamic resources"))
    assert {("ResourceClaim", "nic-1"), ("ResourceClaimTemplate", "gpu-template")} <= claims
    assert ("ServiceAccount", "app") in _found("aws identity")
    assert ("ServiceAccountToken", "sts.amazonaws.com") in _found("aws identity")
    assert {("Secret", "registry"), ("Secret", "other")} <= set(_found("pull secrets"))


def test_what_only_other_containers_use_is_not_needed() -> None:
    target = pod(
        container(envFrom=[{"configMapRef": {"name": "mine"}}]),
        container(
            "other", envFrom=[{"configMapRef": {"name": "theirs"}}], volumeMounts=[{"name": "v", "mountPath": "/v"}]
        ),
        volumes=[{"name": "v", "secret": {"secretName": "theirs"}}],
    )
    decided = _decided(target, config_maps=("mine", "theirs"))
    assert decided["ConfigMap", "mine"] == COPIED
    assert decided["ConfigMap", "theirs"] == NOT_NEEDED
    assert decided["Secret", "theirs"] == NOT_NEEDED


@pytest.mark.parametrize(
    ("name", "kind", "dependency", "outcome"),
    [
        ("config maps in env", "ConfigMap", "settings", COPIED),
        ("config maps in env", "ConfigMap", "extras", PLACEHOLDER),
        ("config map volumes", "ConfigMap", "extras", EMPTY_DIR),
        ("config map volumes", "ConfigMap", "named", PLACEHOLDER),
        ("secrets in env", "Secret", "db", COPIED),
        ("secrets in env", "Secret", "api", PLACEHOLDER),
        ("secret volumes", "Secret", "api", EMPTY_DIR),
        ("secret volumes", "Secret", "tls", PLACEHOLDER),
        ("csi", "Secret", "bucket-keys", LEFT_OUT),
        ("csi", "CSIDriver", "s3.csi.example.com", EMPTY_DIR),
        ("claims", "PersistentVolumeClaim", "state-0", EMPTY_DIR),
        ("pull secrets", "Secret", "registry", LEFT_OUT),
        ("aws identity", "ServiceAccount", "app", LEFT_OUT),
        ("hardened", "ConfigMap", "kube-root-ca.crt", NOT_NEEDED),
        ("dynamic resources", "ResourceClaim", "nic-1", LEFT_OUT),
    ],
)
def test_what_happens_to_each(name: str, kind: str, dependency: str, outcome: str) -> None:
    assert _decided(TARGETS[name], config_maps=("settings",), secrets=("db",))[kind, dependency] == outcome


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_is_referred_to_is_still_in_the_clone(name: str) -> None:
    """With nothing copied, the clone refers to no object that must exist in the isolated namespace."""
    own: CloneSettings = settings()
    left = find_dependencies(clone_pod(TARGETS[name], own).manifest, (own.container,))
    assert {(dependency.kind, dependency.name) for dependency in left} == {("ServiceAccount", "default")}


@pytest.mark.parametrize("name", TARGETS)
def test_a_copy_is_referred_to_if_and_only_if_it_is_said_to_be_copied(name: str) -> None:
    found = find_dependencies(TARGETS[name], ("proxy",))
    config_maps = {entry.name: f"kdebug-abc-{entry.name}" for entry in found if entry.kind == "ConfigMap"}
    decisions = decide(found, DependencyPolicy(config_maps=config_maps))
    said = {
        config_maps[entry.dependency.name]
        for entry in decisions
        if entry.dependency.kind == "ConfigMap" and entry.outcome == COPIED
    }
    clone = clone_pod(TARGETS[name], settings(config_maps=config_maps)).manifest
    used = {entry.name for entry in find_dependencies(clone, ("proxy",)) if entry.kind == "ConfigMap"}
    assert used == said


def test_an_optional_config_map_that_is_not_copied_is_left_out() -> None:
    target = pod(container(envFrom=[{"configMapRef": {"name": "extras", "optional": True}}]))
    assert _decided(target)["ConfigMap", "extras"] == LEFT_OUT
