"""From a target to the plan: choose the image, read what may be copied, and put the session's objects in order."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kdebug.domain.clone import CloneSettings, clone_pod, kept_containers, original_command
from kdebug.domain.dependencies import DependencyPolicy, decide, find_dependencies
from kdebug.domain.diagnosis import Diagnosis
from kdebug.domain.guard import ServerFacts
from kdebug.domain.images import GOOGLE_RULE, VariantRule, debug_variant, image_argument
from kdebug.domain.isolation import session_network_policy
from kdebug.domain.kinds import Manifest
from kdebug.domain.literals import SessionLiterals, session_literals
from kdebug.domain.ownership import (
    CONTAINER,
    DETACHED,
    HARD_CAP,
    HOLDER,
    IMAGE,
    LEASE_SECONDS,
    MAX_HARD_CAP_SECONDS,
    REASON,
    SHELL,
    TARGET,
    TARGET_UID,
    USER,
    anchor,
    object_name,
    owner_reference,
    session_labels,
)
from kdebug.domain.plan import ImageChoice, Plan
from kdebug.domain.statement import allow_of, dns_peers_recorded
from kdebug.domain.target import Target
from kdebug.session.copies import Copies
from kdebug.session.port import Cluster


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What the user and the configuration decide about a clone."""

    namespace: str
    """The isolated namespace."""
    image: str = ""
    debug_suffix: str = "debug"
    image_rules: tuple[VariantRule, ...] = (GOOGLE_RULE,)
    fallback_image: str = ""
    """Not empty: run the target's own image and bring /busybox from this one."""
    network: str = "dns"
    with_secret: tuple[str, ...] = ()
    keep_init_containers: bool = False
    env: Mapping[str, str] | None = None
    shell: str = "/busybox/sh"
    hard_cap_seconds: int = MAX_HARD_CAP_SECONDS
    max_cpu: str = "2"
    max_memory: str = "2Gi"
    harmless_env: tuple[str, ...] = ()


def choose_image(target: Target, options: PlanOptions) -> tuple[ImageChoice, str]:
    """Return the image that the clone runs, and its pull policy (empty: the default); UsageError, TargetError."""
    old = str(target.container_spec.get("image", ""))
    if options.image:
        new = str(image_argument(options.image))
        return ImageChoice(old=old, new=new, reason="--image"), ""
    if options.fallback_image:
        reason = f"the target's own image, with /busybox from {options.fallback_image}"
        return ImageChoice(old=old, new=old, reason=reason, is_fallback=True), ""
    variant = debug_variant(old, options.debug_suffix, options.image_rules)
    return ImageChoice(old=old, new=str(variant.reference), reason=variant.reason), variant.pull_policy


def make_plan(
    cluster: Cluster,
    target: Target,
    diagnosis: Diagnosis,
    facts: ServerFacts,
    options: PlanOptions,
    *,
    session_id: str,
    user: str = "",
    holder: str = "",
) -> Plan:
    """Return the plan for a target. Reads the ConfigMaps that may be copied, and only those Secrets that were named.

    Raises UsageError, TargetError, and RefusedError for a Secret that the isolated namespace does not allow.
    """
    image, pull_policy = choose_image(target, options)
    settings = _clone_settings(target, options, image, pull_policy, session_id)
    kept = kept_containers(target.manifest, settings)
    dependencies = find_dependencies(target.manifest, kept)
    copies = Copies(cluster=cluster, namespace=target.namespace, session_id=session_id, isolated=options.namespace)
    allowed = allow_of(facts.isolated.annotations) if facts.isolated else frozenset({"configmaps"})
    config_maps = copies.config_maps(dependencies) if "configmaps" in allowed and target.uid else {}
    secret_keys, secret_values = copies.secrets(dependencies, options.with_secret, is_allowed="secrets" in allowed)
    literals = session_literals(target.manifest, target.container, kept)
    values = {**secret_values, **{key: _encode(value) for key, value in literals.values.items()}}
    settings = replace(
        settings,
        config_maps=config_maps,
        secret_keys=secret_keys,
        literal_keys=literals.keys,
        secret_name=settings.name if values else "",
    )
    clone = clone_pod(target.manifest, settings)
    notes = _notes(target, options, image, diagnosis) | {USER: user, HOLDER: holder}
    policy = DependencyPolicy(config_maps=frozenset(config_maps), secrets=frozenset(name for name, _ in secret_keys))
    return Plan(
        session_id=session_id,
        namespace=options.namespace,
        target_title=target.title,
        target_namespace=target.namespace,
        target_uid=target.uid,
        target_because=target.because,
        container=target.container,
        diagnosis=diagnosis,
        image=image,
        clone=clone,
        objects=(
            _anchor(settings, notes, clone.manifest),
            _network_policy(settings, options, facts),
            *copies.objects(settings.labels, settings.owner),
            *((_secret(settings, values),) if values else ()),
            clone.manifest,
        ),
        dependencies=decide(dependencies, policy),
        original=original_command(target.manifest, target.container),
        network=options.network,
        shell=options.shell,
        hard_cap_seconds=options.hard_cap_seconds,
        warnings=(*copies.warnings, *_literal_warnings(literals)),
    )


