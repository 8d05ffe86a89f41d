"""The order of words does not matter, what follows -- is untouched, and slips are named."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.cli.app import parse
from kdebug.cli.arguments import normalise, runs_command, wants_json
from kdebug.cli.connection import connection_of
from kdebug.cli.parser import read
from kdebug.cli.requests import OpenRequest
from kdebug.errors import UsageError

GROUPS = (
    ["-n", "prism"],
    ["--context=staging"],
    ["-it"],
    ["--image", "ghcr.io/prism/proxy:v1-debug"],
    ["--env=A=1"],
    ["-q"],
    ["--dry-run"],
    ["--network", "source"],
)


@given(st.permutations([*GROUPS, ["prism-proxy-pod"]]), st.booleans())
def test_any_order_of_the_same_words_is_the_same_request(groups: list[list[str]], is_spelled_out: bool) -> None:
    """Flags may stand before, behind and on both sides of the name, with and without `open`."""
    words = [word for group in groups for word in group]
    if is_spelled_out:
        words.insert(words.index("prism-proxy-pod"), "open")
    expected = parse(normalise(["prism-proxy-pod", *(word for group in GROUPS for word in group)]))
    assert parse(normalise(words)) == expected


CONNECTION = (
    ["-n", "a"],
    ["--namespace=b"],
    ["--context", "c"],
    ["--kubeconfig=d"],
    ["--cluster", "e"],
    ["--user", "f"],
    ["--as=g"],
    ["--as-group", "h"],
    ["--as-group=i"],
    ["--as-uid=j"],
    ["--request-timeout=7"],
    ["-itn=k"],
)


@given(st.lists(st.sampled_from(CONNECTION)))
def test_names_are_judged_of_the_connection_that_is_opened(groups: list[list[str]]) -> None:
    """They are judged before the line is parsed: both readings are the same, or the same error."""
    invocation = normalise(["pod", *(word for group in groups for word in group)])
    assert invocation.has_only_own_flags
    try:
        request = parse(invocation)
    except UsageError as error:
        with pytest.raises(UsageError, match=error.what):
            connection_of(invocation)
    else:
        assert isinstance(request, OpenRequest)
        assert connection_of(invocation) == request.connection
        assert invocation.title == request.title == "pod"


@pytest.mark.parametrize("slip", [["--oops"], ["-Z"], ["-n"], ["--yes=maybe"], ["--take-over"]])
def test_a_flag_that_cannot_be_meant_waits_for_the_parser(slip: list[str]) -> None:
    """Such a command line is not judged by its names first."""
    assert normalise(["pod", "-q"]).has_only_own_flags
    assert not normalise(["pod", "-q", *slip]).has_only_own_flags


@pytest.mark.parametrize("words", [["pod"], ["-l", "app=x"], ["-f", "x.yaml"]])
def test_a_target_is_called_the_same_before_it_is_parsed(words: list[str]) -> None:
    """A refusal names it as an opened session would."""
    request = parse(normalise(words))
    assert isinstance(request, OpenRequest)
    assert normalise(words).title == request.title


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=6))
def test_what_follows_the_separator_is_untouched(command: list[str]) -> None:
    """Not even a flag, a second separator, an empty word or a control character after -- is looked at."""
    request = parse(normalise(["pod", "--", *command]))
    assert isinstance(request, OpenRequest)
    assert request.command == tuple(command)
    assert request.assume_yes


@given(st.lists(st.text(max_size=12), max_size=6))
def test_nothing_typed_is_worse_than_an_error_with_words(words: list[str]) -> None:
    """Arbitrary words give a request, help, or one of kdebug's own errors."""
    with suppress(UsageError):
        invocation = normalise(words)
        if invocation.help_topic is None and invocation.command:
            parse(invocation)


@pytest.mark.parametrize(
    ("words", "command", "names", "is_implied"),
    [
        (["prism"], "open", ("prism",), True),
        (["deploy/prism"], "open", ("deploy/prism",), True),
        (["open", "sessions"], "open", ("sessions",), False),
        (["sessions"], "sessions", (), False),
        (["-n", "sessions", "prism"], "open", ("prism",), True),
        (["--context", "prod", "plan", "pod"], "plan", ("pod",), False),
        (["-nplan", "pod"], "open", ("pod",), True),
        (["--version"], "version", (), False),
    ],
)
def test_the_first_bare_word_is_the_command_or_the_pod(
    words: list[str], command: str, names: tuple[str, ...], is_implied: bool
) -> None:
    """A flag's value is never taken for a command."""
    invocation = normalise(words)
    assert (invocation.command, invocation.words, invocation.is_implied) == (command, names, is_implied)


