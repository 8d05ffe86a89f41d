"""Sessions are found and removed from the cluster's own objects, from any machine."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kdebug.domain.ownership import object_name
from kdebug.errors import (
    ApiError,
    DeniedError,
    ServerFaultError,
    TargetError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from kdebug.session.cleanup import choose, find_session, list_sessions, remove_session, repair
from kdebug.session.events import Event, ObjectGone
from kdebug.session.journal import Entry, Journal
from kdebug.session.timing import Timing
from tests.support.collecting import NAMESPACE, SESSION, CollectingCluster, Fault, running_session, session_object
from tests.support.memory_cluster import NOW

SERVER = "https://here:6443"


def cluster_with_session() -> CollectingCluster:
    """Return a cluster that holds one session."""
    cluster = CollectingCluster()
    running_session(cluster)
    return cluster


def timing(cluster: CollectingCluster) -> Timing:
    """Return the cluster's own clock."""
    return Timing(clock=cluster.clock, sleep=cluster.clock.sleep)


def entry(pid: int, holder: str = "me") -> Entry:
    """Return what the journal of a run with this process id holds."""
    return Entry(session_id=SESSION, server=SERVER, context="c", namespace=NAMESPACE, holder=holder, pid=pid)


@pytest.mark.parametrize("word", [SESSION, f"kdebug-{SESSION}", f"job/kdebug-{SESSION}", "aaa"])
def test_a_session_is_found_by_its_id_its_object_or_a_prefix(word: str) -> None:
    assert find_session(cluster_with_session(), NAMESPACE, word).id == SESSION


def test_an_unknown_session_is_an_error() -> None:
    with pytest.raises(TargetError, match="no session"):
        find_session(cluster_with_session(), NAMESPACE, "zzz")


def test_jobs_of_others_are_not_sessions() -> None:
    cluster = cluster_with_session()
    cluster.add(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "x", "namespace": NAMESPACE, "labels": {"a": "b"}},
        }
    )
    assert [record.id for record in list_sessions(cluster, NAMESPACE)] == [SESSION]


def test_a_session_is_removed_with_everything_it_has() -> None:
    cluster = cluster_with_session()
    record = find_session(cluster, NAMESPACE, SESSION)
    result = remove_session(cluster, record, timing=timing(cluster), emit=lambda _: None)
    assert not result.leftovers
    assert not cluster.objects


def test_without_a_right_on_secrets_the_rest_is_still_removed() -> None:
    cluster = cluster_with_session()
    cluster.faults = [Fault(request="delete Secret", error=DeniedError("no", status=403), count=99)]
    record = find_session(cluster, NAMESPACE, SESSION)
    assert not remove_session(cluster, record, timing=timing(cluster), emit=lambda _: None).leftovers
    assert not cluster.objects


def test_the_forms_of_clean() -> None:
    records = list_sessions(cluster_with_session(), NAMESPACE)
    assert choose(records, NOW, expired=True) == ()
    assert len(choose(records, NOW + timedelta(seconds=301), expired=True)) == 1
    assert len(choose(records, NOW, mine="oncall")) == 1
    assert choose(records, NOW, mine="other") == ()
    assert len(choose(records, NOW, everything=True)) == 1


def test_what_a_dead_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    cluster = cluster_with_session()
    journal = Journal(directory=tmp_path / "sessions")
    journal.record(entry(pid=2**22 + 1))
    assert repair(cluster, journal, SERVER, timing=timing(cluster), emit=lambda _: None) == 1
    assert not cluster.objects
    assert list(journal.entries()) == []


@pytest.mark.parametrize(
    "kept",
    [
        entry(pid=os.getpid()),
        entry(pid=2**22 + 1, holder="somebody else"),
    ],
    ids=["alive", "taken over"],
)
def test_a_session_that_somebody_holds_is_left_alone(tmp_path: Path, kept: Entry) -> None:
    cluster = cluster_with_session()
    journal = Journal(directory=tmp_path)
    journal.record(kept)
    assert repair(cluster, journal, SERVER, timing=timing(cluster), emit=lambda _: None) == 0
    assert cluster.objects


