"""The Status objects with which an API server says no, in the words of Kubernetes 1.34."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdebug.demo.resources import JSON, qualified_name, qualified_plural
from kdebug.domain.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One thing that is wrong with one field; `reason` is the API's, `message` begins with what kind of wrong it is."""

    field: str
    reason: str
    message: str


class RejectedError(Exception):
    """An answer that is not a success."""

    def __init__(self, code: int, reason: str, message: str, details: JSON | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def body(self) -> JSON:
        """Return the Status object."""
        status: JSON = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        return {key: value for key, value in status.items() if value is not None and (key != "reason" or value)}


def success(kind: Kind, name: str, uid: str) -> JSON:
    """Return the answer to a DELETE that has removed the object."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _details(kind, name) | {"uid": uid},
    }


def not_found(kind: Kind, name: str) -> RejectedError:
    """Return 404 for an object."""
    return RejectedError(404, "NotFound", f'{qualified_plural(kind)} "{name}" not found', _details(kind, name))


def no_such_resource() -> RejectedError:
    """Return 404 for a path that nothing serves."""
    return RejectedError(404, "NotFound", "the server could not find the requested resource", {})


def not_allowed() -> RejectedError:
    """Return 405."""
    message = "the server does not allow this method on the requested resource"
    return RejectedError(405, "MethodNotAllowed", message, {})


def already_exists(kind: Kind, name: str) -> RejectedError:
    """Return 409 for a name that is taken."""
    return RejectedError(
        409, "AlreadyExists", f'{qualified_plural(kind)} "{name}" already exists', _details(kind, name)
    )


def wrong_uid(kind: Kind, name: str, asked: str, found: str) -> RejectedError:
    """Return 409 for a precondition that another object fails."""
    message = (
        f'Operation cannot be fulfilled on {qualified_name(kind)} "{name}": the UID in the precondition ({asked}) '
        f"does not match "
        f"the UID in record ({found}). The object might have been deleted and then recreated"
    )
    return RejectedError(409, "Conflict", message, _details(kind, name) | {"kind": kind.name})


def modified(kind: Kind, name: str) -> RejectedError:
    """Return 409 for a write that was based on an older version."""
    message = (
        f'Operation cannot be fulfilled on {qualified_plural(kind)} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return RejectedError(409, "Conflict", message, _details(kind, name))


def invalid(title: str, details: JSON, name: str, causes: Sequence[Cause]) -> RejectedError:
    """Return 422 with every cause; `title` is the qualified kind, `details` its kind and group."""
    sentences = [f"{cause.field}: {cause.message}" for cause in causes]
    told = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    named = ({"name": name} if name else {}) | details | {"causes": listed}
    return RejectedError(422, "Invalid", f'{title} "{name}" is invalid: {told}', named)


def invalid_object(kind: Kind, name: str, causes: Sequence[Cause]) -> RejectedError:
    """Return 422 for an object."""
    group = {"group": kind.group} if kind.group else {}
    return invalid(qualified_name(kind), group | {"kind": kind.name}, name, causes)


def invalid_option(options: str, cause: Cause) -> RejectedError:
    """Return 422 for an option of a request: CreateOptions, DeleteOptions."""
    return invalid(f"{options}.meta.k8s.io", {"group": "meta.k8s.io", "kind": options}, "", [cause])


def patch_failed() -> RejectedError:
    """Return 422 for a JSON patch whose `test` or path does not hold: the real server says no more than this."""
    return RejectedError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def forbidden(kind: Kind, name: str, why: str, causes: Sequence[Cause] = ()) -> RejectedError:
    """Return 403 of admission or of authorization (which knows no name for a list or a create)."""
    title = f'{qualified_plural(kind)} "{name}"' if name else qualified_plural(kind)
    details = _details(kind, name)
    if causes:
        details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return RejectedError(403, "Forbidden", f"{title} is forbidden: {why}", details)


def bad_request(message: str) -> RejectedError:
    """Return 400."""
    return RejectedError(400, "BadRequest", message)


def unauthorized() -> RejectedError:
    """Return 401."""
    return RejectedError(401, "Unauthorized", "Unauthorized")


def unsupported_media_type() -> RejectedError:
    """Return 415."""
    return RejectedError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def expired(asked: int, oldest: int) -> RejectedError:
    """Return 410: the version asked for is no longer kept."""
    return RejectedError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def _details(kind: Kind, name: str) -> JSON:
    named = {"name": name} if name else {}
    return named | ({"group": kind.group} if kind.group else {}) | {"kind": kind.plural}
