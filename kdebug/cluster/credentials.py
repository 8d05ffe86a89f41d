"""What one context's requests are authenticated with, kept until it expires: tokens, files, plugins, impersonation.

The precedence is client-go's: a token file that can be read wins over a token, and a plugin runs only for a user who
has neither token, password nor certificate.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from kdebug.cluster.context import Impersonation, ResolvedContext
from kdebug.cluster.endpoint import Login
from kdebug.cluster.exec_plugin import TIMEOUT, PluginAnswer, run_plugin
from kdebug.errors import ConfigError

FILE_AGE = timedelta(minutes=1)
"""How long a token file's content is used before it is read again (client-go's period)."""
# RFC 7230 tchar without "%", which the escape itself needs (client-go's headerKeyEscape).
_TOKEN_CHARACTERS = frozenset(b"!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, kw_only=True)
class Auth:
    """What authenticates a request now. `client_certificate` is (certificate, key), both PEM."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Authorization, or nothing."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """Impersonate-... headers as pairs, since Impersonate-Group repeats."""
    client_certificate: tuple[str, str] | None = field(default=None, repr=False)
    expires: datetime | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every header, as pairs."""
        return (*self.headers.items(), *self.impersonation)


class Credentials:
    """The credentials of one frozen context. Safe to use from several threads: one plugin runs at a time."""

    def __init__(
        self,
        context: ResolvedContext,
        *,
        environment: Mapping[str, str],
        now: Callable[[], datetime],
        has_terminal: Callable[[], bool],
        say: Callable[[str], None] = lambda line: None,
        timeout: float = TIMEOUT,
    ) -> None:
        """`has_terminal` tells at each run whether a plugin may read stdin; `say` gets the lines of its stderr.

        Raises ConfigError for impersonation that no header can carry. `now` returns the time with its zone.
        """
        self._context = context
        self._environment = environment
        self._now = now
        self._has_terminal = has_terminal
        self._say = say
        self._timeout = timeout
        self._lock = threading.Lock()
        self._impersonation = impersonation_headers(context.impersonation)
        self._answer: PluginAnswer | None = None
        self._file_token = ""
        self._file_read: datetime | None = None
        self._certificate = _pem_pair(context.user.client_certificate, context.user.client_key)

    def authenticate(self) -> Auth:
        """Return what authenticates a request now, reading a file or running a plugin where that is due.

        Raises ConfigError for files and plugins that cannot be used, DeniedError for a plugin that fails. Over plain
        HTTP to another machine there are no credentials, as with kubectl.
        """
        if self._context.is_cleartext:
            return Auth(impersonation=self._impersonation)
        with self._lock:
            return replace(self._own(), impersonation=self._impersonation)

    def login(self) -> Login:
        """Return the same for the connection."""
        auth = self.authenticate()
        return Login(headers=auth.pairs, client_certificate=auth.client_certificate)

    def reload(self) -> None:
        """Forget what is cached: after a 401, files are read and plugins run again."""
        with self._lock:
            self._answer = None
            self._file_read = None
            self._certificate = self._read_certificate()

    def _own(self) -> Auth:
        user = self._context.user
        has_token = bool(user.token or user.token_file)
        if user.exec and not (has_token or user.username or self._certificate):
            answer = self._plugin_answer()
            return Auth(
                headers=_bearer(answer.token), client_certificate=answer.client_certificate, expires=answer.expires
            )
        if has_token:
            headers = _bearer(self._token())
        elif user.username:
            joined = f"{user.username}:{user.password}".encode()
            headers = {"Authorization": f"Basic {base64.b64encode(joined).decode('ascii')}"}
        else:
            headers = {}
        return Auth(headers=headers, client_certificate=self._certificate)

    def _plugin_answer(self) -> PluginAnswer:
        answer = self._answer
        if answer is None or (answer.expires is not None and answer.expires <= self._now()):
            assert self._context.user.exec is not None
            answer = run_plugin(
                self._context.user.exec,
                self._context,
                environment=self._environment,
                has_terminal=self._has_terminal(),
                timeout=self._timeout,
                say=self._say,
            )
            self._answer = answer
        return answer

    def _token(self) -> str:
        user, now = self._context.user, self._now()
        if not user.token_file:
            return user.token
        if self._file_read is None or not timedelta(0) <= now - self._file_read < FILE_AGE:
            try:
                self._file_token = _read_token(user.token_file)
            except ConfigError:
                # A file that is being replaced must not end a session whose token still works.
                self._file_token = self._file_token or user.token
                if not self._file_token:
                    raise
            self._file_read = now
        return self._file_token

    def _read_certificate(self) -> tuple[str, str] | None:
        user = self._context.user
        try:
            certificate, key = (
                Path(path).read_bytes() if path else data
                for path, data in (
                    (user.client_certificate_file, user.client_certificate),
                    (user.client_key_file, user.client_key),
                )
            )
            return _pem_pair(certificate, key)
        except OSError:
            return self._certificate


def impersonation_headers(impersonation: Impersonation) -> tuple[tuple[str, str], ...]:
    """Return the Impersonate-... headers (Kubernetes' authentication reference). Raises ConfigError."""
    pairs = [("Impersonate-User", impersonation.user), ("Impersonate-Uid", impersonation.uid)]
    pairs += [("Impersonate-Group", group) for group in impersonation.groups]
    for key, values in impersonation.extra:
        pairs += [(f"Impersonate-Extra-{_escaped(key)}", value) for value in values]
    return tuple((name, _header_value(name, value)) for name, value in pairs if value)


def _escaped(key: str) -> str:
    return "".join(chr(byte) if byte in _TOKEN_CHARACTERS else f"%{byte:02X}" for byte in key.encode())


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": _header_value("the token", f"Bearer {token}")} if token else {}


def _header_value(name: str, value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    raise ConfigError(
        f"{name} cannot be sent",
        because="it holds a character that is not printable ASCII, perhaps a line's end",
        remedy="correct the user in the kubeconfig, or the --as flags",
    )


def _read_token(path: str) -> str:
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(
            "the token file cannot be read", because=str(error), remedy=f"correct tokenFile, or make {path} readable"
        ) from error
    if not token:
        raise ConfigError(
            "the token file cannot be used", because=f"read empty token from file {path}", remedy="log in again"
        )
    return token


def _pem_pair(certificate: bytes, key: bytes) -> tuple[str, str] | None:
    if not certificate:
        return None
    try:
        return certificate.decode("ascii"), key.decode("ascii")
    except UnicodeDecodeError as error:
        raise ConfigError(
            "the client certificate cannot be used",
            because="it, or its key, is not PEM",
            remedy="correct client-certificate and client-key of the user in the kubeconfig",
        ) from error
