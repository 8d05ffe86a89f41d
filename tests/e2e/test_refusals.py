"""Refusals on a real cluster: whatever the server's facts say, nothing is written; and what stays possible then."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kdebug.domain.guard import ACKNOWLEDGED
from kdebug.domain.kinds import NAMESPACE, POD
from kdebug.domain.ownership import format_time
from kdebug.domain.statement import COVERS, ENVIRONMENT, ISOLATED_LABEL
from tests.e2e.conftest import Stage, decoded
from tests.support import prism, program
from tests.support.audit_log import AuditLog, audit_log

pytestmark = pytest.mark.cluster


@pytest.fixture
def audit(stage: Stage) -> AuditLog:
    return audit_log(stage.kubeconfig, stage.admin)


@pytest.fixture
def unstated(stage: Stage) -> Iterator[Stage]:
    """Take the statement away for one test, as whoever runs the cluster may at any time."""
    set_annotations(stage, {ENVIRONMENT: None})
    yield stage
    set_annotations(stage, {ENVIRONMENT: "staging"})


def set_annotations(stage: Stage, annotations: dict[str, str | None], namespace: str = "") -> None:
    """Set annotations of a namespace, the isolated one unless named; None removes one."""
    stage.admin.merge(NAMESPACE, namespace or stage.isolated, "", {"metadata": {"annotations": annotations}})


def set_labels(stage: Stage, labels: dict[str, str | None], namespace: str) -> None:
    """Set labels of a namespace; None removes one."""
    stage.admin.merge(NAMESPACE, namespace, "", {"metadata": {"labels": labels}})


def renamed(stage: Stage, folder: Path, to: str) -> dict[str, str]:
    """Return an environment in which the same cluster goes by another name: kubeconfig context and cluster."""
    document: dict[str, Any] = json.loads(stage.kubeconfig.read_text())
    document["clusters"] = [{**document["clusters"][0], "name": to}]
    document["contexts"] = [{"name": to, "context": {"cluster": to, "user": "oncall"}}]
    document["current-context"] = to
    path = folder / "renamed.kubeconfig"
    path.write_text(json.dumps(document))
    return program.environment(path, folder / "home")


def writes(stage: Stage, audit: AuditLog, user: str = "oncall") -> list[str]:
    """Return what was written, or run, in the two namespaces or of the cluster's own objects, since the mark."""
    places = (stage.target_namespace, stage.isolated, "")
    return [
        f"{record.verb} {record.resource} {record.namespace}/{record.name}"
        for record in audit.records(user=user)
        if record.namespace in places and not record.is_read and not record.resource.startswith("selfsubject")
    ]


def open_words(stage: Stage, *more: str) -> list[str]:
    """Return the command line that would open the bare pod, tried on the server and not asked for."""
    return ["prism-proxy-pod", "-n", stage.target_namespace, "--to-namespace", stage.isolated, *more]


def refused(stage: Stage, env: dict[str, str], audit: AuditLog, *parts: str) -> str:
    """Run open (in earnest, detached) and its dry run; both are refused in the same words; return these."""
    told = ""
    for how in (("--dry-run=server",), ("--detach", "--yes")):
        audit.mark()
        done = program.run([*open_words(stage, *how), "--context", stage.oncall], env)
        out, told = decoded(done)
        assert done.returncode == 3, told
        assert out == ""
        assert writes(stage, audit) == []
        assert "to send to whoever runs the cluster" in told
        assert f"possible now: kdebug plan prism-proxy-pod -n {stage.target_namespace}" in told
        for part in parts:
            assert part in told
    assert stage.left() == []
    return told


@pytest.mark.parametrize("what", ["label", "annotation"])
@pytest.mark.parametrize("which", ["target_namespace", "isolated"])
def test_a_namespace_that_says_production_refuses(
    stage: Stage, env: dict[str, str], audit: AuditLog, which: str, what: str
) -> None:
    namespace = getattr(stage, which)
    change = set_labels if what == "label" else set_annotations
    change(stage, {"example.com/environment": "production"}, namespace)
    try:
        fact = f"{what} example.com/environment 'production' (namespace {namespace})"
        refused(stage, env, audit, "this looks like production", fact, "it says production", "can correct it")
    finally:
        change(stage, {"example.com/environment": None}, namespace)


def test_a_target_that_says_production_refuses(stage: Stage, env: dict[str, str], audit: AuditLog) -> None:
    change = {"metadata": {"labels": {"env": "prod"}}}
    stage.admin.merge(POD, "prism-proxy-pod", stage.target_namespace, change)
    try:
        refused(stage, env, audit, "label env 'prod' (target prism-proxy-pod)", "it says production")
    finally:
        undo: dict[str, Any] = {"metadata": {"labels": {"env": None}}}
        stage.admin.merge(POD, "prism-proxy-pod", stage.target_namespace, undo)


