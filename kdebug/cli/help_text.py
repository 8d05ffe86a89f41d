"""Help as text, made from the same declarations that the parser uses, without importing the parser."""

from __future__ import annotations

from collections.abc import Iterator

from kdebug.cli.flags import Flag
from kdebug.cli.words import COMMANDS, OPEN, Command

_WIDTH = 36
_PLUGIN_PREFIX = "kubectl-"


def program(argv0: str) -> str:
    """Return how the user called kdebug: `kubectl kdebug` when kubectl did it for them."""
    name = argv0.replace("\\", "/").rpartition("/")[2]
    return "kubectl kdebug" if name.startswith(_PLUGIN_PREFIX) else "kdebug"


def help_text(topic: str, name: str) -> str:
    """Return the help of a command, or the whole when `topic` is empty; `name` is the program's."""
    return "\n".join(_command(COMMANDS[topic], name) if topic else _overview(name)) + "\n"


def short_help(name: str) -> str:
    """Return what is said when nothing was typed."""
    lines = [f"usage: {name} {OPEN.usage}", "", *_examples(OPEN, name), "", f"{name} --help says more."]
    return "\n".join(lines) + "\n"


def _overview(name: str) -> Iterator[str]:
    yield OPEN.summary
    yield ""
    yield "Examples:"
    yield from _examples(OPEN, name)
    yield ""
    yield "Usage:"
    yield f"  {name} {OPEN.usage}"
    yield ""
    yield "Commands:"
    for command in COMMANDS.values():
        yield f"  {command.name:<10} {command.summary}"
    yield ""
    yield from _flags(OPEN.flags)
    yield f"{name} COMMAND --help says what a command takes; {name} open NAME opens a pod called like a command."
    yield "Production is refused, and so is what cannot be shown not to be. No flag lifts that."


def _command(command: Command, name: str) -> Iterator[str]:
    yield command.summary
    yield ""
    yield "Examples:"
    yield from _examples(command, name)
    yield ""
    yield "Usage:"
    yield f"  {name} {command.name} {command.usage}"
    yield ""
    yield from _flags(command.flags)


def _examples(command: Command, name: str) -> list[str]:
    typed = [f"{name} {words}" for words, _ in command.examples]
    width = max(len(line) for line in typed)
    return [f"  {line:<{width}}  # {what}" for line, (_, what) in zip(typed, command.examples, strict=True)]


def _flags(flags: tuple[Flag, ...]) -> Iterator[str]:
    for group in dict.fromkeys(flag.group for flag in flags):
        yield f"{group}:"
        for flag in flags:
            if flag.group == group:
                yield f"{_spelling(flag):<{_WIDTH}}  {flag.help}"
        yield ""


def _spelling(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    value = f"[={flag.metavar}]" if flag.bare else f" {flag.metavar}" if flag.metavar else ""
    return f"  {short}{flag.long}{value}"