def test_another_servers_entry_is_left_alone(tmp_path: Path) -> None:
    cluster = cluster_with_session()
    journal = Journal(directory=tmp_path)
    journal.record(entry(pid=2**22 + 1))
    assert repair(cluster, journal, "https://there", timing=timing(cluster), emit=lambda _: None) == 0
    assert len(list(journal.entries())) == 1


def test_an_entry_without_a_session_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(directory=tmp_path)
    journal.record(entry(pid=2**22 + 1))
    cluster = CollectingCluster()
    assert repair(cluster, journal, SERVER, timing=timing(cluster), emit=lambda _: None) == 0
    assert list(journal.entries()) == []


def test_the_journal_is_private_and_survives_damage(tmp_path: Path) -> None:
    journal = Journal(directory=tmp_path / "state" / "sessions")
    journal.record(entry(pid=1))
    (journal.directory / "broken.json").write_text("{")
    file = journal.directory / f"{SESSION}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert journal.directory.stat().st_mode & 0o777 == 0o700
    assert [found.session_id for found in journal.entries()] == [SESSION]


def test_a_pid_that_was_given_to_another_process_is_not_alive() -> None:
    started = Entry(
        session_id=SESSION,
        server=SERVER,
        context="c",
        namespace=NAMESPACE,
        holder="me",
        pid=os.getpid(),
        started_ticks=1,
    )
    assert not started.is_alive()


@pytest.mark.parametrize("word", ["", "kdebug-", "job/", "pod/kdebug-"])
def test_an_empty_word_names_no_session_although_there_is_only_one(word: str) -> None:
    with pytest.raises(TargetError, match="no session"):
        find_session(cluster_with_session(), NAMESPACE, word)


def test_an_object_that_only_carries_the_labels_is_not_the_sessions() -> None:
    """Only a session knows the names that its random id makes."""
    cluster = cluster_with_session()
    stranger = session_object("Pod", "prism-proxy", containers=[])
    stranger["metadata"]["ownerReferences"] = []
    copied = {**cluster.objects["Job", NAMESPACE, object_name(SESSION)]}
    copied["metadata"] = {**copied["metadata"], "name": "nightly", "uid": "another"}
    cluster.add(stranger, copied)
    assert len(list_sessions(cluster, NAMESPACE)) == 1
    record = find_session(cluster, NAMESPACE, SESSION)
    assert not remove_session(cluster, record, timing=timing(cluster), emit=lambda _: None).leftovers
    assert {name for _, _, name in cluster.objects} == {"prism-proxy", "nightly"}


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("no answer"),
        ServerFaultError("503", status=503),
        ThrottledError("429", status=429, retry_after=1),
        UnauthenticatedError("401", status=401),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("request_", ["list Pod", "delete Secret", "list NetworkPolicy"])
def test_a_fault_while_looking_is_only_a_delay(request_: str, error: ApiError) -> None:
    cluster = cluster_with_session()
    record = find_session(cluster, NAMESPACE, SESSION)
    cluster.faults = [Fault(request=request_, error=error)]
    told: list[Event] = []
    assert not remove_session(cluster, record, timing=timing(cluster), emit=told.append).leftovers
    assert not cluster.objects
    assert len([event for event in told if isinstance(event, ObjectGone)]) == 4


def test_a_server_that_stays_away_is_given_up_in_time() -> None:
    cluster = cluster_with_session()
    record = find_session(cluster, NAMESPACE, SESSION)
    cluster.faults = [Fault(request="list Pod", error=UnreachableError("no answer"), count=9999)]
    with pytest.raises(UnreachableError):
        remove_session(cluster, record, timing=timing(cluster), emit=lambda _: None)
    assert cluster.clock.seconds <= 15


def test_a_session_that_another_machine_renews_is_left_alone(tmp_path: Path) -> None:
    """A home directory may be shared: a process id that is not here may be alive there."""
    cluster = cluster_with_session()
    journal = Journal(directory=tmp_path)
    journal.record(replace(entry(pid=2**22 + 1), machine="another"))
    assert repair(cluster, journal, SERVER, timing=timing(cluster), emit=lambda _: None) == 0
    assert cluster.objects
    cluster.clock.sleep(121)
    assert repair(cluster, journal, SERVER, timing=timing(cluster), emit=lambda _: None) == 1
