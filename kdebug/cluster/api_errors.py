"""What the API server's refusals, and its silence, mean to the user: HTTP answers and exceptions as kdebug's errors."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import urllib3.exceptions

from kdebug.domain.kinds import Kind
from kdebug.domain.text import safe
from kdebug.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    ServerFaultError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)

_ERRORS: Mapping[int, type[ApiError]] = {
    400: InvalidError,
    401: UnauthenticatedError,
    403: DeniedError,
    404: NotFoundError,
    408: ServerFaultError,
    409: ConflictError,
    413: InvalidError,
    422: InvalidError,
    429: ThrottledError,
}
_REMEDIES: Mapping[type[ApiError], str] = {
    UnauthenticatedError: "log in to the cluster again, then run the same command",
    DeniedError: "ask whoever runs the cluster: the answer names what is not allowed",
    ThrottledError: "wait a moment, then run the same command",
    ServerFaultError: "run the same command again; if it persists, ask whoever runs the cluster",
}
_EXCERPT = 200
_MESSAGE = 1_000


def sentence(verb: str, kind: Kind, name: str = "", namespace: str = "") -> str:
    """Return what failed in words: cannot create pod/kdebug-x in namespace y."""
    thing = f"{kind.name.casefold()}/{name}" if name else kind.plural
    where = f" in namespace {namespace}" if namespace else " in all namespaces" if kind.is_namespaced else ""
    return safe(f"cannot {verb} {thing}{where}")


def refusal(what: str, *, server: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Return the error for an answer that is not a success; `server` is the address to name in it.

    A 404 counts as "the object does not exist" only in a Status that names the object: proxies, login pages and
    unserved paths answer 404 too, and a removal must not be believed because of them.
    """
    answer = decoded_status(body)
    if answer is None:
        return _foreign(what, server=server, status=status, headers=headers, body=body)
    kind = _ERRORS.get(status, ServerFaultError if status >= 500 else ApiError)
    if kind is NotFoundError and not answer.get("details", {}).get("name"):
        kind = ApiError
    return _built(kind, what, status=status, headers=headers, answer=answer)


def event_refusal(what: str, answer: Mapping[str, Any]) -> ApiError:
    """Return the error for a Status object that came as a watch's ERROR event."""
    status = int(answer.get("code") or 500)
    kind = _ERRORS.get(status, ServerFaultError if status >= 500 else ApiError)
    return _built(kind, what, status=status, headers={}, answer=answer)


def _built(
    kind: type[ApiError], what: str, *, status: int, headers: Mapping[str, str], answer: Mapping[str, Any]
) -> ApiError:
    return kind(
        what,
        because=safe(str(answer.get("message") or answer.get("reason") or f"HTTP {status}"), limit=_MESSAGE),
        remedy=_REMEDIES.get(kind, ""),
        status=status,
        reason=safe(str(answer.get("reason") or "")),
        retry_after=_retry_after(headers, answer),
    )


def _foreign(what: str, *, server: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Return the error for an answer whose body no API server writes: a proxy's, a login page's, another server's."""
    words = _excerpt(body)
    if 300 <= status < 400:
        target = urlsplit(headers.get("Location", ""))
        return not_kubernetes(what, server, f"HTTP {status}, a redirect to {target.scheme}://{target.netloc}", status)
    is_page = "html" in headers.get("Content-Type", "").casefold()
    kind = _ERRORS.get(status, ServerFaultError if status >= 500 else ApiError)
    if kind in (ThrottledError, ServerFaultError, UnauthenticatedError) or (kind is DeniedError and not is_page):
        answer = {"message": f"HTTP {status}: {words}" if words else f"HTTP {status}"}
        return _built(kind, what, status=status, headers=headers, answer=answer)
    return not_kubernetes(what, server, f"HTTP {status}: {words}" if words else f"HTTP {status}", status)


def not_kubernetes(what: str, server: str, answer: str, status: int = 0) -> UnreachableError:
    """Return the error for an answer that does not come from an API server; `answer` describes it."""
    return UnreachableError(
        what,
        because=safe(f"{server} does not answer like a Kubernetes API server: {answer}", limit=_MESSAGE),
        remedy=f"check that the kubeconfig's server is right and that no login page or proxy stands before {server}",
        status=status,
    )


def unreachable(what: str, server: str, error: BaseException) -> UnreachableError:
    """Return the error for a request that got no complete answer, to be raised from `error`."""
    words, remedy = _why(error)
    return UnreachableError(
        what,
        because=safe(f"{server}: {words}", limit=_MESSAGE),
        remedy=remedy or f"is the VPN up? check that {server} can be reached from here",
    )


def decoded_status(body: bytes) -> Mapping[str, Any] | None:
    """Return the Status object in the body, or None when it is something else."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    if not isinstance(answer, dict) or answer.get("kind") != "Status":
        return None
    details = answer.get("details")
    return {**answer, "details": details if isinstance(details, dict) else {}}


def page_excerpt(headers: Mapping[str, str], body: bytes) -> str:
    """Return a few words that describe a body which should have been JSON."""
    kind = headers.get("Content-Type", "").partition(";")[0] or "no content type"
    words = _excerpt(body)
    return f"{kind}: {words}" if words else f"{kind}, empty"


def _excerpt(body: bytes) -> str:
    text = body[:4_000].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    plain = title.group(1) if title else re.sub(r"<[^>]*>", " ", text)
    return safe(" ".join(plain.split()), limit=_EXCERPT)


def _retry_after(headers: Mapping[str, str], answer: Mapping[str, Any]) -> int | None:
    value = headers.get("Retry-After", "")
    if value.isdecimal():
        return int(value)
    if value:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, TypeError):
            return None
        return max(0, round(wait.total_seconds()))
    details = answer.get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, Mapping) else None
    return seconds if isinstance(seconds, int) and seconds > 0 else None


def _why(error: BaseException) -> tuple[str, str]:
    """Return the reason in plain words and a remedy of its own, from the innermost exception that tells."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                remedy = "check certificate-authority-data of the cluster in the kubeconfig: is it this cluster's?"
                return f"its certificate is not accepted: {cause.verify_message}", remedy
            case ssl.SSLError():
                return f"TLS failed: {cause.reason or cause}", ""
            case ConnectionRefusedError():
                return "connection refused", ""
            case socket.gaierror():
                return f"its name cannot be resolved: {cause.strerror}", ""
            case urllib3.exceptions.ConnectTimeoutError():
                return "it cannot be connected to in time", ""
            case TimeoutError() | urllib3.exceptions.ReadTimeoutError():
                return "no answer in time", ""
            case ConnectionResetError() | BrokenPipeError() | EOFError():
                return "the connection was cut before the answer was complete", ""
            case OSError() if cause.strerror:
                return cause.strerror, ""
            case urllib3.exceptions.ProtocolError():
                return "the connection was cut before the answer was complete", ""
    return str(error) or type(error).__name__, ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the chain of exceptions, innermost first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    yield from reversed(chain)
