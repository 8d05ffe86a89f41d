"""The verbs of the API on stored objects: get, list, create, update, patch, delete."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from kdebug.demo.admission import Admission
from kdebug.demo.clock import Clock
from kdebug.demo.decoding import decoded
from kdebug.demo.defaults import fill_in
from kdebug.demo.deletion import delete, delete_options
from kdebug.demo.fields import drop_unknown
from kdebug.demo.patches import patched
from kdebug.demo.resources import JSON, Place
from kdebug.demo.selectors import Matches, field_selector, label_selector
from kdebug.demo.status import (
    Cause,
    already_exists,
    bad_request,
    invalid_object,
    invalid_option,
    modified,
    not_allowed,
    not_found,
)
from kdebug.demo.store import Store
from kdebug.demo.validation import faults_of_new, faults_of_update
from kdebug.domain.kinds import Kind, Manifest, name_of, namespace_of, uid_of

_WITH_STATUS = (
    "Pod",
    "Job",
    "Namespace",
    "Node",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ResourceQuota",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A success: its HTTP status, its body, and warnings for the client's user."""

    status: int
    body: Manifest
    warnings: tuple[str, ...] = ()


class Api:
    """The verbs. Each call is one atomic request; a refusal is a RejectedError."""

    def __init__(self, store: Store, clock: Clock, admission: Admission) -> None:
        self._store = store
        self._clock = clock
        self._admission = admission

    def get(self, place: Place) -> Answer:
        """Return one object."""
        return Answer(status=200, body=self._found(place))

    def list(self, place: Place, query: Mapping[str, str]) -> Answer:
        """Return the objects that match, whole or in pages."""
        matches = selection(place.kind, query)
        items = [item for item in self._store.list(place.kind, place.namespace) if matches(item)]
        version, start = self._store.version, ("", "")
        if token := query.get("continue"):
            version, start = self._read_token(token)
        items = [item for item in items if (namespace_of(item), name_of(item)) > start]
        metadata: JSON = {"resourceVersion": str(version)}
        limit = int(query.get("limit") or 0)
        if 0 < limit < len(items):
            metadata["continue"] = _token(version, items[limit - 1])
            metadata["remainingItemCount"] = len(items) - limit
            items = items[:limit]
        shown = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
        kind = place.kind
        return Answer(
            status=200,
            body={"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": shown},
        )

    def create(self, place: Place, body: bytes, query: Mapping[str, str]) -> Answer:
        """Create an object, or say what would come of it (dryRun=All)."""
        if place.name:
            raise not_allowed()
        is_dry_run = _is_dry_run(query, "CreateOptions")
        manifest = decoded(body, place.kind)
        warnings = _unknown_fields(manifest, query)
        manifest.pop("status", None)
        _fit_into(manifest, place)
        made = self._store.prepared(self._admission.mutate(manifest, is_dry_run=is_dry_run))
        causes = faults_of_new(made)
        if causes:
            raise invalid_object(place.kind, name_of(made), causes)
        fill_in(made, lambda: uid_of(made)[:5])
        self._admission.judge(made)
        if self._store.get(place.kind, place.namespace, name_of(made)) is not None:
            raise already_exists(place.kind, name_of(made))
        return Answer(status=201, body=made if is_dry_run else self._store.insert(made), warnings=warnings)

    def update(self, place: Place, body: bytes, query: Mapping[str, str]) -> Answer:
        """Replace an object."""
        if not place.name:
            raise not_allowed()
        old = self._found(place)
        new = decoded(body, place.kind)
        warnings = _unknown_fields(new, query)
        _fit_into(new, place)
        for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
            if field in old["metadata"]:
                new["metadata"].setdefault(field, old["metadata"][field])
        return Answer(status=200, body=self._changed(place, old, new, query), warnings=warnings)

    def patch(self, place: Place, content_type: str, body: bytes, query: Mapping[str, str]) -> Answer:
        """Change an object by a JSON patch or a merge patch."""
        if not place.name:
            raise not_allowed()
        try:
            patch = json.loads(body)
        except ValueError as error:
            raise bad_request(f"error decoding patch: {error}") from error
        old = self._found(place)
        new = patched(old, content_type, patch)
        if name_of(new) != place.name:
            raise bad_request(
                f"the name of the object ({name_of(new)}) does not match the name on the URL ({place.name})"
            )
        warnings = _unknown_fields(new, query)
        return Answer(status=200, body=self._changed(place, old, new, query), warnings=warnings)

    def delete(self, place: Place, body: bytes, query: Mapping[str, str]) -> Answer:
        """Delete an object as the options say."""
        if not place.name:
            raise not_allowed()
        options = delete_options(body, query)
        return Answer(status=200, body=delete(self._store, self._clock, self._found(place), options))

    def _found(self, place: Place) -> Manifest:
        found = self._store.get(place.kind, place.namespace, place.name)
        if found is None:
            raise not_found(place.kind, place.name)
        return found

    def _changed(self, place: Place, old: Manifest, new: JSON, query: Mapping[str, str]) -> Manifest:
        is_dry_run = _is_dry_run(query, "UpdateOptions")
        version = new["metadata"].get("resourceVersion")
        if version is not None and version != old["metadata"]["resourceVersion"]:
            raise modified(place.kind, place.name)
        if place.subresource == "status":
            new = {**old, "metadata": dict(old["metadata"]), "status": new.get("status", {})}
        elif place.kind.name in _WITH_STATUS and "status" in old:
            new["status"] = old["status"]
        causes = faults_of_update(old, new)
        if causes:
            raise invalid_object(place.kind, place.name, causes)
        if is_dry_run:
            return new
        return self._store.replace(old, new)

    def _read_token(self, token: str) -> tuple[int, tuple[str, str]]:
        try:
            version, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        except ValueError as error:
            raise bad_request(f"continue key is not valid: {error}") from error
        self._store.since(version)
        return version, (namespace, name)


