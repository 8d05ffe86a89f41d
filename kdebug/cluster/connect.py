"""From a resolved kubeconfig context to the port's cluster; the Kubernetes client is loaded here, as late as can be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kdebug.cluster.context import ResolvedContext
from kdebug.cluster.credentials import Credentials

if TYPE_CHECKING:
    from kdebug.cluster.api import KubernetesCluster


def has_terminal_for_plugins() -> bool:
    """Return whether a credential plugin may ask the user: stdin and stderr are a terminal."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


def connect(
    resolved: ResolvedContext,
    environment: Mapping[str, str],
    *,
    user_agent: str,
    request_timeout: float,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    has_terminal: Callable[[], bool] = has_terminal_for_plugins,
    say: Callable[[str], None] = lambda line: None,
) -> KubernetesCluster:
    """Return the cluster, logged in but not yet asked anything; `request_timeout` in seconds holds for each answer.

    A credential plugin runs here, before any screen; `has_terminal` and `say` are its stdin and stderr. Raises
    ConfigError for credentials, certificates or proxies that cannot be used, DeniedError for a plugin that fails.
    """
    from kdebug.cluster.api import KubernetesCluster

    cluster = KubernetesCluster(
        resolved.endpoint,
        Credentials(resolved, environment=environment, now=now, has_terminal=has_terminal, say=say),
        user_agent=user_agent,
        request_timeout=request_timeout,
        environment=environment,
    )
    cluster.prepare()
    return cluster
