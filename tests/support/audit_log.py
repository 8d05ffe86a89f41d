"""The API server's audit log: what was asked of it since a mark, by whom, as the server itself wrote it down."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kdebug.domain.kinds import POD
from kdebug.session.port import Cluster
from tests.support.eventually import eventually

READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, kw_only=True)
class Record:
    """One answered request."""

    verb: str
    user: str
    agent: str
    resource: str
    """RESOURCE or RESOURCE/SUBRESOURCE."""
    namespace: str
    name: str
    code: int
    uri: str

    @property
    def is_read(self) -> bool:
        """Whether it can have changed nothing; an exec is a GET too, and no read."""
        is_stream = self.resource.endswith(("/exec", "/attach", "/portforward", "/proxy"))
        return self.verb in READS and not is_stream

    @property
    def is_dry_run(self) -> bool:
        """Whether the server was asked to store nothing."""
        return "dryRun=All" in self.uri

    @property
    def is_write(self) -> bool:
        """Whether something was stored, or would have been if allowed; questions about rights are no writes."""
        return not self.is_read and not self.is_dry_run and not self.resource.startswith("selfsubject")


class AuditLog:
    """The log as it grows; `mark` is where the next records begin."""

    def __init__(self, path: Path, admin: Cluster) -> None:
        self._path = path
        self._admin = admin
        self._mark = path.stat().st_size

    def mark(self) -> None:
        """Look only at what comes from now on."""
        self._mark = self._path.stat().st_size

    def records(self, *, user: str = "", agent: str = "kdebug/") -> list[Record]:
        """Return the requests since the mark of an agent and a user, complete up to now."""
        self._await_complete()
        with self._path.open("rb") as file:
            file.seek(self._mark)
            events = [json.loads(line) for line in file if line.endswith(b"\n")]
        found = [_record(event) for event in events if event.get("stage") == "ResponseComplete"]
        return [each for each in found if each.agent.startswith(agent) and user in ("", each.user)]

    def _await_complete(self) -> None:
        """Wait until the log has a request that was sent after all others."""
        fence = f"fence-{secrets.token_hex(8)}"
        self._admin.list(POD, "default", labels=f"fence={fence}")
        eventually(lambda: self._has(fence.encode()), "the audit log has the last request", 15)

    def _has(self, text: bytes) -> bool:
        with self._path.open("rb") as file:
            file.seek(self._mark)
            return text in file.read()


def audit_log(kubeconfig: Path, admin: Cluster) -> AuditLog:
    """Return the audit log: the file in KDEBUG_TEST_AUDIT_LOG, or the one beside the kubeconfig; else skip."""
    named = os.environ.get("KDEBUG_TEST_AUDIT_LOG", "")
    path = Path(named) if named else kubeconfig.with_name("audit.log")
    if not path.is_file():
        pytest.skip("this cluster's audit log is not known: set KDEBUG_TEST_AUDIT_LOG")
    return AuditLog(path, admin)


def _record(event: dict[str, Any]) -> Record:
    about: dict[str, Any] = event.get("objectRef") or {}
    subresource = about.get("subresource", "")
    return Record(
        verb=event["verb"],
        user=event["user"].get("username", ""),
        agent=event.get("userAgent", ""),
        resource=f"{about.get('resource', '')}/{subresource}" if subresource else about.get("resource", ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=(event.get("responseStatus") or {}).get("code", 0),
        uri=event["requestURI"],
    )
