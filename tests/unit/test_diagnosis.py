"""A pod's failure in one line and in its parts."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.domain.diagnosis import diagnose, meaning_of, suspect
from kdebug.domain.panics import find_panic
from tests.support.pods import UNSCHEDULABLE, event, looping, pod, running, terminated, waiting

RUST = """\
2026-11-24T05:41:02.674183Z  INFO prism_proxy: starting prism-proxy 1.2.3, RUST_LOG=
2026-11-24T05:41:02.674224Z ERROR prism_proxy::backend: environment variable PRISM_BACKEND is not set
thread 'main' panicked at proxy/src/main.rs:142:47:
called `Result::unwrap()` on an `Err` value: NotPresent
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
RUST_LINE = (
    "thread 'main' panicked at proxy/src/main.rs:142:47: called `Result::unwrap()` on an `Err` value: NotPresent"
)
GO = """\
starting
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4018f6]

goroutine 1 [running]:
main.main()
"""
PYTHON = """\
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    connect()
  File "/app/db.py", line 9, in connect
    raise ConnectionError("no route to db")
ConnectionError: no route to db

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 5, in <module>
    main()
SystemError: giving up
"""
JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: no DB_URL
\tat com.example.Main.main(Main.java:7)
"""


@pytest.mark.parametrize(
    ("log", "line", "language"),
    [
        (RUST, RUST_LINE, "Rust"),
        ("thread 'main' (42) panicked at a.rs:1:1:\nboom\n", "thread 'main' (42) panicked at a.rs:1:1: boom", "Rust"),
        ("x thread 'w' panicked at 'boom', a.rs:1:2\nnote: x", "thread 'w' panicked at 'boom', a.rs:1:2", "Rust"),
        ("thread 'main' panicked at src/main.rs:1:1:", "thread 'main' panicked at src/main.rs:1:1:", "Rust"),
        (GO, "panic: runtime error: invalid memory address or nil pointer dereference", "Go"),
        ("fatal error: all goroutines asleep\n\ngoroutine 1 [x]:", "fatal error: all goroutines asleep", "Go"),
        (PYTHON, "SystemError: giving up", "Python"),
        (JAVA, 'Exception in thread "main" java.lang.IllegalStateException: no DB_URL', "Java"),
        ("ok\nERROR db: refused\n\nbye\n", "ERROR db: refused", ""),
        ("ok\nTypeError: x is undefined\n    at main.js:1", "TypeError: x is undefined", ""),
    ],
)  # fmt: skip
def test_the_line_that_says_why(log: str, line: str, language: str) -> None:
    found = find_panic(log)
    assert found is not None
    assert (found.line, found.language) == (line, language)


@pytest.mark.parametrize(
    "log", ["", "\n\n", "all is well\nmirrors terrorised\n", "Traceback (most recent call last):\n"]
)
def test_a_log_without_an_error_has_no_such_line(log: str) -> None:
    assert find_panic(log) is None


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0, ""), (1, ""), (2, ""), (101, "Rust panic"), (126, "the command cannot be executed"),
        (127, "the command was not found"), (134, "SIGABRT"), (137, "SIGKILL"), (139, "SIGSEGV"), (143, "SIGTERM"),
        (128 + 34, "signal 34"), (255, ""), (-1, ""),
    ],
)  # fmt: skip
def test_what_an_exit_code_means(code: int, meaning: str) -> None:
    assert meaning_of(code) == meaning


def test_the_failure_of_the_record_in_one_line() -> None:
    found = diagnose(pod("web", looping("proxy")), "proxy", RUST)
    assert found.summary == f"CrashLoopBackOff, exit code 101 (Rust panic), 7 restarts: {RUST_LINE}"
    assert found.is_failing
    assert found.last_lines[-1].startswith("note: run with")
    assert found.image_id == "prism/proxy@sha256:1"


PROBE = [
    event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", at=3, count=3),
    event("Unhealthy", "Readiness probe failed: connection refused", at=5),
]


@pytest.mark.parametrize(
    ("made", "events", "summary"),
    [
        (pod("web", terminated("app", 137, restarts=2, reason="OOMKilled")), (),
         "CrashLoopBackOff, OOMKilled, exit code 137 (SIGKILL, out of memory), 2 restarts"),
        (pod("web", terminated("app", 137, reason="OOMKilled")), (),
         "OOMKilled, exit code 137 (SIGKILL, out of memory)"),
        (pod("web", looping("app", 2, 1)), (), "CrashLoopBackOff, exit code 2, 1 restart"),
        (pod("web", looping("app", 0, 3, "Completed")), (), "CrashLoopBackOff, exit code 0, 3 restarts"),
        (pod("web", waiting("app", "ImagePullBackOff", 'Back-off pulling image "x": not found')), (),
         'ImagePullBackOff: Back-off pulling image "x": not found'),
        (pod("web", waiting("app", "CreateContainerConfigError", 'configmap "nope" not found')), (),
         'CreateContainerConfigError: configmap "nope" not found'),
        (pod("web", node="", phase="Pending", conditions=UNSCHEDULABLE), (),
         f"Unschedulable: {UNSCHEDULABLE[0]['message']}"),
        (pod("web", terminated("app", 137), phase="Failed", reason="Evicted", message="low on memory"), (),
         "Evicted, exit code 137 (SIGKILL): low on memory"),
        (pod("web", looping("app", 137, 4)), PROBE,
         "CrashLoopBackOff, liveness probe failed, exit code 137 (SIGKILL), 4 restarts: "
         "Liveness probe failed: HTTP probe failed with statuscode: 503"),
        (pod("web", running("app", ready=False)), PROBE[1:],
         "NotReady, readiness probe failed: Readiness probe failed: connection refused"),
        (pod("web", waiting("app", "PodInitializing"), inits=[looping("prep", 2, 5)]), (),
         "Init:CrashLoopBackOff, exit code 2, 5 restarts"),
        (pod("web", running("app"), phase="Running"), (), "Running"),
        (pod("web", running("app", restarts=3, last={"exitCode": 137, "reason": "OOMKilled"}), phase="Running"), (),
         "Running, last ended with exit code 137 (SIGKILL, out of memory), 3 restarts"),
        (pod("web", terminated("app", 0), phase="Succeeded", policy="Never"), (), "Completed"),
        (pod("web", running("app"), phase="Running", deleted=True), (), "Terminating"),
        (pod("web", looping("app", 1, 2), deleted=True), (),
         "CrashLoopBackOff, exit code 1, 2 restarts, being deleted"),
        (pod("web", terminated("app", 128, reason="StartError", message='exec: "/x": no such file'), phase="Failed",
             policy="Never"), (),
         'StartError, exit code 128 (the command could not be started): exec: "/x": no such file'),
        (pod("web", waiting("app"), phase="Pending"), (), "ContainerCreating"),
        (pod("web", running("app"), looping("other"), phase="Running"), (), "Running"),
    ],
)  # fmt: skip
def test_states_in_one_line(made: dict[str, Any], events: Any, summary: str) -> None:
    assert diagnose(made, "app", events=events).summary == summary


def test_a_container_that_cannot_start_is_seen_through_the_one_that_holds_it() -> None:
    made = pod("web", waiting("app", "PodInitializing"), inits=[terminated("prep", 2, restarts=1)])
    found = suspect(made, "app")
    assert found is not None
    assert found.name == "prep"
    assert (
        diagnose(made, "app", "no db: error\n").summary == "Init:CrashLoopBackOff, exit code 2, 1 restart: no db: error"
    )


def test_a_go_panic_explains_exit_code_2() -> None:
    assert diagnose(pod("web", looping("app", 2)), "app", GO).exit_meaning == "Go panic"


def test_a_container_that_runs_again_is_explained_by_its_previous_log() -> None:
    made = pod("web", running("app", ready=False, restarts=2, last={"exitCode": 101, "reason": "Error"}))
    found = diagnose(made, "app", "starting\n", RUST)
    assert found.panic == RUST_LINE
    assert found.summary.startswith("NotReady, last ended with exit code 101 (Rust panic), 2 restarts: thread 'main'")


def test_a_log_that_the_runtime_has_removed_is_no_log() -> None:
    gone = "unable to retrieve container logs for containerd://8a8c7dfe"
    found = diagnose(pod("web", looping("app")), "app", gone, RUST)
    assert found.panic == RUST_LINE
    assert not any("unable to retrieve" in line for line in found.last_lines)


def test_terminal_escapes_never_reach_the_diagnosis() -> None:
    evil = "\x1b]52;c;AAAA\x07\x1b[31mERROR\x1b[0m: \x9bK\u202epanic\r\n"
    made = pod("web", waiting("app", "CreateContainerError", evil), reason="")
    found = diagnose(made, "app", evil, events=[event("Failed", evil)])
    shown = "".join((found.summary, found.panic, found.message, *found.last_lines, *found.warnings))
    assert not set(shown) & {"\x1b", "\x9b", "\x07", "\r", "\n", "\u202e"}


def test_warnings_are_in_order_with_their_counts() -> None:
    events = [
        event("BackOff", "Back-off restarting", at=9, count=3),
        event("Pulled", "Pulled image", kind="Normal", at=1),
        {**event("FailedScheduling", "no node", at=0), "count": None, "lastTimestamp": None,
         "eventTime": "2026-11-24T05:40:00.5Z", "series": {"count": 2}},
    ]  # fmt: skip
    assert diagnose(pod("web", looping("app")), "app", events=events).warnings == (
        "FailedScheduling: no node (2 times)",
        "BackOff: Back-off restarting (3 times)",
    )


def test_a_pod_without_any_status_is_no_crash() -> None:
    bare = {"kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "app"}]}}
    found = diagnose(bare, "app")
    assert (found.state, found.is_failing, found.exit_code) == ("Unknown", False, None)
