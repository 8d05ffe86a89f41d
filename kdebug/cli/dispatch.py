"""The one place that knows which function runs a request; each is imported only when it is meant."""

from __future__ import annotations

from kdebug.cli.requests import (
    AttachRequest,
    CleanRequest,
    DemoRequest,
    OpenRequest,
    PlanRequest,
    Request,
    SessionsRequest,
    SetupRequest,
    VersionRequest,
)


def run(request: Request) -> int:
    """Run a request and return the exit code; raises KdebugError."""
    match request:
        case OpenRequest():
            from kdebug.cli.commands.open import run_open

            return run_open(request)
        case PlanRequest():
            from kdebug.cli.commands.plan import run_plan

            return run_plan(request)
        case SessionsRequest():
            from kdebug.cli.commands.sessions import run_sessions

            return run_sessions(request)
        case AttachRequest():
            from kdebug.cli.commands.attach import run_attach

            return run_attach(request)
        case CleanRequest():
            from kdebug.cli.commands.clean import run_clean

            return run_clean(request)
        case SetupRequest():
            from kdebug.cli.commands.setup import run_setup

            return run_setup(request)
        case DemoRequest():
            from kdebug.cli.commands.demo import run_demo

            return run_demo(request)
        case VersionRequest():
            from kdebug.cli.commands.version import run_version

            return run_version(request)
