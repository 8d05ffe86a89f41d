"""kdebug demo: the whole procedure on an embedded cluster, with the same code; by script where there is no terminal."""

from __future__ import annotations

import sys

from kdebug.cli.dispatch import run
from kdebug.cli.narration import Narration
from kdebug.cli.requests import Connection, DemoRequest, OpenRequest, SessionsRequest, SetupRequest
from kdebug.cli.wiring import embedded_cluster

POD = "prism-proxy-pod"
SCRIPT = 'echo "a shell of this machine stands in for the one in the clone; RUST_LOG=$RUST_LOG"; uname -s'


def run_demo(request: DemoRequest) -> int:
    """Set up, open a shell in a clone of the crash-looping pod, remove it, and show that nothing is left."""
    narration = Narration(level=request.level)
    is_scripted = request.no_input or not (sys.stdin.isatty() and sys.stdout.isatty())
    narration.say("a Kubernetes API of kdebug's own, on this machine alone: nothing else is reached or changed")
    with embedded_cluster() as kubeconfig:
        connection = Connection(kubeconfig=str(kubeconfig))
        _step(narration, "kdebug setup --environment demo --covers cluster")
        code = run(
            SetupRequest(
                environment="demo",
                covers=("cluster",),
                connection=connection,
                assume_yes=True,
                quiet=request.quiet,
                verbose=request.verbose,
            )
        )
        if code:
            return code
        script = ("/busybox/sh", "-c", SCRIPT) if is_scripted else ()
        _step(narration, f"kdebug {POD}{' -- /busybox/sh -c ...' if is_scripted else ''}")
        code = run(
            OpenRequest(
                connection=connection,
                name=POD,
                command=script,
                assume_yes=is_scripted or request.assume_yes,
                quiet=request.quiet,
                verbose=request.verbose,
            )
        )
        _step(narration, "kdebug sessions")
        return code or run(SessionsRequest(connection=connection, quiet=request.quiet, verbose=request.verbose))


def _step(narration: Narration, command: str) -> None:
    narration.show(("", f"$ {command}"))