def _clone_settings(
    target: Target, options: PlanOptions, image: ImageChoice, pull_policy: str, session_id: str
) -> CloneSettings:
    return CloneSettings(
        session_id=session_id,
        name=object_name(session_id),
        namespace=options.namespace,
        container=target.container,
        image=image.new,
        owner=owner_reference(session_id),
        hard_cap_seconds=options.hard_cap_seconds,
        pull_policy=pull_policy,
        shell=options.shell,
        labels=session_labels(session_id),
        target_namespace=target.namespace,
        keep_init_containers=options.keep_init_containers,
        env=dict(options.env or {}),
        harmless_env=options.harmless_env,
        fallback_image=options.fallback_image if image.is_fallback else "",
        max_cpu=options.max_cpu,
        max_memory=options.max_memory,
    )


def _notes(target: Target, options: PlanOptions, image: ImageChoice, diagnosis: Diagnosis) -> dict[str, str]:
    """Return the anchor's annotations; the reason is the state alone, as a log's words may hold what is secret."""
    return {
        TARGET: f"{target.namespace}/{target.name}",
        TARGET_UID: target.uid,
        CONTAINER: target.container,
        IMAGE: image.new,
        SHELL: options.shell,
        REASON: diagnosis.state,
        HARD_CAP: str(options.hard_cap_seconds),
        DETACHED: "false",
    }


def _anchor(settings: CloneSettings, notes: Mapping[str, str], clone: Manifest) -> Manifest:
    deadline = min(LEASE_SECONDS, settings.hard_cap_seconds)
    return anchor(settings.session_id, settings.namespace, annotations=notes, clone=clone, deadline_seconds=deadline)


def _network_policy(settings: CloneSettings, options: PlanOptions, facts: ServerFacts) -> Manifest:
    return session_network_policy(
        name=settings.name,
        namespace=settings.namespace,
        labels=settings.labels,
        owner=settings.owner,
        network=options.network,
        dns_peers=dns_peers_recorded(facts.isolated.annotations) if facts.isolated else (),
        target_namespace=settings.target_namespace,
    )


def _secret(settings: CloneSettings, values: Mapping[str, str]) -> Manifest:
    metadata = {
        "name": settings.name,
        "namespace": settings.namespace,
        "labels": dict(settings.labels),
        "ownerReferences": [dict(settings.owner)],
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "immutable": True,
        "type": "Opaque",
        "data": dict(values),
    }


def _literal_warnings(literals: SessionLiterals) -> tuple[str, ...]:
    return (
        *(f"{place} looks secret and refers to other values: it stays in the pod" for place in literals.unresolved),
        *(f"{place} looks secret and is kept as it is" for place in literals.arguments),
    )


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode("ascii")
