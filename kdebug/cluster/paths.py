"""URL paths that cannot leave the object they name."""

from __future__ import annotations

from urllib.parse import quote

from kdebug.domain.kinds import Kind
from kdebug.domain.text import safe
from kdebug.errors import InvalidError


def path_of(kind: Kind, namespace: str = "", name: str | None = None, subresource: str = "") -> str:
    """Return the URL path of the collection (`name` None), the object or its subresource.

    Raises InvalidError for a name that is no path segment (`.`, `..`, `/`, `%`: apimachinery's rule for all names), or
    empty: the path would name another object, and a DELETE of the collection would remove everything in it.
    """
    if namespace:
        _checked(namespace, "namespace")
    if name is None:
        return kind.path(_quoted(namespace))
    _checked(name, f"{kind.name.casefold()} name")
    return kind.path(_quoted(namespace), _quoted(name), subresource)


def _checked(value: str, role: str) -> None:
    if value in ("", ".", "..") or "/" in value or "%" in value or not value.isprintable():
        raise InvalidError(f"{safe(repr(value))} cannot be a {role}", because="no object can have this name")


def _quoted(value: str) -> str:
    return quote(value, safe=":")
