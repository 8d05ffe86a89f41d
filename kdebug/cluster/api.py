"""The session's port, spoken to a real API server: objects as plain JSON, every call with a time limit of its own."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from kdebug.cluster.api_errors import event_refusal, sentence
from kdebug.cluster.clock import ServerClock
from kdebug.cluster.endpoint import Credentials, Endpoint
from kdebug.cluster.parallel import in_parallel
from kdebug.cluster.paths import path_of
from kdebug.cluster.rest import Rest
from kdebug.cluster.transport import Answer, Call
from kdebug.domain.kinds import POD, Kind, Manifest, kind_of, name_of, namespace_of
from kdebug.domain.rights import Access
from kdebug.errors import ApiError, DeniedError, KdebugError, UnreachableError
from kdebug.session.port import Change, ExecStream, Listing

PAGE = 500
"""Objects a list asks for at once, as kubectl does."""
LOG_LIMIT = 256 * 1024
_LOG_ASKED = 1024 * 1024
"""limitBytes counts from the first of the tail's lines, so more is asked for than is kept: the end is what matters."""
_WATCH_MARGIN = 2.0

_ACCESS_REVIEW = Kind(
    name="SelfSubjectAccessReview",
    api_version="authorization.k8s.io/v1",
    plural="selfsubjectaccessreviews",
    is_namespaced=False,
)
_USER_REVIEW = Kind(
    name="SelfSubjectReview", api_version="authentication.k8s.io/v1", plural="selfsubjectreviews", is_namespaced=False
)


