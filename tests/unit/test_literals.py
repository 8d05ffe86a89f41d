"""Secret-looking literals are found by name and by shape, expanded as Kubernetes would, and never shown."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.domain.literals import (
    expand,
    is_harmless,
    looks_secret,
    secret_arguments,
    secret_literals,
    session_literals,
    unresolved_literals,
)
from tests.support.target_pods import TARGETS


def _container(*pairs: tuple[str, str], **fields: Any) -> dict[str, Any]:
    return {"name": "proxy", "env": [{"name": name, "value": value} for name, value in pairs], **fields}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("dbPassword", "hunter2"),
        ("PASSWORD", "12345"),
        ("PGPASSWORD", "x"),
        ("GITHUB_TOKEN", "x"),
        ("STRIPE_API_KEY", "x"),
        ("apiKey", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("SIGNING_KEY", "x"),
        ("URL", "postgres://app:pw@db/app"),
        ("URL", "redis://:pw@redis:6379"),
        ("REMOTE", "https://abcdef0123456789abcdef@example.com/repo.git"),
        ("X", "-----BEGIN EC PRIVATE KEY-----\nMHc"),
        ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig"),
        ("X", "AKIAIOSFODNN7EXAMPLE"),
        ("X", "ghp_" + "aB3d" * 9),
        ("X", "xoxb-123456789012-abc"),
        ("X", "Server=db;User Id=sa;Password=letmein1;"),
        ("X", '{"type": "service_account", "private_key": "-----"}'),
        ("X", "Bearer abcdefghijkl"),
        ("X", "9f86d081884c7d659a2feaa0c55ad015"),
        ("X", "kR3vT9xLq2ZpW8nYb5JcD7mH"),
        ("PADDED", "x" * 500_000 + " postgres://app:pw@db/app"),
    ],
)
def test_what_looks_secret(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUST_LOG", "info,prism=debug"),
        ("PRISM_BACKEND", "http://backend.prism.svc:8980"),
        ("TOKEN_FILE", "/var/run/token"),
        ("TOKEN_URL", "https://login.example.com/token"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("MAX_TOKENS", "4096"),
        ("SECRET_NAME", "db-credentials"),
        ("DB_PASSWORD", ""),
        ("GIT_SHA", "4f2c9d1e8b7a6f5d4c3b2a190817263544f2c9d1"),
        ("KEYBOARD", "qwertz"),
        ("COMPASS", "north"),
        ("ID", "6f1c4a3e-8a62-4e27-9a44-1a9e5f9d2c11"),
        ("CLASSPATH", "/app/lib:/app/classes"),
        ("JAVA_OPTS", "-Xmx512m -Dfile.encoding=UTF-8"),
    ],
)
def test_what_does_not(name: str, value: str) -> None:
    assert not looks_secret(name, value)


@pytest.mark.parametrize("piece", ["a", "a:", "a://", "eyJ-", "eyJa.", "-----BEGIN ", "sk-", "password ", "ab12AB"])
def test_a_long_value_is_judged_in_time(piece: str) -> None:
    started = time.process_time()
    looks_secret("X", piece * (300_000 // len(piece)))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("value", "known", "expected"),
    [
        ("plain", {}, "plain"),
        ("a$(X)b", {"X": "1"}, "a1b"),
        ("$$(X)", {"X": "1"}, "$(X)"),
        ("$$$(X)", {"X": "1"}, "$1"),
        ("$(X", {"X": "1"}, "$(X"),
        ("$X $", {"X": "1"}, "$X $"),
        ("$(X)$(Y)", {"X": "$(Y)", "Y": "2"}, "$(Y)2"),
        ("$(MISSING)", {"X": "1"}, None),
        ("$(X)", {"X": None}, None),
    ],
)
def test_expansion(value: str, known: dict[str, str | None], expected: str | None) -> None:
    assert expand(value, known) == expected


@given(st.text(max_size=40))
def test_a_value_without_a_dollar_is_its_own_expansion(value: str) -> None:
    plain = value.replace("$", "")
    assert expand(plain, {}) == plain


def test_secret_values_are_expanded_from_what_stands_before_them() -> None:
    container = _container(("PASSWORD", "pw"), ("URL", "db://u:$(PASSWORD)@h/$$x"), ("RUST_LOG", "info"))
    assert secret_literals(container) == {"PASSWORD": "pw", "URL": "db://u:pw@h/$x"}
    assert unresolved_literals(container) == ()


def test_a_value_that_refers_to_what_is_not_known_stays_and_is_listed() -> None:
    container = _container(("URL", "db://u:$(LATER)@h"), ("LATER", "pw"))
    container["env"].insert(0, {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})
    container["env"].append({"name": "OTHER", "value": "db://u:$(FROM)@h"})
    assert secret_literals(container) == {}
    assert unresolved_literals(container) == ("URL", "OTHER")


def test_the_last_of_two_variables_of_one_name_counts() -> None:
    assert secret_literals(_container(("PASSWORD", "old"), ("PASSWORD", "new"))) == {"PASSWORD": "new"}


def test_arguments_are_named_but_their_values_are_not() -> None:
    args = [
        "--port",
        "80",
        "--api-key",
        "abcd1234",
        "--password=letmein",
        "postgres://u:pw@h/d",
        "--token-file=/x",
        "-v",
    ]
    places = secret_arguments({"name": "proxy", "command": ["/app", "serve"], "args": args})
    assert places == ("args[3] (--api-key)", "args[4] (--password)", "args[5]")
    assert not any(value in place for place in places for value in ("abcd1234", "letmein", "pw@"))


def test_the_session_takes_the_literals_of_kept_containers_only() -> None:
    target = TARGETS["native sidecar"]
    assert session_literals(target, "proxy", ("proxy",)).keys == {}
    literals = session_literals(target, "proxy", ("migrate", "proxy"))
    assert literals.keys == {"migrate/DB_PASSWORD": "literal-1"}
    assert literals.values == {"literal-1": "hunter2hunter2"}


def test_the_sessions_keys_name_its_values() -> None:
    literals = session_literals(TARGETS["secret literals"], "proxy", ("proxy",))
    assert {name: literals.values[key] for name, key in literals.keys.items()} == {
        "PASSWORD": "correct horse battery",
        "REDIS_URL": "redis://:s3cr3t@redis:6379/0",
        "DSN": "postgres://app:correct horse battery@db/app$x",
    }
    assert literals.arguments == ("proxy args[1] (--api-key)", "proxy args[3] (--password)")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RUST_LOG", "info", True),
        ("LC_ALL", "C.UTF-8", True),
        ("WORKERS", "8", True),
        ("RATIO", "0.5", True),
        ("FEATURE", "true", True),
        ("EMPTY", "", True),
        ("PIN_PASSWORD", "1234", False),
        ("BACKEND", "https://backend", False),
        ("REGION_NAME", "eu-1", True),
    ],
)
def test_what_may_cross_between_clusters(name: str, value: str, expected: bool) -> None:
    assert is_harmless(name, value, ("REGION_*",)) is expected
