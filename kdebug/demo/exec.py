"""The exec subresource: WebSocket channels to a process on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import WSMsgType, web

from kdebug.demo.containers import environment_of
from kdebug.demo.images import image_of, start_error
from kdebug.demo.kubelet import Kubelet
from kdebug.demo.process import LocalProcess
from kdebug.demo.resources import JSON
from kdebug.demo.status import RejectedError, bad_request
from kdebug.demo.toolbox import Toolbox, is_interactive_shell
from kdebug.domain.kinds import Manifest, name_of, namespace_of, uid_of

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255

BANNER = (
    "kdebug demo: this shell runs on this machine, in a temporary directory, not in a container.\r\n"
    "The tools of /busybox are on the PATH: {tools}.\r\n"
)
_FIRST_SIZE_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class ExecRequest:
    """What is to be run, where, and with which streams."""

    pod: Manifest
    container: JSON
    command: tuple[str, ...]
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


def exec_request(pod: Manifest, query: Sequence[tuple[str, str]]) -> ExecRequest:
    """Return what a query asks for; RejectedError 400 for a container that the pod does not have."""
    options = dict(query)

    def is_on(name: str) -> bool:
        return options.get(name, "") in ("1", "true", "True")

    return ExecRequest(
        pod=pod,
        container=chosen_container(pod, options.get("container", "")),
        command=tuple(value for key, value in query if key == "command"),
        stdin=is_on("stdin"),
        stdout=is_on("stdout"),
        stderr=is_on("stderr") and not is_on("tty"),
        tty=is_on("tty"),
    )


def chosen_container(pod: Manifest, name: str) -> JSON:
    """Return the container of that name, or the only one; RejectedError 400 otherwise."""
    spec = pod["spec"]
    names = [container["name"] for container in spec["containers"]]
    if not name and len(names) > 1:
        raise bad_request(
            f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(names)}]"
        )
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        if container["name"] == (name or names[0]):
            found: JSON = container
            return found
    raise bad_request(f"container {name} is not valid for pod {name_of(pod)}")


class ExecStreams:
    """The open streams. They end when their container does, or when `drop` pulls the plug."""

    def __init__(self, kubelet: Kubelet, toolbox: Toolbox, homes: Path) -> None:
        self._kubelet = kubelet
        self._toolbox = toolbox
        self._homes = homes
        self._open: dict[web.WebSocketResponse, tuple[str, LocalProcess, web.Request]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def stopped(self, key: str) -> None:
        """End the processes of a pod (its uid) or a container (uid/name): they died with it."""
        for of, process, _ in tuple(self._open.values()):
            if of == key or of.startswith(f"{key}/"):
                process.kill()

    def drop(self) -> None:
        """Break every open connection without a word, as a lost network does."""
        for _, _, request in tuple(self._open.values()):
            if request.transport is not None:
                request.transport.abort()

    async def close(self) -> None:
        """Break every connection, and return when the processes are gone and freed."""
        self.drop()
        for _, process, _ in tuple(self._open.values()):
            process.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def answer(self, request: web.Request, asked: ExecRequest) -> web.StreamResponse:
        """Run the command of one connection; the exit status is the last frame."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if not any(word.strip() in PROTOCOLS for word in offered.split(",")):
            return web.Response(status=403)
        socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, max_msg_size=0, timeout=1.0)
        await socket.prepare(request)
        await socket.send_bytes(bytes([STDOUT if asked.stdout else ERROR]))
        command, problem = self._command(asked)
        if problem:
            await _send(socket, ERROR, _compact(_internal_error(problem)))
        else:
            # A task of its own: an ended connection cancels its request, and the process must still be freed in order.
            running = asyncio.create_task(self._run(request, socket, asked, command))
            self._tasks.add(running)
            running.add_done_callback(self._tasks.discard)
            try:
                await asyncio.shield(running)
            except asyncio.CancelledError:
                self._kill(socket)
                raise
        await socket.close()
        return socket

    def _kill(self, socket: web.WebSocketResponse) -> None:
        if socket in self._open:
            self._open[socket][1].kill()

    def _command(self, asked: ExecRequest) -> tuple[list[str], str]:
        """Return the command for this machine, or why it cannot be run in that container, in the server's words."""
        known = self._kubelet.container(asked.pod, asked.container["name"])
        if known is None or not known.is_running:
            return [], f'unable to upgrade connection: container not found ("{asked.container["name"]}")'
        if not (asked.stdin or asked.stdout or asked.stderr):
            return [], "unable to upgrade connection: you must specify at least 1 of stdin, stdout, stderr"
        image = image_of(asked.container["image"])
        error = "args must not be empty"
        command = None
        if asked.command and image is not None:
            error = start_error(image, asked.command)
            command = None if error else self._toolbox.localized(asked.command)
            program = asked.command[0]
            found = (
                f"stat {program}: no such file or directory" if "/" in program else "executable file not found in $PATH"
            )
            error = error or f'exec: "{program}": {found}'
        if command is not None:
            return command, ""
        setup = "" if error.startswith("args") else "unable to start container process: "
        return [], (
            "error executing command in container: failed to exec in container: failed to start exec "
            f'"{known.run_id.rpartition("/")[2]}": OCI runtime exec failed: exec failed: {setup}{error}: unknown'
        )

    async def _run(
        self, request: web.Request, socket: web.WebSocketResponse, asked: ExecRequest, command: Sequence[str]
    ) -> None:
        size, early = await _first_size(socket) if asked.tty else ((80, 24), [])
        home = self._homes / uid_of(asked.pod)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment, _ = environment_of(asked.container, {}, namespace_of(asked.pod))
        process = await LocalProcess.start(
            command,
            cwd=home,
            environment=self._toolbox.environment(home, environment | {"HOSTNAME": name_of(asked.pod)}),
            has_terminal=asked.tty,
            size=size,
        )
        self._open[socket] = (f"{uid_of(asked.pod)}/{asked.container['name']}", process, request)
        incoming = asyncio.create_task(_feed(socket, process, early))
        incoming.add_done_callback(lambda _: process.kill() if socket.closed else None)
        try:
            if not asked.stdin:
                process.close_stdin()
            if asked.tty and is_interactive_shell(asked.command):
                tools = (
                    "busybox's own" if self._toolbox.has_busybox else "this machine's own (busybox is not installed)"
                )
                await _send(socket, STDOUT, BANNER.format(tools=tools).encode())
            with contextlib.suppress(ConnectionError):
                await _forward(socket, process, asked)
                code = await process.wait()
                await _send(socket, ERROR, _compact(_exit_status(code)))
        finally:
            incoming.cancel()
            del self._open[socket]
            await process.close()


