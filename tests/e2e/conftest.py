"""The platform's example on the real cluster: failing targets, the isolated namespace of setup, the users' roles."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.connect import connect
from kdebug.cluster.kubeconfig import Selection, load
from kdebug.domain.isolation import engineer_binding, target_reader_binding
from kdebug.domain.kinds import NAMESPACE, POD, Manifest
from kdebug.errors import NotFoundError
from kdebug.session.port import Cluster
from tests.support import prism, program
from tests.support.eventually import eventually


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the tests play: a target namespace and an isolated one on the real cluster."""

    kubeconfig: Path
    admin: Cluster
    target_namespace: str
    isolated: str

    @property
    def flags(self) -> list[str]:
        """The flags that every command of the tests carries: the on-call user, with the printed rights alone."""
        return ["--context", self.oncall, "--to-namespace", self.isolated]

    @property
    def oncall(self) -> str:
        """The on-call user's context."""
        return self.context_of("oncall")

    def context_of(self, user: str) -> str:
        """Return the context of a user."""
        contexts = json.loads(self.kubeconfig.read_text())["contexts"]
        return str(next(entry["name"] for entry in contexts if entry["name"].startswith(f"{user}@")))

    def left(self) -> list[str]:
        """Return what of any session is in the isolated namespace."""
        from kdebug.domain.kinds import CONFIG_MAP, JOB, NETWORK_POLICY, SECRET
        from kdebug.domain.ownership import MANAGED_BY

        kinds = (JOB, POD, NETWORK_POLICY, CONFIG_MAP, SECRET)
        return [
            f"{kind.name}/{item['metadata']['name']}"
            for kind in kinds
            for item in self.admin.list(kind, self.isolated, labels=f"{MANAGED_BY}=kdebug").items
        ]


@pytest.fixture(scope="session")
def admin(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """Return the cluster as its administrator sees it."""
    home = tmp_path_factory.mktemp("admin")
    resolved = load(Selection(kubeconfig=str(kubeconfig)), {}, home)
    return connect(resolved, {}, user_agent="kdebug-tests", request_timeout=30)


@pytest.fixture(scope="session")
def stage(kubeconfig: Path, admin: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Make the namespaces, the failing targets and the roles; remove them at the end."""
    mark = secrets.token_hex(3)
    place = Stage(
        kubeconfig=kubeconfig, admin=admin, target_namespace=f"prism-{mark}", isolated=f"kdebug-isolated-{mark}"
    )
    try:
        _prepare(place, program.environment(kubeconfig, tmp_path_factory.mktemp("setup")))
        yield place
    finally:
        for namespace in (place.target_namespace, place.isolated):
            with contextlib.suppress(NotFoundError):
                uid = str(admin.get(NAMESPACE, namespace)["metadata"]["uid"])
                admin.delete(NAMESPACE, namespace, "", uid=uid)


def _prepare(place: Stage, env: dict[str, str]) -> None:
    """Make the namespaces, the roles' bindings and the targets, and wait until these fail as they should."""
    admin = place.admin
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.target_namespace}})
    words = ["setup", "--environment", "staging", "--covers", "cluster", "--yes", "--to-namespace", place.isolated]
    done = program.run(words, env)
    assert done.returncode == 0, done.stderr.decode()
    admin.create(engineer_binding(place.isolated, "oncall"))
    admin.create(target_reader_binding(place.target_namespace, "oncall"))
    _await_account(admin, place.target_namespace)
    admin.create(prism.bare_pod(place.target_namespace))
    admin.create(prism.deployment(place.target_namespace))
    eventually(lambda: _is_crash_looping(admin, place.target_namespace), "the target crash-loops", 90)


@pytest.fixture
def env(kubeconfig: Path, tmp_path: Path) -> dict[str, str]:
    """Return the environment of one run."""
    return program.environment(kubeconfig, tmp_path)


@pytest.fixture
def terminal(env: dict[str, str]) -> Iterator[Callable[..., program.Terminal]]:
    """Return a function that runs kdebug in a terminal; what still runs is ended."""
    opened: list[program.Terminal] = []

    def start(words: list[str], columns: int = 120, rows: int = 40) -> program.Terminal:
        opened.append(program.Terminal(words, env, columns=columns, rows=rows))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def _await_account(admin: Cluster, namespace: str) -> None:
    from kdebug.domain.kinds import SERVICE_ACCOUNT

    def exists() -> bool:
        try:
            admin.get(SERVICE_ACCOUNT, "default", namespace)
        except NotFoundError:
            return False
        return True

    eventually(exists, "the namespace has its account", 30)


def _is_crash_looping(admin: Cluster, namespace: str) -> bool:
    pods = admin.list(POD, namespace).items
    return len(pods) == 2 and all(_waiting_reason(pod) == "CrashLoopBackOff" for pod in pods)


def _waiting_reason(pod: Manifest) -> str:
    statuses: list[dict[str, Any]] = pod.get("status", {}).get("containerStatuses") or [{}]
    return str(statuses[0].get("state", {}).get("waiting", {}).get("reason", ""))


def decoded(done: subprocess.CompletedProcess[bytes]) -> tuple[str, str]:
    """Return stdout and stderr as text."""
    return done.stdout.decode(), done.stderr.decode()
