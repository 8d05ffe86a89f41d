"""One command's flags as a Typer command, made of the declarations when it is typed: only that one is ever built."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from kdebug.cli.arguments import Invocation
from kdebug.cli.flags import Flag
from kdebug.cli.values import nearest
from kdebug.cli.words import ALL_FLAGS, COMMANDS, Command
from kdebug.errors import UsageError

if TYPE_CHECKING:
    from typer import BadParameter, TyperException

_WORDS = "words"
Values = Mapping[str, Any]
"""By the callback's parameters: a switch's bool, a flag's str, a repeated flag's list; None when not typed."""


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A command line as Typer understood it, and what stands after --."""

    values: Values = field(default_factory=dict)
    remainder: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The bare words after the command."""
        words = self.values.get(_WORDS) or ()
        return (words,) if isinstance(words, str) else tuple(words)

    @property
    def word(self) -> str:
        """The first bare word after the command, or an empty string."""
        return self.words[0] if self.words else ""

    def value_of(self, name: str) -> str:
        """Return a flag's value, or an empty string."""
        return self.values.get(_parameter(name)) or ""

    def values_of(self, name: str) -> tuple[str, ...]:
        """Return every value of a repeated flag, in the order in which they were typed."""
        return tuple(self.values.get(_parameter(name)) or ())

    def has(self, name: str) -> bool:
        """Return whether a switch was typed."""
        return bool(self.values.get(_parameter(name)))


def read(invocation: Invocation) -> Typed:
    """Return what Typer makes of the command line; raises UsageError with what was typed and what may be meant.

    Where nothing but the command was typed, Typer (a third of a second to load) is not asked.
    """
    argv = [*invocation.words, *invocation.flags]
    if not argv:
        return Typed(remainder=invocation.remainder)
    import typer
    from typer.main import get_command

    command = COMMANDS[invocation.command]
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(command.name, context_settings={"help_option_names": []})(_callback(command))
    try:
        values: Values = get_command(app).main(argv, prog_name="kdebug", standalone_mode=False)
    except typer.BadParameter as error:
        raise _not_a_choice(error, command, invocation) from error
    except typer.TyperException as error:
        raise _slip(error, command, invocation) from error
    return Typed(values=values, remainder=invocation.remainder)


def _callback(command: Command) -> Any:
    """Return the function that Typer reads the flags from and hands the values to."""

    def callback(**values: Any) -> Values:
        return values

    types = {_parameter(flag.name): Annotated[_type(flag), _option(flag)] for flag in command.flags}
    if command.max_words:
        types[_WORDS] = _argument(command)
    function: Any = callback
    function.__annotations__ = types
    function.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in types.items()
        ]
    )
    return function


def _parameter(name: str) -> str:
    """Return a flag's name as a parameter's; --as would be a keyword."""
    return f"{name.replace('-', '_')}_"


def _type(flag: Flag) -> Any:
    """Return the type of a flag's values; None, so that Typer makes a validator only for what was typed."""
    if flag.is_switch:
        return bool | None
    if flag.choices:
        return Literal[flag.choices] | None
    return list[str] | None if flag.is_repeated else str | None


def _option(flag: Flag) -> Any:
    import typer

    return typer.Option(flag.long, *([f"-{flag.short}"] if flag.short else ()), metavar=flag.metavar or None)


def _argument(command: Command) -> Any:
    import typer

    kind: Any = str | None if command.max_words == 1 else list[str] | None
    return Annotated[kind, typer.Argument()]


def _slip(error: TyperException, command: Command, invocation: Invocation) -> UsageError:
    """Return Typer's usage error in kdebug's words."""
    option: str = getattr(error, "option_name", "")
    see = f"kdebug {command.name} --help"
    if not option:
        return _unexpected_word(command, invocation)
    own = next((flag for flag in command.flags if option in (flag.long, f"-{flag.short}")), None)
    if own and own.is_switch:
        value = invocation.value_of(own.name)
        return UsageError(f"{own.long} takes no value", because=f"got {value!r}")
    if own:
        return UsageError(f"{option} needs a value", remedy=f"write {own.long}={own.metavar}")
    if option.removeprefix("--") in ALL_FLAGS:
        return UsageError(f"kdebug {command.name} has no flag {option}", remedy=see)
    # Typer finds --as near to --oops: the dashes count.
    near = nearest(option, getattr(error, "possibilities", None) or ())
    return UsageError(f"unknown flag {option!r}", remedy=f"did you mean {near}?" if near else "kdebug --help")


def _unexpected_word(command: Command, invocation: Invocation) -> UsageError:
    extra = invocation.words[command.max_words]
    is_dry_run = bool(invocation.value_of("dry-run")) and extra in ("client", "server")
    return UsageError(
        f"unexpected word {extra!r}",
        because=f"kdebug {command.name} takes {'one name' if command.max_words else 'no names'}",
        remedy=f"write --dry-run={extra}" if is_dry_run else f"kdebug {command.name} --help",
    )


def _not_a_choice(error: BadParameter, command: Command, invocation: Invocation) -> UsageError:
    option = error.param.opts[0] if error.param else ""
    flag = next(flag for flag in command.flags if flag.long == option)
    value = invocation.value_of(flag.name)
    near = nearest(value, flag.choices)
    return UsageError(
        f"{option} cannot be {value!r}",
        because=f"kdebug {command.name} takes one of: {', '.join(flag.choices)}",
        remedy=f"did you mean {option}={near}?" if near else "",
    )
