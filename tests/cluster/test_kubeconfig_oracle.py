"""kdebug's choice of a context against kubectl's own, over kubeconfigs good and bad, and against what kubectl sends."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.credentials import Credentials
from kdebug.cluster.kubeconfig import ResolvedContext, Selection, load
from kdebug.cluster.kubeconfig_file import parse
from kdebug.errors import ConfigError, DeniedError
from tests.cluster.recorder import CERTIFICATE, KEY, PROBE, Recorder, recording
from tests.support.kubectl import kubectl_command

V1 = "apiVersion: client.authentication.k8s.io/v1"
BETA = "apiVersion: client.authentication.k8s.io/v1beta1"
CA64, KEY64 = (base64.b64encode(path.read_bytes()).decode() for path in (CERTIFICATE, KEY))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files to write, flags to give. SERVER, CA64, CERT64 and KEY64 in a file stand for the recorder's."""

    files: Mapping[str, str]
    kubeconfig: str = "config"
    """The value of KUBECONFIG."""
    flags: Mapping[str, Any] = field(default_factory=dict)


def config(
    cluster: str = "server: SERVER, certificate-authority-data: CA64",
    user: str = "token: t0",
    context: str = "cluster: c, user: u",
    rest: str = "current-context: x",
) -> str:
    """Return a kubeconfig with one entry of each kind, their fields in YAML's flow style."""
    return f"""
clusters: [{{name: c, cluster: {{{cluster}}}}}]
users: [{{name: u, user: {{{user}}}}}]
contexts: [{{name: x, context: {{{context}}}}}]
{rest}
"""


def one(*arguments: str, flags: Mapping[str, Any] | None = None, **parts: str) -> Case:
    """Return a case of one file made by `config`."""
    return Case(files={"config": config(*arguments, **parts)}, flags=flags or {})


def text(content: str) -> Case:
    """Return a case of one file with this content."""
    return Case(files={"config": content})


SECOND = """
clusters: [{name: c, cluster: {server: "https://second:1", insecure-skip-tls-verify: true}}, {name: d, cluster: {server: "https://d:1"}}]
users: [{name: u, user: {token: second, as: joe}}]
contexts: [{name: x, context: {cluster: d, user: u}}, {name: y1, context: {cluster: d, user: u, namespace: two}}]
current-context: y1
"""
NO_CURRENT = config(rest="")
PLUGIN = f"{V1}, interactiveMode: Never"

