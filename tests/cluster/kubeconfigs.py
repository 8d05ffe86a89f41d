"""Small kubeconfigs for the tests, as JSON documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kdebug.cluster.kubeconfig import ResolvedContext, Selection, load

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def kubeconfig(
    *, cluster: Mapping[str, Any] | None = None, user: Mapping[str, Any] | None = None, **context: str
) -> dict[str, Any]:
    """Return a kubeconfig with the context "staging", its cluster "c" and its user "u"."""
    return {
        "clusters": [{"name": "c", "cluster": {"server": "https://api.test:6443"} | dict(cluster or {})}],
        "users": [{"name": "u", "user": dict(user or {})}],
        "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u"} | context}],
        "current-context": "staging",
    }


def load_from(folder: Path, document: Mapping[str, Any] | str, **flags: Any) -> ResolvedContext:
    """Write the document as the home folder's kubeconfig and load it."""
    path = folder / ".kube" / "config"
    path.parent.mkdir(exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return load(Selection(**flags), {}, folder, service_account=folder / "none")