async def _forward(socket: web.WebSocketResponse, process: LocalProcess, asked: ExecRequest) -> None:
    async for is_stderr, data in process.output():
        if asked.stderr if is_stderr else asked.stdout:
            await _send(socket, STDERR if is_stderr else STDOUT, data)


async def _feed(socket: web.WebSocketResponse, process: LocalProcess, early: Sequence[bytes]) -> None:
    for frame in early:
        await _take(process, frame)
    async for message in socket:
        if message.type == WSMsgType.BINARY and message.data:
            await _take(process, message.data)


async def _take(process: LocalProcess, frame: bytes) -> None:
    channel, data = frame[0], frame[1:]
    if channel == STDIN and data:
        await process.write(data)
    elif channel == RESIZE and (size := _size(data)):
        process.resize(*size)
    elif channel == CLOSE and data[:1] == bytes([STDIN]):
        process.close_stdin()


async def _first_size(socket: web.WebSocketResponse) -> tuple[tuple[int, int], list[bytes]]:
    """Return the size that the client sends first, for the first prompt, and another frame that came instead."""
    try:
        message = await socket.receive(timeout=_FIRST_SIZE_SECONDS)
    except TimeoutError:
        return (80, 24), []
    if message.type != WSMsgType.BINARY or not message.data:
        return (80, 24), []
    if message.data[0] == RESIZE and (size := _size(message.data[1:])):
        return size, []
    return (80, 24), [message.data]


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        size = json.loads(data)
        return int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return None


async def _send(socket: web.WebSocketResponse, channel: int, data: bytes) -> None:
    if not socket.closed:
        await socket.send_bytes(bytes([channel]) + data)


def _exit_status(code: int) -> JSON:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _internal_error(problem: str) -> JSON:
    is_from_runtime = problem.startswith("error executing")
    told = f"Internal error occurred: {problem}" if is_from_runtime else problem
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {told}",
        "reason": "InternalError",
        "details": {"causes": [{"message": told}]},
        "code": 500,
    }


def require_upgrade(request: web.Request) -> None:
    """Raise RejectedError 400 for an exec that is no WebSocket."""
    if request.headers.get("Upgrade", "").casefold() != "websocket":
        raise RejectedError(400, "BadRequest", "Upgrade request required")


def _compact(status: JSON) -> bytes:
    return json.dumps(status, separators=(",", ":")).encode()