GOOD = {
    "plain": one(),
    "kind and version": text("apiVersion: v1\nkind: Config\npreferences: {}\n" + config()),
    "json": text(json.dumps({"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": ""}}],
                             "clusters": [{"name": "c", "cluster": {"server": "https://h:1"}}]}, indent="\t")),
    "namespace": one(context="cluster: c, user: u, namespace: shop"),
    "odd namespace": one(context="cluster: c, user: u, namespace: Bad_NS"),
    "no user": one(context="cluster: c"),
    "context flag": Case(files={"config": NO_CURRENT}, flags={"context": "x"}),
    "current-context in the second file": Case(files={"a": NO_CURRENT, "b": SECOND}, kubeconfig="a:b"),
    "first current-context wins": Case(files={"a": config(), "b": SECOND}, kubeconfig="a:b"),
    "first wins, other order": Case(files={"a": config(), "b": SECOND}, kubeconfig="b:a"),
    "entries are not mixed": Case(files={"a": NO_CURRENT, "b": SECOND}, kubeconfig="a:b", flags={"context": "x"}),
    "missing files are skipped": Case(files={"b": SECOND}, kubeconfig="nope:b:also/nope"),
    "empty names are skipped": Case(files={"a": config()}, kubeconfig=":a:"),
    "the same file twice": Case(files={"a": config()}, kubeconfig="a:./a"),
    "an empty file in the list": Case(files={"e": "", "a": config()}, kubeconfig="e:a"),
    "only comments in the list": Case(files={"e": "# nothing\n", "a": config()}, kubeconfig="e:a"),
    "null in the list": Case(files={"e": "null", "a": config()}, kubeconfig="e:a"),
    "default file": Case(files={"home/.kube/config": config()}, kubeconfig=""),
    "explicit file": Case(files={"other": config(user="token: other"), "config": config()}, flags={"kubeconfig": "other"}),
    "explicit file in a folder": Case(files={"sub/f": config(user="tokenFile: tok"), "sub/tok": "t"},
                                      flags={"kubeconfig": "sub/f"}),
    "relative authority": Case(files={"sub/f": config("server: SERVER, certificate-authority: ../pki/ca.crt"),
                                      "pki/ca.crt": CERTIFICATE.read_text()}, kubeconfig="sub/f"),
    "relative certificate": Case(files={"sub/f": config(user="client-certificate: a.crt, client-key: ./k/a.key"),
                                        "sub/a.crt": CERTIFICATE.read_text(), "sub/k/a.key": KEY.read_text()},
                                 kubeconfig="sub/f"),
    "each file's own folder": Case(files={
        "p/f": 'clusters: [{name: c, cluster: {server: SERVER, certificate-authority: ca}}]\ncurrent-context: x',
        "q/f": "users: [{name: u, user: {tokenFile: tok}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]",
        "p/ca": CERTIFICATE.read_text(), "q/tok": "t"}, kubeconfig="p/f:q/f"),
    "authority with a file's line ends": one(f'server: SERVER, certificate-authority-data: "{CA64[:40]}\\n{CA64[40:]}\\r\\n"'),
    "certificate as data": one(user="client-certificate-data: CERT64, client-key-data: KEY64"),
    "insecure": one("server: SERVER, insecure-skip-tls-verify: true"),
    "tls-server-name and others": one("server: SERVER, certificate-authority-data: CA64, tls-server-name: other.example, "
                                      "disable-compression: true"),
    "proxy": one('server: SERVER, certificate-authority-data: CA64, proxy-url: "http://me:secret@proxy:3128"'),
    "socks": one('server: SERVER, certificate-authority-data: CA64, proxy-url: "socks5://proxy:1080"'),
    "basic": one(user="username: me, password: pass"),
    "impersonation": one(user="token: t, as: bob, as-uid: '7', as-groups: [g1, g2], as-user-extra: {Scope/x: [a, b]}"),
    "empty impersonation": one(user="token: t, as: '', as-groups: [], as-user-extra: {}"),
    "nulls": one(user="token: null, username: ~, as-groups: null, exec: null"),
    "exec v1": one(user=f"exec: {{command: plug, {PLUGIN}, args: [a, b], env: [{{name: A, value: b}}], installHint: get it, "
                        "provideClusterInfo: true}"),
    "exec v1beta1 without a mode": one(user=f"exec: {{command: plug, {BETA}}}"),
    "exec with null parts": one(user=f"exec: {{command: plug, {PLUGIN}, args: null, env: null}}"),
    "exec beside the file": Case(files={"sub/f": config(user=f"exec: {{command: ./bin/plug, {PLUGIN}}}")},
                                 kubeconfig="sub/f"),
    "cluster extensions": one('server: SERVER, extensions: [{name: z, extension: {a: 1}}, {name: b, extension: {c: [true]}}]'),
    "unknown fields": text(config("server: SERVER, color: red") + "\nfoo: [1]\n"),
    "other case is another field": one("server: SERVER, Proxy-URL: nonsense"),
    "a key twice": one('server: "https://one:1", server: "https://two:1"'),
    "two documents": text(config() + "---\n" + SECOND),
    "anchors": text("a: &a {cluster: c, user: u}\n" + config(context="<<: &b {cluster: c}, user: u")),
    "an alias": text("x: &n c\nclusters: [{name: *n, cluster: {server: SERVER}}]\ncontexts: [{name: x, context: {cluster: *n}}]\n"
                     "current-context: x"),
    "time as a name": text(config().replace("name: x", "name: 1:30").replace("context: x", "context: 1:30")),
    "date as a name": text(config().replace("name: x", "name: 2024-01-01").replace("context: x", "context: 2024-01-01")),
    "names with colons and slashes": text(config().replace("name: x", 'name: "arn:aws:eks:eu:1:cluster/a"')
                                          .replace("current-context: x", "current-context: arn:aws:eks:eu:1:cluster/a")),
    "a byte order mark": text("\ufeff" + config()),
    "a server with a path": one('server: "https://rancher.example/k8s/clusters/c-1"'),
    "a server without a scheme": one('server: "10.0.0.1:8080"'),
    "http": one('server: "http://10.0.0.1:8080"'),
}  # fmt: skip

