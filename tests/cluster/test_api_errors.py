"""What each kind of bad answer, and no answer, becomes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from kdebug.cluster.api_errors import sentence
from kdebug.domain.kinds import NODE, POD
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
from tests.cluster.support import CountedCredentials, cluster_at
from tests.support.fake_api import FakeApi, Respond, answer, cut_body, silence, status, text


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Return a server without a script."""
    with FakeApi() as server:
        yield server


def refused(api: FakeApi, respond: Respond, *, seconds: float = 5) -> ApiError:
    """Return the error that reading a pod meets."""
    api.script = [respond]
    cluster = cluster_at(api.url, seconds=seconds)
    with pytest.raises(ApiError) as caught:
        cluster.get(POD, "web", "shop")
    cluster.close()
    assert caught.value.what == "cannot read pod/web in namespace shop"
    return caught.value


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", InvalidError),
        (401, "Unauthorized", UnauthenticatedError),
        (403, "Forbidden", DeniedError),
        (404, "NotFound", NotFoundError),
        (405, "MethodNotAllowed", ApiError),
        (409, "Conflict", ConflictError),
        (409, "AlreadyExists", ConflictError),
        (413, "RequestEntityTooLarge", InvalidError),
        (422, "Invalid", InvalidError),
        (429, "TooManyRequests", ThrottledError),
        (500, "InternalError", ServerFaultError),
        (503, "ServiceUnavailable", ServerFaultError),
        (504, "Timeout", ServerFaultError),
    ],
)
def test_the_servers_own_words_are_kept(api: FakeApi, code: int, reason: str, kind: type[ApiError]) -> None:
    error = refused(api, status(code, reason, "the server's words", details={"name": "web"}))
    assert type(error) is kind
    assert (error.because, error.status, error.reason) == ("the server's words", code, reason)


def test_terminal_sequences_in_a_refusal_are_not_shown(api: FakeApi) -> None:
    error = refused(api, status(403, "Forbidden", "no \x1b]0;title\x07\x1b[31mway"))
    assert error.because == "no way"


@pytest.mark.parametrize("body", ["404 page not found", "<html><title>Not Found</title></html>"])
def test_a_404_of_another_server_does_not_mean_that_the_object_is_gone(api: FakeApi, body: str) -> None:
    error = refused(api, text(body, 404, "text/html" if "<" in body else "text/plain"))
    assert type(error) is UnreachableError
    assert "does not answer like a Kubernetes API server" in error.because


def test_a_404_that_names_no_object_does_not_mean_that_it_is_gone(api: FakeApi) -> None:
    error = refused(api, status(404, "NotFound", "the server could not find the requested resource"))
    assert type(error) is ApiError


def test_a_redirect_is_not_followed(api: FakeApi) -> None:
    error = refused(api, text("", 302, Location="https://login.example.com/authorize?state=secret"))
    assert type(error) is UnreachableError
    assert "a redirect to https://login.example.com" in error.because
    assert "secret" not in error.because
    assert len(api.seen) == 1


def test_a_login_page_is_told_by_its_title(api: FakeApi) -> None:
    error = refused(api, text("<html><head><title>Sign in</title></head><body>...</body></html>"))
    assert type(error) is UnreachableError
    assert "Sign in" in error.because
    assert api.url in error.because


def test_json_that_is_no_object_is_not_an_answer(api: FakeApi) -> None:
    assert type(refused(api, answer(["pod"]))) is UnreachableError


def test_a_gateways_page_leaves_the_effect_unknown(api: FakeApi) -> None:
    error = refused(api, text("<html><title>502 Bad Gateway</title></html>", 502))
    assert type(error) is ServerFaultError
    assert "502 Bad Gateway" in error.because


def test_silence_ends_in_time(api: FakeApi) -> None:
    error = refused(api, silence(), seconds=0.2)
    assert type(error) is UnreachableError
    assert "no answer in time" in error.because
    assert "VPN" in error.remedy


def test_a_cut_body_is_no_answer(api: FakeApi) -> None:
    error = refused(api, cut_body(1000, b'{"kind":"Pod"'))
    assert type(error) is UnreachableError
    assert "cut" in error.because


def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        cluster = cluster_at(f"http://127.0.0.1:{reserved.getsockname()[1]}")
        with pytest.raises(UnreachableError, match="cannot read pod/web") as caught:
            cluster.get(POD, "web", "shop")
    assert "connection refused" in caught.value.because


def test_tls_to_a_server_without_it_is_explained(api: FakeApi) -> None:
    cluster = cluster_at(api.url.replace("http://", "https://"))
    with pytest.raises(UnreachableError) as caught:
        cluster.get(POD, "web", "shop")
    assert "TLS failed" in caught.value.because


@pytest.mark.parametrize(
    ("respond", "expected"),
    [
        (status(429, "TooManyRequests", "slow", Retry_After="7"), 7),
        (status(429, "TooManyRequests", "slow", details={"retryAfterSeconds": 3}), 3),
        (status(429, "TooManyRequests", "slow", Retry_After="Tue, 03 Mar 2026 10:00:12 GMT"), 12),
        (status(429, "TooManyRequests", "slow", Retry_After="soon"), None),
        (status(503, "ServiceUnavailable", "slow", Retry_After="2"), 2),
        (text("slow down", 429, "text/plain", Retry_After="4"), 4),
    ],
)
def test_the_seconds_that_the_server_asks_for(api: FakeApi, respond: Respond, expected: int | None) -> None:
    assert refused(api, respond).retry_after == expected
    assert len(api.seen) == 1


def test_after_a_401_new_credentials_are_tried_once(api: FakeApi) -> None:
    api.script = [status(401, "Unauthorized", "Unauthorized"), answer({"kind": "Pod"})]
    credentials = CountedCredentials()
    cluster = cluster_at(api.url, credentials)
    assert cluster.get(POD, "web", "shop") == {"kind": "Pod"}
    cluster.close()
    assert [seen.header("Authorization") for seen in api.seen] == [["Bearer token-0"], ["Bearer token-1"]]
    assert credentials.reloads == 1


def test_a_second_401_is_the_end(api: FakeApi) -> None:
    error = refused(api, status(401, "Unauthorized", "Unauthorized"))
    assert type(error) is UnauthenticatedError
    assert "log in" in error.remedy
    assert len(api.seen) == 2


def test_sentences() -> None:
    assert sentence("list", POD) == "cannot list pods in all namespaces"
    assert sentence("read", NODE, "n1") == "cannot read node/n1"
    assert sentence("delete", POD, "a\x1b[1m", "b") == "cannot delete pod/a in namespace b"
