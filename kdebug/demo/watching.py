"""The watch: what changed since a version, as it happens."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

from kdebug.demo.api import selection
from kdebug.demo.model import Model
from kdebug.demo.resources import JSON, Place
from kdebug.demo.status import RejectedError, bad_request
from kdebug.demo.store import Change
from kdebug.domain.kinds import Manifest, name_of, namespace_of

_LONGEST = 3600.0


def is_watch(query: Mapping[str, str]) -> bool:
    """Return whether a GET on a collection is a watch."""
    return query.get("watch", "") in ("1", "true", "True")


async def watched(model: Model, place: Place, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yield a watch's events, a JSON line each, until its time is over. A version that is too old yields one ERROR."""
    matches = selection(place.kind, query)

    def event(change: Change) -> JSON | None:
        if change.kind != place.kind or (place.namespace and namespace_of(change.object) != place.namespace):
            return None
        if place.name and name_of(change.object) != place.name:
            return None
        was = change.previous is not None and matches(change.previous)
        is_now = change.type != "DELETED" and matches(change.object)
        if not was and not is_now:
            return None
        kind = "ADDED" if not was else "MODIFIED" if is_now else "DELETED"
        return {"type": kind, "object": change.object}

    arrived = asyncio.Event()
    waiting: deque[JSON] = deque()

    def take(change: Change) -> None:
        found = event(change)
        if found is not None:
            waiting.append(found)
            arrived.set()

    unsubscribe = model.store.subscribe(take)
    try:
        try:
            version = _version(query)
            if version:
                waiting.extend(found for change in model.store.since(version) if (found := event(change)) is not None)
            else:
                waiting.extend({"type": "ADDED", "object": item} for item in _present(model, place, query))
        except RejectedError as error:
            yield _line({"type": "ERROR", "object": error.body()})
            return
        has_bookmarks = query.get("allowWatchBookmarks", "") in ("1", "true", "True")
        if has_bookmarks and query.get("sendInitialEvents", "") == "true":
            waiting.append(_bookmark(model, place, {"k8s.io/initial-events-end": "true"}))
        end = model.clock.now() + timedelta(seconds=float(query.get("timeoutSeconds") or _LONGEST))
        while True:
            while waiting:
                yield _line(waiting.popleft())
            arrived.clear()
            left = (end - model.clock.now()).total_seconds()
            if left <= 0 or not await model.clock.wait(arrived, left):
                break
        if has_bookmarks:
            yield _line(_bookmark(model, place, {}))
    finally:
        unsubscribe()


def _present(model: Model, place: Place, query: Mapping[str, str]) -> list[Manifest]:
    matches = selection(place.kind, query)
    found = model.store.list(place.kind, place.namespace)
    return [item for item in found if matches(item) and place.name in ("", name_of(item))]


def _version(query: Mapping[str, str]) -> int:
    text = query.get("resourceVersion") or "0"
    if not text.isdigit():
        raise bad_request(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return 0 if query.get("sendInitialEvents", "") == "true" else int(text)


def _bookmark(model: Model, place: Place, annotations: Mapping[str, str]) -> JSON:
    metadata: JSON = {"resourceVersion": str(model.store.version)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "type": "BOOKMARK",
        "object": {"kind": place.kind.name, "apiVersion": place.kind.api_version, "metadata": metadata},
    }


def _line(event: JSON) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
