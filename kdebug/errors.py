"""Every error that kdebug raises on purpose, with its exit code and its remedy.

KdebugError                      1    error
|-- UsageError                   2    usage
|-- ConfigError                  2    config
|-- RefusedError                 3    refused      production, or what cannot be shown not to be
|-- TargetError                  4    target       not found, ambiguous, or cannot be cloned
|-- CloneNotStartedError         7    start
|   `-- ImageMissingError        7    start        the registry does not have the clone's image
|-- LeftoverError                8    leftover     the session ended, a removal is not confirmed
|-- StreamLostError              6    unreachable  the exec stream ended without an exit status
|-- InterruptedBySignal    128 + n    signal
`-- ApiError                     1    error        the API server's own answer
    |-- UnreachableError         6    unreachable  no answer, or not one from an API server
    |-- DeniedError              5    denied       401, 403 and admission
    |   |-- UnauthenticatedError 5    denied       401 alone: credentials may be read again once
    |   `-- MissingRightsError   5    denied       asked before the first write: carries the Role that would grant them
    |-- NotFoundError            4    target       404
    |-- ConflictError            1    error        409: another uid, or the name is taken
    |-- InvalidError             1    error        422
    |-- ThrottledError           6    unreachable  429, with the seconds that the server asked for
    `-- ServerFaultError         6    unreachable  5xx: whether the request took effect is not known
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class KdebugError(Exception):
    """An outcome to tell the user: what failed, because of what (the server's own words), and one thing to try."""

    exit_code = 1
    code = "error"

    def __init__(self, what: str, *, because: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.because = because
        self.remedy = remedy


class UsageError(KdebugError):
    """The command line cannot be understood."""

    exit_code, code = 2, "usage"


class ConfigError(KdebugError):
    """The configuration or the kubeconfig cannot be used; `what` names file:line:column where there is one."""

    exit_code, code = 2, "config"


class RefusedError(KdebugError):
    """The guard refuses: a normal outcome, not a failure of the program."""

    exit_code, code = 3, "refused"


class TargetError(KdebugError):
    """The target does not exist, is ambiguous, or cannot be cloned."""

    exit_code, code = 4, "target"


class CloneNotStartedError(KdebugError):
    """The clone will not run: image, quota, scheduling, configuration."""

    exit_code, code = 7, "start"


class ImageMissingError(CloneNotStartedError):
    """The registry does not have the image that the clone is to run."""


class LeftoverError(KdebugError):
    """Teardown could not prove that everything is gone."""

    exit_code, code = 8, "leftover"


class StreamLostError(KdebugError):
    """The exec stream closed without an exit status; never to be taken for success."""

    exit_code, code = 6, "unreachable"


class InterruptedBySignal(KdebugError):  # noqa: N818 - it is an ending, not an error
    """The user or the system asked to end; exit code 128 + signal number."""

    code = "signal"

    def __init__(self, number: int, name: str) -> None:
        super().__init__(f"ended by {name}")
        self.number = number
        self.exit_code = 128 + number


class ApiError(KdebugError):
    """An answer of the API server that is not a success; `status` 0 means that there was none."""

    def __init__(
        self,
        what: str,
        *,
        because: str = "",
        remedy: str = "",
        status: int = 0,
        reason: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(what, because=because, remedy=remedy)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class UnreachableError(ApiError):
    """No answer in time, or an answer that no API server gives (a redirect, HTML). A write may have taken effect."""

    exit_code, code = 6, "unreachable"


class DeniedError(ApiError):
    """403, or an admission decision."""

    exit_code, code = 5, "denied"


class UnauthenticatedError(DeniedError):
    """401: the credentials were not accepted."""


class MissingRightsError(DeniedError):
    """The server says that the user lacks rights; nothing was written. `manifests` grant exactly those."""

    def __init__(
        self, what: str, *, because: str = "", remedy: str = "", manifests: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(what, because=because, remedy=remedy)
        self.manifests = tuple(manifests)


class NotFoundError(ApiError):
    """404: the object does not exist."""

    exit_code, code = 4, "target"


class ConflictError(ApiError):
    """409: the name is taken, or the uid of a precondition is another one."""


class InvalidError(ApiError):
    """422 (or 400): the server does not accept the object or the patch."""


class ThrottledError(ApiError):
    """429: too many requests; `retry_after` is in seconds when the server said so."""

    exit_code, code = 6, "unreachable"


class ServerFaultError(ApiError):
    """5xx: whether the request took effect is not known."""

    exit_code, code = 6, "unreachable"
