"""The words of a command line put in one order, for Typer: flags may stand anywhere, and `open` may be left out.

Nothing is judged here but what Typer never sees: which command is meant, what stands after --, and what is no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kdebug.cli.flags import Flag
from kdebug.cli.values import check_text, nearest
from kdebug.cli.words import ALL_FLAGS, COMMANDS, HELP, RESERVED, SHORT_FLAGS, Command
from kdebug.errors import UsageError

HELP_FLAGS = ("--help", "-h")
VERSION_FLAG = "--version"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A command line in one order; `help_topic` is not None when help is all that was asked for."""

    command: str = ""
    """Empty when nothing at all was typed."""
    flags: tuple[str, ...] = ()
    """One word each, in the order in which they were typed: --namespace=prism, --stdin; what is unknown as it was."""
    words: tuple[str, ...] = ()
    remainder: tuple[str, ...] = ()
    """What stands after --, untouched."""
    is_implied: bool = False
    """Whether `open` was left out, so that the first word might have been meant as a command."""
    help_topic: str | None = None

    @property
    def title(self) -> str:
        """The target as the user named it, or an empty string: POD, -l SELECTOR or -f FILE."""
        named = (("", self.words[0] if self.words else ""), ("-l ", self.value_of("selector")))
        return next((f"{flag}{value}" for flag, value in (*named, ("-f ", self.value_of("filename"))) if value), "")

    @property
    def has_only_own_flags(self) -> bool:
        """Whether each flag is one of the command's, with a value where it takes one."""
        own = COMMANDS[self.command].flags
        names = {flag.long for flag in own if flag.is_switch} | {f"{flag.long}=" for flag in own if not flag.is_switch}
        return all("".join(flag.partition("=")[:2]) in names for flag in self.flags)

    def value_of(self, name: str) -> str:
        """Return the last value of a flag, or an empty string."""
        return next(reversed(self.values_of(name)), "")

    def values_of(self, name: str) -> tuple[str, ...]:
        """Return every value of a flag, in the order in which they were typed."""
        begin = f"--{name}="
        return tuple(flag.removeprefix(begin) for flag in self.flags if flag.startswith(begin))

    def has(self, name: str) -> bool:
        """Return whether the switch was typed."""
        return f"--{name}" in self.flags


def normalise(argv: Sequence[str]) -> Invocation:
    """Return what was typed (without the program's name) in one order; raises UsageError, before anything is read."""
    head, remainder, has_separator = _split(argv)
    if any(flag in head for flag in HELP_FLAGS):
        return Invocation(help_topic=_help_topic(head))
    if VERSION_FLAG in head:
        return Invocation(command="version")
    if not argv:
        return Invocation()
    flags, words = _scan(head)
    if words and words[0] == HELP:
        return Invocation(help_topic=_help_topic(words[1:]))
    command, words, is_implied = _command_of(words)
    for word in words:
        check_text(word, "a name")
    _check_remainder(command, remainder, has_separator)
    return Invocation(command=command.name, flags=flags, words=words, remainder=remainder, is_implied=is_implied)


def runs_command(argv: Sequence[str]) -> bool:
    """Return whether -- COMMAND was typed: then every failure of kdebug's own ends with 125."""
    return bool(_split(argv)[1])


def wants_json(argv: Sequence[str]) -> bool:
    """Return whether -o json was typed, however spelled; works on command lines that cannot be understood."""
    head = _split(argv)[0]
    if {"-ojson", "-o=json", "--output=json"} & set(head):
        return True
    return any(pair in (("-o", "json"), ("--output", "json")) for pair in pairwise(head))


def nearest_command(word: str) -> str:
    """Return the command that `word` looks like a slip of, or an empty string."""
    return nearest(word, COMMANDS)


def _split(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    words = tuple(argv)
    if "--" not in words:
        return words, (), False
    at = words.index("--")
    return words[:at], words[at + 1 :], True


def _help_topic(words: Iterable[str]) -> str:
    """Return the command whose help is meant; empty for the whole."""
    return next((word for word in words if word in COMMANDS), "")


def _scan(head: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    flags: list[str] = []
    words: list[str] = []
    rest = list(head)
    while rest:
        token = rest.pop(0)
        if token.startswith("--"):
            flags += _long(token, rest)
        elif token.startswith("-") and len(token) > 1:
            flags += _shorts(token, rest)
        else:
            words.append(token)
    return tuple(flags), tuple(words)


def _long(token: str, rest: list[str]) -> list[str]:
    name, has_value, value = token[2:].partition("=")
    flag = ALL_FLAGS.get(name)
    return _one(flag, flag.long, value if has_value else None, rest) if flag else [token]


def _shorts(token: str, rest: list[str]) -> list[str]:
    """Return the flags of -it, -n=prism, -nprism or -itn prism."""
    found: list[str] = []
    letters = token[1:]
    while letters:
        typed, letters = f"-{letters[0]}", letters[1:]
        flag = SHORT_FLAGS.get(typed[1])
        if flag is None:
            return [*found, typed]
        if flag.is_switch and not letters.startswith("="):
            found += _one(flag, typed, None, rest)
            continue
        value = letters.removeprefix("=") if letters else None
        return found + _one(flag, typed, value, rest)
    return found


def _one(flag: Flag, typed: str, value: str | None, rest: list[str]) -> list[str]:
    """Return the flag with its value, taken from the following words where it was not given with an equals sign.

    A switch takes true and false as pflag's do; one whose value is missing stays as it was typed, for Typer to tell.
    """
    if flag.is_switch and value in (None, "true", "false"):
        return [] if value == "false" else [flag.long]
    if value is None:
        value = flag.bare or (rest.pop(0) if rest else None)
    if value is None:
        return [typed]
    check_text(value, flag.long)
    return [f"{flag.long}={value}"]


def _command_of(words: tuple[str, ...]) -> tuple[Command, tuple[str, ...], bool]:
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]], words[1:], False
    if words and words[0] in RESERVED:
        raise UsageError(
            f"this version has no command {words[0]!r}", remedy=f"for a pod of that name: kdebug open {words[0]}"
        )
    return COMMANDS["open"], words, True


def _check_remainder(command: Command, remainder: tuple[str, ...], has_separator: bool) -> None:
    if has_separator and not command.takes_command:
        raise UsageError(
            f"kdebug {command.name} runs no command, so nothing may follow --", remedy=f"kdebug {command.name} --help"
        )
    if has_separator and not remainder:
        raise UsageError("no command follows --", remedy="leave -- out for a shell")
    for word in remainder:
        check_text(word, "a word of the command", allow_controls=True)
