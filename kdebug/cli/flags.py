"""Every flag of kdebug, declared once: the parser, the normaliser and the help read the same values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One flag; without a metavar it is a switch."""

    name: str
    """The long form without its dashes."""
    short: str = ""
    metavar: str = ""
    help: str
    group: str
    choices: tuple[str, ...] = ()
    is_repeated: bool = False
    bare: str = ""
    """What the flag means without a value; such a flag takes one after an equals sign only."""

    @property
    def long(self) -> str:
        """The long form as it is typed."""
        return f"--{self.name}"

    @property
    def is_switch(self) -> bool:
        """Whether the flag takes no value at all."""
        return not self.metavar


CONNECTION, TARGET, CLONE, SHELL, LIFE, CONSENT, OUTPUT = (
    "Connection",
    "Target",
    "Clone",
    "Shell",
    "Life",
    "Consent",
    "Output",
)

CONTEXT = Flag(name="context", metavar="NAME", group=CONNECTION, help="The kubeconfig context to use")
KUBECONFIG = Flag(
    name="kubeconfig", metavar="FILE", group=CONNECTION, help="Path to the kubeconfig; it wins over KUBECONFIG"
)
CLUSTER = Flag(name="cluster", metavar="NAME", group=CONNECTION, help="The kubeconfig cluster to use")
USER = Flag(name="user", metavar="NAME", group=CONNECTION, help="The kubeconfig user to use")
AS = Flag(name="as", metavar="USER", group=CONNECTION, help="Act as this user")
AS_GROUP = Flag(
    name="as-group", metavar="GROUP", group=CONNECTION, is_repeated=True, help="Act as a member of this group"
)
AS_UID = Flag(name="as-uid", metavar="UID", group=CONNECTION, help="Act with this uid")
REQUEST_TIMEOUT = Flag(
    name="request-timeout",
    metavar="DURATION",
    group=CONNECTION,
    help="Give up on one request after this long (default 30s)",
)
NAMESPACE = Flag(name="namespace", short="n", metavar="NAME", group=CONNECTION, help="The namespace of the target")
CONNECTION_FLAGS = (
    NAMESPACE,
    CONTEXT,
    KUBECONFIG,
    CLUSTER,
    USER,
    AS,
    AS_GROUP,
    AS_UID,
    REQUEST_TIMEOUT,
)

CONTAINER = Flag(
    name="container", short="c", metavar="NAME", group=TARGET, help="The container to debug (default the failing one)"
)
SELECTOR = Flag(
    name="selector", short="l", metavar="LABELS", group=TARGET, help="Take the worst pod that has these labels"
)
FILENAME = Flag(
    name="filename", short="f", metavar="FILE", group=TARGET, help="Take the target from a manifest; - reads stdin"
)
TARGET_FLAGS = (CONTAINER, SELECTOR, FILENAME)

IMAGE = Flag(name="image", metavar="IMAGE", group=CLONE, help="The image to run in place of the debug variant")
DEBUG_SUFFIX = Flag(
    name="debug-suffix", metavar="SUFFIX", group=CLONE, help="What the variant's tag ends with (default -debug)"
)
FALLBACK = Flag(
    name="fallback", group=CLONE, help="Run the target's own image, and /busybox (by default from busybox:1-musl)"
)
TO_NAMESPACE = Flag(
    name="to-namespace", metavar="NAME", group=CLONE, help="The isolated namespace (default kdebug-isolated)"
)
NETWORK = Flag(
    name="network",
    metavar="REACH",
    group=CLONE,
    choices=("dns", "source", "open"),
    help="What the clone may reach: dns (default), source (the target's namespace) or open",
)
WITH_SECRET = Flag(
    name="with-secret",
    metavar="NAME",
    group=CLONE,
    is_repeated=True,
    help="Copy this Secret of the target's; all copies each",
)
KEEP_INIT_CONTAINERS = Flag(
    name="keep-init-containers", group=CLONE, help="Run the target's init containers in the clone too"
)
ENV = Flag(name="env", metavar="K=V", group=CLONE, is_repeated=True, help="Set an environment variable in the clone")
CLONE_FLAGS = (IMAGE, DEBUG_SUFFIX, FALLBACK, TO_NAMESPACE, NETWORK, WITH_SECRET, KEEP_INIT_CONTAINERS, ENV)

