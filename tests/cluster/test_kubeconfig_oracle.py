"""kdebug's choice of a context against kubectl's own, over kubeconfigs good and bad, and against what kubectl sends."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.credentials import Credentials
from kdebug.cluster.kubeconfig import ResolvedContext, Selection, load
from kdebug.cluster.kubeconfig_file import parse
from kdebug.errors import ConfigError, DeniedError
from tests.cluster.kubeconfig_cases import (
    ANSWERED,
    BAD,
    BETA,
    CLUSTER_WITH_CONFIG,
    GOOD,
    PLUGIN,
    PLUGIN_SCRIPT,
    SCALARS,
    SENT,
    V1,
    Case,
    config,
    one,
    text,
)
from tests.cluster.recorder import CERTIFICATE, KEY, PROBE, Recorder, recording
from tests.support.kubectl import kubectl_command

CA64, KEY64 = (base64.b64encode(path.read_bytes()).decode() for path in (CERTIFICATE, KEY))


class Kubectl:
    """kubectl in a folder of its own, with nothing of the caller's environment."""

    def __init__(self, command: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
        self.command = command
        self.folder = folder
        self.environment = environment

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run kubectl to its end."""
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def view(self, flags: list[str]) -> dict[str, Any] | None:
        """Return the flattened context, None when kubectl refuses."""
        done = self.run(*flags, "config", "view", "--merge=true", "--minify", "--raw", "--flatten", "-o", "json")
        view: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        return view

    def get(self, flags: list[str]) -> None:
        """Send one request, if it comes to that."""
        self.run(*flags, "get", "--raw", PROBE, "--request-timeout=10s")


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(case: Case, folder: Path, recorder: Recorder) -> dict[str, str]:
    """Write the case's files and return the environment for both."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for word, value in (("SERVER", recorder.url), ("CA64", CA64), ("CERT64", CA64), ("KEY64", KEY64)):
            content = content.replace(word, value)
        path.write_text(content)
    return {"KUBECONFIG": case.kubeconfig, "HOME": str(folder / "home"), "PATH": os.environ["PATH"]}


def as_flags(case: Case) -> list[str]:
    names = {"impersonate": "as", "impersonate_groups": "as-group", "impersonate_uid": "as-uid"}
    return [
        f"--{names.get(key, key)}={value}"
        for key, values in case.flags.items()
        for value in (values if isinstance(values, tuple) else (values,))
    ]


def loaded(case: Case, folder: Path, environment: Mapping[str, str]) -> ResolvedContext:
    return load(Selection(**case.flags), environment, folder / "home", service_account=folder / "none")


def credentials(context: ResolvedContext, environment: Mapping[str, str]) -> Credentials:
    return Credentials(context, environment=environment, now=lambda: datetime.now(UTC), has_terminal=lambda: False)


def comparable(view: dict[str, Any], folders: Mapping[str, Path]) -> dict[str, Any]:
    """Return kubectl's view in kdebug's terms.

    kubectl shows a token file and a plugin's path as they are written although it resolves them when it connects, null
    for an empty list, a user's and a context's extensions, which mean nothing, and (before 1.34) empty preferences.
    """
    view.pop("preferences", None)
    view.pop("extensions", None)
    for item in view["contexts"]:
        item["context"].pop("extensions", None)
    for item in view["users"] or ():
        user, folder = item["user"], folders["users"]
        user.pop("extensions", None)
        if "tokenFile" in user:
            user["tokenFile"] = str(folder / user["tokenFile"])
        if "exec" in user:
            user["exec"]["args"] = user["exec"]["args"] or []
            user["exec"]["env"] = user["exec"]["env"] or []
            if "/" in user["exec"]["command"]:
                user["exec"]["command"] = os.path.normpath(folder / user["exec"]["command"])
    return view


def folder_of_users(case: Case, folder: Path) -> Path:
    name = case.flags.get("kubeconfig") or next((name for name in case.files if "tokenFile" in case.files[name]), "")
    name = name or next((name for name in case.files if "command: ./" in case.files[name]), "")
    return (folder / name).parent if name else folder


@pytest.mark.parametrize("name", GOOD)
def test_shows_what_kubectl_shows(name: str, folder: Path, recorder: Recorder) -> None:
    case = GOOD[name]
    environment = written(case, folder, recorder)
    view = Kubectl(kubectl_command(), folder, environment).view(as_flags(case))
    assert view is not None
    expected = comparable(view, {"users": folder_of_users(case, folder)})
    assert loaded(case, folder, environment).flattened() == expected


@pytest.mark.parametrize("name", BAD)
def test_refuses_what_kubectl_refuses(name: str, folder: Path, recorder: Recorder) -> None:
    case = BAD[name]
    environment = written(case, folder, recorder)
    with pytest.raises((ConfigError, DeniedError)) as raised:
        credentials(loaded(case, folder, environment), environment).authenticate()
    assert raised.value.because
    assert raised.value.remedy
    kubectl = Kubectl(kubectl_command(), folder, environment)
    if kubectl.view(as_flags(case)) is not None:
        kubectl.get(as_flags(case))
        assert recorder.taken() == []


@pytest.mark.parametrize("name", SENT)
def test_identifies_itself_as_kubectl_does(name: str, folder: Path, recorder: Recorder) -> None:
    case = SENT[name]
    environment = written(case, folder, recorder)
    Kubectl(kubectl_command(), folder, environment).get(as_flags(case))
    [(headers, has_certificate)] = recorder.taken()
    auth = credentials(loaded(case, folder, environment), environment).authenticate()
    assert comparable_headers(auth.pairs) == comparable_headers(headers)
    assert bool(auth.client_certificate) == has_certificate


def comparable_headers(pairs: Any) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in pairs)


