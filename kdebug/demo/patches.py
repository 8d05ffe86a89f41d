"""JSON patch and JSON merge patch, with the answers of the real server where a patch does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.demo.resources import JSON
from kdebug.demo.status import bad_request, patch_failed, unsupported_media_type
from kdebug.demo.store import copied
from kdebug.domain.kinds import Manifest

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


def patched(manifest: Manifest, content_type: str, patch: Any) -> JSON:
    """Return the patched copy; RejectedError 400, 415 or 422. A strategic patch is taken where it holds no list."""
    if content_type == JSON_PATCH:
        if not isinstance(patch, list):
            raise bad_request(
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
            )
        return json_patched(manifest, patch)
    if content_type == MERGE_PATCH or (content_type == STRATEGIC_PATCH and not _has_list(patch)):
        if not isinstance(patch, dict):
            raise bad_request(
                "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
            )
        merged: JSON = merge_patched(manifest, patch)
        return merged
    raise unsupported_media_type()


def merge_patched(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch applied (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return copied(patch)
    result = copied(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), value)
    return result


def json_patched(manifest: Manifest, operations: list[JSON]) -> JSON:
    """Return the manifest with the operations applied (RFC 6902); RejectedError 422 when one does not hold."""
    document: JSON = {"": copied(manifest)}
    for operation in operations:
        try:
            _apply(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise patch_failed() from error
    result: JSON = document[""]
    return result


def _apply(document: JSON, operation: JSON) -> None:
    name, path = operation["op"], str(operation["path"])
    if name == "test":
        if _get(document, path) != operation.get("value"):
            raise ValueError(path)
    elif name == "remove":
        _remove(document, path)
    elif name == "replace":
        _put(document, path, copied(operation.get("value")), is_insert=False)
    elif name == "add":
        _put(document, path, copied(operation.get("value")), is_insert=True)
    elif name in ("copy", "move"):
        value = copied(_get(document, str(operation["from"])))
        if name == "move":
            _remove(document, str(operation["from"]))
        _put(document, path, value, is_insert=True)
    else:
        raise ValueError(name)


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]


def _parent(document: Any, path: str) -> tuple[Any, str]:
    *way, last = _parts(path)
    for part in way:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document, last


def _get(document: JSON, path: str) -> Any:
    parent, last = _parent(document, path)
    return parent[int(last)] if isinstance(parent, list) else parent[last]


def _remove(document: JSON, path: str) -> None:
    parent, last = _parent(document, path)
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]


def _put(document: JSON, path: str, value: Any, *, is_insert: bool) -> None:
    parent, last = _parent(document, path)
    if isinstance(parent, dict):
        # The real server's library lets `replace` create a key in a map.
        parent[last] = value
    elif isinstance(parent, list):
        if not is_insert:
            parent[int(last)] = value
        elif last == "-":
            parent.append(value)
        else:
            parent.insert(int(last), value)
    else:
        raise TypeError(path)


def _has_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_list(item) for item in value.values())
    return isinstance(value, list)
