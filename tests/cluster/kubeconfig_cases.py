"""Kubeconfigs good and bad, for the comparison with kubectl."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.recorder import CERTIFICATE, KEY

V1 = "apiVersion: client.authentication.k8s.io/v1"
BETA = "apiVersion: client.authentication.k8s.io/v1beta1"
PEM64 = base64.b64encode(CERTIFICATE.read_bytes()).decode()


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
clusters:
- {name: c, cluster: {server: "https://second:1", insecure-skip-tls-verify: true}}
- {name: d, cluster: {server: "https://d:1"}}
users: [{name: u, user: {token: second, as: joe}}]
contexts: [{name: x, context: {cluster: d, user: u}}, {name: y1, context: {cluster: d, user: u, namespace: two}}]
current-context: y1
"""
NO_CURRENT = config(rest="")
PLUGIN = f"{V1}, interactiveMode: Never"

GOOD = {
    "plain": one(),
    "kind and version": text("apiVersion: v1\nkind: Config\npreferences: {}\n" + config()),
    "json": text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": ""}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://h:1"}}],
            },
            indent="\t",
        )
    ),
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
    "explicit file": Case(
        files={"other": config(user="token: other"), "config": config()}, flags={"kubeconfig": "other"}
    ),
    "explicit file in a folder": Case(
        files={"sub/f": config(user="tokenFile: tok"), "sub/tok": "t"}, flags={"kubeconfig": "sub/f"}
    ),
    "relative authority": Case(
        files={
            "sub/f": config("server: SERVER, certificate-authority: ../pki/ca.crt"),
            "pki/ca.crt": CERTIFICATE.read_text(),
        },
        kubeconfig="sub/f",
    ),
    "relative certificate": Case(
        files={
            "sub/f": config(user="client-certificate: a.crt, client-key: ./k/a.key"),
            "sub/a.crt": CERTIFICATE.read_text(),
            "sub/k/a.key": KEY.read_text(),
        },
        kubeconfig="sub/f",
    ),
    "each file's own folder": Case(
        files={
            "p/f": "clusters: [{name: c, cluster: {server: SERVER, certificate-authority: ca}}]\ncurrent-context: x",
            "q/f": "users: [{name: u, user: {tokenFile: tok}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]",
            "p/ca": CERTIFICATE.read_text(),
            "q/tok": "t",
        },
        kubeconfig="p/f:q/f",
    ),
    "authority with a file's line ends": one(
        f'server: SERVER, certificate-authority-data: "{PEM64[:40]}\\n{PEM64[40:]}\\r\\n"'
    ),
    "certificate as data": one(user="client-certificate-data: CERT64, client-key-data: KEY64"),
    "insecure": one("server: SERVER, insecure-skip-tls-verify: true"),
    "tls-server-name and others": one(
        "server: SERVER, certificate-authority-data: CA64, tls-server-name: other.example, disable-compression: true"
    ),
    "proxy": one('server: SERVER, certificate-authority-data: CA64, proxy-url: "http://me:secret@proxy:3128"'),
    "socks": one('server: SERVER, certificate-authority-data: CA64, proxy-url: "socks5://proxy:1080"'),
    "basic": one(user="username: me, password: pass"),
    "impersonation": one(user="token: t, as: bob, as-uid: '7', as-groups: [g1, g2], as-user-extra: {Scope/x: [a, b]}"),
    "empty impersonation": one(user="token: t, as: '', as-groups: [], as-user-extra: {}"),
    "nulls": one(user="token: null, username: ~, as-groups: null, exec: null"),
    "exec v1": one(
        user=f"exec: {{command: plug, {PLUGIN}, args: [a, b], env: [{{name: A, value: b}}], installHint: get it, "
        "provideClusterInfo: true}"
    ),
    "exec v1beta1 without a mode": one(user=f"exec: {{command: plug, {BETA}}}"),
    "exec with null parts": one(user=f"exec: {{command: plug, {PLUGIN}, args: null, env: null}}"),
    "exec beside the file": Case(
        files={"sub/f": config(user=f"exec: {{command: ./bin/plug, {PLUGIN}}}")}, kubeconfig="sub/f"
    ),
    "cluster extensions": one(
        "server: SERVER, extensions: [{name: z, extension: {a: 1}}, {name: b, extension: {c: [true]}}]"
    ),
    "unknown fields": text(config("server: SERVER, color: red") + "\nfoo: [1]\n"),
    "other case is another field": one("server: SERVER, Proxy-URL: nonsense"),
    "a key twice": one('server: "https://one:1", server: "https://two:1"'),
    "two documents": text(config() + "---\n" + SECOND),
    "anchors": text("a: &a {cluster: c, user: u}\n" + config(context="<<: &b {cluster: c}, user: u")),
    "an alias": text(
        "x: &n c\nclusters: [{name: *n, cluster: {server: SERVER}}]\ncontexts: [{name: x, context: {cluster: *n}}]\n"
        "current-context: x"
    ),
    "time as a name": text(config().replace("name: x", "name: 1:30").replace("context: x", "context: 1:30")),
    "date as a name": text(
        config().replace("name: x", "name: 2024-01-01").replace("context: x", "context: 2024-01-01")
    ),
    "names with colons and slashes": text(
        config()
        .replace("name: x", 'name: "arn:aws:eks:eu:1:cluster/a"')
        .replace("current-context: x", "current-context: arn:aws:eks:eu:1:cluster/a")
    ),
    "a byte order mark": text("\ufeff" + config()),
    "a server with a path": one('server: "https://rancher.example/k8s/clusters/c-1"'),
    "a server without a scheme": one('server: "10.0.0.1:8080"'),
    "http": one('server: "http://10.0.0.1:8080"'),
}

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
    "authority twice": Case(
        files={
            "config": config("server: SERVER, certificate-authority: ca, certificate-authority-data: CA64"),
            "ca": CERTIFICATE.read_text(),
        }
    ),
    "authority that is no PEM": one("server: SERVER, certificate-authority-data: YWJjZA=="),
    "authority and insecure": one("server: SERVER, certificate-authority-data: CA64, insecure-skip-tls-verify: true"),
    "certificate without a key": one(user="client-certificate-data: CERT64"),
    "certificate missing": one(user="client-certificate: nope, client-key-data: KEY64"),
    "key twice": Case(
        files={
            "config": config(user="client-certificate-data: CERT64, client-key: k, client-key-data: KEY64"),
            "k": KEY.read_text(),
        }
    ),
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
}

