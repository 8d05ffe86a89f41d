"""The embedded cluster for tests: `with embedded_cluster() as cluster`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kdebug.demo.admission import Denial, Webhook
from kdebug.demo.clock import Clock
from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.faults import Faults
from kdebug.demo.scenario import Scenario, prism_scenario
from kdebug.demo.timings import FAST, Timings


@contextmanager
def embedded_cluster(
    *,
    scenario: Scenario | None = None,
    clock: Clock | None = None,
    faults: Faults | None = None,
    timings: Timings = FAST,
    denied: Sequence[Denial] = (),
    webhooks: Sequence[Webhook] = (),
    user: str = "demo",
) -> Iterator[EmbeddedCluster]:
    """Yield a running cluster with the prism scenario and its isolated namespace, and stop it.

    Time is real unless a clock is given: `VirtualClock()` stands still until `cluster.clock.advance(seconds)`, and
    `VirtualClock(flows=True)` also jumps forward whenever a watch waits.
    """
    chosen = scenario if scenario is not None else prism_scenario(isolated=True)
    cluster = EmbeddedCluster(
        scenario=chosen, clock=clock, faults=faults, timings=timings, denied=denied, webhooks=webhooks, user=user
    )
    with cluster:
        yield cluster
