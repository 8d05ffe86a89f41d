"""The isolation probe of one session: before the first prompt where that is required, beside the shell otherwise."""

from __future__ import annotations

from threading import Thread

from kdebug.cli.narration import Narration
from kdebug.domain.kinds import Manifest
from kdebug.domain.plan import Plan
from kdebug.errors import RefusedError
from kdebug.session.events import Event, ProbeFinished
from kdebug.session.port import Cluster
from kdebug.session.probe import ENFORCED, denied_peers, start_probe


class Isolation:
    """What is found out about one clone's network. A raw terminal belongs to the shell: it is told after that ends."""

    def __init__(self, cluster: Cluster, plan: Plan, pod: str, target: Manifest) -> None:
        self._cluster = cluster
        self._plan = plan
        self._pod = pod
        self._peers = denied_peers(target)
        self._found: ProbeFinished | None = None

    def require(self, narration: Narration) -> None:
        """Probe, tell, and raise RefusedError unless the isolation is seen to be enforced."""
        if self._plan.network != "dns":
            because = "isolation: required is configured"
            raise RefusedError(f"--network {self._plan.network} is not isolated", because=because)
        self._start().join()
        self.tell(narration)
        if self._found is None or self._found.isolation != ENFORCED:
            because = self._found.detail if self._found else "it is not known"
            raise RefusedError("the isolation does not hold", because=because)

    def watch(self) -> None:
        """Probe beside the shell. What another network lets through is not known well enough to try."""
        if self._plan.network == "dns":
            self._start()

    def tell(self, narration: Narration) -> None:
        """Tell what was found, where it was."""
        if self._found:
            narration(self._found)

    def _start(self) -> Thread:
        return start_probe(
            self._cluster, self._plan.namespace, self._pod, self._plan.container, self._peers, self._remember
        )

    def _remember(self, event: Event) -> None:
        if isinstance(event, ProbeFinished):
            self._found = event
