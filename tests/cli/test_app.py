"""What was typed becomes one value, and what cannot be meant is refused before anything is read."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer

from kdebug.cli import app as commands
from kdebug.cli.app import app, parse
from kdebug.cli.arguments import normalise
from kdebug.cli.flags import CONNECTION_FLAGS
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
from kdebug.cli.words import COMMANDS
from kdebug.errors import KdebugError, UsageError

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


def test_the_parser_knows_exactly_the_declared_flags() -> None:
    """What help tells is what the parser takes: names, metavars and words come from one declaration."""
    parser: Any = typer.main.get_command(app)
    assert set(parser.commands) == set(COMMANDS)
    for name, command in COMMANDS.items():
        options = {tuple(param.opts): param for param in parser.commands[name].params if param.opts[0].startswith("-")}
        declared = {(flag.long, *((f"-{flag.short}",) if flag.short else ())): flag for flag in command.flags}
        assert set(options) == set(declared), name
        for names, flag in declared.items():
            assert (options[names].metavar or "", options[names].help) == (flag.metavar, flag.help)
            assert options[names].multiple == flag.is_repeated


def test_the_parser_raises_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser's complaint would be a usage error too, not an exit or a traceback."""
    invocation = normalise(["pod"])
    monkeypatch.setattr(commands, "app", typer.Typer(add_completion=False, rich_markup_mode=None))
    commands.app.command("plan")(lambda: None)
    commands.app.command("version")(lambda: None)
    with pytest.raises(KdebugError) as caught:
        parse(invocation)
    assert caught.value.exit_code == 2
