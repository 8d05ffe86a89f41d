"""The outermost frame: exit codes, words on stderr, nothing else; measured on the process that users start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kdebug.cli.main import run
from kdebug.cli.requests import OpenRequest, Request
from kdebug.errors import (
    DeniedError,
    InterruptedBySignal,
    KdebugError,
    LeftoverError,
    RefusedError,
    TargetError,
)

SECRET = "token-that-must-not-be-shown"


def raising(error: BaseException) -> Callable[[Request], int]:
    """Return a way to run a request that ends with an error, with a secret in a local variable."""

    def execute(_request: Request) -> int:
        token = SECRET
        assert token
        raise error

    return execute


@pytest.mark.parametrize(
    ("error", "alone", "with_command"),
    [
        (KdebugError("x"), 1, 125),
        (RefusedError("x"), 3, 125),
        (TargetError("x"), 4, 125),
        (DeniedError("x"), 5, 125),
        (LeftoverError("x"), 8, 125),
        (InterruptedBySignal(15, "SIGTERM"), 143, 143),
        (KeyboardInterrupt(), 130, 130),
        (ZeroDivisionError("x"), 1, 125),
    ],
)
def test_every_end_has_its_code(
    error: BaseException, alone: int, with_command: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -- COMMAND every failure of kdebug's own is 125, so that the command's codes mean the command."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run(["kdebug", "pod"], raising(error)) == alone
    assert run(["kdebug", "pod", "--", "id"], raising(error)) == with_command


def test_the_request_reaches_what_runs_it_and_its_code_comes_back() -> None:
    """The command's own code is kdebug's."""
    seen: list[Request] = []

    def execute(request: Request) -> int:
        seen.append(request)
        return 7

    assert run(["kdebug", "pod", "-q", "--", "sh"], execute) == 7
    assert seen == [OpenRequest(name="pod", quiet=True, command=("sh",), assume_yes=True)]


def test_an_error_is_three_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """What, because, try; several lines of the server's are indented, control sequences are gone."""
    error = TargetError("no pod 'x\x1b[2J'", because="first\nsecond", remedy="kdebug plan y")
    run(["kdebug", "x", "-q"], raising(error))
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "error: no pod 'x'\n  because: first\n    second\n  try: kdebug plan y\n"


def test_a_refusal_is_called_one(capfd: pytest.CaptureFixture[str]) -> None:
    """It is a normal outcome, not an error."""
    run(["kdebug", "x", "-q"], raising(RefusedError("this looks like production")))
    assert capfd.readouterr().err == "refused: this looks like production\n"


def test_an_error_in_json_is_one_object_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    """No narration stands beside it."""
    run(["kdebug", "x", "-o", "json"], raising(RefusedError("no", because="b", remedy="r")))
    out, err = capfd.readouterr()
    assert out == ""
    assert json.loads(err) == {
        "apiVersion": "kdebug/v1",
        "kind": "Error",
        "code": "refused",
        "exitCode": 3,
        "what": "no",
        "because": "b",
        "try": "r",
    }


def test_a_slip_of_a_command_is_suggested_when_no_pod_is_called_so(capfd: pytest.CaptureFixture[str]) -> None:
    """`kdebug sessionz` looks for a pod first; only `open sessionz` is surely one."""
    run(["kdebug", "sessionz"], raising(TargetError("no pod")))
    assert "did you mean the command kdebug sessions?" in capfd.readouterr().err
    run(["kdebug", "open", "sessionz"], raising(TargetError("no pod")))
    assert "did you mean" not in capfd.readouterr().err


def test_an_unforeseen_error_is_one_line_and_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The traceback is in the file, without any variable's value; the terminal has the type and the path."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    run(["kdebug", "x", "-q"], raising(ZeroDivisionError("details")))
    log = tmp_path / "kdebug" / "unexpected-error.log"
    assert capfd.readouterr().err == f"error: unexpected ZeroDivisionError; details: {log}\n"
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700
    assert "ZeroDivisionError: details" in log.read_text()
    assert SECRET not in log.read_text()


@pytest.mark.parametrize("home", ["/dev/full/x", "/proc/nowhere", ""])
def test_an_unforeseen_error_is_told_where_nothing_can_be_written(
    home: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A read-only home or a full disk does not hide the first error behind a second."""
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    run(["kdebug", "x", "-q"], raising(ZeroDivisionError("details")))
    assert capfd.readouterr().err == "error: unexpected ZeroDivisionError; the details could not be written\n"


def test_the_log_does_not_follow_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's file is not written through it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "kdebug").mkdir()
    (tmp_path / "kdebug" / "unexpected-error.log").symlink_to(tmp_path / "other")
    run(["kdebug", "x", "-q"], raising(ZeroDivisionError()))
    assert not (tmp_path / "other").exists()


def kdebug(*words: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run kdebug as a process; `shell` is a redirection or a pipe that stands behind it."""
    command = " ".join([sys.executable, "-m", "kdebug", *words, shell])
    return subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_alone_it_says_how_it_is_used() -> None:
    """Nothing is data there, so stdout stays empty."""
    done = kdebug()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: kdebug [POD | TYPE/NAME]")


def test_a_reader_that_leaves_is_not_worth_a_word() -> None:
    """`kdebug --help | head -1` and a stdout that is closed from the start end quietly."""
    for shell in ("| head -c 1", "| true", ">&-"):
        done = kdebug("--help", shell=shell)
        assert done.stderr == ""


def test_a_full_disk_behind_stdout_is_an_error() -> None:
    """Data that was not written is not success."""
    done = kdebug("--help", shell="> /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: stdout could not be written\n  because: No space left on device\n"


def test_closed_descriptors_are_no_obstacle() -> None:
    """Neither stdin nor stderr is needed to be refused."""
    assert kdebug("--oops", shell="<&-").returncode == 2
    assert kdebug("--oops", shell="2>&-").returncode == 2


def test_usage_errors_come_before_any_file_is_read() -> None:
    """A kubeconfig that does not exist is not even looked at."""
    done = kdebug("pod", "--max-duration", "9h", KUBECONFIG="/nowhere")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-3:] == [
        "error: --max-duration cannot be '9h'",
        "  because: 4h is the most",
        "  try: --max-duration 4h",
    ]
