"""The one place that knows which function runs a request; each is imported only when it is meant, and may be run.

Names are judged before that, for every command that the whole guard or its vetoes stand before: a refusal is told at
once, before even Typer is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdebug.cli.arguments import Invocation
from kdebug.errors import ConfigError

if TYPE_CHECKING:
    from kdebug.cli.connection import Connection
    from kdebug.cli.requests import Request
    from kdebug.cli.wiring import Wiring

_JUDGED_BY_NAME = ("open", "attach", "setup")


def run_typed(invocation: Invocation) -> int:
    """Judge the names that the connection's flags choose, have the whole line parsed, and run it; raises KdebugError.

    What is wrong with the command line itself is told first: names wait for the parser where a flag cannot be meant as
    it stands, and so does a file that cannot be read.
    """
    if invocation.command in _JUDGED_BY_NAME and invocation.has_only_own_flags:
        wiring = _wiring_before_parsing(invocation)
        return run(_parsed(invocation), wiring)
    return run(_parsed(invocation))


def _wiring_before_parsing(invocation: Invocation) -> Wiring:
    from kdebug.cli.connection import connection_of

    connection = connection_of(invocation)
    try:
        return _judged(connection, invocation.title if invocation.command == "open" else "")
    except ConfigError:
        _parsed(invocation)
        raise


def _parsed(invocation: Invocation) -> Request:
    from kdebug.cli.app import parse

    return parse(invocation)


def _judged(connection: Connection, title: str) -> Wiring:
    from kdebug.cli.wiring import wire_allowed

    return wire_allowed(connection, title)


def run(request: Request, wiring: Wiring | None = None) -> int:
    """Run a request and return the exit code; raises KdebugError. A wiring that is passed has been judged."""
    from kdebug.cli.requests import (
        AttachRequest,
        CleanRequest,
        DemoRequest,
        OpenRequest,
        PlanRequest,
        SessionsRequest,
        SetupRequest,
        VersionRequest,
    )

    match request:
        case OpenRequest():
            wiring = wiring or _judged(request.connection, request.title)
            from kdebug.cli.commands.open import run_open

            return run_open(request, wiring)
        case PlanRequest():
            from kdebug.cli.commands.plan import run_plan

            return run_plan(request)
        case SessionsRequest():
            from kdebug.cli.commands.sessions import run_sessions

            return run_sessions(request)
        case AttachRequest():
            wiring = wiring or _judged(request.connection, "")
            from kdebug.cli.commands.attach import run_attach

            return run_attach(request, wiring)
        case CleanRequest():
            from kdebug.cli.commands.clean import run_clean

            return run_clean(request)
        case SetupRequest():
            wiring = wiring or _judged(request.connection, "")
            from kdebug.cli.commands.setup import run_setup

            return run_setup(request, wiring)
        case DemoRequest():
            from kdebug.cli.commands.demo import run_demo

            return run_demo(request)
        case VersionRequest():
            from kdebug.cli.commands.version import run_version

            return run_version(request)