BAD = {
    "nothing": Case(files={}),
    "no files at all": Case(files={"home/.kube/config": config()}, kubeconfig=":"),
    "empty": text(""),
    "explicit file missing": Case(files={"config": config()}, flags={"kubeconfig": "nope"}),
    "a folder": Case(files={"config": config(), "sub/f": ""}, kubeconfig="sub:config"),
    "under a file": Case(files={"config": config()}, kubeconfig="config/x:config"),
    "tab": text("clusters:\n\t- a\n"),
    "broken second file": Case(files={"config": config(), "b": "a: ["}, kubeconfig="config:b"),
    "a list": text("[]"),
    "a word": text("hello"),
    "binary": text("\x00\x01\x02"),
    "kind": text("kind: Pod\n" + config()),
    "version": text("apiVersion: v2\n" + config()),
    "clusters is a word": text("clusters: foo\n"),
    "number as a name": text(config().replace("name: c", "name: 12")),
    "boolean as a namespace": one(context="cluster: c, user: u, namespace: n"),
    "number as a token": one(user="token: 12345"),
    "quoted boolean": one("server: SERVER, insecure-skip-tls-verify: 'true'"),
    "broken elsewhere": text(config().replace("users: [", "users: [{name: v, user: {token: 1}}, ")),
    "not base64": one("server: SERVER, certificate-authority-data: '!!!'"),
    "base64 without padding": one("server: SERVER, certificate-authority-data: 'YWJjZA'"),
    "base64 with a space": one('server: SERVER, certificate-authority-data: "YWJj ZA=="'),
    "two entries of a name": text(config().replace("users: [", "users: [{name: u, user: {token: a}}, ")),
    "no current-context": Case(files={"config": NO_CURRENT}),
    "unknown current-context": one(rest="current-context: z"),
    "unknown context": one(flags={"context": "z"}),
    "unknown cluster": one(context="cluster: z, user: u"),
    "unknown cluster flag": one(flags={"cluster": "z"}),
    "unknown user": one(context="cluster: c, user: z"),
    "unknown user flag": one(flags={"user": "z"}),
    "no cluster in the context": one(context="user: u"),
    "no server": one("tls-server-name: a"),
    "server with blanks": one('server: "https://a b:1"'),
    "server of another scheme": one('server: "ftp://127.0.0.1:1"'),
    "server without scheme, with a path": one('server: "127.0.0.1:1/foo"'),
    "server with a word as port": one('server: "https://127.0.0.1:abc"'),
    "proxy without a scheme": one("server: SERVER, certificate-authority-data: CA64, proxy-url: foo"),
    "proxy of another scheme": one('server: SERVER, certificate-authority-data: CA64, proxy-url: "ftp://foo"'),
    "authority missing": one("server: SERVER, certificate-authority: nope"),
    "authority twice": Case(files={"config": config("server: SERVER, certificate-authority: ca, certificate-authority-data: CA64"),
                                   "ca": CERTIFICATE.read_text()}),
    "authority that is no PEM": one("server: SERVER, certificate-authority-data: YWJjZA=="),
    "authority and insecure": one("server: SERVER, certificate-authority-data: CA64, insecure-skip-tls-verify: true"),
    "certificate without a key": one(user="client-certificate-data: CERT64"),
    "certificate missing": one(user="client-certificate: nope, client-key-data: KEY64"),
    "key twice": Case(files={"config": config(user="client-certificate-data: CERT64, client-key: k, client-key-data: KEY64"),
                             "k": KEY.read_text()}),
    "token and password": one(user="token: t, username: a, password: b"),
    "token file and password": Case(files={"config": config(user="tokenFile: t, username: a, password: b"), "t": "x"}),
    "token file missing": one(user="tokenFile: nope"),
    "token file empty": Case(files={"config": config(user="tokenFile: tok"), "tok": " \n"}),
    "token of two lines": one(user='token: "a\\nb"'),
    "groups without a user": one(user="token: t, as-groups: [a]"),
    "uid without a user": one(user="token: t, as-uid: a"),
    "group flag without a user": one(flags={"impersonate_groups": ("g",)}),
    "impersonating a line end": one(user='token: t, as: "a\\nb"'),
    "exec without a mode": one(user=f"exec: {{command: plug, {V1}}}"),
    "exec of an unknown mode": one(user=f"exec: {{command: plug, {V1}, interactiveMode: Sometimes}}"),
    "exec of an old version": one(user="exec: {command: plug, apiVersion: client.authentication.k8s.io/v1alpha1}"),
    "exec without a version": one(user="exec: {command: plug, interactiveMode: Never}"),
    "exec without a command": one(user=f"exec: {{{PLUGIN}}}"),
    "exec with a nameless variable": one(user=f"exec: {{command: plug, {PLUGIN}, env: [{{value: a}}]}}"),
    "exec that is not installed": one(user=f"exec: {{command: kdebug-test-no-such-plugin, {PLUGIN}}}"),
    "exec that needs a terminal": one(user=f"exec: {{command: sh, {V1}, interactiveMode: Always}}"),
    "exec and auth-provider": one(user=f"auth-provider: {{name: oidc}}, exec: {{command: plug, {PLUGIN}}}"),
    "gcp": one(user="auth-provider: {name: gcp}"),
}  # fmt: skip

