"""What was asked, as one frozen value for each command: parsed and checked, with nothing run yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from kdebug.cli.connection import Connection as Connection
from kdebug.cli.narration import Level


@dataclass(frozen=True, kw_only=True)
class Telling:
    """In which form stdout is, and how much is said on stderr; every request has these three."""

    output: str = ""
    quiet: bool = False
    verbose: int = 0

    @property
    def level(self) -> Level:
        """How much is said on stderr."""
        if self.output == "json":
            return "mute"
        if self.quiet:
            return "quiet"
        return "verbose" if self.verbose > 0 else "normal"


@dataclass(frozen=True, kw_only=True)
class PlanRequest(Telling):
    """kdebug plan: what open would make; reads only. Exactly one of name, selector and filename is there."""

    connection: Connection = field(default_factory=Connection)
    name: str = ""
    """POD or TYPE/NAME as it was typed."""
    selector: str = ""
    container: str = ""
    filename: str = ""
    """A manifest's path, or - for stdin."""
    image: str = ""
    debug_suffix: str = ""
    """Empty: as configured, else -debug."""
    fallback: bool = False
    """Run the target's own image, with /busybox brought from the configured one."""
    to_namespace: str = ""
    """Empty: as configured, else kdebug-isolated."""
    network: str = ""
    """dns | source | open; empty: as configured, else dns."""
    with_secret: tuple[str, ...] = ()
    """Names of Secrets in the target's namespace, or all."""
    keep_init_containers: bool = False
    env: tuple[tuple[str, str], ...] = ()
    shell: str = ""
    """Empty: as configured, else /busybox/sh."""
    max_duration: int = 0
    """The hard cap in seconds; 0: as configured, else four hours."""

    @property
    def title(self) -> str:
        """The target as the user named it: POD, -l SELECTOR or -f FILE."""
        return self.name or (f"-l {self.selector}" if self.selector else f"-f {self.filename}")


@dataclass(frozen=True, kw_only=True)
class OpenRequest(PlanRequest):
    """kdebug open: a clone, a shell or one command in it, and its removal."""

    plain: bool = False
    detach: bool = False
    pod_running_timeout: float = 120.0
    """Seconds."""
    dry_run: str = ""
    """'' | client | server"""
    assume_yes: bool = False
    """Also when there is a command."""
    no_input: bool = False
    stdin: bool = False
    tty: bool = False
    command: tuple[str, ...] = ()
    """The words after --, untouched; empty means a shell."""


@dataclass(frozen=True, kw_only=True)
class SessionsRequest(Telling):
    """kdebug sessions: every session that the cluster knows of."""

    connection: Connection = field(default_factory=Connection)
    to_namespace: str = ""
    all_namespaces: bool = False


@dataclass(frozen=True, kw_only=True)
class AttachRequest(Telling):
    """kdebug attach: a second shell, or one command, in a clone that runs."""

    session: str
    connection: Connection = field(default_factory=Connection)
    to_namespace: str = ""
    take_over: bool = False
    shell: str = ""
    """Empty: the one that the session was opened with."""
    plain: bool = False
    stdin: bool = False
    tty: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CleanRequest(Telling):
    """kdebug clean: removal of named sessions, or of all that are expired, the user's own, or there at all."""

    sessions: tuple[str, ...] = ()
    connection: Connection = field(default_factory=Connection)
    to_namespace: str = ""
    expired: bool = False
    mine: bool = False
    all: bool = False
    dry_run: str = ""
    assume_yes: bool = False
    no_input: bool = False


@dataclass(frozen=True, kw_only=True)
class SetupRequest(Telling):
    """kdebug setup: this cluster's isolated namespace and what it states."""

    environment: str
    covers: tuple[str, ...]
    """("cluster",) or the namespaces that may be targets."""
    connection: Connection = field(default_factory=Connection)
    to_namespace: str = ""
    """The isolated namespace's name; empty: as configured, else kdebug-isolated."""
    allow: tuple[str, ...] = ("configmaps",)
    """What may be copied into it; empty for nothing."""
    print: bool = False
    dry_run: str = ""
    assume_yes: bool = False
    no_input: bool = False


@dataclass(frozen=True, kw_only=True)
class DemoRequest(Telling):
    """kdebug demo: the whole procedure on an embedded cluster; by script without a terminal or with no_input."""

    assume_yes: bool = False
    no_input: bool = False


@dataclass(frozen=True, kw_only=True)
class VersionRequest(Telling):
    """kdebug version."""


Request = (
    OpenRequest
    | PlanRequest
    | SessionsRequest
    | AttachRequest
    | CleanRequest
    | SetupRequest
    | DemoRequest
    | VersionRequest
)
