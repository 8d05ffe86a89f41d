"""A TLS server on the loopback interface that records with which headers a client comes."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DATA = Path(__file__).parent / "data"
CERTIFICATE = DATA / "loopback.crt"
KEY = DATA / "loopback.key"
"""Self-signed for 127.0.0.1 and other.example; it serves as the server's pair, its authority, and a client's pair."""
PROBE = "/probe"


class Recorder:
    """What arrived: for each request of PROBE the identifying headers, and whether a client certificate came too."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[list[tuple[str, str]], bool]] = []

    def taken(self) -> list[tuple[list[tuple[str, str]], bool]]:
        """Return what arrived since the last call."""
        taken, self.requests = self.requests, []
        return taken


@contextlib.contextmanager
def recording() -> Iterator[Recorder]:
    """Serve until the block ends."""

    class Recording(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = [
                pair for pair in self.headers.items() if pair[0].lower().startswith(("authorization", "impersonate-"))
            ]
            connection = self.connection
            assert isinstance(connection, ssl.SSLSocket)
            # Vendors' wrappers of kubectl ask for /version first, in their own way.
            if self.path.partition("?")[0] == PROBE:
                recorder.requests.append((found, bool(connection.getpeercert())))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the parent's signature
            pass

    server = _TlsServer(("127.0.0.1", 0), Recording)
    recorder = Recorder(f"https://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _TlsServer(ThreadingHTTPServer):
    """Wraps each connection in its own thread, so that a client which is silent holds up no other."""

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE, KEY)
    tls.load_verify_locations(CERTIFICATE)
    tls.verify_mode = ssl.CERT_OPTIONAL

    def finish_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        with (
            contextlib.suppress(ssl.SSLError, ConnectionError),
            self.tls.wrap_socket(request, server_side=True) as secured,
        ):
            super().finish_request(secured, client_address)
