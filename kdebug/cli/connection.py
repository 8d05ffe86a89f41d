"""Which cluster, as whom: kubectl's connection flags as one value, which a refusal by name needs nothing but."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kdebug.cli import checks
from kdebug.errors import UsageError


class Flags(Protocol):
    """A command line that is in order, or that Typer has parsed."""

    def value_of(self, name: str) -> str:
        """Return a flag's value, or an empty string."""

    def values_of(self, name: str) -> tuple[str, ...]:
        """Return every value of a flag, in the order in which they were typed."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Which cluster, as whom: kubectl's flags by kubectl's meaning; empty means what the kubeconfig says."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    impersonate_uid: str = ""
    request_timeout: float = 30.0
    """Seconds for one request; never 0."""


def connection_of(typed: Flags) -> Connection:
    """Return the connection; of a line that is only in order too, because names are judged first. Raises UsageError."""
    impersonate, groups, uid = typed.value_of("as"), typed.values_of("as-group"), typed.value_of("as-uid")
    if (groups or uid) and not impersonate:
        raise UsageError("--as-group and --as-uid need --as", because="a group or uid is taken on with a user")
    return Connection(
        kubeconfig=typed.value_of("kubeconfig"),
        context=typed.value_of("context"),
        cluster=typed.value_of("cluster"),
        user=typed.value_of("user"),
        namespace=typed.value_of("namespace"),
        impersonate=impersonate,
        impersonate_groups=groups,
        impersonate_uid=uid,
        request_timeout=checks.timeout(typed.value_of("request-timeout"), "--request-timeout", 30, plain_seconds=True),
    )
