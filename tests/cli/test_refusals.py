"""Refusals that the kubeconfig alone decides: at once, without a connection, and nothing is written anywhere."""

from __future__ import annotations

import json
import resource
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import program

NAMES = {"context": "staging-7", "cluster": "staging", "user": "engineer", "namespace": "prism"}
BOUND = 15
"""How many times the interpreter's own start an offline refusal may take; measured: about 7."""


class Nobody:
    """A server that takes connections, and knows that none came."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def was_called(self) -> bool:
        """Return whether anybody connected."""
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def nobody() -> Iterator[Nobody]:
    server = Nobody()
    yield server
    server.close()


def kubeconfig(folder: Path, server: str, names: Mapping[str, str] = NAMES, *, is_verified: bool = True) -> Path:
    """Write a kubeconfig with one context, and return its path."""
    named = {**NAMES, **names}
    cluster: dict[str, Any] = {"server": server} | ({} if is_verified else {"insecure-skip-tls-verify": True})
    context = {"cluster": named["cluster"], "user": named["user"], "namespace": named["namespace"]}
    document = {
        "clusters": [{"name": named["cluster"], "cluster": cluster}],
        "users": [{"name": named["user"], "user": {"token": "t"}}],
        "contexts": [{"name": named["context"], "context": context}],
        "current-context": named["context"],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


def environment(folder: Path, config: Path) -> dict[str, str]:
    """Return an environment with an empty home of its own."""
    home = folder / "home"
    home.mkdir()
    return program.environment(config, home)


def traces(env: dict[str, str]) -> list[Path]:
    """Return every file below the home directory."""
    return [path for path in Path(env["HOME"]).rglob("*") if path.is_file()]


PRODUCTION = {
    "context": "prod-eu-1",
    "cluster": "gke_acme_europe-west1_production",
    "user": "admin@prd",
    "namespace": "payments-live",
}
COMMANDS = {
    "open": ["prism-proxy-pod"],
    "open, dry run on the server": ["prism-proxy-pod", "--dry-run=server"],
    "open, dry run here": ["prism-proxy-pod", "--dry-run=client"],
    "open, detached": ["prism-proxy-pod", "--detach", "--yes"],
    "attach": ["attach", "aaaaaaaaaaaaaaaa"],
    "setup": ["setup", "--environment", "staging", "--covers", "cluster", "--yes"],
    "setup, printed": ["setup", "--environment", "staging", "--covers", "cluster", "--print"],
}
"""The commands that a name alone refuses; the others read, or remove what is kdebug's own."""


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("kind", PRODUCTION)
def test_a_production_like_name_refuses_before_any_connection(
    tmp_path: Path, nobody: Nobody, command: list[str], kind: str
) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, nobody.url, names={kind: PRODUCTION[kind]}))
    done = program.run(command, env)
    told = done.stderr.decode()
    assert done.returncode == 3, told
    assert done.stdout == b""
    assert not nobody.was_called()
    assert traces(env) == []
    assert "refused: this looks like production" in told
    assert f"{kind} {PRODUCTION[kind]!r} (kubeconfig" in told
    assert "means production" in told
    assert "use a cluster that is not production" in told
    assert "by whoever runs the cluster" in told
    assert "to send to whoever runs the cluster" in told
    if command[0] == "prism-proxy-pod":
        where = PRODUCTION["namespace"] if kind == "namespace" else NAMES["namespace"]
        assert f"possible now: kdebug plan prism-proxy-pod -n {where} --context" in told
    else:
        assert "possible now" not in told


@pytest.mark.parametrize("host", ["api.prod.example.com", "prod-live.acme.internal", "kube.production.svc"])
def test_a_production_like_host_refuses(tmp_path: Path, host: str) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, f"https://{host}:6443"))
    done = program.run(["prism-proxy-pod", "--dry-run=server"], env)
    assert done.returncode == 3
    assert f"host '{host}' (kubeconfig, server URL)" in done.stderr.decode()
    assert traces(env) == []


@pytest.mark.parametrize("words", [["-n", "prod"], ["--context", "prod"], ["--cluster", "prod"], ["--user", "prod"]])
def test_a_production_like_name_from_the_command_line_refuses(tmp_path: Path, nobody: Nobody, words: list[str]) -> None:
    config = kubeconfig(tmp_path, nobody.url)
    document = json.loads(config.read_text())
    for part in ("clusters", "users", "contexts"):
        document[part] += [{**document[part][0], "name": "prod"}]
    config.write_text(json.dumps(document))
    env = environment(tmp_path, config)
    done = program.run(["prism-proxy-pod", "--dry-run=server", *words], env)
    assert done.returncode == 3, done.stderr.decode()
    assert not nobody.was_called()