SENT = {
    "token": one(),
    "basic": one(user="username: mé, password: 'p:w'"),
    "token file": Case(files={"sub/f": config(user="tokenFile: tok"), "sub/tok": "\nfrom-file\n"}, kubeconfig="sub/f"),
    "token file before token": Case(files={"config": config(user="token: t, tokenFile: tok"), "tok": "from-file"}),
    "token when its file is missing": one(user="token: t, tokenFile: nope"),
    "token before exec": one(user=f"token: t, exec: {{command: kdebug-test-no-such-plugin, {PLUGIN}}}"),
    "certificate": one(user="client-certificate-data: CERT64, client-key-data: KEY64"),
    "certificate and token": one(user="token: t, client-certificate-data: CERT64, client-key-data: KEY64"),
    "certificate before exec": one(user="client-certificate-data: CERT64, client-key-data: KEY64, "
                                        f"exec: {{command: kdebug-test-no-such-plugin, {PLUGIN}}}"),
    "key without a certificate": one(user="token: t, client-key: nope"),
    "impersonation": one(user="token: t, as: bob, as-uid: '7', as-groups: [g1, g2], "
                              "as-user-extra: {Scope/x%: [a, b], plain: [c]}"),
    "flag over impersonation": one(user="token: t, as: bob, as-uid: '7', as-groups: [g1]", flags={"impersonate": "al"}),
    "group flags over groups": one(user="token: t, as: bob, as-groups: [g1]",
                                   flags={"impersonate_groups": ("g2", "g3"), "impersonate_uid": "9"}),
    "all flags": one(flags={"impersonate": "al", "impersonate_groups": ("g2",), "impersonate_uid": "9"}),
    "user flag": Case(files={"config": config(), "b": SECOND.replace("name: u,", "name: v,")}, kubeconfig="config:b",
                      flags={"user": "v"}),
    "cluster flag": Case(files={"config": config(context="cluster: d, user: u"), "b": SECOND}, kubeconfig="config:b",
                         flags={"cluster": "c"}),
    "cluster and user flags alone": Case(files={"config": NO_CURRENT}, flags={"cluster": "c", "user": "u"}),
    "other name in the certificate": one("server: SERVER, certificate-authority-data: CA64, tls-server-name: other.example"),
}  # fmt: skip


SCALARS = (
    "1:30", "1:30:45", "2024-01-01", "2024-01-01T00:00:00Z", "=", "nULL", "yEs", "oN", "0x", "0xZ", "0b2", "1e", "e1", "1.2.3",
    "10.0.0.1", "1_a", "-", "+", ".", "..", "._1", "-.inf.", "inf", "nan", ".NaN.", "a#b", "a:b", "!!str 1", "'y'", '"1"',
    "127.0.0.1:80", "0o8x", "--1", "1-1", "_1", "_0", "+a", "~a", "?a", "<", "<<<", "é", "日本", "!!str true", "1 2", "1,5",
    "y", "Y", "n", "N", "yes", "Yes", "YES", "no", "on", "On", "OFF", "true", "True", "false", "1", "+1", "-1", "0x1F",
    "-0x1f", "0b11", "017", "0o17", "08", "1_000", "1e3", "1E+3", ".5", "-.5e1", "1.", "1.5", "+0.1", "1__0", "1_0.5",
    "[a]", "{a: b}", "!!int 3", "!!float 3", "!!bool y", "", "~", "null", "Null", "NULL",
)  # fmt: skip


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
    return Credentials(
        context, environment=environment, now=lambda: datetime.now(UTC), has_terminal=lambda: False
    )


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


CLUSTER_WITH_CONFIG = (
    "server: SERVER, certificate-authority: ca.crt, tls-server-name: other.example, disable-compression: true, "
    "extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: [a, 1]}}]"
)
PLUGIN_CASES = {
    "token": (f"command: ./plug, {PLUGIN}, args: ['a b', c]", {"token": "from-plugin"}),
    "cluster info": (f"command: ./plug, {PLUGIN}, provideClusterInfo: true, env: [{{name: A, value: 'b c'}}]", {"token": "t"}),
    "v1beta1": (f"command: ./plug, {BETA}, provideClusterInfo: true", {"token": "t"}),
    "certificate": (
        f"command: ./plug, {PLUGIN}",
        {"clientCertificateData": CERTIFICATE.read_text(), "clientKeyData": KEY.read_text()},
    ),
    "expiry": (f"command: ./plug, {PLUGIN}", {"token": "t", "expirationTimestamp": "2999-01-01T00:00:00.123456789Z"}),
}
PLUGIN_SCRIPT = """#!/bin/sh
printf '%s\\n' "$KUBERNETES_EXEC_INFO" "$A" "$@" > "$PWD/asked"
cat "${0%/*}/answer"
"""


@pytest.mark.parametrize("name", PLUGIN_CASES)
def test_runs_a_plugin_as_kubectl_does(name: str, folder: Path, recorder: Recorder) -> None:
    plugin, status = PLUGIN_CASES[name]
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