def selection(kind: Kind, query: Mapping[str, str]) -> Matches:
    """Return the test that a query's selectors stand for."""
    by_label = label_selector(query.get("labelSelector", ""))
    by_field = field_selector(kind, query.get("fieldSelector", ""))
    return lambda manifest: by_label(manifest) and by_field(manifest)


def _token(version: int, last: Manifest) -> str:
    return base64.urlsafe_b64encode(json.dumps([version, namespace_of(last), name_of(last)]).encode()).decode()


def _is_dry_run(query: Mapping[str, str], options: str) -> bool:
    value = query.get("dryRun")
    if value not in (None, "", "All"):
        message = f'Unsupported value: ["{value}"]: supported values: "All"'
        raise invalid_option(options, Cause(field="dryRun", reason="FieldValueNotSupported", message=message))
    return value == "All"


def _unknown_fields(manifest: JSON, query: Mapping[str, str]) -> tuple[str, ...]:
    policy = query.get("fieldValidation") or "Warn"
    unknown = [f'unknown field "{path}"' for path in drop_unknown(manifest)]
    if unknown and policy == "Strict":
        kind, version = manifest["kind"], manifest["apiVersion"]
        told = f"strict decoding error: {', '.join(unknown)}"
        raise bad_request(f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind}: {told}')
    return tuple(unknown) if policy == "Warn" else ()


def _fit_into(manifest: JSON, place: Place) -> None:
    metadata: JSON = manifest["metadata"]
    if not place.kind.is_namespaced:
        metadata.pop("namespace", None)
        return
    if not place.namespace:
        raise not_allowed()
    if metadata.setdefault("namespace", place.namespace) != place.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if place.name and metadata.get("name") != place.name:
        raise bad_request(
            f"the name of the object ({metadata.get('name', '')}) does not match the name on the URL ({place.name})"
        )