@pytest.mark.parametrize(
    "typed", [["-n", "a"], ["-na"], ["-n=a"], ["--namespace", "a"], ["--namespace=a"], ["-itn", "a"]]
)
def test_a_value_is_given_as_kubectl_takes_it(typed: list[str]) -> None:
    """Every spelling of pflag's is understood, the equals sign after a letter included."""
    invocation = normalise(["pod", *typed])
    assert invocation.value_of("namespace") == "a"
    assert read(invocation).value_of("namespace") == "a"


def test_switches_take_true_and_false() -> None:
    """pflag's --yes=false is as if it had not been typed."""
    assert read(normalise(["pod", "--yes=true"])).has("yes")
    assert not read(normalise(["pod", "--yes=false"])).has("yes")


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (["pod", "--namespce", "a"], "unknown flag '--namespce'", "did you mean --namespace?"),
        (["pod", "-Z"], "unknown flag '-Z'", "kdebug --help"),
        (["pod", "--oops"], "unknown flag '--oops'", "kdebug --help"),
        (["pod", "-n"], "-n needs a value", "write --namespace=NAME"),
        (["pod", "--yes=maybe"], "--yes takes no value", ""),
        (["pod", "other"], "unexpected word 'other'", "kdebug open --help"),
        (["pod", "--dry-run", "server"], "unexpected word 'server'", "write --dry-run=server"),
        (["pod", "--network", "opne"], "--network cannot be 'opne'", "did you mean --network=open?"),
        (["pod", "--network=wide"], "--network cannot be 'wide'", ""),
        (["plan", "pod", "-o", "jsn"], "--output cannot be 'jsn'", "did you mean --output=json?"),
        (["sessions", "--image=a"], "kdebug sessions has no flag --image", "kdebug sessions --help"),
        (["plan", "pod", "--", "ls"], "kdebug plan runs no command, so nothing may follow --", "kdebug plan --help"),
        (["pod", "--"], "no command follows --", "leave -- out for a shell"),
        (["report"], "this version has no command 'report'", "for a pod of that name: kdebug open report"),
        ([""], "a name is empty", ""),
        (["pod", "-n", ""], "--namespace is empty", ""),
        (["pod", "--image="], "--image is empty", ""),
        (["pod\x1b[31m"], "a name holds a control character", ""),
        (["pod", "--env", "A=\n"], "--env holds a control character", ""),
        (["pod", "--context=\u2028"], "--context holds a control character", ""),
        (["pod\udcff"], "a name is not UTF-8", ""),
        (["pod", "--", "\udcff"], "a word of the command is not UTF-8", ""),
    ],
)
def test_slips_are_named(words: list[str], what: str, remedy: str) -> None:
    """A usage error says what was typed and what may have been meant."""
    with pytest.raises(UsageError) as caught:
        parse(normalise(words))
    assert caught.value.what == what
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    "word", ["why", "report", "play", "logs", "events", "diff", "doctor", "audit", "config", "completion"]
)
def test_words_of_later_versions_are_refused_plainly(word: str) -> None:
    """Neither a pod of that name nor a promise: the unambiguous form is named and works."""
    with pytest.raises(UsageError, match="this version has no command"):
        normalise([word])
    assert normalise(["open", word]).words == (word,)


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        (["--help"], ""),
        (["help"], ""),
        (["help", "plan"], "plan"),
        (["plan", "-h"], "plan"),
        (["pod", "--oops", "-h"], ""),
    ],
)
def test_help_is_given_before_anything_is_judged(words: list[str], topic: str) -> None:
    """Somebody who asks for help gets it, whatever else stands there."""
    assert normalise(words).help_topic == topic


def test_help_after_the_separator_is_the_commands() -> None:
    """`-- ls --help` runs ls."""
    assert normalise(["pod", "--", "ls", "--help"]).help_topic is None


@pytest.mark.parametrize("typed", [["-o", "json"], ["-ojson"], ["-o=json"], ["--output", "json"], ["--output=json"]])
def test_json_is_known_before_the_line_is_understood(typed: list[str]) -> None:
    """An error in the command line itself is told as JSON too."""
    assert wants_json([*typed, "--oops"])
    assert not wants_json(["pod", "--", *typed])


def test_a_command_is_known_before_the_line_is_understood() -> None:
    """A usage error with -- COMMAND ends with 125 as well."""
    assert runs_command(["--oops", "--", "id"])
    assert not runs_command(["pod", "--"])
