"""What was typed becomes one value, and what cannot be meant is refused before anything is read."""

from __future__ import annotations

import shlex

import pytest

from kdebug.cli.app import parse
from kdebug.cli.arguments import normalise
from kdebug.cli.flags import CONNECTION_FLAGS, Flag
from kdebug.cli.requests import (
    AttachRequest,
    CleanRequest,
    Connection,
    DemoRequest,
    OpenRequest,
    PlanRequest,
    Request,
    SessionsRequest,
    SetupRequest,
    VersionRequest,
)
from kdebug.cli.words import COMMANDS, Command
from kdebug.errors import UsageError

SESSION = "k3vq5w2m7x4tzr6n"
STATEMENT = "setup --environment staging --covers cluster"


def request_of(line: str) -> Request:
    """Return the request of a command line as a shell would split it."""
    return parse(normalise(shlex.split(line)))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pod", OpenRequest(name="pod")),
        ("-l app=x", OpenRequest(selector="app=x")),
        ("-f - --detach", OpenRequest(filename="-", detach=True)),
        (
            "deploy/x -c app --with-secret a,b --with-secret all --env A=1 --env B= --max-duration 1h30m",
            OpenRequest(
                name="deploy/x",
                container="app",
                with_secret=("a", "b", "all"),
                env=(("A", "1"), ("B", "")),
                max_duration=5400,
            ),
        ),
        (
            "pod --as u --as-group a --as-group b --as-uid 1 --request-timeout 5",
            OpenRequest(
                name="pod",
                connection=Connection(
                    impersonate="u", impersonate_groups=("a", "b"), impersonate_uid="1", request_timeout=5
                ),
            ),
        ),
        ("pod -i -- cat -A", OpenRequest(name="pod", stdin=True, assume_yes=True, command=("cat", "-A"))),
        ("pod --pod-running-timeout 90s -v 6", OpenRequest(name="pod", pod_running_timeout=90, verbose=6)),
        ("plan pod -o diff", PlanRequest(name="pod", output="diff")),
        ("sessions -A -o wide", SessionsRequest(all_namespaces=True, output="wide")),
        (f"attach job/kdebug-{SESSION} --take-over", AttachRequest(session=SESSION, take_over=True)),
        (f"attach {SESSION} -- ps", AttachRequest(session=SESSION, command=("ps",))),
        (f"clean {SESSION} kdebug-{SESSION}", CleanRequest(sessions=(SESSION,))),
        ("clean --all --yes", CleanRequest(all=True, assume_yes=True)),
        (STATEMENT, SetupRequest(environment="staging", covers=("cluster",))),
        (
            "setup --environment t --covers a,b --covers c --allow secrets,configmaps --print",
            SetupRequest(environment="t", covers=("a", "b", "c"), allow=("secrets", "configmaps"), print=True),
        ),
        (f"{STATEMENT} --allow none", SetupRequest(environment="staging", covers=("cluster",), allow=())),
        ("demo --no-input", DemoRequest(no_input=True)),
        ("version -o json", VersionRequest(output="json")),
    ],
)
def test_words_become_a_value(line: str, expected: Request) -> None:
    """The whole value is compared: a flag that is parsed into nothing is found out."""
    assert request_of(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "-n prism",
        "pod -l app=x",
        "pod -f x.yaml",
        "-l app=x -f -",
        "pod --detach -- ls",
        "pod --max-duration 9h",
        "pod --max-duration 4h1s",
        "pod --max-duration 0s",
        "pod --max-duration soon",
        "pod --max-duration 30",
        "pod --pod-running-timeout -1s",
        "pod --request-timeout 0",
        "pod --image UPPER",
        "pod --image a:b:c",
        "pod --env =1",
        "pod --env A",
        "pod --as-group g",
        "pod -v loud",
        "pod --with-secret a,,b",
        "a" * 254,
        "pod/" + "a" * 254,
        "attach",
        "attach short",
        "clean",
        f"clean {SESSION} --all",
        "clean --mine --expired",
        "clean ../../x",
        "setup --environment staging",
        "setup --covers cluster",
        f"{STATEMENT} --allow pods",
        f"{STATEMENT} --allow none,secrets",
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(line: str) -> None:
    """Exit code 2, with words, before a file is read."""
    with pytest.raises(UsageError) as caught:
        request_of(line)
    assert caught.value.because or caught.value.remedy


def test_the_most_is_allowed() -> None:
    """Four hours are not too long."""
    request = request_of("pod --max-duration 4h")
    assert isinstance(request, PlanRequest)
    assert request.max_duration == 4 * 3600


def test_every_command_that_talks_to_a_cluster_has_the_connection_flags() -> None:
    """kubectl's flags work everywhere, and with the same words of help."""
    for command in COMMANDS.values():
        if command.name not in ("demo", "version"):
            assert set(CONNECTION_FLAGS) <= set(command.flags), command.name


TYPED = {
    "pod-running-timeout": "7s",
    "request-timeout": "7s",
    "max-duration": "7s",
    "image": "busybox:7",
    "env": "A=7",
    "allow": "secrets",
    "as-group": "g --as u",
    "as-uid": "7 --as u",
    "network": "open",
    "dry-run": "server",
    "v": "7",
}
"""A value for each flag that does not take any text."""
WORDS = {"open": "pod", "plan": "pod", "attach": SESSION, "clean": SESSION, "setup": STATEMENT.removeprefix("setup")}


@pytest.mark.parametrize(
    ("command", "flag"), [(command, flag) for command in COMMANDS.values() for flag in command.flags]
)
def test_no_flag_is_parsed_into_nothing(command: Command, flag: Flag) -> None:
    """Each declared flag changes the request of each command that declares it."""
    words = WORDS.get(command.name, "")
    if flag.name in ("selector", "filename"):
        typed = f"{command.name} {flag.long}=x"
    elif command.name == "clean" and flag.name in ("expired", "mine", "all"):
        typed = f"clean {flag.long}"
    elif flag.is_switch:
        typed = f"{command.name} {words} {flag.long}"
    else:
        value = TYPED.get(flag.name) or (flag.choices[0] if flag.choices else "x")
        typed = f"{command.name} {words} {flag.long}={value}"
    assert request_of(typed) != request_of(f"{command.name} {words}")