class KubernetesCluster:
    """The port's `Cluster`. Thread-safe; makes no request before the first call."""

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        *,
        user_agent: str,
        request_timeout: float,
        environment: Mapping[str, str],
        clock: ServerClock | None = None,
    ) -> None:
        """Take the seconds that a whole answer may take, and the environment for HTTPS_PROXY and NO_PROXY."""
        self._clock = clock or ServerClock()
        self._rest = Rest(
            endpoint,
            credentials,
            user_agent=user_agent,
            request_seconds=request_timeout,
            environment=environment,
            clock=self._clock,
        )

    def prepare(self) -> None:
        """Log in now. Raises ConfigError where later calls would raise UnauthenticatedError."""
        self._rest.link()

    def close(self) -> None:
        """Close the idle connections; the next call opens new ones."""
        self._rest.close()

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest:
        """Return one object."""
        what = sentence("read", kind, name, namespace)
        return self._rest.json(Call(what=what, method="GET", path=path_of(kind, namespace, name)))

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> Listing:
        """Return the objects that match the selectors, read in pages; all at once when a page's version has expired."""
        query = _query(labelSelector=labels, fieldSelector=fields)
        try:
            return self._listed(kind, namespace, (*query, ("limit", str(PAGE))))
        except ApiError as error:
            if error.status != 410:
                raise
            return self._listed(kind, namespace, query)

    def _listed(self, kind: Kind, namespace: str, query: tuple[tuple[str, str], ...]) -> Listing:
        path, what = path_of(kind, namespace), sentence("list", kind, namespace=namespace)
        items: list[Manifest] = []
        version, following = "", ""
        while True:
            page = self._rest.json(
                Call(what=what, method="GET", path=path, query=(*query, *_query(**{"continue": following})))
            )
            metadata = page.get("metadata") or {}
            version = version or str(metadata.get("resourceVersion", ""))
            items += [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in page.get("items") or ()]
            following = str(metadata.get("continue") or "")
            if not following:
                return Listing(items=tuple(items), resource_version=version)

    def watch(
        self, kind: Kind, namespace: str, *, fields: str = "", resource_version: str = "", seconds: float
    ) -> Iterator[Change]:
        """Yield changes for at most `seconds`; ends quietly at a 410, when it is cut, or when the server ends it."""
        end = time.monotonic() + seconds
        limit = max(1, math.ceil(seconds))
        what = sentence("watch", kind, namespace=namespace)
        query = _query(watch="true", timeoutSeconds=str(limit), fieldSelector=fields, resourceVersion=resource_version)
        call = Call(what=what, method="GET", path=path_of(kind, namespace), query=query, seconds=limit + _WATCH_MARGIN)
        try:
            answer = self._rest.open(call)
        except ApiError as error:
            if error.status == 410:
                return
            raise
        yield from _changes(answer, what, kind, end)

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create the object in its own namespace and return the server's form of it."""
        kind, namespace = kind_of(manifest), namespace_of(manifest)
        what = sentence("create", kind, name_of(manifest), namespace)
        return self._write("POST", path_of(kind, namespace), manifest, what=what, dry_run=dry_run)

    def patch(self, kind: Kind, name: str, namespace: str, operations: Sequence[dict[str, Any]]) -> Manifest:
        """Apply a JSON patch (RFC 6902)."""
        what = sentence("change", kind, name, namespace)
        path = path_of(kind, namespace, name)
        return self._write("PATCH", path, tuple(operations), what=what, content_type="application/json-patch+json")

    def merge(self, kind: Kind, name: str, namespace: str, change: Manifest, *, dry_run: bool = False) -> Manifest:
        """Apply a JSON merge patch (RFC 7396)."""
        what = sentence("change", kind, name, namespace)
        path = path_of(kind, namespace, name)
        return self._write(
            "PATCH", path, change, what=what, dry_run=dry_run, content_type="application/merge-patch+json"
        )

    def delete(self, kind: Kind, name: str, namespace: str, *, uid: str, grace_seconds: int | None = None) -> None:
        """Delete in the background, only the object with this uid: NotFoundError it is gone, ConflictError another.

        The body is never left out: a DELETE of a Job without one orphans its pods.
        """
        options: dict[str, Any] = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        what = sentence("delete", kind, name, namespace)
        self._write("DELETE", path_of(kind, namespace, name), options, what=what)

    def logs(self, namespace: str, pod: str, *, container: str, previous: bool = False, tail_lines: int = 200) -> str:
        """Return the end of a container's log, at most 256 KiB."""
        query = _query(
            container=container,
            previous="true" if previous else "",
            tailLines=str(tail_lines),
            limitBytes=str(_LOG_ASKED),
        )
        what = f"{sentence('read the log of', POD, pod, namespace)} (container {container})"
        path = path_of(POD, namespace, pod, "log")
        answer = self._rest.open(Call(what=what, method="GET", path=path, query=query, accept="*/*"))
        return answer.read()[-LOG_LIMIT:].decode("utf-8", "replace")

    def may(self, accesses: Sequence[Access]) -> tuple[bool, ...]:
        """Return for each access whether the server allows it (SelfSubjectAccessReview), asked in parallel."""
        return tuple(in_parallel([partial(self._may, access) for access in accesses]))

    def _may(self, access: Access) -> bool:
        attributes = {
            "verb": access.verb,
            "group": access.group,
            "resource": access.resource,
            "subresource": access.subresource,
            "namespace": access.namespace,
            "name": access.name,
        }
        spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        status = self._reviewed(_ACCESS_REVIEW, spec, what=f"cannot ask whether you may {access}").get("status") or {}
        return bool(status.get("allowed")) and not status.get("denied")

    def user(self) -> str:
        """Return the name by which the server knows the user, or an empty string where it does not tell (1.27, 403)."""
        try:
            review = self._reviewed(_USER_REVIEW, {}, what="cannot ask the server who you are")
        except ApiError as error:
            if error.status == 404 or (isinstance(error, DeniedError) and error.status == 403):
                return ""
            raise
        return str(((review.get("status") or {}).get("userInfo") or {}).get("username", ""))

    def now(self) -> datetime:
        """Return the server's clock (UTC), asking it for its version when no answer has been seen yet."""
        if not self._clock.is_known:
            call = Call(what="cannot read the server's clock", method="GET", path="/version")
            try:
                self._rest.open(call).close()
            except KdebugError:
                if not self._clock.is_known:
                    raise
        if not self._clock.is_known:
            raise UnreachableError("cannot read the server's clock", because="its answers carry no Date")
        return self._clock.now()

    def reload_credentials(self) -> None:
        """Read tokens and run credential plugins again, after a 401."""
        self._rest.reload()

    @asynccontextmanager
    async def exec(
        self,
        namespace: str,
        pod: str,
        *,
        container: str,
        command: Sequence[str],
        stdin: bool,
        tty: bool,
        size: tuple[int, int],
    ) -> AsyncIterator[ExecStream]:
        """Start a command in a container; `size` is (columns, rows), sent before anything else with a terminal."""
        # The stream's library is loaded when a stream is: `kdebug sessions` never opens one.
        from kdebug.cluster.exec_stream import Command, open_stream

        asked = Command(
            namespace=namespace,
            pod=pod,
            container=container,
            arguments=tuple(command),
            has_stdin=stdin,
            size=size if tty else None,
        )
        async with open_stream(self._rest, asked) as stream:
            yield stream

    def _reviewed(self, kind: Kind, spec: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        review: dict[str, Any] = {"apiVersion": kind.api_version, "kind": kind.name}
        if spec:
            review["spec"] = spec
        return self._write("POST", path_of(kind), review, what=what)

    def _write(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        what: str,
        dry_run: bool = False,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        query = _query(dryRun="All" if dry_run else "")
        encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return self._rest.json(
            Call(what=what, method=method, path=path, query=query, body=encoded, content_type=content_type)
        )


def _changes(answer: Answer, what: str, kind: Kind, end: float) -> Iterator[Change]:
    """Yield the events of a watch until `end` (monotonic seconds); bookmarks are passed over."""
    try:
        for line in answer.lines():
            event = _event(line)
            if event is None:
                return
            found = event["object"]
            if event["type"] == "ERROR":
                if found.get("code") == 410:
                    return
                raise event_refusal(what, found)
            if event["type"] != "BOOKMARK":
                manifest = {"apiVersion": kind.api_version, "kind": kind.name, **found}
                yield Change(type=str(event["type"]), object=manifest)
            if time.monotonic() >= end:
                return
    finally:
        answer.close()


def _event(line: bytes) -> dict[str, Any] | None:
    """Return the event in the line, or None for one that was cut or is none: the watch has ended there."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    is_event = isinstance(event, dict) and isinstance(event.get("object"), dict) and "type" in event
    return event if is_event else None


def _query(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values.items() if value)