def test_a_statement_about_other_namespaces_refuses(stage: Stage, env: dict[str, str], audit: AuditLog) -> None:
    set_annotations(stage, {COVERS: "team-a,team-b"})
    try:
        refused(
            stage,
            env,
            audit,
            "nothing shows that this is not production",
            f"annotation {COVERS} 'team-a,team-b' (namespace {stage.isolated})",
            f"does not cover namespace {stage.target_namespace}",
            f"kdebug setup --environment staging --covers team-a,team-b,{stage.target_namespace}",
        )
    finally:
        set_annotations(stage, {COVERS: "cluster"})


@pytest.mark.parametrize("word", ["canary", "production", ""])
def test_a_statement_without_a_non_production_word_refuses(
    stage: Stage, env: dict[str, str], audit: AuditLog, word: str
) -> None:
    set_annotations(stage, {ENVIRONMENT: word})
    try:
        told = refused(stage, env, audit, ENVIRONMENT)
        assert repr(word or "<unset>") in told
    finally:
        set_annotations(stage, {ENVIRONMENT: "staging"})


def test_an_unmarked_isolated_namespace_refuses(stage: Stage, env: dict[str, str], audit: AuditLog) -> None:
    set_labels(stage, {ISOLATED_LABEL: None}, stage.isolated)
    try:
        refused(stage, env, audit, f"label {ISOLATED_LABEL} '<unset>'", "not marked as one for clones")
    finally:
        set_labels(stage, {ISOLATED_LABEL: "true"}, stage.isolated)


def test_a_cluster_without_an_isolated_namespace_refuses(stage: Stage, env: dict[str, str], audit: AuditLog) -> None:
    missing = f"kdebug-none-{secrets.token_hex(3)}"
    for user, meaning in (
        ("admin", "no isolated namespace says what this cluster is for"),
        ("oncall", "may not be read"),
    ):
        audit.mark()
        words = ["prism-proxy-pod", "-n", stage.target_namespace, "--to-namespace", missing, "--detach", "--yes"]
        done = program.run([*words, "--context", stage.context_of(user)], env)
        told = done.stderr.decode()
        assert done.returncode == 3, told
        assert f"isolated namespace '{missing}' (the cluster)" in told
        assert meaning in told
        assert writes(stage, audit, user) == []
    names = [item["metadata"]["name"] for item in stage.admin.list(NAMESPACE).items]
    assert missing not in names


def test_a_target_namespace_with_a_production_like_name_refuses(
    stage: Stage, env: dict[str, str], audit: AuditLog
) -> None:
    done = program.run(["prism-proxy-pod", "-n", "prod-payments", *stage.flags, "--detach", "--yes"], env)
    assert done.returncode == 3
    assert "namespace 'prod-payments' (kubeconfig or --namespace)" in done.stderr.decode()
    assert writes(stage, audit) == []


def test_both_keys_open_the_door_for_a_name_that_misleads(stage: Stage, tmp_path: Path) -> None:
    env = renamed(stage, tmp_path, "live-lab")
    words = open_words(stage, "--dry-run=server")
    assert program.run(words, env).returncode == 3
    folder = Path(env["XDG_CONFIG_HOME"]) / "kdebug"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("apiVersion: kdebug/v1\nguard:\n  acknowledge: [live-lab]\n")
    done = program.run(words, env)
    assert done.returncode == 3
    assert "does not acknowledge it" in done.stderr.decode()
    expiry = stage.admin.now().replace(microsecond=0)
    for days, code in ((31, 3), (29, 0), (-1, 3)):
        second = {"name": "live-lab", "reason": "a lab", "expires": format_time(expiry + timedelta(days=days))}
        set_annotations(stage, {ACKNOWLEDGED: json.dumps(second)})
        done = program.run(words, env)
        assert done.returncode == code, (days, done.stderr.decode())
    set_annotations(stage, {ACKNOWLEDGED: None})


@pytest.fixture
def session(stage: Stage, env: dict[str, str]) -> Iterator[str]:
    """Make a session that was allowed when it began, and return its id."""
    done = program.run([*open_words(stage, "--detach", "--yes"), "--context", stage.oncall], env)
    assert done.returncode == 0, done.stderr.decode()
    yield done.stdout.decode().strip()
    program.run(["clean", "--all", "--yes", *stage.flags], env)
    assert stage.left() == []


def refused_in_a_terminal(words: list[str], env: dict[str, str]) -> str:
    """Return what a command tells that wants a terminal and is refused."""
    run = program.Terminal(words, env)
    try:
        assert run.finish() == 3, run.shown.decode()
        return run.shown.decode()
    finally:
        run.close()