SHELL_PATH = Flag(name="shell", metavar="PATH", group=SHELL, help="The shell to open (default /busybox/sh)")
PLAIN = Flag(name="plain", group=SHELL, help="Let this terminal itself be the shell")
STDIN = Flag(name="stdin", short="i", group=SHELL, help="Pass stdin to the command after --")
TTY = Flag(name="tty", short="t", group=SHELL, help="Give the command after -- a terminal")
SHELL_FLAGS = (SHELL_PATH, PLAIN, STDIN, TTY)

MAX_DURATION = Flag(
    name="max-duration",
    metavar="DURATION",
    group=LIFE,
    help="End the clone after this long whatever happens (default 4h)",
)
DETACH = Flag(name="detach", group=LIFE, help="Open no shell and leave the clone until its hard cap")
POD_RUNNING_TIMEOUT = Flag(
    name="pod-running-timeout",
    metavar="DURATION",
    group=LIFE,
    help="Give up on a clone that does not start in this time (default 2m)",
)
LIFE_FLAGS = (MAX_DURATION, DETACH, POD_RUNNING_TIMEOUT)

DRY_RUN = Flag(
    name="dry-run",
    metavar="client|server",
    group=CONSENT,
    choices=("client", "server"),
    bare="client",
    help="Create nothing: show it (client), or have the server check it too (server)",
)
YES = Flag(name="yes", short="y", group=CONSENT, help="Do not ask; lifts no refusal")
NO_INPUT = Flag(name="no-input", group=CONSENT, help="Never ask anything; lifts no refusal")
CONSENT_FLAGS = (DRY_RUN, YES, NO_INPUT)

QUIET = Flag(name="quiet", short="q", group=OUTPUT, help="Say only warnings and errors")
VERBOSE = Flag(name="v", short="v", metavar="LEVEL", group=OUTPUT, help="Say more; 0 to 9 as in kubectl")
ALL_NAMESPACES = Flag(name="all-namespaces", short="A", group=OUTPUT, help="In every isolated namespace")


def output_flag(*forms: str) -> Flag:
    """Return -o with the forms that one command knows."""
    return Flag(
        name="output", short="o", metavar="FORM", group=OUTPUT, choices=forms, help=f"Print as {' or '.join(forms)}"
    )


OUTPUT_JSON = output_flag("json")
OUTPUT_PLAN = output_flag("yaml", "json", "diff")
OUTPUT_SESSIONS = output_flag("wide", "json", "yaml", "name")
OUTPUT_VERSION = output_flag("json", "yaml")

TAKE_OVER = Flag(name="take-over", group="Session", help="Become the holder at once, who renews and tears down")
EXPIRED = Flag(name="expired", group="Sessions", help="Every session whose lease has ended")
MINE = Flag(name="mine", group="Sessions", help="Every session of yours")
ALL = Flag(name="all", group="Sessions", help="Every session in the isolated namespace")

ENVIRONMENT = Flag(
    name="environment",
    metavar="NAME",
    group="Statement",
    help="What this cluster is for: staging, test, dev, ... Required",
)
COVERS = Flag(
    name="covers",
    metavar="cluster|NS,...",
    group="Statement",
    is_repeated=True,
    help="Whose pods may be targets: the cluster's, or those of these namespaces. Required",
)
ALLOW = Flag(
    name="allow",
    metavar="KIND,...",
    group="Statement",
    is_repeated=True,
    help="What may be copied in: configmaps, secrets, none (default configmaps)",
)
PRINT = Flag(name="print", group="Statement", help="Print the manifests for kubectl apply -f - and change nothing")