SENT = {
    "token": one(),
    "basic": one(user="username: mé, password: 'p:w'"),
    "token file": Case(files={"sub/f": config(user="tokenFile: tok"), "sub/tok": "\nfrom-file\n"}, kubeconfig="sub/f"),
    "token file before token": Case(files={"config": config(user="token: t, tokenFile: tok"), "tok": "from-file"}),
    "token when its file is missing": one(user="token: t, tokenFile: nope"),
    "token before exec": one(user=f"token: t, exec: {{command: kdebug-test-no-such-plugin, {PLUGIN}}}"),
    "certificate": one(user="client-certificate-data: CERT64, client-key-data: KEY64"),
    "certificate and token": one(user="token: t, client-certificate-data: CERT64, client-key-data: KEY64"),
    "certificate before exec": one(
        user="client-certificate-data: CERT64, client-key-data: KEY64, "
        f"exec: {{command: kdebug-test-no-such-plugin, {PLUGIN}}}"
    ),
    "key without a certificate": one(user="token: t, client-key: nope"),
    "impersonation": one(
        user="token: t, as: bob, as-uid: '7', as-groups: [g1, g2], as-user-extra: {Scope/x%: [a, b], plain: [c]}"
    ),
    "flag over impersonation": one(user="token: t, as: bob, as-uid: '7', as-groups: [g1]", flags={"impersonate": "al"}),
    "group flags over groups": one(
        user="token: t, as: bob, as-groups: [g1]", flags={"impersonate_groups": ("g2", "g3"), "impersonate_uid": "9"}
    ),
    "all flags": one(flags={"impersonate": "al", "impersonate_groups": ("g2",), "impersonate_uid": "9"}),
    "user flag": Case(
        files={"config": config(), "b": SECOND.replace("name: u,", "name: v,")},
        kubeconfig="config:b",
        flags={"user": "v"},
    ),
    "cluster flag": Case(
        files={"config": config(context="cluster: d, user: u"), "b": SECOND},
        kubeconfig="config:b",
        flags={"cluster": "c"},
    ),
    "cluster and user flags alone": Case(files={"config": NO_CURRENT}, flags={"cluster": "c", "user": "u"}),
    "other name in the certificate": one(
        "server: SERVER, certificate-authority-data: CA64, tls-server-name: other.example"
    ),
}


SCALARS = (
    "1:30",
    "1:30:45",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "=",
    "nULL",
    "yEs",
    "oN",
    "0x",
    "0xZ",
    "0b2",
    "1e",
    "e1",
    "1.2.3",
    "10.0.0.1",
    "1_a",
    "-",
    "+",
    ".",
    "..",
    "._1",
    "-.inf.",
    "inf",
    "nan",
    ".NaN.",
    "a#b",
    "a:b",
    "!!str 1",
    "'y'",
    '"1"',
    "127.0.0.1:80",
    "0o8x",
    "--1",
    "1-1",
    "_1",
    "_0",
    "+a",
    "~a",
    "?a",
    "<",
    "<<<",
    "é",
    "日本",
    "!!str true",
    "1 2",
    "1,5",
    "y",
    "Y",
    "n",
    "N",
    "yes",
    "Yes",
    "YES",
    "no",
    "on",
    "On",
    "OFF",
    "true",
    "True",
    "false",
    "1",
    "+1",
    "-1",
    "0x1F",
    "-0x1f",
    "0b11",
    "017",
    "0o17",
    "08",
    "1_000",
    "1e3",
    "1E+3",
    ".5",
    "-.5e1",
    "1.",
    "1.5",
    "+0.1",
    "1__0",
    "1_0.5",
    "[a]",
    "{a: b}",
    "!!int 3",
    "!!float 3",
    "!!bool y",
    "",
    "~",
    "null",
    "Null",
    "NULL",
)

CLUSTER_WITH_CONFIG = (
    "server: SERVER, certificate-authority: ca.crt, tls-server-name: other.example, disable-compression: true, "
    "extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: [a, 1]}}]"
)
ANSWERED = {
    "token": (f"command: ./plug, {PLUGIN}, args: ['a b', c]", {"token": "from-plugin"}),
    "cluster info": (
        f"command: ./plug, {PLUGIN}, provideClusterInfo: true, env: [{{name: A, value: 'b c'}}]",
        {"token": "t"},
    ),
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