@pytest.mark.parametrize(
    ("server", "is_verified", "meaning", "change"),
    [
        ("https://kube.example.com", False, "certificate is not verified", "certificate-authority"),
        ("http://kube.example.com", True, "plain HTTP", "https://"),
        ("https://10.1.2.3:6443", False, "certificate is not verified", "certificate-authority"),
    ],
)
def test_a_connection_that_proves_nothing_refuses(
    tmp_path: Path, server: str, is_verified: bool, meaning: str, change: str
) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, server, is_verified=is_verified))
    for command in COMMANDS.values():
        done = program.run(command, env)
        told = done.stderr.decode()
        assert done.returncode == 3, told
        assert "does not prove which cluster answers" in told
        assert f"connection '{server}' (kubeconfig)" in told
        assert meaning in told
        assert change in told
    assert traces(env) == []


def test_unverified_tls_on_this_machine_is_not_refused(tmp_path: Path) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, "https://127.0.0.1:1", is_verified=False))
    done = program.run(["prism-proxy-pod", "--dry-run=server"], env)
    assert done.returncode == 6, done.stderr.decode()


def test_a_command_that_is_refused_exits_as_kdebugs_own_failure(tmp_path: Path, nobody: Nobody) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, nobody.url, {"context": "prod"}))
    done = program.run(["prism-proxy-pod", "--", "true"], env)
    assert done.returncode == 125
    assert b"refused: this looks like production" in done.stderr
    assert not nobody.was_called()


def test_a_refusal_in_json_is_one_object(tmp_path: Path, nobody: Nobody) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, nobody.url, {"context": "prod"}))
    done = program.run(["prism-proxy-pod", "--dry-run=server", "-o", "json"], env)
    error = json.loads(done.stderr)
    assert (done.returncode, error["code"], error["exitCode"]) == (3, "refused", 3)
    assert "context 'prod'" in error["because"]
    assert "kdebug plan prism-proxy-pod" in error["try"]


def test_no_flag_and_no_answer_lifts_a_refusal(tmp_path: Path, nobody: Nobody) -> None:
    config = kubeconfig(tmp_path, nobody.url, {"context": "prod"})
    env = environment(tmp_path, config)
    folder = Path(env["XDG_CONFIG_HOME"]) / "kdebug"
    for words in (["--yes"], ["--no-input"], ["--force"], ["--to-namespace", "kdebug-isolated"]):
        done = program.run(["prism-proxy-pod", "--dry-run=server", *words], env)
        assert done.returncode == (2 if words == ["--force"] else 3), words
    assert not nobody.was_called()
    assert not folder.exists()


def test_the_first_key_alone_lets_kdebug_ask_and_no_more(tmp_path: Path, nobody: Nobody) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, "https://127.0.0.1:1", {"context": "prodigy-lab"}))
    folder = Path(env["XDG_CONFIG_HOME"]) / "kdebug"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("apiVersion: kdebug/v1\nguard:\n  acknowledge: [prodigy-lab]\n")
    done = program.run(["prism-proxy-pod", "--dry-run=server"], env)
    assert done.returncode == 6, done.stderr.decode()


def test_the_offline_refusal_is_fast(
    tmp_path: Path, nobody: Nobody, record_property: Callable[[str, object], None]
) -> None:
    env = environment(tmp_path, kubeconfig(tmp_path, nobody.url, {"context": "prod"}))
    pairs = [(seconds(["-c", "pass"], env), seconds(["-m", "kdebug", "prism-proxy-pod"], env)) for _ in range(5)]
    start = min(pair[0] for pair in pairs)
    refusal = min(pair[1] for pair in pairs)
    median = statistics.median(pair[1] for pair in pairs)
    record_property("interpreter_seconds", f"{start:.3f}")
    record_property("refusal_seconds", f"{refusal:.3f}")
    print(f"interpreter {start * 1000:.0f} ms, refusal {refusal * 1000:.0f} ms (median {median * 1000:.0f} ms)")
    assert refusal < BOUND * start


def seconds(words: list[str], env: dict[str, str]) -> float:
    """Return the processor time of a run of the interpreter: what else the machine does is not in it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], env=env, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
