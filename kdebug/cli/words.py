"""The words that are commands: what each takes, and the examples that its help begins with."""

from __future__ import annotations

from dataclasses import dataclass

from kdebug.cli import flags
from kdebug.cli.flags import Flag


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: how it is used, what for, and its flags in the order of its help."""

    name: str
    usage: str
    summary: str
    examples: tuple[tuple[str, str], ...]
    """(words after the program's name, what they do)"""
    flags: tuple[Flag, ...]
    max_words: int = 0
    """How many bare words it takes; -1 for any number."""
    takes_command: bool = False
    """Whether -- COMMAND may follow."""


_TO_NAMESPACE = Flag(name="to-namespace", metavar="NAME", group="Session", help=flags.TO_NAMESPACE.help)
_TELLING = (flags.QUIET, flags.VERBOSE)
_PLAN_FLAGS = (*flags.TARGET_FLAGS, *flags.CONNECTION_FLAGS, *flags.CLONE_FLAGS)

OPEN = Command(
    name="open",
    usage="[POD | TYPE/NAME] [flags] [-- COMMAND [ARG...]]",
    summary="Open a shell in an isolated clone of a failing pod, with its debug image; remove everything afterwards.",
    examples=(
        ("prism-proxy-pod -n prism", "open a shell in a clone of the pod"),
        ("deploy/prism-proxy -n prism", "the same for a Deployment's worst pod"),
        ("prism-proxy-pod -n prism -- /busybox/ls -l /", "run one command in a clone and end with its exit code"),
    ),
    flags=(
        *_PLAN_FLAGS,
        *flags.SHELL_FLAGS,
        *flags.LIFE_FLAGS,
        *flags.CONSENT_FLAGS,
        flags.OUTPUT_JSON,
        *_TELLING,
    ),
    max_words=1,
    takes_command=True,
)

PLAN = Command(
    name="plan",
    usage="[POD | TYPE/NAME] [flags]",
    summary="Show what open would make, and in what the clone differs from the target. Never writes.",
    examples=(
        ("plan prism-proxy-pod -n prism", "what would be made, step by step"),
        ("plan prism-proxy-pod -n prism -o diff", "the target against the clone"),
        ("plan prism-proxy-pod -n prism -o yaml", "the objects; Secret values are redacted"),
    ),
    flags=(*_PLAN_FLAGS, flags.SHELL_PATH, flags.MAX_DURATION, flags.OUTPUT_PLAN, *_TELLING),
    max_words=1,
)

SESSIONS = Command(
    name="sessions",
    usage="[flags]",
    summary="List the debug sessions that exist on the cluster, whoever started them.",
    examples=(
        ("sessions", "those in the isolated namespace"),
        ("sessions -A -o wide", "those in every isolated namespace, with image and holder"),
        ("sessions -o json", "as one JSON object"),
    ),
    flags=(_TO_NAMESPACE, flags.ALL_NAMESPACES, *flags.CONNECTION_FLAGS, flags.OUTPUT_SESSIONS, *_TELLING),
)

ATTACH = Command(
    name="attach",
    usage="SESSION [flags] [-- COMMAND [ARG...]]",
    summary="Open a second shell in a session's clone, and leave without touching anything.",
    examples=(
        ("attach k3vq5w2m7x4tzr6n", "a second shell"),
        ("attach k3vq5w2m7x4tzr6n --take-over", "become the holder, who renews and tears down"),
        ("attach k3vq5w2m7x4tzr6n -- /busybox/ps", "one command"),
    ),
    flags=(flags.TAKE_OVER, _TO_NAMESPACE, *flags.SHELL_FLAGS, *flags.CONNECTION_FLAGS, flags.OUTPUT_JSON, *_TELLING),
    max_words=1,
    takes_command=True,
)

CLEAN = Command(
    name="clean",
    usage="[SESSION... | --expired | --mine | --all] [flags]",
    summary="Remove earlier sessions and prove that they are gone. Deletes kdebug's own objects alone.",
    examples=(
        ("clean k3vq5w2m7x4tzr6n", "one session"),
        ("clean --mine", "every session of yours"),
        ("clean --all --dry-run=client", "what would be removed"),
    ),
    flags=(
        flags.EXPIRED,
        flags.MINE,
        flags.ALL,
        _TO_NAMESPACE,
        *flags.CONNECTION_FLAGS,
        *flags.CONSENT_FLAGS,
        flags.OUTPUT_JSON,
        *_TELLING,
    ),
    max_words=-1,
)

SETUP = Command(
    name="setup",
    usage="--environment NAME --covers cluster|NS,... [flags]",
    summary="Make the isolated namespace, and state what the cluster is for and whose pods may be targets.",
    examples=(
        ("setup --environment staging --covers cluster", "the whole cluster is staging"),
        ("setup --environment test --covers team-a,team-b", "only two namespaces hold targets"),
        ("setup --environment staging --covers cluster --print", "the manifests, for kubectl apply -f -"),
    ),
    flags=(
        flags.ENVIRONMENT,
        flags.COVERS,
        flags.ALLOW,
        flags.PRINT,
        _TO_NAMESPACE,
        *flags.CONNECTION_FLAGS,
        *flags.CONSENT_FLAGS,
        flags.OUTPUT_JSON,
        *_TELLING,
    ),
)

DEMO = Command(
    name="demo",
    usage="[flags]",
    summary="Go through the whole procedure on an embedded cluster; it needs nothing and leaves nothing.",
    examples=(("demo", "with you at the keyboard"), ("demo --no-input", "by script"), ("demo -q", "with few words")),
    flags=(flags.YES, flags.NO_INPUT, *_TELLING),
)

VERSION = Command(
    name="version",
    usage="[flags]",
    summary="Print the version.",
    examples=(("version", "in words"), ("version -o json", "as one JSON object"), ("version -o yaml", "as YAML")),
    flags=(flags.OUTPUT_VERSION,),
)

COMMANDS = {command.name: command for command in (OPEN, PLAN, SESSIONS, ATTACH, CLEAN, SETUP, DEMO, VERSION)}
HELP = "help"
RESERVED = ("why", "report", "play", "logs", "events", "diff", "doctor", "audit", "config", "completion")
"""Kept for later versions: a pod of such a name is opened with `kdebug open NAME`."""

ALL_FLAGS = {flag.name: flag for command in COMMANDS.values() for flag in command.flags}
SHORT_FLAGS = {flag.short: flag for flag in ALL_FLAGS.values() if flag.short}
