"""What a DELETE does to an object: preconditions, propagation, grace, finalizers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from kdebug.demo.clock import Clock, moment_of, stamp
from kdebug.demo.resources import JSON
from kdebug.demo.status import Cause, bad_request, invalid_option, modified, success, wrong_uid
from kdebug.demo.store import Store, copied, kind_of
from kdebug.domain.kinds import JOB, NAMESPACE, POD, Manifest, name_of, uid_of

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
"""The finalizers by which the garbage collector is told what to do with the dependents."""

_POLICIES = ("Foreground", "Background", "Orphan")


def delete_options(body: bytes, query: Mapping[str, str]) -> JSON:
    """Return the options of a DELETE; as in the real server the query counts only when there is no body at all."""
    if body.strip():
        try:
            options = json.loads(body)
        except ValueError as error:
            raise bad_request(f"error decoding delete options: {error}") from error
        if not isinstance(options, dict):
            raise bad_request("error decoding delete options: not an object")
    else:
        options = {key: query[key] for key in ("propagationPolicy", "gracePeriodSeconds") if key in query}
        if "gracePeriodSeconds" in options:
            options["gracePeriodSeconds"] = int(options["gracePeriodSeconds"])
        if "dryRun" in query:
            options["dryRun"] = [query["dryRun"]]
    policy = options.get("propagationPolicy")
    if policy is not None and policy not in _POLICIES:
        message = f'Unsupported value: "{policy}": supported values: "Foreground", "Background", "Orphan", "nil"'
        raise invalid_option(
            "DeleteOptions", Cause(field="propagationPolicy", reason="FieldValueNotSupported", message=message)
        )
    return options


def delete(store: Store, clock: Clock, manifest: Manifest, options: JSON) -> JSON:
    """Delete an object, or begin to, and return the answer's body; RejectedError 409 when a precondition fails."""
    kind, name = kind_of(manifest), name_of(manifest)
    _require(manifest, options.get("preconditions") or {})
    is_dry_run = bool(options.get("dryRun"))
    marked = _marked(manifest, options, clock)
    is_gone = _is_gone(marked)
    if is_dry_run:
        return success(kind, name, uid_of(manifest)) if is_gone and kind != POD else marked
    if not is_gone:
        return dict(store.replace(manifest, marked))
    last = store.remove(marked)
    return dict(last) if kind == POD else success(kind, name, uid_of(manifest))


def _require(manifest: Manifest, preconditions: JSON) -> None:
    uid = preconditions.get("uid")
    if uid is not None and uid != uid_of(manifest):
        raise wrong_uid(kind_of(manifest), name_of(manifest), uid, uid_of(manifest))
    version = preconditions.get("resourceVersion")
    if version is not None and version != manifest["metadata"]["resourceVersion"]:
        raise modified(kind_of(manifest), name_of(manifest))


def _marked(manifest: Manifest, options: JSON, clock: Clock) -> JSON:
    """Return the object as it is while it is being deleted."""
    marked: JSON = copied(manifest)
    metadata = marked["metadata"]
    policy = options.get("propagationPolicy") or _default_policy(manifest)
    finalizers = [text for text in metadata.get("finalizers", ()) if text not in (ORPHAN, FOREGROUND) or not options]
    finalizers += {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    if finalizers:
        metadata["finalizers"] = sorted(set(finalizers))
    else:
        metadata.pop("finalizers", None)
    grace = _grace(manifest, options)
    begun = metadata.get("deletionTimestamp")
    if begun is not None:
        asked_at = moment_of(begun) - timedelta(seconds=metadata.get("deletionGracePeriodSeconds", 0))
        grace = min(grace, metadata.get("deletionGracePeriodSeconds", 0))
        metadata["deletionTimestamp"] = stamp(asked_at + timedelta(seconds=grace))
    else:
        metadata["deletionTimestamp"] = stamp(clock.now() + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    if marked["kind"] == NAMESPACE.name:
        metadata.pop("deletionGracePeriodSeconds")
        marked["status"] = {**(marked.get("status") or {}), "phase": "Terminating"}
    return marked


def _default_policy(manifest: Manifest) -> str:
    # batch/v1 keeps the dependents of a Job that is deleted without a policy, unlike every other group.
    if manifest["kind"] == JOB.name and "deletionTimestamp" not in manifest["metadata"]:
        return "Orphan"
    return "Foreground" if FOREGROUND in manifest["metadata"].get("finalizers", ()) else ""


def _grace(manifest: Manifest, options: JSON) -> int:
    if manifest["kind"] != POD.name:
        return 0
    status = manifest.get("status") or {}
    if not manifest["spec"].get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    return int(asked if asked is not None else manifest["spec"].get("terminationGracePeriodSeconds", 30))


def _is_gone(marked: Manifest) -> bool:
    metadata = marked["metadata"]
    has_content = marked["kind"] == NAMESPACE.name and bool((marked.get("spec") or {}).get("finalizers"))
    return not (metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds") or has_content)