def test_reads_yaml_as_kubectl_does(folder: Path, recorder: Recorder) -> None:
    items = "".join(f"      - {scalar}\n" for scalar in SCALARS)
    content = f"clusters:\n- name: c\n  cluster:\n    extensions:\n    - name: e\n      extension:\n{items}"
    environment = written(text(content), folder, recorder)
    done = Kubectl(kubectl_command(), folder, environment).run("config", "view", "--raw", "-o", "json")
    assert done.returncode == 0, done.stderr
    [theirs] = json.loads(done.stdout)["clusters"][0]["cluster"]["extensions"]
    [ours] = parse(content.encode(), "config").clusters["c"].body["extensions"]
    assert dict(zip(SCALARS, ours["extension"], strict=True)) == dict(zip(SCALARS, theirs["extension"], strict=True))


@pytest.mark.parametrize("scalar", ["y", "1", "017", "1e3", ".inf", "-.Inf", ".nan", "[a]", "{a: b}"])
def test_takes_only_strings_for_a_string(scalar: str, folder: Path, recorder: Recorder) -> None:
    content = config(user=f"token: {scalar}")
    environment = written(text(content), folder, recorder)
    done = Kubectl(kubectl_command(), folder, environment).run("config", "view")
    assert done.returncode != 0, done.stdout
    with pytest.raises(ConfigError):
        parse(content.encode(), "config")


@pytest.mark.parametrize("name", ANSWERED)
def test_runs_a_plugin_as_kubectl_does(name: str, folder: Path, recorder: Recorder) -> None:
    plugin, status = ANSWERED[name]
    case = Case(
        files={"sub/f": config(CLUSTER_WITH_CONFIG, f"exec: {{{plugin}}}"), "sub/ca.crt": CERTIFICATE.read_text()},
        kubeconfig="sub/f",
    )
    environment = written(case, folder, recorder)
    version = (BETA if name == "v1beta1" else V1).partition(": ")[2]
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    (folder / "sub/answer").write_text(json.dumps(answer))
    (folder / "sub/plug").write_text(PLUGIN_SCRIPT)
    (folder / "sub/plug").chmod(0o700)
    asked = folder / "asked"

    Kubectl(kubectl_command(), folder, environment).get([])
    [(headers, has_certificate)] = recorder.taken()
    info, *others = asked.read_text().splitlines()
    asked.unlink()

    auth = credentials(loaded(case, folder, environment), environment).authenticate()
    assert comparable_headers(auth.pairs) == comparable_headers(headers)
    assert bool(auth.client_certificate) == has_certificate
    our_info, *our_others = asked.read_text().splitlines()
    assert json.loads(our_info) == json.loads(info)
    assert our_others == others


@pytest.mark.parametrize(
    "output",
    [
        "hello",
        "[]",
        '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}',
        '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {}}',
        '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1", "status": {"token": "t"}}',
        '{"kind": "Pod", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "t"}}',
        '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": 1}}',
        '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"clientKeyData": "k"}}',
        '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", '
        '"status": {"token": "t", "expirationTimestamp": "tomorrow"}}',
    ],
)
def test_takes_no_answer_that_kubectl_does_not_take(output: str, folder: Path, recorder: Recorder) -> None:
    case = one(user=f"exec: {{command: ./plug, {PLUGIN}}}")
    environment = written(case, folder, recorder)
    (folder / "answer").write_text(output)
    (folder / "plug").write_text('#!/bin/sh\ncat "${0%/*}/answer"\n')
    (folder / "plug").chmod(0o700)
    Kubectl(kubectl_command(), folder, environment).get([])
    assert recorder.taken() == []
    with pytest.raises(ConfigError) as raised:
        credentials(loaded(case, folder, environment), environment).authenticate()
    assert raised.value.because
