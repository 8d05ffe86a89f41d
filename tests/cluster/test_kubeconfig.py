"""What loading adds to kubectl's rules: the names for the guard, the words of errors, no side effects."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kdebug.cluster import kubeconfig_file
from kdebug.cluster.kubeconfig import Selection, list_contexts, load
from kdebug.errors import ConfigError
from tests.cluster.kubeconfigs import kubeconfig, load_from
from tests.cluster.recorder import CERTIFICATE

CA = CERTIFICATE.read_bytes()
CA64 = base64.b64encode(CA).decode()


def test_names_are_what_the_guard_judges(tmp_path: Path) -> None:
    cluster = {"certificate-authority-data": CA64, "proxy-url": "http://me:secret@proxy.prod:3128"}
    names = load_from(tmp_path, kubeconfig(cluster=cluster, namespace="shop")).names
    assert (names.context, names.cluster, names.user, names.namespace) == ("staging", "c", "u", "shop")
    assert names.server == "https://api.test:6443"
    assert names.is_tls_verified
    assert names.proxy == "http://proxy.prod:3128"
    assert names.ca_fingerprint == hashlib.sha256(CA).hexdigest()


@pytest.mark.parametrize(
    "cluster", [{"insecure-skip-tls-verify": True}, {"server": "http://api.test"}, {"server": "api.test:8080"}]
)
def test_tls_that_proves_nothing_is_not_verified(tmp_path: Path, cluster: dict[str, object]) -> None:
    assert not load_from(tmp_path, kubeconfig(cluster=cluster)).names.is_tls_verified


def test_the_namespace_is_the_flags_then_the_contexts_then_default(tmp_path: Path) -> None:
    assert load_from(tmp_path, kubeconfig()).namespace == "default"
    assert load_from(tmp_path, kubeconfig(namespace="shop")).namespace == "shop"
    chosen = load_from(tmp_path, kubeconfig(namespace="shop"), namespace="till")
    assert (chosen.namespace, chosen.names.namespace) == ("till", "till")


def test_what_is_loaded_does_not_change_with_the_files(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(CA)
    context = load_from(tmp_path, kubeconfig(cluster={"certificate-authority": str(authority)}))
    before = context.flattened()
    authority.write_text("other")
    (tmp_path / ".kube" / "config").unlink()
    assert context.flattened() == before
    assert context.endpoint.ca_pem == CA.decode().strip()


def test_only_pem_blocks_reach_the_connection(tmp_path: Path) -> None:
    bundle = "# Größte CA\n".encode() + CA + b"\n# \xff\n" + CA
    data = base64.b64encode(bundle).decode()
    pem = load_from(tmp_path, kubeconfig(cluster={"certificate-authority-data": data})).endpoint.ca_pem
    assert pem == "\n".join([CA.decode().strip()] * 2)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    user = {"tokenFile": "f", "token": "SECRET-1"}
    plugin = {
        "command": "plug",
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "env": [{"name": "PASSWORD", "value": "SECRET-2"}],
    }
    cluster = {"proxy-url": "http://me:SECRET-3@proxy:1"}
    assert "SECRET" not in repr(load_from(tmp_path, kubeconfig(cluster=cluster, user=user | {"exec": plugin})))
    assert "SECRET" not in repr(load_from(tmp_path, kubeconfig(user={"username": "me", "password": "SECRET-4"})))


def failure(folder: Path, document: dict[str, object] | str, **flags: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        load_from(folder, document, **flags)
    return raised.value


def test_broken_yaml_names_file_line_and_column_and_quotes_nothing(tmp_path: Path) -> None:
    error = failure(tmp_path, "users:\n- name: u\n  user: {token: SECRET]\n")
    assert f"{tmp_path}/.kube/config:3:23" in error.what
    assert "SECRET" not in f"{error.what} {error.because} {error.remedy}"


def test_a_wrong_type_names_the_field_and_not_its_value(tmp_path: Path) -> None:
    error = failure(tmp_path, "users:\n- {name: u, user: {token: 31415926}}\n")
    assert error.because == "users[0].user.token is a number, it must be a string; put it in quotes"
    assert "31415926" not in error.what + error.remedy


def test_a_mistyped_context_is_answered_with_the_nearest(tmp_path: Path) -> None:
    error = failure(tmp_path, kubeconfig(), context="stagign")
    assert error.what == 'context "stagign" does not exist'
    assert error.remedy == "pass --context NAME; the nearest are: staging"


def test_without_a_choice_the_contexts_are_listed(tmp_path: Path) -> None:
    document = kubeconfig()
    del document["current-context"]
    error = failure(tmp_path, document)
    assert error.what == "no context chosen"
    assert "staging" in error.remedy


def test_an_undefined_user_is_an_error_and_not_anonymous(tmp_path: Path) -> None:
    document = kubeconfig()
    document["users"] = []
    error = failure(tmp_path, document)
    assert error.what == 'user "u" does not exist'
    assert 'context "staging" names it' in error.because


def test_a_cluster_flag_needs_no_context(tmp_path: Path) -> None:
    document = kubeconfig()
    del document["current-context"]
    context = load_from(tmp_path, document, cluster="c")
    assert (context.names.context, context.names.cluster, context.names.user) == ("", "c", "")


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    error = failure(tmp_path, kubeconfig(user={"as-uid": "1", "auth-provider": {"name": "oidc"}}))
    assert "auth-provider" in error.because
    assert "without impersonating" in error.because


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(Selection(), {}, tmp_path, service_account=tmp_path)
    assert raised.value.what == "no kubeconfig"
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "a: " + "{a: " * 20_000, "- " * 20_000, "&a [*a]", "clusters: &a [*a]", "? {a: b}\n: c"]
)
def test_a_hostile_file_is_an_error(tmp_path: Path, content: str) -> None:
    assert failure(tmp_path, content).what.startswith("the kubeconfig ")


def test_aliases_of_aliases_cost_nothing(tmp_path: Path) -> None:
    levels = "".join(f"l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 9)}]\n" for n in range(40))
    content = "l0: &l0 [x]\n" + levels + "".join(f"{key}: {json.dumps(each)}\n" for key, each in kubeconfig().items())
    assert load_from(tmp_path, content).names.context == "staging"


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeconfig_file, "SIZE_LIMIT", 1024 * 1024)
    with pytest.raises(ConfigError, match="cannot be used") as raised:
        load(Selection(kubeconfig="/dev/zero"), {}, tmp_path)
    assert "more than 1 MiB" in raised.value.because


def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_bytes(CA)
    (tmp_path / "namespace").write_text("tools\n")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    context = load(Selection(impersonate="al"), environment, tmp_path, service_account=tmp_path)
    assert context.server == "https://[fd00::1]:443"
    assert context.namespace == "tools"
    assert context.user.token_file == str(tmp_path / "token")
    assert context.impersonation.user == "al"
    assert context.names.is_tls_verified
    assert load(Selection(namespace="n"), environment, tmp_path, service_account=tmp_path).namespace == "n"


def test_a_pod_with_a_kubeconfig_uses_that(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    (tmp_path / "config").write_text(json.dumps(kubeconfig()))
    chosen = load(Selection(kubeconfig=str(tmp_path / "config")), environment, tmp_path, service_account=tmp_path)
    assert chosen.names.context == "staging"
    with pytest.raises(ConfigError):
        load(Selection(context="other"), environment, tmp_path, service_account=tmp_path)


def test_contexts_are_listed_with_the_current_one(tmp_path: Path) -> None:
    document = kubeconfig(namespace="shop")
    document["contexts"].append({"name": "broken", "context": {"cluster": "nope"}})
    (tmp_path / "config").write_text(json.dumps(document))
    broken, staging = list_contexts(Selection(kubeconfig=str(tmp_path / "config")), {}, tmp_path)
    assert (broken.name, broken.server, broken.is_current) == ("broken", "", False)
    assert (staging.name, staging.server, staging.is_current) == ("staging", "https://api.test:6443", True)


def test_loading_needs_no_kubernetes_client(tmp_path: Path) -> None:
    """An offline refusal stands on this module alone, so it must stay cheap to import and to run."""
    (tmp_path / "config").write_text(json.dumps(kubeconfig()))
    code = (
        "import sys, pathlib\n"
        "from kdebug.cluster.kubeconfig import Selection, load\n"
        "load(Selection(kubeconfig=sys.argv[1]), {}, pathlib.Path('/'))\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "config")], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"kubernetes", "urllib3", "ssl", "asyncio", "textual", "websockets"} & set(done.stdout.split())
