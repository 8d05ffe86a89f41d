"""The main job on a real cluster, as the on-call user with the printed roles alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from kdebug.domain.kinds import POD, kind_of
from kdebug.domain.ownership import SESSION
from tests.e2e.conftest import Stage, decoded
from tests.support import program
from tests.support.eventually import eventually

pytestmark = pytest.mark.cluster
Start = Callable[..., program.Terminal]


def open_words(stage: Stage, *more: str) -> list[str]:
    """Return the command line that opens the bare pod."""
    return ["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, *more]


def test_a_shell_and_back(stage: Stage, terminal: Start) -> None:
    run = terminal(open_words(stage))
    shown = run.expect(r"Open it\? \[Y/n\]")
    assert "CrashLoopBackOff" in shown
    assert "exit code 101" in shown
    assert "panicked at" in shown
    run.type("\r")
    run.expect(r"\$ ")
    run.type("id; tty; stty size\r")
    shown = run.expect(r"40 120")
    assert "uid=65532" in shown
    assert "/dev/pts/" in shown
    run.resize(100, 30)
    run.type("\r")
    run.expect(r"\$ ")
    eventually(lambda: _size_is(run, "30 100"), "the shell has the new size", 10)
    run.type('echo "now"; sleep 1000\r')
    run.expect("\nnow")
    run.type(b"\x03")
    run.expect(r"\$ ")
    run.type("exit 5\r")
    shown = run.expect(r"everything is gone")
    assert run.finish() == 0
    assert run.is_restored
    assert "exit status 5" in shown
    for kind in ("job", "networkpolicy", "pod"):
        assert re.search(rf"{kind}/kdebug-[a-z2-7]{{16}} is gone", shown)
    assert stage.left() == []


def _size_is(run: program.Terminal, size: str) -> bool:
    run.type("stty size\r")
    return size in run.expect(r"\d+ \d+\r")


def test_paste_unicode_and_end_of_input(stage: Stage, terminal: Start) -> None:
    run = terminal(open_words(stage, "--yes"))
    run.expect(r"\$ ")
    run.type("stty -echo; /busybox/cat > /tmp/pasted; stty echo; /busybox/md5sum /tmp/pasted\r")
    run.expect("pasted")
    lines = "".join(f"line {number} äöü 漢字 🦀\n" for number in range(4000))
    run.type(lines.replace("\n", "\r"))
    run.type(b"\x04")
    digest = hashlib.md5(lines.encode()).hexdigest()
    run.expect(digest)
    run.type(b"\x04")
    run.expect("everything is gone")
    assert run.finish() == 0


def test_a_command_has_stdout_to_itself_and_its_own_exit_code(stage: Stage, env: dict[str, str]) -> None:
    done = program.run(open_words(stage, "--", "/busybox/sh", "-c", "id; echo oops >&2; exit 7"), env)
    out, err = decoded(done)
    assert done.returncode == 7, err
    assert out.startswith("uid=65532")
    assert len(out.splitlines()) == 1
    assert "oops" in err
    assert stage.left() == []


def test_ten_megabytes_come_back_unchanged(stage: Stage, env: dict[str, str]) -> None:
    data = os.urandom(10 * 1024 * 1024)
    done = program.run(open_words(stage, "-i", "-q", "--", "/busybox/cat"), env, stdin=data)
    assert done.returncode == 0, done.stderr.decode()
    assert hashlib.sha256(done.stdout).hexdigest() == hashlib.sha256(data).hexdigest()


def test_a_command_that_does_not_exist_says_so(stage: Stage, env: dict[str, str]) -> None:
    done = program.run(open_words(stage, "--", "/no/such"), env)
    assert done.returncode in (126, 127)
    assert b"/no/such" in done.stderr
    assert stage.left() == []


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (["deploy/prism-proxy"], ""),
        (["prism-proxy"], ""),
        (["-l", "app=prism-proxy"], ""),
        (["pod/prism-proxy-pod"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_every_way_to_name_a_target(stage: Stage, env: dict[str, str], words: list[str], because: str) -> None:
    del because
    done = program.run(["plan", *words, "-n", stage.target_namespace, *stage.flags, "-o", "json"], env)
    out, err = decoded(done)
    assert done.returncode == 0, err
    plan = json.loads(out)
    assert plan["apiVersion"] == "kdebug/v1"
    assert plan["kind"] == "Plan"
    assert plan["target"]["namespace"] == stage.target_namespace


def test_a_prefix_of_different_workloads_lists_them(stage: Stage, env: dict[str, str]) -> None:
    done = program.run(["plan", "prism-prox", "-n", stage.target_namespace, *stage.flags], env)
    assert done.returncode == 4
    assert b"prism-proxy-pod" in done.stderr
    assert b"CrashLoopBackOff" in done.stderr


def test_the_server_accepts_the_plan(stage: Stage, env: dict[str, str]) -> None:
    import yaml

    done = program.run(["plan", "prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "-o", "yaml"], env)
    assert done.returncode == 0, done.stderr.decode()
    manifests = list(yaml.safe_load_all(done.stdout))
    assert [manifest["kind"] for manifest in manifests] == ["Job", "NetworkPolicy", "Pod"]
    for manifest in manifests:
        stage.admin.create(manifest, dry_run=True)
    assert stage.left() == []


def test_a_missing_image_is_said_in_the_servers_words_and_everything_is_removed(
    stage: Stage, env: dict[str, str]
) -> None:
    done = program.run(open_words(stage, "--image", "ghcr.io/prism/kafka-publisher:v0.3.0-debug", "--", "true"), env)
    _, err = decoded(done)
    assert done.returncode == 125, err
    assert "not found" in err
    assert "docker build --target debug" in err or "--image" in err
    assert stage.left() == []


def test_the_fallback_brings_a_shell_to_an_image_without_a_debug_variant(
    stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    from tests.support import prism

    name = "kafka-publisher"
    config = tmp_path / "config.yaml"
    config.write_text("apiVersion: kdebug/v1\nimages:\n  fallback: busybox:1\n")
    config.chmod(0o600)
    stage.admin.create(prism.bare_pod(stage.target_namespace, name, "ghcr.io/prism/kafka-publisher:v0.3.0"))
    words = [name, "-n", stage.target_namespace, *stage.flags, "--fallback", "--", "/busybox/ls", "/usr/local/bin"]
    done = program.run(words, {**env, "KDEBUG_CONFIG": str(config)})
    out, err = decoded(done)
    pod = stage.admin.get(POD, name, stage.target_namespace)
    stage.admin.delete(POD, name, stage.target_namespace, uid=pod["metadata"]["uid"], grace_seconds=1)
    assert done.returncode == 0, err
    assert out.strip()
    assert stage.left() == []


def test_a_manifest_can_be_the_target(stage: Stage, env: dict[str, str]) -> None:
    from tests.support import prism

    pod = json.dumps(prism.bare_pod(stage.target_namespace, "from-a-file")).encode()
    words = ["-f", "-", "-n", stage.target_namespace, *stage.flags, "--", "/busybox/true"]
    done = program.run(words, env, stdin=pod)
    assert done.returncode == 0, done.stderr.decode()
    assert stage.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_in_the_shell_ends_in_order(stage: Stage, terminal: Start, number: signal.Signals) -> None:
    run = terminal(open_words(stage, "--yes"))
    run.expect(r"\$ ")
    run.process.send_signal(number)
    assert run.finish() == 128 + number
    assert run.is_restored
    assert stage.left() == []


def test_ctrl_c_before_the_shell_ends_in_order(stage: Stage, terminal: Start) -> None:
    run = terminal(open_words(stage, "--yes", "--image", "ghcr.io/prism/proxy:v1.2.3-debug"))
    run.expect("created job/")
    run.type(b"\x03")
    assert run.finish() == 130
    assert run.is_restored
    assert stage.left() == []


def test_a_closed_terminal_ends_in_order(stage: Stage, terminal: Start) -> None:
    run = terminal(open_words(stage, "--yes"))
    run.expect(r"\$ ")
    run.hang_up()
    run.process.wait(timeout=40)
    assert run.process.returncode == 129
    assert stage.left() == []


def test_a_killed_client_leaves_what_the_server_removes_and_attach_can_save(
    stage: Stage, terminal: Start, env: dict[str, str]
) -> None:
    run = terminal(open_words(stage, "--yes"))
    run.expect(r"\$ ")
    run.process.kill()
    run.process.wait()
    assert any(item.startswith("Pod/") for item in stage.left())
    pod = stage.admin.list(POD, stage.isolated).items[0]
    session = pod["metadata"]["labels"][SESSION]
    listed = program.run(["sessions", *stage.flags, "-o", "name"], env)
    assert session in listed.stdout.decode()
    again = terminal(["attach", session, "--take-over", *stage.flags])
    again.expect(r"holds session")
    again.expect(r"\$ ")
    again.type("exit\r")
    again.expect("everything is gone")
    assert again.finish() == 0
    assert stage.left() == []


def test_attach_joins_without_touching_a_session_that_is_held(
    stage: Stage, terminal: Start, env: dict[str, str]
) -> None:
    run = terminal(open_words(stage, "--yes"))
    run.expect(r"\$ ")
    session = stage.admin.list(POD, stage.isolated).items[0]["metadata"]["labels"][SESSION]
    done = program.run(["attach", session, *stage.flags, "--", "/busybox/sh", "-c", "echo joined; exit 4"], env)
    assert done.returncode == 4, done.stderr.decode()
    assert done.stdout == b"joined\n"
    assert stage.left()
    run.type("exit\r")
    run.expect("everything is gone")
    assert run.finish() == 0


def test_detach_then_clean(stage: Stage, env: dict[str, str]) -> None:
    done = program.run(open_words(stage, "--yes", "--detach", "--max-duration", "20m"), env)
    assert done.returncode == 0, done.stderr.decode()
    session = done.stdout.decode().strip()
    table = program.run(["sessions", *stage.flags], env).stdout.decode()
    assert session in table
    assert "Detached" in table
    cleaned = program.run(["clean", "--mine", "--yes", *stage.flags], env)
    assert cleaned.returncode == 0, cleaned.stderr.decode()
    assert stage.left() == []
    assert program.run(["sessions", *stage.flags], env).returncode == 0


def test_impersonation_holds_for_rest_and_stream(stage: Stage, env: dict[str, str]) -> None:
    admin = stage.context_of("admin")
    words = ["prism-proxy-pod", "-n", stage.target_namespace, "--to-namespace", stage.isolated, "--context", admin]
    done = program.run([*words, "--as", "jane", "--as-group", "oncall", "--", "/busybox/true"], env)
    assert done.returncode == 0, done.stderr.decode()
    nobody = program.run([*words, "--as", "jane", "--", "/busybox/true"], env)
    assert nobody.returncode == 125
    assert b"forbidden" in nobody.stderr or b"may not" in nobody.stderr or b"refused" in nobody.stderr
    assert stage.left() == []


def test_workloads_of_every_kind_are_targets(stage: Stage, env: dict[str, str]) -> None:
    from tests.support import prism

    template = {"metadata": {"labels": {"app": "job"}}, "spec": {**prism.proxy_spec(), "restartPolicy": "Never"}}
    namespace = stage.target_namespace
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": template},
    }
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "store", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "serviceName": "store",
            "selector": {"matchLabels": {"app": "store"}},
            "template": {"metadata": {"labels": {"app": "store"}}, "spec": prism.proxy_spec()},
        },
    }
    made = [stage.admin.create(manifest) for manifest in (job, stateful)]
    eventually(lambda: len(stage.admin.list(POD, namespace).items) >= 4, "their pods are there", 30)
    try:
        for word, prefix in (("job/migrate", "pod/migrate-"), ("sts/store", "pod/store-0")):
            done = program.run(["plan", word, "-n", namespace, *stage.flags, "-o", "json"], env)
            assert done.returncode == 0, done.stderr.decode()
            assert json.loads(done.stdout)["target"]["name"].startswith(prefix)
    finally:
        for manifest in made:
            kind = kind_of(manifest)
            stage.admin.delete(kind, manifest["metadata"]["name"], namespace, uid=manifest["metadata"]["uid"])
