"""A shell whose connection is lost: the same clone is offered for as long as only reads fail."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from kdebug.cli.commands import holding
from kdebug.cli.commands.holding import Holding, SessionEnd, hold
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.errors import DeniedError, RefusedError, StreamLostError, UnauthenticatedError
from kdebug.session.port import ExecStream
from tests.support.memory_cluster import MemoryCluster

CLONE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "kdebug-x", "namespace": "kdebug-isolated"},
    "spec": {"containers": [{"name": "web"}]},
    "status": {"phase": "Running"},
}


class LosingCluster(MemoryCluster):
    """Every stream is lost at once."""

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
        raise StreamLostError("lost")


@pytest.mark.parametrize("error", [DeniedError("403", status=403), UnauthenticatedError("401", status=401)])
def test_a_read_that_fails_at_a_reconnect_is_tried_again(monkeypatch: pytest.MonkeyPatch, error: DeniedError) -> None:
    """A token that has expired meanwhile: the person logs in elsewhere, and says yes once more."""
    told: list[str] = []
    answers = iter([True, True, True, False])
    monkeypatch.setattr(holding, "confirm", lambda *_, **__: next(answers))
    failures = iter([error, None, RefusedError("the label says production now")])

    def recheck() -> None:
        if failure := next(failures):
            raise failure

    with Interrupts() as interrupts, pytest.raises(RefusedError):
        hold(asked(), interrupts, Narration(sink=told.append), recheck)
    assert len([line for line in told if "no connection yet" in line]) == 1
    assert next(answers) is False


def asked() -> Holding:
    """Return a shell in a clone that runs."""
    cluster = LosingCluster()
    cluster.add(CLONE)
    return Holding(
        cluster=cluster,
        namespace="kdebug-isolated",
        pod="kdebug-x",
        container="web",
        command=(),
        shell="/busybox/sh",
        stdin=True,
        tty=True,
        can_ask=True,
        end=SessionEnd(lambda _: None),
    )
