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
from kdebug.domain.kinds import name_of, namespace_of

_LONGEST = 3600.0


def is_watch(query: Mapping[str, str]) -> bool:
    """Return whether a GET on a collection is a watch."""
    return query.get("watch", "") in ("1", "true", "True")


class Watch:
    """One watch: what it is of, and the events that have arrived and are not told yet."""

    def __init__(self, model: Model, place: Place, query: Mapping[str, str]) -> None:
        self._model = model
        self._place = place
        self._query = query
        self._matches = selection(place.kind, query)
        self._waiting: deque[JSON] = deque()
        self._arrived = asyncio.Event()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events, a JSON line each, until the watch's time is over; one ERROR when its version is too old."""
        end = self._model.clock.now() + timedelta(seconds=float(self._query.get("timeoutSeconds") or _LONGEST))
        unsubscribe = self._model.store.subscribe(self._take)
        try:
            self._begin()
            while True:
                while self._waiting:
                    yield _line(self._waiting.popleft())
                self._arrived.clear()
                left = (end - self._model.clock.now()).total_seconds()
                if left <= 0 or not await self._model.clock.wait(self._arrived, left):
                    break
            if self._has_bookmarks():
                yield _line(_bookmark(self._model, self._place, {}))
        except RejectedError as error:
            yield _line({"type": "ERROR", "object": error.body()})
        finally:
            unsubscribe()

    def _begin(self) -> None:
        store, version = self._model.store, _version(self._query)
        if version:
            for change in store.since(version):
                self._take(change)
            return
        for item in store.list(self._place.kind, self._place.namespace):
            if self._matches(item) and self._place.name in ("", name_of(item)):
                self._waiting.append({"type": "ADDED", "object": item})
        if self._has_bookmarks() and self._query.get("sendInitialEvents", "") == "true":
            self._waiting.append(_bookmark(self._model, self._place, {"k8s.io/initial-events-end": "true"}))

    def _has_bookmarks(self) -> bool:
        return self._query.get("allowWatchBookmarks", "") in ("1", "true", "True")

    def _take(self, change: Change) -> None:
        place = self._place
        if change.kind != place.kind or (place.namespace and namespace_of(change.object) != place.namespace):
            return
        if place.name and name_of(change.object) != place.name:
            return
        was = change.previous is not None and self._matches(change.previous)
        is_now = change.type != "DELETED" and self._matches(change.object)
        if was or is_now:
            told = "ADDED" if not was else "MODIFIED" if is_now else "DELETED"
            self._waiting.append({"type": told, "object": change.object})
            self._arrived.set()


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
