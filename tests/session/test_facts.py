"""The guard's facts: what is gone or may not be read stays unknown, and ends nothing by itself."""

from __future__ import annotations

from kdebug.domain.kinds import POD, Manifest
from kdebug.session.facts import read_facts
from tests.support.memory_cluster import MemoryCluster


def namespace(name: str) -> Manifest:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def test_a_target_that_was_replaced_meanwhile_has_no_facts() -> None:
    """A crash-looping pod may be gone after the next rollout, while the session in its clone goes on."""
    cluster = MemoryCluster()
    cluster.add(namespace("kdebug-isolated"), namespace("prism"))
    facts, target = read_facts(
        cluster, isolated="kdebug-isolated", target_namespace="prism", target=lambda: cluster.get(POD, "p", "prism")
    )
    assert target is None
    assert facts.target is None
    assert facts.target_namespace is not None
