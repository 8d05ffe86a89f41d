"""A cluster adapter on the scripted server, with credentials that count their reloads."""

from __future__ import annotations

from collections.abc import Mapping

from kdebug.cluster.api import KubernetesCluster
from kdebug.cluster.endpoint import Endpoint, Headers, Login


class CountedCredentials:
    """A token that changes with every reload: token-0, token-1..."""

    def __init__(self, *, extra: Headers = ()) -> None:
        self.reloads = 0
        self._extra = tuple(extra)

    def login(self) -> Login:
        """Return the current token and the extra headers."""
        return Login(headers=(("Authorization", f"Bearer token-{self.reloads}"), *self._extra))

    def reload(self) -> None:
        """Count."""
        self.reloads += 1


def cluster_at(
    url: str,
    credentials: CountedCredentials | None = None,
    *,
    seconds: float = 5,
    environment: Mapping[str, str] | None = None,
) -> KubernetesCluster:
    """Return the adapter for the server at `url`."""
    return KubernetesCluster(
        Endpoint(server=url),
        credentials or CountedCredentials(),
        user_agent="kdebug/test",
        request_timeout=seconds,
        environment=environment or {},
    )
