"""When credentials are read again, and what is sent with each request."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.context import Impersonation
from kdebug.cluster.credentials import Credentials, impersonation_headers
from kdebug.errors import ConfigError, DeniedError
from tests.cluster.kubeconfigs import NOON, kubeconfig, load_from
from tests.cluster.recorder import CERTIFICATE, KEY

V1 = "client.authentication.k8s.io/v1"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def move(self, **span: float) -> None:
        self.time += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def credentials(
    folder: Path, clock: Clock, user: Mapping[str, Any], cluster: Mapping[str, Any] | None = None, **flags: Any
) -> Credentials:
    context = load_from(folder, kubeconfig(user=user, cluster=cluster), **flags)
    return Credentials(context, environment={"PATH": "/usr/bin:/bin"}, now=clock, has_terminal=lambda: False)


def plugin(folder: Path, script: str) -> dict[str, Any]:
    """Write a plugin that notes each of its runs, and return the user that has it."""
    path = folder / "plug"
    path.write_text(f"#!/bin/sh\necho run >> {folder}/runs\n{script}\n")
    path.chmod(0o700)
    return {"exec": {"command": str(path), "apiVersion": V1, "interactiveMode": "Never"}}


def answer(**status: str) -> str:
    return f"echo '{json.dumps({'kind': 'ExecCredential', 'apiVersion': V1, 'status': status})}'"


def runs(folder: Path) -> int:
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def bearer(credentials: Credentials) -> str:
    return credentials.authenticate().headers["Authorization"]


def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path, clock: Clock) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    found = credentials(tmp_path, clock, {"tokenFile": str(token)})
    assert bearer(found) == "Bearer one"
    token.write_text("two\n")
    clock.move(seconds=59)
    assert bearer(found) == "Bearer one"
    clock.move(seconds=1)
    assert bearer(found) == "Bearer two"


def test_a_token_file_is_read_again_when_the_clock_was_set_back(tmp_path: Path, clock: Clock) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    found = credentials(tmp_path, clock, {"tokenFile": str(token)})
    bearer(found)
    token.write_text("two")
    clock.move(days=-1)
    assert bearer(found) == "Bearer two"


def test_reload_reads_a_token_file_at_once(tmp_path: Path, clock: Clock) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    found = credentials(tmp_path, clock, {"tokenFile": str(token)})
    bearer(found)
    token.write_text("two")
    found.reload()
    assert bearer(found) == "Bearer two"


def test_a_token_outlives_its_file(tmp_path: Path, clock: Clock) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    found = credentials(tmp_path, clock, {"tokenFile": str(token)})
    bearer(found)
    token.unlink()
    clock.move(minutes=2)
    assert bearer(found) == "Bearer one"


def test_a_token_file_that_never_was_is_an_error(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(ConfigError, match="token file"):
        credentials(tmp_path, clock, {"tokenFile": "nope"}).authenticate()


def test_a_plugin_runs_once_until_its_answer_expires(tmp_path: Path, clock: Clock) -> None:
    expires = NOON + timedelta(minutes=4)
    found = credentials(tmp_path, clock, plugin(tmp_path, answer(token="t", expirationTimestamp=expires.isoformat())))
    assert found.authenticate().expires == expires
    clock.move(minutes=3, seconds=59)
    assert bearer(found) == "Bearer t"
    assert runs(tmp_path) == 1
    clock.move(seconds=1)
    bearer(found)
    assert runs(tmp_path) == 2


def test_a_plugin_runs_again_after_a_reload(tmp_path: Path, clock: Clock) -> None:
    found = credentials(tmp_path, clock, plugin(tmp_path, answer(token="t")))
    bearer(found)
    clock.move(days=400)
    bearer(found)
    assert runs(tmp_path) == 1
    found.reload()
    bearer(found)
    assert runs(tmp_path) == 2


def test_threads_share_one_run(tmp_path: Path, clock: Clock) -> None:
    found = credentials(tmp_path, clock, plugin(tmp_path, answer(token="t")))
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(bearer(found))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["Bearer t"] * 8
    assert runs(tmp_path) == 1


def test_a_failed_plugin_stops_every_request(tmp_path: Path, clock: Clock) -> None:
    found = credentials(tmp_path, clock, plugin(tmp_path, "echo 'token has expired' >&2; exit 3"))
    for _ in range(2):
        with pytest.raises(DeniedError) as raised:
            found.authenticate()
        assert raised.value.because == "exit code 3: token has expired"


def test_a_plugins_certificate_reaches_the_connection(tmp_path: Path, clock: Clock) -> None:
    pair = {"clientCertificateData": CERTIFICATE.read_text(), "clientKeyData": KEY.read_text()}
    (tmp_path / "answer").write_text(json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": pair}))
    login = credentials(tmp_path, clock, plugin(tmp_path, f"cat {tmp_path}/answer")).login()
    assert login.client_certificate == (CERTIFICATE.read_text(), KEY.read_text())
    assert login.headers == ()


def test_reload_reads_a_renewed_client_certificate(tmp_path: Path, clock: Clock) -> None:
    for name in ("crt", "key"):
        (tmp_path / name).write_text("old")
    user = {"client-certificate": str(tmp_path / "crt"), "client-key": str(tmp_path / "key")}
    found = credentials(tmp_path, clock, user)
    (tmp_path / "crt").write_text("new")
    assert found.authenticate().client_certificate == ("old", "old")
    found.reload()
    assert found.authenticate().client_certificate == ("new", "old")
    (tmp_path / "key").unlink()
    found.reload()
    assert found.authenticate().client_certificate == ("new", "old")


def test_nothing_secret_crosses_a_network_in_the_clear(tmp_path: Path, clock: Clock) -> None:
    user = {"token": "t", "as": "al"}
    there = credentials(tmp_path, clock, user, {"server": "http://api.test:80"}).authenticate()
    assert there.pairs == (("Impersonate-User", "al"),)
    for server in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://api.test"):
        here = credentials(tmp_path, clock, user, {"server": server}).authenticate()
        assert here.pairs == (("Authorization", "Bearer t"), ("Impersonate-User", "al"))


def test_impersonation_repeats_a_group_and_escapes_a_key() -> None:
    headers = impersonation_headers(
        Impersonation(user="al", uid="7", groups=("a", "b"), extra=(("acme.com/Scope %", ("x", "y")),))
    )
    assert headers == (
        ("Impersonate-User", "al"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-acme.com%2FScope%20%25", "x"),
        ("Impersonate-Extra-acme.com%2FScope%20%25", "y"),
    )


@pytest.mark.parametrize("name", ["a\r\nAuthorization: Bearer x", "a\x00", "jürgen"])
def test_impersonation_cannot_add_a_header(tmp_path: Path, clock: Clock, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be sent"):
        credentials(tmp_path, clock, {"token": "t"}, impersonate=name)


def test_no_secret_is_shown(tmp_path: Path, clock: Clock) -> None:
    assert "SECRET" not in repr(credentials(tmp_path, clock, {"token": "SECRET"}).authenticate())
