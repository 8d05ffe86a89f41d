"""From a parsed command line to a request: one function for each command; nothing is run here."""

from __future__ import annotations

from collections.abc import Callable

from kdebug.cli import checks, values
from kdebug.cli.arguments import Invocation
from kdebug.cli.connection import connection_of
from kdebug.cli.parser import Typed, read
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
from kdebug.errors import UsageError


def parse(invocation: Invocation) -> Request:
    """Return the request of a command line; raises UsageError and nothing else."""
    return _COMMANDS[invocation.command](read(invocation))


def _open(typed: Typed) -> OpenRequest:
    if typed.has("detach") and typed.remainder:
        raise UsageError("--detach and a command exclude each other", because="a detached session opens no stream")
    return OpenRequest(
        **vars(_plan(typed)),
        plain=typed.has("plain"),
        detach=typed.has("detach"),
        pod_running_timeout=checks.timeout(typed.value_of("pod-running-timeout"), "--pod-running-timeout", 120),
        dry_run=typed.value_of("dry-run"),
        assume_yes=typed.has("yes") or bool(typed.remainder),
        no_input=typed.has("no-input"),
        stdin=typed.has("stdin"),
        tty=typed.has("tty"),
        command=typed.remainder,
    )


def _plan(typed: Typed) -> PlanRequest:
    name, selector, filename = typed.word, typed.value_of("selector"), typed.value_of("filename")
    checks.check_target(name, selector, filename)
    return PlanRequest(
        connection=connection_of(typed),
        name=name,
        selector=selector,
        container=typed.value_of("container"),
        filename=filename,
        image=checks.image(typed.value_of("image")),
        debug_suffix=typed.value_of("debug-suffix"),
        fallback=typed.has("fallback"),
        to_namespace=typed.value_of("to-namespace"),
        network=typed.value_of("network"),
        with_secret=values.several(typed.values_of("with-secret"), "--with-secret"),
        keep_init_containers=typed.has("keep-init-containers"),
        env=tuple(values.variable(text) for text in typed.values_of("env")),
        shell=typed.value_of("shell"),
        max_duration=checks.max_duration(typed.value_of("max-duration")),
        output=typed.value_of("output"),
        quiet=typed.has("quiet"),
        verbose=checks.verbosity(typed.value_of("v")),
    )


def _sessions(typed: Typed) -> SessionsRequest:
    return SessionsRequest(
        connection=connection_of(typed),
        to_namespace=typed.value_of("to-namespace"),
        all_namespaces=typed.has("all-namespaces"),
        output=typed.value_of("output"),
        quiet=typed.has("quiet"),
        verbose=checks.verbosity(typed.value_of("v")),
    )


def _attach(typed: Typed) -> AttachRequest:
    if not typed.word:
        raise UsageError("no session is named", remedy="kdebug sessions")
    return AttachRequest(
        session=values.session_id(typed.word),
        connection=connection_of(typed),
        to_namespace=typed.value_of("to-namespace"),
        take_over=typed.has("take-over"),
        shell=typed.value_of("shell"),
        plain=typed.has("plain"),
        stdin=typed.has("stdin"),
        tty=typed.has("tty"),
        command=typed.remainder,
        output=typed.value_of("output"),
        quiet=typed.has("quiet"),
        verbose=checks.verbosity(typed.value_of("v")),
    )


def _clean(typed: Typed) -> CleanRequest:
    expired, mine, is_all = typed.has("expired"), typed.has("mine"), typed.has("all")
    if sum((bool(typed.words), expired, mine, is_all)) != 1:
        raise UsageError(
            "which sessions to remove is not clear",
            because="it takes sessions by name, or one of --expired, --mine and --all",
            remedy="kdebug sessions",
        )
    return CleanRequest(
        sessions=tuple(dict.fromkeys(values.session_id(word) for word in typed.words)),
        connection=connection_of(typed),
        to_namespace=typed.value_of("to-namespace"),
        expired=expired,
        mine=mine,
        all=is_all,
        dry_run=typed.value_of("dry-run"),
        assume_yes=typed.has("yes"),
        no_input=typed.has("no-input"),
        output=typed.value_of("output"),
        quiet=typed.has("quiet"),
        verbose=checks.verbosity(typed.value_of("v")),
    )


def _setup(typed: Typed) -> SetupRequest:
    environment, covers = typed.value_of("environment"), typed.values_of("covers")
    checks.check_statement(environment, covers)
    return SetupRequest(
        environment=environment,
        covers=values.several(covers, "--covers"),
        connection=connection_of(typed),
        to_namespace=typed.value_of("to-namespace"),
        allow=checks.allow(typed.values_of("allow")),
        print=typed.has("print"),
        dry_run=typed.value_of("dry-run"),
        assume_yes=typed.has("yes"),
        no_input=typed.has("no-input"),
        output=typed.value_of("output"),
        quiet=typed.has("quiet"),
        verbose=checks.verbosity(typed.value_of("v")),
    )


def _demo(typed: Typed) -> DemoRequest:
    return DemoRequest(
        assume_yes=typed.has("yes"),
        no_input=typed.has("no-input"),
        quiet=typed.has("quiet"),
        verbose=checks.verbosity(typed.value_of("v")),
    )


def _version(typed: Typed) -> VersionRequest:
    return VersionRequest(output=typed.value_of("output"))


_COMMANDS: dict[str, Callable[[Typed], Request]] = {
    "open": _open,
    "plan": _plan,
    "sessions": _sessions,
    "attach": _attach,
    "clean": _clean,
    "setup": _setup,
    "demo": _demo,
    "version": _version,
}
