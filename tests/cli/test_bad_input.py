"""Bad input as a tired person meets it, where no cluster is needed: kubeconfigs, servers, flags, closed descriptors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kdebug.cli.failure import as_lines
from kdebug.cli.main import run
from kdebug.cli.manifest_file import read_documents
from kdebug.cli.words import RESERVED
from kdebug.domain.rights import Access, role_for
from kdebug.errors import MissingRightsError, UsageError
from tests.support import fake_api, program
from tests.support.complaint import complaint, parse
from tests.support.eventually import eventually
from tests.support.fake_api import FakeApi, Respond
from tests.support.https import HttpsServer, certificate

PLAN = ["plan", "web"]


def write_kubeconfig(directory: Path, server: str, **cluster: Any) -> Path:
    """Write a kubeconfig with one context, and return its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "staging",
        "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u", "namespace": "prism"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": "t0ken-that-must-not-be-shown"}}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Return a server that answers what a test tells it to."""
    with FakeApi() as server:
        yield server


def ask(api: FakeApi, respond: Respond, home: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command against a server that always answers the same."""
    api.script = [respond]
    return program.run(list(words) or PLAN, program.environment(write_kubeconfig(home, api.url), home))


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (None, "none exists"),
        ("", "defines nothing"),
        ("apiVersion: v1\nclusters: [\n  - name: {x\n", "not valid YAML"),
        ("just words", "it must be a map"),
        ("{}", "defines nothing"),
        ("current-context: gone\n", '"gone"'),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, content: str | None, because: str) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    told = complaint(program.run(PLAN, program.environment(path, tmp_path)), 2)
    assert because in told.what + told.because
    assert "kubeconfig" in told.what + told.because + told.remedy


def test_broken_yaml_is_found_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("apiVersion: v1\nclusters: [\n  - name: {x\n")
    assert f"{path}:3:3" in complaint(program.run(PLAN, program.environment(path, tmp_path)), 2).what


def test_an_unknown_context_names_those_there_are(tmp_path: Path) -> None:
    env = program.environment(write_kubeconfig(tmp_path, "https://127.0.0.1:1"), tmp_path)
    told = complaint(program.run([*PLAN, "--context", "stagign"], env), 2)
    assert '"stagign"' in told.what
    assert "staging" in told.remedy


def test_a_server_that_does_not_listen(tmp_path: Path) -> None:
    env = program.environment(write_kubeconfig(tmp_path, "http://127.0.0.1:1"), tmp_path)
    told = complaint(program.run(PLAN, env), 6)
    assert "127.0.0.1:1: connection refused" in told.because
    assert complaint(program.run(["web", "--", "id"], env), 125).because == told.because


def test_a_server_whose_certificate_another_authority_signed(tmp_path: Path) -> None:
    other, _ = certificate(tmp_path, "another")
    with HttpsServer(tmp_path, lambda request: request) as server:
        kubeconfig = write_kubeconfig(tmp_path, server.url, **{"certificate-authority": str(other)})
        told = complaint(program.run(PLAN, program.environment(kubeconfig, tmp_path)), 6)
    assert "certificate is not accepted" in told.because
    assert "certificate-authority" in told.remedy


@pytest.mark.parametrize(
    ("respond", "code", "because"),
    [
        (fake_api.status(401, "Unauthorized", "Unauthorized"), 5, "Unauthorized"),
        (fake_api.status(403, "Forbidden", 'pods "web" is forbidden: no RBAC'), 5, "no RBAC"),
        (fake_api.status(429, "TooManyRequests", "slow down", Retry_After="3"), 6, "slow down"),
        (fake_api.status(500, "InternalError", "etcd leader changed"), 6, "etcd leader changed"),
        (fake_api.text("upstream connect error", 503, "text/plain"), 6, "upstream connect error"),
        (fake_api.text("", 302, Location="https://login.example/?next=x"), 6, "a redirect to https://login.example"),
        (fake_api.text("<html><title>Sign in</title><body>x</body></html>"), 6, "text/html: Sign in"),
        (fake_api.text("<html><body>not here</body></html>", 404), 6, "not here"),
        (fake_api.text("<html>\x1b[2J\x1b]0;evil\x07</html>"), 6, "does not answer like a Kubernetes API server"),
        (fake_api.answer([1, 2]), 6, "does not answer like a Kubernetes API server"),
        (fake_api.cut_body(500, b'{"kind":'), 6, "cut before the answer was complete"),
    ],
    ids=["401", "403", "429", "500", "503", "302", "page", "page404", "escapes", "list", "cut"],
)
def test_an_answer_that_helps_nobody(api: FakeApi, respond: Respond, code: int, because: str, tmp_path: Path) -> None:
    told = complaint(ask(api, respond, tmp_path), code)
    assert because in told.because
    assert "t0ken" not in str(told)


@pytest.mark.parametrize("words", [PLAN, ["sessions"], ["clean", "--mine"], ["web", "--", "id"]], ids=" ".join)
def test_every_command_says_that_a_login_has_run_out(api: FakeApi, words: list[str], tmp_path: Path) -> None:
    done = ask(api, fake_api.status(401, "Unauthorized", "token has expired"), tmp_path, *words)
    told = complaint(done, 125 if "--" in words else 5)
    assert told.because.endswith("token has expired")
    assert "log in" in told.remedy


def test_no_remedy_names_a_command_that_does_not_exist(api: FakeApi, tmp_path: Path) -> None:
    told = complaint(ask(api, fake_api.status(403, "Forbidden", "no"), tmp_path, "sessions"), 5)
    assert not any(f"kdebug {word}" in told.remedy for word in RESERVED)


def test_silence_is_said_and_given_up(api: FakeApi, tmp_path: Path) -> None:
    began = time.monotonic()
    told = complaint(ask(api, fake_api.silence(), tmp_path, *PLAN, "--request-timeout", "7s"), 6)
    assert 7 <= time.monotonic() - began < 20
    assert f"still waiting for {api.url}: a request is given up after 7 s" in told.narration
    assert "no answer in time" in told.because


@pytest.mark.parametrize("words", [PLAN, ["sessions"], ["web", "--", "id"]], ids=" ".join)
def test_an_interrupt_does_not_wait_for_a_silent_server(api: FakeApi, words: list[str], tmp_path: Path) -> None:
    api.script = [fake_api.silence()]
    env = program.environment(write_kubeconfig(tmp_path, api.url), tmp_path)
    command = [sys.executable, "-m", "kdebug", *words]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        eventually(lambda: bool(api.seen), "it has asked", 30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.decode().endswith("error: ended by SIGINT\n")


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (["web", "--max-duration", "9h"], "4h is the most"),
        (["web", "--max-duration", "0s"], "longer than nothing"),
        (["web", "--max-duration", "forever"], "90s, 30m, 4h or 1h30m"),
        (["web", "--image", "registry.example/Proxy:v1"], "--image"),
        (["web", "--image", "proxy:v1:v2"], "--image"),
        (["web", "--image", "proxy@sha256:12"], "--image"),
        (["web", "--image", ""], "--image is empty"),
        (["web", "--network", "internet"], "dns, source, open"),
        (["web", "--network", ""], "--network is empty"),
        (["w" * 254], "253"),
        (["pod/" + "w" * 254], "253"),
        ([""], "a name is empty"),
        (["web", "-n", ""], "--namespace is empty"),
        (["web", "-c", ""], "--container is empty"),
        (["web\x1b[2J"], "U+001B"),
        (["web", "-n", "a\nb"], "U+000A"),
        (["web", "-l", "app=\x07"], "U+0007"),
        (["web", "--env", "NOVALUE"], "NAME=VALUE"),
        (["web", "extra"], "'extra'"),
        (["web", "--nework", "dns"], "--network"),
        (["web", "-l", "app=web"], "exclude each other"),
        (["web", "--as-group", "x"], "--as"),
        (["web", "--"], "no command follows --"),
    ],
    ids=lambda value: " ".join(value)[:30].encode("unicode_escape").decode() if isinstance(value, list) else "",
)
def test_a_command_line_that_cannot_be_meant(
    words: list[str], about: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before a kubeconfig is looked at, and in few lines."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert run(["kdebug", *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "error: " in err
    assert about in err
    assert "kubeconfig" not in err
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert len(err.splitlines()) <= 5
    assert max(map(len, err.splitlines())) <= 400


def test_stdin_that_is_closed_is_no_obstacle(api: FakeApi, tmp_path: Path) -> None:
    api.script = [fake_api.status(401, "Unauthorized", "Unauthorized")]
    env = program.environment(write_kubeconfig(tmp_path, api.url), tmp_path)
    for words in ("plan web", "web -i -- cat"):
        script = f"exec {sys.executable} -m kdebug {words} <&-"
        done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, timeout=60, check=False)
        assert complaint(done, 125 if "--" in words else 5).because == "Unauthorized"


def test_a_manifest_from_a_closed_stdin_says_what_it_lacks(api: FakeApi, tmp_path: Path) -> None:
    api.script = [fake_api.status(403, "Forbidden", "no")]
    env = program.environment(write_kubeconfig(tmp_path, api.url), tmp_path)
    script = f"exec {sys.executable} -m kdebug plan -f - <&-"
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, timeout=60, check=False)
    told = complaint(done, 4)
    assert "one is needed" in told.what


@pytest.mark.parametrize("words", [["web"], ["web", "--yes"], ["attach", "a" * 16]], ids=" ".join)
def test_a_shell_without_a_terminal_names_the_other_way(words: list[str], tmp_path: Path) -> None:
    env = program.environment(write_kubeconfig(tmp_path, "http://127.0.0.1:1"), tmp_path)
    told = complaint(program.run(words, env), 2)
    assert "-- COMMAND" in told.remedy


def test_an_error_on_a_tiny_terminal_is_whole(tmp_path: Path) -> None:
    env = program.environment(write_kubeconfig(tmp_path, "http://127.0.0.1:1"), tmp_path)
    terminal = program.Terminal(["web"], env, columns=20, rows=5)
    try:
        shown = terminal.expect("can be reached from here")
        assert terminal.finish() == 6
    finally:
        terminal.close()
    assert "because: http://127.0.0.1:1: connection refused" in shown


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/home", ""])
def test_a_home_that_cannot_hold_anything(home: str, api: FakeApi, tmp_path: Path) -> None:
    api.script = [fake_api.status(401, "Unauthorized", "Unauthorized")]
    env = program.environment(write_kubeconfig(tmp_path, api.url), tmp_path)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        del env[name]
    done = program.run(PLAN, {**env, "HOME": home})
    assert complaint(done, 5).because == "Unauthorized"


def test_missing_rights_are_followed_by_the_role(capfd: pytest.CaptureFixture[str]) -> None:
    """As YAML that kubectl takes, and within the one object in JSON."""
    access = Access(verb="create", resource="pods", subresource="exec", namespace="iso", reason="open the shell")
    manifests = role_for([access], "jane")
    error = MissingRightsError("1 right is missing", because="jane may not", remedy="apply it", manifests=manifests)

    def execute(_: object) -> int:
        raise error

    assert run(["kdebug", "web", "-q"], execute) == 5
    told = parse(capfd.readouterr().err)
    assert list(yaml.safe_load_all(told.rest)) == [dict(manifest) for manifest in manifests]
    assert run(["kdebug", "web", "-o", "json"], execute) == 5
    out, err = capfd.readouterr()
    assert out == ""
    assert json.loads(err)["manifests"] == [dict(manifest) for manifest in manifests]


@pytest.mark.parametrize(
    ("content", "about"),
    [
        (b"kind: Pod\nmetadata: {name: [", "neither YAML nor JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "neither YAML nor JSON"),
        (b"when: 2026-13-45\n", "neither YAML nor JSON"),
        (b"a: !!python/object:os.system {}\n", "neither YAML nor JSON"),
        (b"kind: Pod\nmetadata: {name: \x1b[2J}\n", "neither YAML nor JSON"),
        (b"#" * (8 * 1024 * 1024 + 1), "too large"),
    ],
    ids=["broken", "binary", "deep", "date", "tag", "escapes", "large"],
)
def test_a_manifest_that_cannot_be_read(content: bytes, about: str, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_documents(str(path))
    told = parse(as_lines(caught.value))
    assert about in told.what


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_manifest_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_documents(str(tmp_path / name))
    assert "cannot be read" in parse(as_lines(caught.value)).what
