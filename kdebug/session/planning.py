"""From a target to the plan: choose the image, read what may be copied, and put the session's objects in order."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kdebug.domain.clone import CloneSettings, clone_pod, kept_containers, original_command
from kdebug.domain.dependencies import COPIED, Dependency, DependencyPolicy, decide, find_dependencies
from kdebug.domain.diagnosis import Diagnosis
from kdebug.domain.guard import ServerFacts
from kdebug.domain.images import GOOGLE_RULE, VariantRule, debug_variant, image_argument
from kdebug.domain.isolation import session_network_policy
from kdebug.domain.kinds import CONFIG_MAP, SECRET, Manifest
from kdebug.domain.literals import session_literals
from kdebug.domain.ownership import (
    CONTAINER,
    DETACHED,
    HARD_CAP,
    HOLDER,
    IMAGE,
    LEASE_SECONDS,
    MAX_HARD_CAP_SECONDS,
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
from kdebug.errors import ApiError, NotFoundError, RefusedError, TargetError, UsageError
from kdebug.session.port import Cluster

ALL = "all"
"""`--with-secret all`: every Secret that the clone's containers refer to."""


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
    name = object_name(session_id)
    labels = session_labels(session_id)
    owner = owner_reference(session_id)
    settings = CloneSettings(
        session_id=session_id,
        name=name,
        namespace=options.namespace,
        container=target.container,
        image=image.new,
        owner=owner,
        hard_cap_seconds=options.hard_cap_seconds,
        pull_policy=pull_policy,
        shell=options.shell,
        labels=labels,
        target_namespace=target.namespace,
        keep_init_containers=options.keep_init_containers,
        env=dict(options.env or {}),
        harmless_env=options.harmless_env,
        fallback_image=options.fallback_image if image.is_fallback else "",
        max_cpu=options.max_cpu,
        max_memory=options.max_memory,
    )
    kept = kept_containers(target.manifest, settings)
    dependencies = find_dependencies(target.manifest, kept)
    copies = _Copies(cluster=cluster, namespace=target.namespace, session_id=session_id, isolated=options.namespace)
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
        secret_name=name if values else "",
    )
    clone = clone_pod(target.manifest, settings)
    annotations = {
        TARGET: f"{target.namespace}/{target.name}",
        TARGET_UID: target.uid,
        CONTAINER: target.container,
        IMAGE: image.new,
        SHELL: options.shell,
        USER: user,
        HOLDER: holder,
        HARD_CAP: str(options.hard_cap_seconds),
        DETACHED: "false",
    }
    objects: list[Manifest] = [
        anchor(
            session_id,
            options.namespace,
            annotations=annotations,
            clone=clone.manifest,
            deadline_seconds=min(LEASE_SECONDS, options.hard_cap_seconds),
        ),
        session_network_policy(
            name=name,
            namespace=options.namespace,
            labels=labels,
            owner=owner,
            network=options.network,
            dns_peers=dns_peers_recorded(facts.isolated.annotations) if facts.isolated else (),
            target_namespace=target.namespace,
        ),
        *copies.objects(labels, owner),
    ]
    if values:
        objects.append(_secret(name, options.namespace, labels, owner, values))
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
        objects=(*objects, clone.manifest),
        dependencies=decide(dependencies, policy),
        original=original_command(target.manifest, target.container),
        network=options.network,
        shell=options.shell,
        hard_cap_seconds=options.hard_cap_seconds,
        warnings=(
            *copies.warnings,
            *(f"{place} looks secret and refers to other values: it stays in the pod" for place in literals.unresolved),
            *(f"{place} looks secret and is kept as it is" for place in literals.arguments),
        ),
    )


def _secret(
    name: str, namespace: str, labels: Mapping[str, str], owner: Manifest, values: Mapping[str, str]
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels), "ownerReferences": [dict(owner)]},
        "immutable": True,
        "type": "Opaque",
        "data": dict(values),
    }


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode("ascii")


class _Copies:
    """Reads the target's ConfigMaps and named Secrets, and remembers what could not be read."""

    def __init__(self, *, cluster: Cluster, namespace: str, session_id: str, isolated: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._session_id = session_id
        self._isolated = isolated
        self._read: dict[str, Manifest] = {}
        self._names: dict[str, str] = {}
        self.warnings: list[str] = []

    def config_maps(self, dependencies: Sequence[Dependency]) -> Mapping[str, str]:
        """Return the session's copy of each ConfigMap that can be read, by the target's name for it."""
        names = frozenset(dependency.name for dependency in dependencies if dependency.kind == CONFIG_MAP.name)
        decisions = decide(dependencies, DependencyPolicy(config_maps=names))
        wanted = [d.dependency.name for d in decisions if d.outcome == COPIED and d.dependency.kind == CONFIG_MAP.name]
        for number, name in enumerate(wanted, 1):
            try:
                self._read[name] = self._cluster.get(CONFIG_MAP, name, self._namespace)
            except NotFoundError:
                self.warnings.append(f"configmap/{name} does not exist in namespace {self._namespace}")
                continue
            except ApiError as error:
                self.warnings.append(f"configmap/{name} is not copied: {error.because or error.what}")
                continue
            self._names[name] = object_name(self._session_id, str(number))
        return self._names

    def objects(self, labels: Mapping[str, str], owner: Manifest) -> tuple[Manifest, ...]:
        """Return the manifests of the copies."""
        return tuple(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": copy,
                    "namespace": self._isolated,
                    "labels": dict(labels),
                    "ownerReferences": [dict(owner)],
                },
                "immutable": True,
                **{field: self._read[name][field] for field in ("data", "binaryData") if self._read[name].get(field)},
            }
            for name, copy in self._names.items()
        )

    def secrets(
        self, dependencies: Sequence[Dependency], wanted: Sequence[str], *, is_allowed: bool
    ) -> tuple[Mapping[tuple[str, str], str], Mapping[str, str]]:
        """Return (Secret, key) -> key in the session's Secret, and its values; only what was asked for is read."""
        if not wanted:
            return {}, {}
        if not is_allowed:
            raise RefusedError(
                f"Secrets may not be copied into namespace {self._isolated}",
                because="whoever may create pods in a namespace can read every Secret in it",
                remedy="its owner can allow it: kdebug setup ... --allow configmaps,secrets",
            )
        referenced = [d for d in dependencies if d.kind == SECRET.name and d.is_kept and (d.keys or d.is_whole)]
        names = dict.fromkeys(d.name for d in referenced) if ALL in wanted else dict.fromkeys(wanted)
        keys: dict[tuple[str, str], str] = {}
        values: dict[str, str] = {}
        for name in names:
            uses = [d for d in referenced if d.name == name]
            if not uses:
                raise UsageError(
                    f"--with-secret {name}: the clone's containers do not refer to it",
                    because=f"they refer to {', '.join(dict.fromkeys(d.name for d in referenced)) or 'no Secret'}",
                )
            for key, value in self._keys(name, uses).items():
                own = f"secret-{len(keys) + 1}"
                keys[(name, key)] = own
                values[own] = value
        return keys, values

    def _keys(self, name: str, uses: Sequence[Dependency]) -> Mapping[str, str]:
        """Return the referenced keys of one Secret; all of them where it is referred to as a whole."""
        try:
            data = self._cluster.get(SECRET, name, self._namespace).get("data") or {}
        except NotFoundError as error:
            raise TargetError(f"secret/{name} does not exist in namespace {self._namespace}") from error
        if any(use.is_whole for use in uses):
            return dict(data)
        wanted = {key for use in uses for key in use.keys}
        return {key: value for key, value in data.items() if key in wanted}
