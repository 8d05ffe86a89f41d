"""Ask from inside the clone whether its NetworkPolicy is enforced: a policy that exists is not yet one that holds."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kdebug.domain.kinds import Manifest
from kdebug.errors import KdebugError
from kdebug.session.events import Emit, ProbeFinished
from kdebug.session.port import Cluster

ENFORCED, NOT_ENFORCED, UNKNOWN = "enforced", "NOT ENFORCED", "unknown"
TRIES = 3
PAUSE_SECONDS = 2.0
"""A policy takes a moment to reach the node: what is open at first may be closed a little later."""
TIMEOUT_SECONDS = 15.0

SCRIPT = """\
try() {{ /busybox/timeout 3 /busybox/nc -w 2 "$1" "$2" </dev/null 2>&1; echo "code $?"; }}
echo dns; /busybox/timeout 3 /busybox/nslookup kubernetes.default.svc.{domain} >/dev/null 2>&1; echo "code $?"
{peers}
"""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """An address that the policy denies, and why it should answer if nothing did."""

    address: str
    port: int
    what: str


def denied_peers(target: Manifest) -> tuple[Peer, ...]:
    """Return what the clone must not reach: the target's pod, whose network answers even while its program is down."""
    address = str(target.get("status", {}).get("podIP", ""))
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return ()
    ports = [
        int(port["containerPort"])
        for container in target["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("protocol", "TCP") == "TCP" and port.get("containerPort")
    ]
    return (Peer(address=address, port=(ports or [80])[0], what="the target"),)


def script_for(peers: tuple[Peer, ...], domain: str = "cluster.local") -> str:
    """Return the shell script of one try; it writes a name and `code N` for each question."""
    lines = "\n".join(f"echo peer; try {peer.address} {peer.port}" for peer in peers)
    return SCRIPT.format(domain=domain, peers=lines)


def read_result(output: str, peers: tuple[Peer, ...]) -> tuple[str, str]:
    """Return what one try found, and why. A refused connection has crossed the network as one that succeeded has."""
    parts = re.split(r"^(dns|peer)$", output, flags=re.MULTILINE)[1:]
    answers = list(zip(parts[::2], parts[1::2], strict=False))
    has_dns = any(name == "dns" and "code 0" in text for name, text in answers)
    found = [text for name, text in answers if name == "peer"]
    if len(found) != len(peers) or not peers:
        return UNKNOWN, "there is no address to try that would answer"
    for peer, text in zip(peers, found, strict=True):
        if "code 0" in text or "refused" in text:
            return NOT_ENFORCED, f"{peer.what} at {peer.address}:{peer.port} can be reached from the clone"
    if not has_dns:
        return UNKNOWN, "nothing answers, the cluster's DNS neither"
    return ENFORCED, "DNS answers, and the target cannot be reached"


def start_probe(
    cluster: Cluster, namespace: str, pod: str, container: str, peers: tuple[Peer, ...], emit: Emit
) -> threading.Thread:
    """Probe in a thread beside the shell, and tell the result as one event."""

    def run() -> None:
        isolation, detail = probe(lambda: _ask(cluster, namespace, pod, container, script_for(peers)), peers)
        emit(ProbeFinished(isolation=isolation, detail=detail))

    thread = threading.Thread(target=run, name="kdebug-probe", daemon=True)
    thread.start()
    return thread


def probe(
    ask: Callable[[], str], peers: tuple[Peer, ...], *, sleep: Callable[[float], None] = time.sleep
) -> tuple[str, str]:
    """Return what the tries found: not enforced only when the last one still got through."""
    result = (UNKNOWN, "it could not be tried")
    for number in range(TRIES):
        if number:
            sleep(PAUSE_SECONDS)
        try:
            result = read_result(ask(), peers)
        except (KdebugError, TimeoutError) as error:
            return UNKNOWN, f"it could not be tried: {getattr(error, 'because', '') or error}"
        if result[0] != NOT_ENFORCED:
            return result
    return result


def _ask(cluster: Cluster, namespace: str, pod: str, container: str, script: str) -> str:
    return asyncio.run(asyncio.wait_for(_output(cluster, namespace, pod, container, script), TIMEOUT_SECONDS))


async def _output(cluster: Cluster, namespace: str, pod: str, container: str, script: str) -> str:
    stream = cluster.exec(
        namespace,
        pod,
        container=container,
        command=("/busybox/sh", "-c", script),
        stdin=False,
        tty=False,
        size=(80, 24),
    )
    text = b""
    async with stream as running:
        while (piece := await running.read()) is not None:
            text += piece.data
    return text.decode(errors="replace")
