"""Sessions are listed as kubectl lists things, by the server's clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import yaml

from kdebug.cli.session_table import render_sessions, state_of
from kdebug.domain.ownership import SessionRecord

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
RECORD = SessionRecord(
    id="k3vq5w2m7x4tzr6n",
    namespace="kdebug-isolated",
    uid="u",
    target="prism/prism-proxy-pod",
    container="proxy",
    image="ghcr.io/prism/proxy:v1-debug",
    user="ann",
    holder="laptop/1/aa",
    shell="/busybox/sh",
    is_detached=False,
    is_over=False,
    started=NOW - timedelta(minutes=4),
    renewed=NOW - timedelta(seconds=30),
    deadline_seconds=450,
    hard_cap_seconds=14400,
)


def test_a_table_is_kubectls() -> None:
    """Capital headers, columns by spaces, AGE last, no cell with a space or nothing in it."""
    shown = render_sessions([RECORD, replace(RECORD, user="", holder="a b")], now=NOW)
    header, first, second = (line.split() for line in shown.splitlines())
    assert header == ["NAME", "TARGET", "CONTAINER", "USER", "STATE", "LEFT", "AGE"]
    assert first == ["k3vq5w2m7x4tzr6n", "prism/prism-proxy-pod", "proxy", "ann", "Active", "3m30s", "4m"]
    assert second[3] == "<none>"


def test_a_wide_table_over_all_namespaces_has_more_columns() -> None:
    """NAMESPACE comes first."""
    shown = render_sessions([RECORD], now=NOW, form="wide", with_namespace=True)
    header, first = (line.split() for line in shown.splitlines())
    assert (header[0], header[-2:]) == ("NAMESPACE", ["IMAGE", "HOLDER"])
    assert first[-1] == "laptop/1/aa"


def test_without_sessions_a_table_is_empty_and_data_is_not() -> None:
    """Scripts get an empty list, people a sentence on stderr."""
    assert render_sessions([], now=NOW) == ""
    assert json.loads(render_sessions([], now=NOW, form="json"))["items"] == []


def test_a_state_is_the_servers_view() -> None:
    """Not what this client believes."""
    assert state_of(RECORD, NOW) == "Active"
    assert state_of(RECORD, NOW + timedelta(seconds=100)) == "HolderLost"
    assert state_of(RECORD, NOW + timedelta(seconds=210)) == "Expired"
    assert state_of(replace(RECORD, is_detached=True), NOW) == "Detached"
    assert state_of(replace(RECORD, is_over=True), NOW) == "Expired"


def test_data_is_the_same_in_every_form() -> None:
    """One object; a name alone can be pasted behind attach and clean."""
    as_json = json.loads(render_sessions([RECORD], now=NOW, form="json"))
    assert as_json == yaml.safe_load(render_sessions([RECORD], now=NOW, form="yaml"))
    assert as_json["kind"] == "SessionList"
    assert as_json["items"][0]["until"] == "2026-01-01T12:03:30Z"
    assert render_sessions([RECORD], now=NOW, form="name") == "k3vq5w2m7x4tzr6n\n"


def test_an_annotation_does_not_act_on_the_terminal() -> None:
    """Whoever may write the anchor may write anything there."""
    shown = render_sessions([replace(RECORD, target="\x1b[2Jx", user="a\nb")], now=NOW, form="wide")
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2
