"""The rights a session needs, as the questions the server is asked and as the Role that grants them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kdebug.domain.kinds import CLUSTER_ROLE, ROLE, ROLE_BINDING, Kind, Manifest
from kdebug.domain.ownership import PART_OF

CLUSTER_ROLE_BINDING = "ClusterRoleBinding"
_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, kw_only=True)
class Access:
    """One right: a verb on a resource (or a subresource), in a namespace, or in the cluster where that is empty."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    reason: str = ""
    """What the session needs it for, in words for the user."""
    is_optional: bool = False
    """Without it the session shows less, and still works."""

    def __str__(self) -> str:
        resource = f"{self.resource_path}{'.' + self.group if self.group else ''}"
        if self.resource == "namespaces" and self.name:
            return f"{self.verb} namespace {self.name}"
        named = f"{resource} {self.name}" if self.name else resource
        where = f"in namespace {self.namespace}" if self.namespace else "in the cluster"
        return f"{self.verb} {named} {where}"

    @property
    def resource_path(self) -> str:
        """The resource with its subresource, as a Role spells it: pods/exec."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def access_to(kind: Kind, verb: str, *, namespace: str = "", name: str = "", reason: str = "") -> Access:
    """Return the right to do `verb` with objects of a kind, or with the one called `name`."""
    return Access(verb=verb, resource=kind.plural, group=kind.group, namespace=namespace, name=name, reason=reason)


def session_accesses(
    namespace: str,
    target_namespace: str = "",
    *,
    with_secret: Sequence[str] = (),
    copies_config_maps: Sequence[str] = (),
    makes_secret: bool = False,
) -> tuple[Access, ...]:
    """Return every right that a session needs, each with its reason; removal is among them.

    `namespace` is the isolated one. `target_namespace` is empty when the target is not read here (a manifest, another
    cluster). `with_secret` and `copies_config_maps` name the target's objects that are copied; `makes_secret` says that
    the session has a Secret of its own (placeholders, values that look secret), as it always has with `with_secret`.
    """
    accesses = (*target_accesses(target_namespace, with_secret, copies_config_maps), *_isolated_accesses(namespace))
    if copies_config_maps:
        accesses += _all(namespace, "", "configmaps", ("create", "get", "delete"), "hold the copies of ConfigMaps")
    if makes_secret or with_secret:
        # A delete with the uid proves absence without a right to read.
        accesses += _all(namespace, "", "secrets", ("create", "delete"), "hold the session's own Secret")
    return accesses


def attach_accesses(namespace: str, *, holds: bool) -> tuple[Access, ...]:
    """Return the rights for another shell in a session's clone; its holder also renews it and removes it."""
    pods = _all(namespace, "", "pods", ("get",), "find the clone")
    shell = [replace(a, subresource="exec") for a in _all(namespace, "", "pods", ("get", "create"), "open the shell")]
    if not holds:
        return (*pods, *shell)
    removal = (
        *_all(namespace, "batch", "jobs", ("get", "list", "patch", "delete"), "hold the lease and end the session"),
        *_all(namespace, "", "pods", ("list", "delete"), "remove the clone"),
        *_all(namespace, "networking.k8s.io", "networkpolicies", ("get", "list"), "see the session's policy gone"),
        *_all(namespace, "", "configmaps", ("get", "list"), "see the session's copies gone"),
    )
    return (*pods, *shell, *removal)


def target_accesses(
    target_namespace: str, with_secret: Sequence[str] = (), copies_config_maps: Sequence[str] = ()
) -> tuple[Access, ...]:
    """Return the rights on the target's side, all of them reads; none without a namespace."""
    if not target_namespace:
        return ()
    pod = Access(verb="get", resource="pods", namespace=target_namespace, reason="read the target")
    return (
        _namespace_access(target_namespace),
        pod,
        replace(pod, verb="list", reason="find the target by workload, prefix or selector", is_optional=True),
        replace(pod, subresource="log", reason="show why the target failed", is_optional=True),
        replace(pod, verb="list", resource="events", reason="show why the target failed", is_optional=True),
        *(
            replace(pod, resource="configmaps", name=name, reason="copy a ConfigMap of the target", is_optional=True)
            for name in copies_config_maps
        ),
        *(replace(pod, resource="secrets", name=name, reason="copy the Secret you named") for name in with_secret),
    )


