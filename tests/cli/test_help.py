"""Help begins with examples, names what exists, and says it as the user called the program."""

from __future__ import annotations

import shlex

import pytest

from kdebug.cli.app import parse
from kdebug.cli.arguments import normalise
from kdebug.cli.help_text import help_text, program, short_help
from kdebug.cli.words import COMMANDS, RESERVED


@pytest.mark.parametrize("topic", ["", *COMMANDS])
def test_three_examples_come_first(topic: str) -> None:
    """People read the top of the page."""
    lines = help_text(topic, "kdebug").splitlines()
    assert lines[2] == "Examples:"
    assert all(line.startswith("  kdebug") and "  # " in line for line in lines[3:6])
    assert lines[6] == ""


@pytest.mark.parametrize("topic", [*COMMANDS])
def test_every_example_can_be_typed(topic: str) -> None:
    """An example that is refused would be worse than none."""
    for words, _ in COMMANDS[topic].examples:
        parse(normalise(shlex.split(words)))


def test_nothing_is_promised() -> None:
    """Words of later versions stand nowhere."""
    words = set(help_text("", "kdebug").replace(",", " ").split())
    assert not words & {word for word in RESERVED if word not in ("logs", "events", "play", "report")}
    assert all(f"\n  {word} " not in help_text("", "kdebug") for word in RESERVED)


@pytest.mark.parametrize(
    ("argv0", "name"),
    [
        ("kdebug", "kdebug"),
        ("/usr/bin/kdebug", "kdebug"),
        ("/x/kubectl-kdebug", "kubectl kdebug"),
        ("C:\\bin\\kubectl-kdebug.exe", "kubectl kdebug"),
        ("/opt/kubectl-things/kdebug", "kdebug"),
        ("", "kdebug"),
    ],
)
def test_the_program_is_called_as_the_user_called_it(argv0: str, name: str) -> None:
    """kubectl passes the plugin's path."""
    assert program(argv0) == name
    assert help_text("plan", name).splitlines()[3].startswith(f"  {name} plan ")
    assert short_help(name).startswith(f"usage: {name} ")


def test_lines_fit_a_terminal() -> None:
    """120 columns at most, without wrapping logic."""
    texts = [help_text(topic, "kubectl kdebug") for topic in ("", *COMMANDS)]
    assert max(len(line) for text in texts for line in text.splitlines()) <= 120
