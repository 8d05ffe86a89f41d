"""The words of a command line put in one order: flags may stand anywhere, and `open` may be left out."""

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
    flags: tuple[tuple[str, str], ...] = ()
    """(long name, value) as typed, in order; a switch's value is empty."""
    words: tuple[str, ...] = ()
    remainder: tuple[str, ...] = ()
    """What stands after --, untouched."""
    is_implied: bool = False
    """Whether `open` was left out, so that the first word might have been meant as a command."""
    help_topic: str | None = None

    @property
    def word(self) -> str:
        """The first bare word after the command, or an empty string."""
        return self.words[0] if self.words else ""

    def value_of(self, name: str) -> str:
        """Return the last value of a flag, or an empty string."""
        return next((value for flag, value in reversed(self.flags) if flag == name), "")

    def values_of(self, name: str) -> tuple[str, ...]:
        """Return every value of a flag, in the order in which they were typed."""
        return tuple(value for flag, value in self.flags if flag == name)

    def has(self, name: str) -> bool:
        """Return whether the flag was typed."""
        return any(flag == name for flag, _ in self.flags)


def normalise(argv: Sequence[str]) -> Invocation:
    """Return what was typed (without the program's name) in one order; raises UsageError, before any network call."""
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
    for word in remainder:
        check_text(word, "a word of the command", allow_controls=True)
    _check_shape(command, flags, words, remainder, has_separator)
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


def _scan(head: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    flags: list[tuple[str, str]] = []
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


def _long(token: str, rest: list[str]) -> list[tuple[str, str]]:
    name, has_value, value = token[2:].partition("=")
    flag = ALL_FLAGS.get(name)
    if flag is None:
        raise _unknown(f"--{name}", (known.long for known in ALL_FLAGS.values()))
    return _one(flag, token, value if has_value else None, rest)


def _shorts(token: str, rest: list[str]) -> list[tuple[str, str]]:
    """Return the flags of -it, -n=prism, -nprism or -itn prism."""
    found: list[tuple[str, str]] = []
    letters = token[1:]
    while letters:
        flag = SHORT_FLAGS.get(letters[0])
        if flag is None:
            raise _unknown(f"-{letters[0]}", (f"-{short}" for short in SHORT_FLAGS))
        letters = letters[1:]
        if flag.is_switch and not letters.startswith("="):
            found += _one(flag, f"-{flag.short}", None, rest)
            continue
        value = letters.removeprefix("=") if letters else None
        return found + _one(flag, f"-{flag.short}", value, rest)
    return found


def _one(flag: Flag, token: str, value: str | None, rest: list[str]) -> list[tuple[str, str]]:
    """Return the flag with its value, taken from the following words where it was not given with an equals sign."""
    if flag.is_switch:
        if value in (None, "true"):
            return [(flag.name, "")]
        if value == "false":
            return []
        raise UsageError(f"{flag.long} takes no value", because=f"got {value!r}")
    if value is None and flag.bare:
        value = flag.bare
    if value is None:
        if not rest:
            raise UsageError(f"{token} needs a value", remedy=f"write {flag.long}={flag.metavar}")
        value = rest.pop(0)
    check_text(value, flag.long)
    return [(flag.name, value)]


def _command_of(words: tuple[str, ...]) -> tuple[Command, tuple[str, ...], bool]:
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]], words[1:], False
    if words and words[0] in RESERVED:
        raise UsageError(
            f"this version has no command {words[0]!r}", remedy=f"for a pod of that name: kdebug open {words[0]}"
        )
    return COMMANDS["open"], words, True


def _check_shape(
    command: Command,
    flags: tuple[tuple[str, str], ...],
    words: tuple[str, ...],
    remainder: tuple[str, ...],
    has_separator: bool,
) -> None:
    see = f"kdebug {command.name} --help"
    own = {flag.name: flag for flag in command.flags}
    for name, value in flags:
        if name not in own:
            raise UsageError(f"kdebug {command.name} has no flag --{name}", remedy=see)
        if choices := own[name].choices:
            _check_choice(command, name, value, choices)
    if 0 <= command.max_words < len(words):
        extra = words[command.max_words]
        is_dry_run = any(name == "dry-run" for name, _ in flags) and extra in ("client", "server")
        raise UsageError(
            f"unexpected word {extra!r}",
            because=f"kdebug {command.name} takes {'one name' if command.max_words else 'no names'}",
            remedy=f"write --dry-run={extra}" if is_dry_run else see,
        )
    if has_separator and not command.takes_command:
        raise UsageError(f"kdebug {command.name} runs no command, so nothing may follow --", remedy=see)
    if has_separator and not remainder:
        raise UsageError("no command follows --", remedy="leave -- out for a shell")


def _check_choice(command: Command, name: str, value: str, choices: tuple[str, ...]) -> None:
    if value in choices:
        return
    raise UsageError(
        f"--{name} cannot be {value!r}",
        because=f"kdebug {command.name} takes one of: {', '.join(choices)}",
        remedy=_did_you_mean(f"--{name}=", value, choices),
    )


def _unknown(typed: str, known: Iterable[str]) -> UsageError:
    return UsageError(f"unknown flag {typed!r}", remedy=_did_you_mean("", typed, known) or "kdebug --help")


def _did_you_mean(prefix: str, word: str, known: Iterable[str]) -> str:
    found = nearest(word, known)
    return f"did you mean {prefix}{found}?" if found else ""
