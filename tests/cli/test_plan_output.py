"""A plan on stdout: everything that differs is there, everything that looks secret is not."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from kdebug.cli import output
from kdebug.cli.plan_output import render_plan
from kdebug.domain.diagnosis import Diagnosis
from kdebug.domain.guard import ServerFacts, Signal, Verdict
from kdebug.domain.kinds import Manifest
from kdebug.domain.ownership import ZERO_UID
from kdebug.domain.plan import Plan
from kdebug.domain.target import target_of
from kdebug.errors import KdebugError
from kdebug.session.planning import PlanOptions, make_plan
from kdebug.session.port import Cluster

PASSWORD = "hunter2-hunter2-hunter2"
ARGUMENT = "s3cr3t-argument-value"
ESCAPE = "\x1b]0;owned\x07"
TARGET: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "prism-proxy-pod",
        "namespace": "prism",
        "annotations": {
            "note": f"a{ESCAPE}b",
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"password": PASSWORD}),
        },
    },
    "spec": {
        "hostNetwork": True,
        "containers": [
            {
                "name": "proxy",
                "image": "ghcr.io/prism/proxy:v1.2.3",
                "args": [f"--password={ARGUMENT}"],
                "env": [{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "RUST_LOG", "value": "info"}],
                "envFrom": [{"configMapRef": {"name": "settings"}}],
                "livenessProbe": {"httpGet": {"path": "/", "port": 9090}},
            }
        ],
    },
    "status": {"podIP": "10.0.0.1"},
}
SIGNAL = Signal(name="context", value="prod-eu", place="kubeconfig", weight="veto", meaning="it looks like production")
REFUSED = Verdict(is_allowed=False, signals=(SIGNAL,))
LINES = ("refused: this looks like production", "  because: context 'prod-eu'")
FORMS = ("", "yaml", "json", "diff")


@pytest.fixture(name="plan")
def _plan() -> Plan:
    """Return the plan for a target from a manifest: nothing of a cluster is read for it."""
    facts = ServerFacts(
        isolated=None,
        target_namespace=None,
        target=None,
        isolated_name="kdebug-isolated",
        target_namespace_name="prism",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return make_plan(
        cast(Cluster, None),
        target_of(TARGET),
        Diagnosis(
            state="CrashLoopBackOff", is_failing=True, container="proxy", exit_code=101, panic=f"panicked{ESCAPE}"
        ),
        facts,
        PlanOptions(namespace="kdebug-isolated"),
        session_id="k3vq5w2m7x4tzr6n",
    )


@pytest.mark.parametrize("form", FORMS)
def test_nothing_secret_and_nothing_active_is_shown(plan: Plan, form: str) -> None:
    """No form holds a secret-looking literal, an argument of that kind, or a control sequence."""
    shown = render_plan(plan, target=TARGET, form=form, verdict=REFUSED, refusal=LINES)
    assert PASSWORD not in shown
    assert ARGUMENT not in shown
    assert not set(shown) & {"\x1b", "\x07"}
    assert any(manifest["kind"] == "Secret" for manifest in plan.objects)


@pytest.mark.parametrize("form", ["", "yaml", "diff"])
def test_a_refusal_comes_first(plan: Plan, form: str) -> None:
    """In every form that is read from its top."""
    shown = render_plan(plan, target=TARGET, form=form, verdict=REFUSED, refusal=LINES)
    assert shown.splitlines()[:2] == [line if not form else f"# {line}" for line in LINES]


def test_yaml_is_what_would_be_created(plan: Plan) -> None:
    """One document an object, in order, with the zero owner uid; comments do not break it."""
    shown = render_plan(plan, target=TARGET, form="yaml", verdict=REFUSED, refusal=LINES)
    documents = list(yaml.safe_load_all(shown))
    assert [document["kind"] for document in documents] == [manifest["kind"] for manifest in plan.objects]
    assert documents[0] == plan.anchor
    assert documents[-1] == plan.pod
    assert documents[-1]["metadata"]["ownerReferences"][0]["uid"] == ZERO_UID
    secret = next(document for document in documents if document["kind"] == "Secret")
    assert set(secret["stringData"].values()) == {"redacted"}


def test_yaml_shares_nothing_between_places() -> None:
    """kubectl's users do not write anchors and aliases."""
    shared = {"a": "1"}
    assert output.as_yaml([{"one": shared, "two": shared}]) == "---\none:\n  a: '1'\ntwo:\n  a: '1'\n"


def test_text_tells_all_of_it(plan: Plan) -> None:
    """Why, image, objects, steps, differences, what is left out, what is referred to."""
    shown = render_plan(plan, target=TARGET)
    for expected in (
        "Fails      CrashLoopBackOff, exit code 101",
        "Image      ghcr.io/prism/proxy:v1.2.3 -> ghcr.io/prism/proxy:v1.2.3-debug",
        "  job/kdebug-k3vq5w2m7x4tzr6n ",
        "dns: the cluster's DNS servers",
        "whatever happens, after 4h",
        "spec.containers[proxy].image: ghcr.io/prism/proxy:v1.2.3 -> ghcr.io/prism/proxy:v1.2.3-debug",
        "spec.containers[proxy].livenessProbe",
        "configmap/settings: ",
    ):
        assert expected in shown
    paths = [*(change.path for change in plan.clone.changes), *(entry.path for entry in plan.clone.left_out)]
    words = " ".join(shown.split())
    assert [path for path in paths if path not in words and path.partition("[")[2].removesuffix("]") not in words] == []


def test_json_is_one_object(plan: Plan) -> None:
    """In kdebug's own form, the verdict with its signals included."""
    document: dict[str, Any] = json.loads(render_plan(plan, target=TARGET, form="json", verdict=REFUSED, refusal=LINES))
    assert (document["apiVersion"], document["kind"]) == ("kdebug/v1", "Plan")
    assert document["verdict"]["isAllowed"] is False
    assert document["verdict"]["signals"][0]["value"] == "prod-eu"
    assert document["target"]["name"] == "pod/prism-proxy-pod"
    assert len(document["changes"]) == len(plan.clone.changes)
    assert document["objects"][-1] == plan.pod
    assert document["dependencies"][0]["name"] == "settings"


def test_a_diff_stands_between_target_and_clone(plan: Plan) -> None:
    """It can be read by diff's users, and holds no noise of the server's."""
    shown = render_plan(plan, target=TARGET, form="diff")
    assert shown.startswith("--- target/prism/pod/prism-proxy-pod\n+++ clone/kdebug-isolated/pod/kdebug-")
    assert "-  hostNetwork: true\n" in shown
    assert "+    image: ghcr.io/prism/proxy:v1.2.3-debug\n" in shown
    assert "podIP" not in shown


def test_a_full_disk_is_an_error_and_a_closed_stdout_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that could not be written is not success."""
    with suppress(OSError), Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(KdebugError) as caught:
            output.write("x")
        monkeypatch.setattr("sys.stdout", None)
        output.write("x")
        assert caught.value.because == "No space left on device"
