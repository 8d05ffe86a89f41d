"""The Events that components write, counted where they repeat."""

from __future__ import annotations

from typing import Any

from kdebug.demo.clock import Clock, stamp
from kdebug.demo.store import Store, copied
from kdebug.domain.kinds import EVENT, NAMESPACE, Manifest, name_of, namespace_of, uid_of


class Recorder:
    """Writes Events about objects in the name of a component."""

    def __init__(self, store: Store, clock: Clock, component: str, host: str = "") -> None:
        self._store = store
        self._clock = clock
        self._component = component
        self._host = host
        self._names: dict[tuple[str, ...], str] = {}

    def record(
        self, about: Manifest, reason: str, message: str, *, is_warning: bool = False, container: str = ""
    ) -> None:
        """Write an Event, or raise the count of the one that says the same."""
        namespace = namespace_of(about) or "default"
        home = self._store.get(NAMESPACE, "", namespace)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return
        key = (uid_of(about), reason, message, container)
        now = stamp(self._clock.now())
        known = self._store.get(EVENT, namespace, self._names.get(key, ""))
        if known is not None:
            again = copied(known)
            again["count"] += 1
            again["lastTimestamp"] = now
            self._store.replace(known, again)
            return
        name = f"{name_of(about)[:230]}.{self._store.version:016x}"
        self._names[key] = name
        self._store.add(
            self._event(about, name, namespace, reason, message, now, is_warning=is_warning, container=container)
        )

    def _event(
        self,
        about: Manifest,
        name: str,
        namespace: str,
        reason: str,
        message: str,
        now: str,
        *,
        is_warning: bool,
        container: str,
    ) -> Manifest:
        involved: dict[str, Any] = {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": name_of(about),
            "namespace": namespace_of(about),
            "resourceVersion": about["metadata"].get("resourceVersion", ""),
            "uid": uid_of(about),
        }
        if container:
            involved["fieldPath"] = f"spec.containers{{{container}}}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": "Warning" if is_warning else "Normal",
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "eventTime": None,
            "source": {"component": self._component} | ({"host": self._host} if self._host else {}),
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
