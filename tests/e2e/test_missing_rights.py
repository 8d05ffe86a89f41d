"""Rights taken away one by one on a real cluster: each is named, its Role is printed, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from kdebug.cluster.connect import connect
from kdebug.cluster.kubeconfig import Selection, load
from kdebug.domain.kinds import NODE, ROLE, ROLE_BINDING, name_of, namespace_of
from kdebug.domain.rights import Access, access_to, role_for, session_accesses
from kdebug.session.port import Cluster
from tests.e2e.conftest import Stage
from tests.support import program
from tests.support.complaint import complaint
from tests.support.eventually import eventually

pytestmark = pytest.mark.cluster

NEEDED = [access for access in session_accesses("isolated", "target") if not access.is_optional]
ASKED = [access for access in NEEDED if access.resource != "namespaces" and access.namespace == "isolated"]


def as_user(stage: Stage, user: str, home: Path) -> Cluster:
    """Return the cluster as a user sees it whom the administrator impersonates."""
    selection = Selection(kubeconfig=str(stage.kubeconfig), context=stage.context_of("admin"), impersonate=user)
    return connect(load(selection, {}, home), {}, user_agent="kdebug-tests", request_timeout=30)


def grant(stage: Stage, user: str, accesses: Sequence[Access], home: Path) -> None:
    """Let a user do what is listed and nothing else, and wait until the server knows."""
    for manifest in role_for(accesses, user):
        stage.admin.create(manifest)
    seen = as_user(stage, user, home)
    eventually(lambda: all(seen.may(accesses)), "the server knows the rights", 30)


def accesses_of(stage: Stage) -> list[Access]:
    """Return everything that a session needs on the stage, and what it may read besides."""
    return list(session_accesses(stage.isolated, stage.target_namespace))


def words_for(stage: Stage, user: str, *more: str) -> list[str]:
    """Return the command line of an impersonated user that opens the bare pod."""
    where = ["--context", stage.context_of("admin"), "--as", user, "-n", stage.target_namespace]
    return ["prism-proxy-pod", *where, "--to-namespace", stage.isolated, *(more or ("--", "/busybox/true"))]


@pytest.mark.parametrize("missing", ASKED, ids=lambda access: f"{access.verb}-{access.resource_path}".replace("/", "."))
def test_a_missing_right_is_named_with_its_role(
    stage: Stage, env: dict[str, str], tmp_path: Path, missing: Access
) -> None:
    user = f"without-{missing.verb}-{missing.resource_path}".replace("/", "-")
    wanted = [
        access
        for access in accesses_of(stage)
        if (access.verb, access.resource_path, access.namespace)
        != (missing.verb, missing.resource_path, stage.isolated)
    ]
    grant(stage, user, wanted, tmp_path)
    told = complaint(program.run(words_for(stage, user), env), 125)
    assert told.what == "error: 1 right is missing; nothing was written"
    assert f"{user} may not {missing.verb} {missing.resource_path}" in told.because
    assert f"in namespace {stage.isolated}" in told.because
    role, binding = yaml.safe_load_all(told.rest)
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert role["metadata"]["namespace"] == stage.isolated
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [([missing.resource_path], [missing.verb])]
    assert binding["subjects"][0]["name"] == user
    assert "created" not in told.narration
    assert stage.left() == []


def test_the_printed_role_is_all_that_was_missing(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    user = "late-starter"
    readable = [access for access in accesses_of(stage) if access.verb == "get" and access.resource != "jobs"]
    grant(stage, user, readable, tmp_path)
    told = complaint(program.run(words_for(stage, user), env), 125)
    printed = list(yaml.safe_load_all(told.rest))
    for manifest in printed:
        stage.admin.create(manifest)
    seen = as_user(stage, user, tmp_path)
    needed = [access for access in accesses_of(stage) if not access.is_optional]
    eventually(lambda: all(seen.may(needed)), "the server knows the printed rights", 30)
    done = program.run(words_for(stage, user, "--", "/busybox/echo", "hello"), env)
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr.decode()
    assert stage.left() == []
    for manifest in printed:
        kind = ROLE if manifest["kind"] == "Role" else ROLE_BINDING
        found = stage.admin.get(kind, name_of(manifest), namespace_of(manifest))
        stage.admin.delete(kind, name_of(found), namespace_of(found), uid=found["metadata"]["uid"])


def test_missing_rights_in_json_are_one_object(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    user = "machine"
    grant(stage, user, [access for access in accesses_of(stage) if access.verb == "get"], tmp_path)
    done = program.run(words_for(stage, user, "--yes", "--detach", "-o", "json"), env)
    assert done.returncode == 5
    assert done.stdout == b""
    document = json.loads(done.stderr)
    assert (document["kind"], document["code"]) == ("Error", "denied")
    assert [manifest["kind"] for manifest in document["manifests"]] == ["Role", "RoleBinding"]
    assert stage.left() == []


def test_a_user_without_any_right_is_told_the_first_that_counts(stage: Stage, env: dict[str, str]) -> None:
    words = ["prism-proxy-pod", "-n", stage.target_namespace, "--to-namespace", stage.isolated]
    done = program.run([*words, "--context", stage.context_of("nobody"), "--", "/busybox/true"], env)
    told = complaint(done, 125)
    assert "get pods in namespace" in told.what
    assert "forbidden" in told.because
    role, binding = yaml.safe_load_all(told.rest)
    assert role["metadata"]["namespace"] == stage.target_namespace
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    assert binding["subjects"][0]["name"] == "nobody"


@pytest.mark.parametrize("hidden", ["target", "isolated"])
def test_a_namespace_that_may_not_be_read_is_refused(
    stage: Stage, env: dict[str, str], tmp_path: Path, hidden: str
) -> None:
    user = f"blind-to-{hidden}"
    name = stage.target_namespace if hidden == "target" else stage.isolated
    wanted = [access for access in accesses_of(stage) if (access.resource, access.name) != ("namespaces", name)]
    grant(stage, user, wanted, tmp_path)
    done = program.run(words_for(stage, user), env)
    err = done.stderr.decode()
    assert done.returncode == 125
    assert "refused: " in err
    assert name in err
    assert "read" in err
    assert "created" not in err
    assert len(err.splitlines()) <= 14
    assert stage.left() == []


def test_nobody_needs_to_read_nodes(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    """The on-call user has the printed roles alone, and they hold nothing of the cluster's own."""
    oncall = load(Selection(kubeconfig=str(stage.kubeconfig), context=stage.oncall), {}, tmp_path)
    seen = connect(oncall, {}, user_agent="kdebug-tests", request_timeout=30)
    assert seen.may([access_to(NODE, "list"), access_to(NODE, "get")]) == (False, False)
    words = ["prism-proxy-pod", "-n", stage.target_namespace, *stage.flags, "--", "/busybox/echo", "hello"]
    done = program.run(words, env)
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr.decode()
    assert "nodes" not in done.stderr.decode()
    assert stage.left() == []


def test_a_viewer_sees_the_plan_and_what_is_missing(stage: Stage, env: dict[str, str], tmp_path: Path) -> None:
    user = "viewer-of-both"
    grant(stage, user, [access for access in accesses_of(stage) if access.verb in ("get", "list")], tmp_path)
    done = program.run(["plan", *words_for(stage, user, "-o", "yaml")], env)
    err = done.stderr.decode()
    assert done.returncode == 0, err
    assert "missing right: create jobs.batch" in err
    assert b"kind: Job" in done.stdout
