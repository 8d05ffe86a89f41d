"""A request's body as an object of the kind that its path names, or the server's 400."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from kdebug.demo.resources import JSON
from kdebug.demo.status import bad_request
from kdebug.domain.kinds import Kind


def decoded(body: bytes, kind: Kind) -> JSON:
    """Return the object in a body, with kind and apiVersion filled in; RejectedError 400."""
    try:
        value: Any = json.loads(body)
    except ValueError as error:
        shown = body[:512].decode(errors="replace")
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.name}): couldn't get version/kind; json parse "
            f"error: "
            f"{error} ({shown})"
        ) from error
    if not isinstance(value, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.name})")
    value.setdefault("kind", kind.name)
    value.setdefault("apiVersion", kind.api_version)
    if (value["kind"], value["apiVersion"]) != (kind.name, kind.api_version):
        raise bad_request(_other_kind(value, kind))
    if not isinstance(value.setdefault("metadata", {}), dict):
        raise bad_request(f'{kind.name} in version "{kind.group or "v1"}" cannot be handled as a {kind.name}')
    _read_data(value, kind)
    return value


def _other_kind(value: JSON, kind: Kind) -> str:
    version = value["apiVersion"]
    return (
        f'{value["kind"]} in version "{version}" cannot be handled as a {kind.name}: converting '
        f"({version.rpartition('/')[2]}.{value['kind']}) to ({kind.group or 'core'}.{kind.name}): unknown conversion"
    )


def _read_data(value: JSON, kind: Kind) -> None:
    if kind.name not in ("ConfigMap", "Secret"):
        return
    cannot = f'{kind.name} in version "v1" cannot be handled as a {kind.name}'
    for field in ("data", "stringData"):
        for item in (value.get(field) or {}).values():
            if not isinstance(item, str):
                word = {bool: "bool", int: "number", float: "number"}.get(type(item), "object")
                raise bad_request(
                    f"{cannot}: json: cannot unmarshal {word} into Go struct field {kind.name}.{field} of type string"
                )
    if kind.name == "Secret":
        for item in (value.get("data") or {}).values():
            try:
                base64.b64decode(item, validate=True)
            except binascii.Error as error:
                raise bad_request(f"{cannot}: illegal base64 data at input byte 0") from error
        for key, item in value.pop("stringData", {}).items():
            value.setdefault("data", {})[key] = base64.b64encode(item.encode()).decode()
