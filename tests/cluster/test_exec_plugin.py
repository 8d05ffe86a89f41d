"""How a credential plugin is started, watched and ended."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.context import ExecSpec, ResolvedContext
from kdebug.cluster.exec_plugin import exec_info, parse_answer, run_plugin
from kdebug.errors import ConfigError, DeniedError
from tests.cluster.kubeconfigs import kubeconfig, load_from

V1 = "client.authentication.k8s.io/v1"
ANSWER = f"""echo '{{"kind": "ExecCredential", "apiVersion": "{V1}", "status": {{"token": "t"}}}}'"""
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def context(tmp_path: Path) -> ResolvedContext:
    return load_from(tmp_path, kubeconfig())


def spec(script: str, **changes: Any) -> ExecSpec:
    """Return the spec of a plugin that is a shell script."""
    return replace(ExecSpec(command="sh", args=("-c", script), api_version=V1, interactive_mode="Never"), **changes)


def run(spec: ExecSpec, context: ResolvedContext, **options: Any) -> str:
    settings: dict[str, Any] = {"environment": ENVIRONMENT, "has_terminal": False} | options
    return run_plugin(spec, context, **settings).token


def test_the_environment_is_the_callers_and_the_specs(context: ResolvedContext) -> None:
    script = f'[ "$A$B" = 1x2 ] && {ANSWER}'
    assert run(spec(script, env=(("B", "x2"),)), context, environment=ENVIRONMENT | {"A": "1", "B": "0"}) == "t"


def test_stdin_is_empty_unless_the_plugin_may_ask(context: ResolvedContext) -> None:
    assert run(spec(f'[ -z "$(cat)" ] && {ANSWER}'), context) == "t"


@pytest.fixture
def terminal() -> Iterator[int]:
    """Make stdin a terminal for the test, and give the end that a user would type at."""
    leader, follower = pty.openpty()
    saved = os.dup(0)
    os.dup2(follower, 0)
    yield leader
    os.dup2(saved, 0)
    for descriptor in (leader, follower, saved):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("mode", "has_terminal", "sees"),
    [
        ("Never", True, False),
        ("IfAvailable", True, True),
        ("IfAvailable", False, False),
        ("Always", True, True),
    ],
)
def test_stdin_is_the_terminal_only_where_it_is_allowed(
    context: ResolvedContext, terminal: int, mode: str, has_terminal: bool, sees: bool
) -> None:
    wants = "0" if sees else "1"
    info = f'"interactive": {json.dumps(sees)}'
    script = f"""[ -t 0 ]; [ $? = {wants} ] && case "$KUBERNETES_EXEC_INFO" in *'{info}'*) {ANSWER};; esac"""
    assert run(spec(script, interactive_mode=mode), context, has_terminal=has_terminal) == "t"


def test_a_plugin_that_must_ask_fails_without_a_terminal(context: ResolvedContext) -> None:
    with pytest.raises(DeniedError, match="cannot run") as raised:
        run(spec(ANSWER, interactive_mode="Always"), context)
    assert raised.value.exit_code == 5


def test_a_missing_plugin_shows_its_install_hint(context: ResolvedContext) -> None:
    missing = spec("", command="no-such-plugin", install_hint="get it\nfrom \x1b[31mhere")
    with pytest.raises(ConfigError) as raised:
        run(missing, context)
    assert raised.value.because == "executable no-such-plugin not found"
    assert raised.value.remedy == "get it\nfrom here"


def test_the_current_directory_is_never_searched(
    context: ResolvedContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plug").write_text("#!/bin/sh\n")
    (tmp_path / "plug").chmod(0o700)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as raised:
        run(spec("", command="plug"), context, environment={"PATH": ".:/usr/bin"})
    assert "current directory" in raised.value.because


def test_a_file_that_is_no_program_cannot_be_started(context: ResolvedContext, tmp_path: Path) -> None:
    (tmp_path / "plug").write_text("\x7fELF nonsense")
    (tmp_path / "plug").chmod(0o700)
    with pytest.raises(ConfigError, match="cannot be started"):
        run(spec("", command=str(tmp_path / "plug")), context)


def test_stderr_is_cleaned_said_as_it_comes_and_kept_at_its_end(context: ResolvedContext) -> None:
    said: list[str] = []
    loop = "i=0; while [ $i -lt 999 ]; do echo line $i >&2; i=$((i+1)); done"
    script = f"printf 'open \\033]0;x\\007the page\\n' >&2; {loop}; exit 1"
    with pytest.raises(DeniedError) as raised:
        run(spec(script), context, say=said.append)
    assert said[0] == "open the page"
    assert len(said) == 1000
    assert raised.value.because.endswith("line 998")
    assert len(raised.value.because) < 2100


def test_what_a_plugin_wrote_to_stdout_is_in_no_error(context: ResolvedContext) -> None:
    for script in ("echo SECRET", f"{ANSWER.replace('kind', 'SECRET')}", "echo SECRET; exit 1"):
        with pytest.raises((ConfigError, DeniedError)) as raised:
            run(spec(script), context)
        assert "SECRET" not in f"{raised.value.what} {raised.value.because} {raised.value.remedy}"


def test_a_plugin_that_hangs_is_ended_with_what_it_started(context: ResolvedContext, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 3> {fifo}; echo waiting >&2; sleep 600 & sleep 600"
    with pytest.raises(DeniedError) as raised:
        run(spec(script), context, timeout=0.5)
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b"", "the end of the pipe: nobody holds it any more"
    os.close(reader)
    assert raised.value.because == "no answer within 0.5 s: waiting"


def test_a_plugin_that_leaves_a_child_behind_is_not_waited_for(context: ResolvedContext) -> None:
    assert run(spec(f"sleep 600 & {ANSWER}"), context, timeout=30) == "t"


@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid")
def test_a_child_that_left_the_group_is_not_waited_for(context: ResolvedContext, tmp_path: Path) -> None:
    script = (
        f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 600' & until [ -s {tmp_path}/pid ]; do :; done; {ANSWER}"
    )
    try:
        assert run(spec(script), context, timeout=30) == "t"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_too_much_output_is_no_answer(context: ResolvedContext) -> None:
    with pytest.raises(ConfigError, match="no usable answer"):
        run(spec(f"{ANSWER}; head -c 5000000 /dev/zero | tr '\\0' ' '; {ANSWER}"), context)


def test_a_plugin_killed_by_a_signal_failed(context: ResolvedContext) -> None:
    with pytest.raises(DeniedError) as raised:
        run(spec("kill -TERM $$"), context)
    assert raised.value.because == "exit code -15"


def test_the_cluster_is_told_only_when_the_kubeconfig_says_so(context: ResolvedContext) -> None:
    about = exec_info(spec(""), context, is_interactive=False)["spec"]
    assert about == {"interactive": False}
    about = exec_info(spec("", provide_cluster_info=True, cluster_config={"a": 1}), context, is_interactive=True)[
        "spec"
    ]
    assert about["cluster"] == {"server": "https://api.test:6443", "config": {"a": 1}}


def test_an_expiry_needs_a_time_zone() -> None:
    status = {"token": "t", "expirationTimestamp": "2026-01-01T00:00:00"}
    document = {"kind": "ExecCredential", "apiVersion": V1, "status": status}
    with pytest.raises(ConfigError, match="no usable answer"):
        parse_answer(spec(""), json.dumps(document).encode())
