"""LimitRange defaults and ResourceQuota, as far as a session meets them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from kdebug.demo.quantities import amount, spelled
from kdebug.demo.resources import JSON, qualified_plural
from kdebug.demo.status import forbidden
from kdebug.demo.store import Store, copied, kind_of
from kdebug.domain.kinds import LIMIT_RANGE, POD, RESOURCE_QUOTA, Kind, Manifest, name_of, namespace_of


def apply_limit_ranges(store: Store, pod: JSON) -> None:
    """Fill in the defaults of the namespace's LimitRanges; RejectedError 403 above a maximum."""
    for limits in store.list(LIMIT_RANGE, namespace_of(pod)):
        for item in (limits.get("spec") or {}).get("limits", ()):
            if item.get("type") != "Container":
                continue
            for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
                _apply_limit(container, item, name_of(pod))


def _apply_limit(container: JSON, item: JSON, pod: str) -> None:
    resources: JSON = container.setdefault("resources", {})
    for field, defaults in (("limits", item.get("default")), ("requests", item.get("defaultRequest"))):
        if defaults:
            resources[field] = dict(defaults) | resources.get(field, {})
    for resource, most in (item.get("max") or {}).items():
        limit = (resources.get("limits") or {}).get(resource)
        if limit is None:
            raise forbidden(POD, pod, f"maximum {resource} usage per Container is {most}.  No limit is specified")
        if amount(limit) > amount(most):
            raise forbidden(POD, pod, f"maximum {resource} usage per Container is {most}, but limit is {limit}")


def charge(store: Store, manifest: Manifest) -> None:
    """Raise RejectedError 403 when a new object does not fit the namespace's quotas."""
    kind = kind_of(manifest)
    for quota in store.list(RESOURCE_QUOTA, namespace_of(manifest)):
        hard: dict[str, str] = (quota.get("spec") or {}).get("hard") or {}
        name = name_of(quota)
        if kind == POD and (unset := list(_unset(manifest, hard))):
            raise forbidden(kind, name_of(manifest), f"failed quota: {name}: must specify {'; '.join(unset)}")
        asked = {resource: use for resource in sorted(hard) if (use := _use(kind, manifest, resource))}
        used = {resource: _used(store, namespace_of(manifest), resource) for resource in asked}
        over = [resource for resource in asked if used[resource] + asked[resource] > amount(hard[resource])]
        if over:
            told = (
                f"exceeded quota: {name}, requested: {_spell(asked, over)}, used: {_spell(used, over)}, "
                f"limited: {','.join(f'{resource}={hard[resource]}' for resource in over)}"
            )
            raise forbidden(kind, name_of(manifest), told)


def refresh(store: Store, quota: Manifest) -> None:
    """Write what is used into the quota's status."""
    new = copied(quota)
    hard = (quota.get("spec") or {}).get("hard") or {}
    used = {resource: spelled(_used(store, namespace_of(quota), resource)) for resource in hard}
    new["status"] = {"hard": dict(hard), "used": used}
    store.replace(quota, new)


def _spell(amounts: dict[str, Fraction], resources: list[str]) -> str:
    return ",".join(f"{resource}={spelled(amounts[resource])}" for resource in resources)


def _used(store: Store, namespace: str, resource: str) -> Fraction:
    total = Fraction(0)
    for manifest in store.everything():
        if namespace_of(manifest) == namespace:
            total += _use(kind_of(manifest), manifest, resource)
    return total


def _use(kind: Kind, manifest: Manifest, resource: str) -> Fraction:
    if (
        kind == POD
        and (manifest.get("status") or {}).get("phase") in ("Failed", "Succeeded")
        and resource != "count/pods"
    ):
        return Fraction(0)
    if resource in (f"count/{qualified_plural(kind)}", kind.plural if not kind.group else ""):
        return Fraction(1)
    if kind != POD:
        return Fraction(0)
    field, _, name = resource.partition(".") if "." in resource else ("requests", "", resource)
    if field not in ("requests", "limits"):
        return Fraction(0)
    values = ((c.get("resources") or {}).get(field) or {} for c in manifest["spec"]["containers"])
    return sum((amount(value.get(name, 0)) for value in values), Fraction(0))


def _unset(pod: Manifest, hard: dict[str, str]) -> Iterator[str]:
    for resource in sorted(hard):
        field, _, name = resource.partition(".") if "." in resource else ("requests", "", resource)
        if field not in ("requests", "limits") or name not in ("cpu", "memory"):
            continue
        missing = [
            c["name"] for c in pod["spec"]["containers"] if name not in ((c.get("resources") or {}).get(field) or {})
        ]
        if missing:
            yield f"{resource} for: {','.join(missing)}"
