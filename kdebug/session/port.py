"""The cluster as the session needs it: Protocols in the domain's words, implemented by `kdebug.cluster` alone.

All calls but the exec stream are synchronous, have a timeout of their own, and raise `kdebug.errors.ApiError` and its
children: NotFoundError, ConflictError, DeniedError, InvalidError, ThrottledError, ServerFaultError, UnreachableError.
A write that ends in UnreachableError or ServerFaultError may or may not have taken effect: ask by name.
Every string in an answer is as the server sent it; `kdebug.domain.text` cleans it before it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from kdebug.domain.kinds import Kind, Manifest
from kdebug.domain.rights import Access


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The items of a list (each with kind and apiVersion filled in) and the version to watch from."""

    items: tuple[Manifest, ...]
    resource_version: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One event of a watch: ADDED, MODIFIED or DELETED, and the object after it."""

    type: str
    object: Manifest


@dataclass(frozen=True, kw_only=True)
class Output:
    """Bytes that the command wrote; a terminal has stdout alone."""

    data: bytes
    is_stderr: bool = False


@dataclass(frozen=True, kw_only=True)
class ExitStatus:
    """How the command ended: its code, and the runtime's own words where it could not be started (code 126 or 127)."""

    code: int
    message: str = ""


class ExecStream(Protocol):
    """A running command in a container. Asyncio, on the front end's loop."""

    async def read(self) -> Output | None:
        """Return the next output, None at its end. Raises StreamLostError when the connection broke."""

    async def write(self, data: bytes) -> None:
        """Send bytes to stdin, in small pieces, waiting while the connection is full."""

    async def close_stdin(self) -> None:
        """End stdin (protocol v5); on v4 the terminal's end-of-file byte or the connection's close is all there is."""

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the remote terminal its size."""

    @property
    def exit_status(self) -> ExitStatus | None:
        """The status that arrived before the end, or None."""


class Cluster(Protocol):
    """One frozen context of one cluster."""

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest:
        """Return one object."""

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> Listing:
        """Return the objects that match the selectors; all namespaces when `namespace` is empty."""

    def watch(
        self, kind: Kind, namespace: str, *, fields: str = "", resource_version: str = "", seconds: float
    ) -> Iterator[Change]:
        """Yield changes for at most `seconds`; ends early and quietly when the server ends the watch."""

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create the object in its own namespace and return the server's form of it."""

    def patch(self, kind: Kind, name: str, namespace: str, operations: Sequence[dict[str, Any]]) -> Manifest:
        """Apply a JSON patch (RFC 6902)."""

    def merge(self, kind: Kind, name: str, namespace: str, change: Manifest, *, dry_run: bool = False) -> Manifest:
        """Apply a JSON merge patch (RFC 7396)."""

    def delete(self, kind: Kind, name: str, namespace: str, *, uid: str, grace_seconds: int | None = None) -> None:
        """Delete in the background, the object with this uid alone: NotFoundError it is gone, ConflictError another."""

    def logs(self, namespace: str, pod: str, *, container: str, previous: bool = False, tail_lines: int = 200) -> str:
        """Return the end of a container's log, at most 256 KiB."""

    def may(self, accesses: Sequence[Access]) -> tuple[bool, ...]:
        """Return for each access whether the server allows it (SelfSubjectAccessReview), asked in parallel."""

    def user(self) -> str:
        """Return the name by which the server knows the user (SelfSubjectReview), or an empty string."""

    def now(self) -> datetime:
        """Return the server's clock (UTC): the last answer's Date, carried on by a clock that counts sleep."""

    def reload_credentials(self) -> None:
        """Read tokens and run credential plugins again, after a 401."""

    def exec(
        self,
        namespace: str,
        pod: str,
        *,
        container: str,
        command: Sequence[str],
        stdin: bool,
        tty: bool,
        size: tuple[int, int],
    ) -> AbstractAsyncContextManager[ExecStream]:
        """Start a command in a container; `size` is (columns, rows), sent before anything else where there is a tty."""
