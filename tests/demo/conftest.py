"""A cluster whose time the test moves, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kdebug.demo.clock import VirtualClock
from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.timings import Timings
from tests.demo.client import Client, client_of
from tests.support.embedded import embedded_cluster


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    """Yield a cluster with the delays of a real one, on a clock that stands still."""
    with embedded_cluster(clock=VirtualClock(), timings=Timings()) as started:
        yield started


@pytest.fixture
def api(cluster: EmbeddedCluster) -> Client:
    """Return a client of that cluster."""
    return client_of(cluster)
