"""Lists, pages and watches."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from kdebug.demo.clock import VirtualClock
from kdebug.demo.cluster import EmbeddedCluster
from kdebug.demo.timings import Timings
from tests.demo.client import MERGE_PATCH, Client, client_of
from tests.demo.objects import CONFIG_MAPS, PODS, config_map, pod
from tests.support.embedded import embedded_cluster


@pytest.fixture
def flowing() -> Iterator[EmbeddedCluster]:
    with embedded_cluster(clock=VirtualClock(flows=True), timings=Timings()) as cluster:
        yield cluster


def names(events: list[dict[str, dict[str, dict[str, str]]]]) -> list[tuple[object, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def version(api: Client) -> str:
    return str(api("GET", CONFIG_MAPS).body["metadata"]["resourceVersion"])


def test_a_watch_tells_what_happened_since_a_version(flowing: EmbeddedCluster) -> None:
    api = client_of(flowing)
    since = version(api)
    api("POST", CONFIG_MAPS, config_map("a"))
    api("PATCH", f"{CONFIG_MAPS}/a", {"data": {"k": "v"}}, content_type=MERGE_PATCH)
    api("DELETE", f"{CONFIG_MAPS}/a")
    events = api.events(CONFIG_MAPS, resourceVersion=since, timeoutSeconds="5")
    assert names(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_watch_without_a_version_begins_with_what_is_there(flowing: EmbeddedCluster) -> None:
    api = client_of(flowing)
    events = api.events("/api/v1/namespaces", timeoutSeconds="1")
    assert ("ADDED", "prism") in names(events)


def test_a_watch_sees_objects_enter_and_leave_its_selector(flowing: EmbeddedCluster) -> None:
    api = client_of(flowing)
    api("POST", CONFIG_MAPS, config_map("a"))
    since = version(api)
    for label in ("x", None):
        api("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"k": label}}}, content_type=MERGE_PATCH)
    events = api.events(CONFIG_MAPS, resourceVersion=since, labelSelector="k=x", timeoutSeconds="1")
    assert names(events) == [("ADDED", "a"), ("DELETED", "a")]


def test_a_version_that_is_no_longer_kept_answers_410(flowing: EmbeddedCluster) -> None:
    api = client_of(flowing)
    since = version(api)
    api("POST", CONFIG_MAPS, config_map("a"))
    flowing.on_store(lambda store: store.compact())
    (event,) = api.events(CONFIG_MAPS, resourceVersion=since, timeoutSeconds="1")
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_flowing_clock_brings_a_watched_pod_up_without_waiting(flowing: EmbeddedCluster) -> None:
    api = client_of(flowing)
    made = api("POST", PODS, pod()).body
    events = api.events(
        PODS, fieldSelector="metadata.name=p", resourceVersion=made["metadata"]["resourceVersion"], timeoutSeconds="5"
    )
    assert events[-1]["object"]["status"]["phase"] == "Running"


def test_a_standing_watch_ends_when_the_clock_is_moved(cluster: EmbeddedCluster, api: Client) -> None:
    found: list[str] = []

    def watch() -> None:
        events = api.events(PODS, fieldSelector="metadata.name=p", timeoutSeconds="30", allowWatchBookmarks="true")
        found.extend(event["type"] for event in events)

    api("POST", PODS, pod())
    before = len(cluster.calls)
    thread = threading.Thread(target=watch)
    thread.start()
    while len(cluster.calls) == before:
        thread.join(0.01)
    cluster.clock.advance(31)
    thread.join(10)
    assert (found[0], found[-1]) == ("ADDED", "BOOKMARK")


def test_pages_hold_everything_once(api: Client) -> None:
    for name in "abcde":
        api("POST", CONFIG_MAPS, config_map(name))
    seen: list[str] = []
    token = ""
    while True:
        page = api("GET", CONFIG_MAPS, limit="2", **{"continue": token}).body
        seen += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert seen == ["a", "b", "c", "d", "e", "kube-root-ca.crt"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["one"]),
        ("app!=web", ["two", "three"]),
        ("app in (web, db)", ["one", "two"]),
        ("app notin (web)", ["two", "three"]),
        ("app", ["one", "two"]),
        ("!app", ["three"]),
        ("app in (web,db),tier=front", ["one"]),
    ],
)
def test_label_selectors(api: Client, selector: str, expected: list[str]) -> None:
    labelled = {"one": {"app": "web", "tier": "front"}, "two": {"app": "db"}, "three": {"x": "y"}}
    for name, labels in labelled.items():
        manifest = config_map(name)
        manifest["metadata"]["labels"] = labels
        api("POST", CONFIG_MAPS, manifest)
    found = api("GET", CONFIG_MAPS, labelSelector=selector).body["items"]
    assert [item["metadata"]["name"] for item in found if item["metadata"].get("labels")] == sorted(expected)