def walk_the_table(
    stage: Stage, env: dict[str, str], flags: list[str], session: str, audit: AuditLog, *, reason: str
) -> None:
    """Run every command where open is refused: only what reads, or removes what is kdebug's own, is done."""
    target = ["prism-proxy-pod", "-n", stage.target_namespace]
    before = set(stage.left())
    audit.mark()
    for words in (target, ["attach", session, "--take-over"]):
        assert reason in refused_in_a_terminal([*words, *flags], env)
    for words in ([*target, "--dry-run=server"], [*target, "--detach", "--yes"]):
        done = program.run([*words, *flags], env)
        assert (done.returncode, done.stdout) == (3, b""), done.stderr.decode()
        assert reason in done.stderr.decode()
    plan = program.run(["plan", *target, *flags], env)
    out, _ = decoded(plan)
    assert plan.returncode == 3
    assert out.startswith("refused: ")
    for part in ("because: ", "possible now: ", "-debug", "NetworkPolicy", "Job", "Pod"):
        assert part.casefold() in out.casefold(), part
    assert writes(stage, audit) == []
    listed = program.run(["sessions", *flags, "-o", "name"], env)
    assert listed.returncode == 0, listed.stderr.decode()
    assert session in listed.stdout.decode()
    assert set(stage.left()) == before
    cleaned = program.run(["clean", session, "--yes", *flags], env)
    assert cleaned.returncode == 0, cleaned.stderr.decode()
    assert stage.left() == []


def test_the_command_table_under_a_production_like_name(
    stage: Stage, session: str, audit: AuditLog, tmp_path: Path
) -> None:
    env = renamed(stage, tmp_path, "prod-eu-1")
    statement = ["setup", "--environment", "staging", "--covers", "cluster", "--yes"]
    for words in (statement, [*statement, "--print"], [*statement, "--dry-run=server"]):
        done = program.run([*words, "--to-namespace", f"kdebug-none-{secrets.token_hex(3)}"], env)
        assert done.returncode == 3, done.stderr.decode()
        assert "this looks like production" in done.stderr.decode()
    walk_the_table(stage, env, ["--to-namespace", stage.isolated], session, audit, reason="context 'prod-eu-1'")


def test_the_command_table_without_a_statement(
    stage: Stage, session: str, unstated: Stage, env: dict[str, str], audit: AuditLog
) -> None:
    statement = ["setup", "--environment", "staging", "--covers", "cluster", "--to-namespace", stage.isolated]
    shown = program.run([*statement, "--dry-run=server"], env)
    assert shown.returncode == 0, shown.stderr.decode()
    assert ENVIRONMENT in shown.stderr.decode()
    found = stage.admin.get(NAMESPACE, stage.isolated)
    assert ENVIRONMENT not in found["metadata"]["annotations"]
    walk_the_table(unstated, env, unstated.flags, session, audit, reason="nothing shows that this is not production")


def test_setup_refuses_to_state_that_production_is_none(stage: Stage, env: dict[str, str]) -> None:
    name = f"kdebug-none-{secrets.token_hex(3)}"
    for words in (["production", "cluster"], ["live", "cluster"], ["canary", "cluster"], ["staging", "prod-payments"]):
        environment, covers = words
        done = program.run(
            ["setup", "--environment", environment, "--covers", covers, "--to-namespace", name, "--yes"], env
        )
        assert done.returncode == 3, (words, done.stderr.decode())
    assert name not in [item["metadata"]["name"] for item in stage.admin.list(NAMESPACE).items]


def test_a_session_ends_when_the_statement_is_withdrawn_at_reconnect_or_attach(
    stage: Stage, session: str, unstated: Stage, env: dict[str, str]
) -> None:
    words = ["attach", session, *stage.flags, "--", "/busybox/true"]
    done = program.run(words, env)
    assert done.returncode == 125
    assert "nothing shows that this is not production" in done.stderr.decode()


def test_who_may_read_no_namespace_is_refused(stage: Stage, env: dict[str, str], audit: AuditLog) -> None:
    words = [*open_words(stage, "--detach", "--yes"), "--context", stage.context_of("nobody")]
    done = program.run(words, env)
    assert done.returncode in (3, 5), done.stderr.decode()
    assert writes(stage, audit, "nobody") == []


def test_nodes_and_unrelated_namespaces_need_not_be_readable(stage: Stage, env: dict[str, str]) -> None:
    done = program.run([*open_words(stage, "--dry-run=server"), "--context", stage.oncall], env)
    assert done.returncode == 0, done.stderr.decode()


def test_a_manifest_is_judged_like_a_pod(stage: Stage, env: dict[str, str]) -> None:
    pod = prism.bare_pod(stage.target_namespace, "from-a-file")
    pod["metadata"]["labels"]["tier"] = "production"
    words = ["-f", "-", "-n", stage.target_namespace, *stage.flags, "--detach", "--yes"]
    done = program.run(words, env, stdin=json.dumps(pod).encode())
    told = done.stderr.decode()
    assert done.returncode == 3, told
    assert "label tier 'production' (target from-a-file)" in told
    assert "possible now: kdebug plan -f -" in told
    assert stage.left() == []
