"""Who may do what, and what is let in: authorization, namespaces, service accounts, webhooks, Pod Security, quotas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kdebug.demo.podsecurity import violations
from kdebug.demo.quota import apply_limit_ranges, charge
from kdebug.demo.resources import JSON
from kdebug.demo.status import Cause, RejectedError, bad_request, forbidden, not_found
from kdebug.demo.store import Store, kind_of
from kdebug.domain.kinds import NAMESPACE, POD, SERVICE_ACCOUNT, Kind, Manifest, name_of, namespace_of


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A right that the user does not have; each field is a glob. A subresource is written as in RBAC: pods/exec."""

    verb: str = "*"
    resource: str = "*"
    group: str = "*"
    namespace: str = "*"
    name: str = "*"

    def is_for(self, verb: str, resource: str, group: str, namespace: str, name: str) -> bool:
        """Return whether this denial covers the access."""
        pairs = (
            (self.verb, verb),
            (self.resource, resource),
            (self.group, group),
            (self.namespace, namespace),
            (self.name, name),
        )
        return all(fnmatchcase(value, pattern) for pattern, value in pairs)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A mutating webhook: what it does to new objects of a kind (None: nothing), or a refusal by RejectedError."""

    name: str
    kind: str
    mutate: Callable[[JSON], JSON | None]
    has_side_effects: bool = False
    """A webhook with side effects refuses every dry run."""


class Admission:
    """The decisions on one request. Rights can be taken and webhooks added while the cluster runs."""

    def __init__(self, store: Store, *, denied: Sequence[Denial] = (), webhooks: Sequence[Webhook] = ()) -> None:
        self._store = store
        self.denied = list(denied)
        self.webhooks = list(webhooks)

    def may(self, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = "") -> bool:
        """Return whether the user has the right."""
        return not any(denial.is_for(verb, resource, group, namespace, name) for denial in self.denied)

    def authorize(self, user: str, verb: str, kind: Kind, *, namespace: str, name: str, subresource: str = "") -> None:
        """Raise RejectedError 403 when the user lacks the right."""
        resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
        if self.may(verb, resource, group=kind.group, namespace=namespace, name=name):
            return
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        why = f'User "{user}" cannot {verb} resource "{resource}" in API group "{kind.group}" {where}'
        raise forbidden(kind, name, why)

    def mutate(self, manifest: JSON, *, is_dry_run: bool) -> JSON:
        """Return the new object after namespace, service account, limit ranges and webhooks had their say."""
        self._require_namespace(manifest)
        if manifest["kind"] == POD.name and (manifest.get("spec") or {}).get("containers"):
            self._require_account(manifest)
            apply_limit_ranges(self._store, manifest)
        for webhook in self.webhooks:
            if webhook.kind != manifest["kind"]:
                continue
            if is_dry_run and webhook.has_side_effects:
                raise bad_request(f'admission webhook "{webhook.name}" does not support dry run')
            manifest = webhook.mutate(manifest) or manifest
        return manifest

    def judge(self, manifest: Manifest) -> None:
        """Raise RejectedError 403 for what Pod Security or a quota does not let in."""
        if manifest["kind"] == POD.name:
            level, version = self._pod_security(namespace_of(manifest))
            if found := violations(manifest["spec"], level):
                raise forbidden(POD, name_of(manifest), f'violates PodSecurity "{level}:{version}": {", ".join(found)}')
        charge(self._store, manifest)

    def _require_namespace(self, manifest: Manifest) -> None:
        namespace = namespace_of(manifest)
        if not namespace:
            return
        found = self._store.get(NAMESPACE, "", namespace)
        if found is None:
            raise not_found(NAMESPACE, namespace)
        if "deletionTimestamp" in found["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            terminated = f"namespace {namespace} is being terminated"
            cause = Cause(field="metadata.namespace", reason="NamespaceTerminating", message=terminated)
            raise forbidden(kind_of(manifest), name_of(manifest), why, [cause])

    def _require_account(self, pod: Manifest) -> None:
        namespace = namespace_of(pod)
        account = pod["spec"].get("serviceAccountName") or pod["spec"].get("serviceAccount") or "default"
        if self._store.get(SERVICE_ACCOUNT, namespace, account) is None:
            why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise forbidden(POD, name_of(pod), why)

    def _pod_security(self, namespace: str) -> tuple[str, str]:
        found = self._store.get(NAMESPACE, "", namespace) or {}
        labels = found.get("metadata", {}).get("labels") or {}
        prefix = "pod-security.kubernetes.io/enforce"
        return str(labels.get(prefix, "privileged")), str(labels.get(f"{prefix}-version", "latest"))


def denied_by(webhook: str, why: str) -> RejectedError:
    """Return the refusal of a webhook, for `Webhook.mutate` to raise."""
    return RejectedError(400, "", f'admission webhook "{webhook}" denied the request: {why}')