def role_for(accesses: Iterable[Access], user: str) -> tuple[Manifest, ...]:
    """Return a Role for each namespace of `accesses` (a ClusterRole for the cluster), each bound to `user` if known.

    A name is made from what it grants and to whom: applied again it changes nothing, and it never replaces another.
    """
    places: dict[str, list[Access]] = {}
    for access in accesses:
        places.setdefault(access.namespace, []).append(access)
    return tuple(manifest for place, wanted in places.items() for manifest in _role_and_binding(place, wanted, user))


def _isolated_accesses(namespace: str) -> tuple[Access, ...]:
    why_not = Access(
        verb="get", resource="pods", namespace=namespace, reason="say why the clone did not start", is_optional=True
    )
    return (
        _namespace_access(namespace),
        *_all(namespace, "batch", "jobs", ("create", "get"), "make the anchor, which makes everything expire"),
        *_all(namespace, "batch", "jobs", ("patch",), "renew the lease"),
        *_all(namespace, "batch", "jobs", ("delete",), "end the session"),
        *_all(namespace, "networking.k8s.io", "networkpolicies", ("create", "get"), "isolate the clone"),
        *_all(namespace, "networking.k8s.io", "networkpolicies", ("delete",), "remove the session's policy"),
        *_all(namespace, "", "pods", ("create",), "make the clone"),
        *_all(namespace, "", "pods", ("get", "list", "watch"), "see the clone start, and see it gone"),
        *_all(namespace, "", "pods", ("delete",), "remove the clone"),
        # From 1.37 on the server asks for both, and does not say which is missing.
        *(
            replace(access, subresource="exec")
            for access in _all(namespace, "", "pods", ("get", "create"), "open the shell")
        ),
        replace(why_not, subresource="log"),
        replace(why_not, verb="list", resource="events"),
    )


def _all(namespace: str, group: str, resource: str, verbs: Sequence[str], reason: str) -> tuple[Access, ...]:
    return tuple(
        Access(verb=verb, resource=resource, group=group, namespace=namespace, reason=reason) for verb in verbs
    )


def _namespace_access(namespace: str) -> Access:
    # The server authorizes this inside the namespace, so that a RoleBinding there is enough.
    reason = "read what the namespace says of itself: the guard refuses what it cannot see"
    return Access(verb="get", resource="namespaces", namespace=namespace, name=namespace, reason=reason)


def _role_and_binding(place: str, accesses: Sequence[Access], user: str) -> tuple[Manifest, ...]:
    rules = _rules(accesses)
    name = f"kdebug-rights-{hashlib.sha256(repr((rules, user)).encode()).hexdigest()[:8]}"
    metadata = {"name": name, "labels": {PART_OF: "kdebug"}} | ({"namespace": place} if place else {})
    kind = ROLE.name if place else CLUSTER_ROLE.name
    role: Manifest = {"apiVersion": ROLE.api_version, "kind": kind, "metadata": metadata, "rules": rules}
    if not user:
        return (role,)
    binding: Manifest = {
        "apiVersion": ROLE.api_version,
        "kind": ROLE_BINDING.name if place else CLUSTER_ROLE_BINDING,
        "metadata": metadata,
        "roleRef": {"apiGroup": ROLE.group, "kind": kind, "name": name},
        "subjects": [_subject(user)],
    }
    return (role, binding)


def _rules(accesses: Sequence[Access]) -> list[Manifest]:
    """Return one rule for each resource, its named objects in rules of their own."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for access in accesses:
        wanted = verbs.setdefault((access.group, access.resource_path, access.name), [])
        if access.verb not in wanted:
            wanted.append(access.verb)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": wanted} | ({"resourceNames": [name]} if name else {})
        for (group, resource, name), wanted in verbs.items()
    ]


def _subject(user: str) -> Manifest:
    parts = user.removeprefix(_SERVICE_ACCOUNT).split(":")
    if user.startswith(_SERVICE_ACCOUNT) and len(parts) == 2:
        return {"kind": "ServiceAccount", "namespace": parts[0], "name": parts[1]}
    return {"apiGroup": ROLE.group, "kind": "User", "name": user}
