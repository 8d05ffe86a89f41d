"""A network that breaks under the shell: it is said, the same clone is offered again, and it is never a success."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kdebug.domain.kinds import JOB, POD, uid_of
from kdebug.domain.ownership import SESSION
from tests.e2e.conftest import Stage
from tests.support import program
from tests.support.eventually import eventually
from tests.support.tcp_proxy import TcpProxy, proxy_for, through

pytestmark = pytest.mark.cluster
Start = Callable[[list[str]], program.Terminal]
ALL_KINDS = {"Job", "NetworkPolicy", "Pod"}


@pytest.fixture
def proxy(stage: Stage) -> Iterator[TcpProxy]:
    with proxy_for(stage.kubeconfig) as found:
        yield found


@pytest.fixture
def far(stage: Stage, proxy: TcpProxy, tmp_path: Path) -> dict[str, str]:
    """Return an environment whose cluster is behind the proxy."""
    return program.environment(through(stage.kubeconfig, proxy, tmp_path / "far.kubeconfig"), tmp_path)


@pytest.fixture
def shell(stage: Stage, far: dict[str, str]) -> Iterator[program.Terminal]:
    """Yield a shell behind the proxy, at its prompt."""
    run = program.Terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"], far)
    run.expect(r"\$ ")
    yield run
    run.close()
    remove_what_is_left(stage)


def remove_what_is_left(stage: Stage) -> None:
    """Remove the sessions that a test has left to the server on purpose."""
    for job in stage.admin.list(JOB, stage.isolated).items:
        stage.admin.delete(JOB, job["metadata"]["name"], stage.isolated, uid=uid_of(job))
    eventually(lambda: stage.left() == [], "the server removed everything", 30)


def clones(stage: Stage) -> list[str]:
    """Return the uids of the clones."""
    return [uid_of(pod) for pod in stage.admin.list(POD, stage.isolated).items]


def test_the_same_clone_is_there_again_after_a_cut(stage: Stage, proxy: TcpProxy, shell: program.Terminal) -> None:
    shell.type("echo kept > /tmp/mark\r")
    shell.expect(r"\$ ")
    before = clones(stage)
    proxy.cut()
    shell.expect("connection lost", 20)
    shell.expect(r"Reconnect\? \[Y/n\]", 20)
    shell.type("y\r")
    shell.expect(r"\$ ", 20)
    shell.type("cat /tmp/mark; stty size\r")
    shell.expect("kept\r", 20)
    shell.expect("40 120", 20)
    assert clones(stage) == before
    shell.type("exit 3\r")
    told = shell.expect("everything is gone", 20)
    assert "exit status 3" in told
    assert shell.finish() == 0
    assert stage.left() == []


def test_no_ends_the_session_and_is_no_success(stage: Stage, proxy: TcpProxy, shell: program.Terminal) -> None:
    proxy.cut()
    shell.expect(r"Reconnect\? \[Y/n\]", 20)
    shell.type("n\r")
    shell.expect("everything is gone", 20)
    assert shell.finish() == 6
    assert stage.left() == []


def test_ctrl_c_at_the_question_ends_in_order(stage: Stage, proxy: TcpProxy, shell: program.Terminal) -> None:
    proxy.cut()
    shell.expect(r"Reconnect\? \[Y/n\]", 20)
    shell.type(b"\x03")
    shell.expect("everything is gone", 20)
    assert shell.finish() == 130
    assert stage.left() == []


def test_a_network_that_comes_back_later_can_be_tried_again(
    stage: Stage, proxy: TcpProxy, shell: program.Terminal
) -> None:
    before = clones(stage)
    proxy.close()
    shell.expect("connection lost", 20)
    shell.expect(r"does not answer\. Reconnect\? \[Y/n\]", 20)
    shell.type("y\r")
    shell.expect("no connection yet", 20)
    shell.expect(r"Reconnect\? \[Y/n\]", 20)
    proxy.restore()
    shell.type("\r")
    shell.expect(r"\$ ", 20)
    assert clones(stage) == before
    shell.type("exit\r")
    shell.expect("everything is gone", 20)
    assert shell.finish() == 0


def test_a_network_that_stays_away_says_what_remains_and_until_when(
    stage: Stage, proxy: TcpProxy, shell: program.Terminal
) -> None:
    began = time.monotonic()
    proxy.close()
    shell.expect(r"Reconnect\? \[Y/n\]", 20)
    shell.type("n\r")
    code = shell.finish(60)
    seconds = time.monotonic() - began
    told = shell.shown.decode()
    print(f"ended {seconds:.1f} s after the network went, exit code {code}")
    assert code in (6, 8), told
    assert seconds < 40
    name = stage.admin.list(POD, stage.isolated).items[0]["metadata"]["name"]
    for kind in ("job", "networkpolicy", "pod"):
        assert f"not proven gone: {kind}/{name} in namespace {stage.isolated}" in told
    assert re.search(r"the server removes it by \d\d:\d\d", told), told
    assert f"kdebug clean {name.removeprefix('kdebug-')}" in told
    assert {item.partition("/")[0] for item in stage.left()} == ALL_KINDS


def test_a_cut_command_fails_and_is_not_run_again(stage: Stage, proxy: TcpProxy, far: dict[str, str]) -> None:
    words = ["-i", "--", "/busybox/sh", "-c", "echo begun; /busybox/sleep 600"]
    run = program.Terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, *words], far)
    try:
        run.expect("begun", 60)
        proxy.cut()
        run.expect("connection lost", 20)
        assert run.finish() == 125
        assert b"Reconnect?" not in run.shown
        assert b"begun" not in run.shown
    finally:
        run.close()
    assert stage.left() == []


def test_no_input_does_not_ask(stage: Stage, proxy: TcpProxy, far: dict[str, str]) -> None:
    words = ["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes", "--no-input"]
    run = program.Terminal(words, far)
    try:
        run.expect(r"\$ ")
        proxy.cut()
        run.expect("everything is gone", 30)
        assert run.finish() == 6
    finally:
        run.close()
    assert stage.left() == []


def test_what_the_shell_printed_last_is_not_lost_on_the_way(
    stage: Stage, proxy: TcpProxy, shell: program.Terminal
) -> None:
    """The terminal is as it was: the question can be read and answered though a full-screen program was cut."""
    shell.type("vi /tmp/x\r")
    shell.expect(r"\x1b\[.*~", 20)
    proxy.cut()
    shell.expect(r"Reconnect\? \[Y/n\]", 20)
    shell.type("n\r")
    assert shell.finish() == 6
    assert stage.left() == []


def test_attach_offers_the_clone_again_too(stage: Stage, proxy: TcpProxy, far: dict[str, str]) -> None:
    words = ["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--detach", "--yes"]
    done = program.run(words, far)
    assert done.returncode == 0, done.stderr.decode()
    run = program.Terminal(["attach", done.stdout.decode().strip(), *stage.flags], far)
    try:
        run.expect(r"\$ ")
        proxy.cut()
        run.expect(r"Reconnect\? \[Y/n\]", 20)
        run.type("y\r")
        run.expect(r"\$ ", 20)
        run.type("exit\r")
        run.expect("everything is gone", 20)
        assert run.finish() == 0
    finally:
        run.close()
    assert stage.left() == []


def test_a_holder_by_attach_whose_network_stays_away_says_what_remains(
    stage: Stage, proxy: TcpProxy, far: dict[str, str]
) -> None:
    words = ["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--detach", "--yes"]
    session = program.run(words, far).stdout.decode().strip()
    run = program.Terminal(["attach", session, *stage.flags], far)
    try:
        run.expect(r"\$ ")
        proxy.close()
        run.expect(r"Reconnect\? \[Y/n\]", 20)
        run.type("n\r")
        assert run.finish(60) in (6, 8)
        told = run.shown.decode()
        assert f"not proven gone: session {session}" in told
        assert "the server removes it by" in told
    finally:
        run.close()
        remove_what_is_left(stage)


def test_a_session_that_was_taken_over_ends_the_first_shell_and_stays_with_the_second(
    stage: Stage, env: dict[str, str]
) -> None:
    first = program.Terminal(["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--yes"], env)
    second: program.Terminal | None = None
    try:
        first.expect(r"\$ ")
        session = next(iter(stage.admin.list(JOB, stage.isolated).items))["metadata"]["labels"][SESSION]
        second = program.Terminal(["attach", session, "--take-over", *stage.flags], env)
        second.expect(r"\$ ")
        assert first.finish(90) == 1
        assert first.is_restored
        second.type("echo still $((40 + 2))\r")
        second.expect("still 42")
        second.type("exit\r")
        second.expect("everything is gone")
        assert second.finish() == 0
    finally:
        first.close()
        if second:
            second.close()
    assert stage.left() == []
