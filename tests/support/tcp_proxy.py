"""A TCP proxy between kdebug and an API server: a network that a test can cut, close for good, or let fall silent."""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import threading
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit


class TcpProxy:
    """Passes connections on to one server, each way in a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.restore()

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.flow()
        self.close()

    def cut(self) -> None:
        """Break every connection that is open; new ones are taken."""
        with self._lock:
            broken, self._open = self._open, []
        for each in broken:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        """Break every connection and refuse new ones, until `restore`."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.cut()

    def restore(self) -> None:
        """Take connections again, at the same port."""
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), name="tcp-proxy", daemon=True).start()

    def silence(self) -> None:
        """Pass nothing on and break nothing, as a route that is lost does, until `flow`."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on again, what waited included."""
        self._flows.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), name="tcp-proxy", daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def proxy_for(kubeconfig: Path) -> TcpProxy:
    """Return a proxy to the API server of a kubeconfig in JSON with one cluster."""
    place = urlsplit(json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    return TcpProxy(place.hostname or "", place.port or 443)


def through(kubeconfig: Path, proxy: TcpProxy, to: Path) -> Path:
    """Write a copy of the kubeconfig whose servers are the proxy, and return its path."""
    document = copy.deepcopy(json.loads(kubeconfig.read_text()))
    for entry in document["clusters"]:
        entry["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
    to.write_text(json.dumps(document))
    return to
