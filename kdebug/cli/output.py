"""The only owner of stdout: data and nothing else, whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from kdebug.errors import KdebugError

API_VERSION = "kdebug/v1"


def write(text: str) -> None:
    """Write text to stdout at once; BrokenPipeError is left to the outermost frame, a full disk is a KdebugError."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except UnicodeEncodeError:
        write(text.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding))
    except OSError as error:
        raise KdebugError("stdout could not be written", because=error.strerror or str(error)) from error


def as_json(kind: str, content: Mapping[str, Any]) -> str:
    """Return one object of kdebug's own form, in ASCII, so that nothing in it acts on a terminal."""
    import json

    return json.dumps({"apiVersion": API_VERSION, "kind": kind, **content}, indent=2, default=_plain) + "\n"


def as_yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    """Return manifests as YAML documents that kubectl takes; what is not printable ASCII is escaped."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes shared values out each time, and lists indented as kubectl's users read them."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    return yaml.dump_all(
        (_plain(document) for document in documents),
        Dumper=Dumper,
        sort_keys=False,
        default_flow_style=False,
        explicit_start=True,
        width=4096,
    )


def _plain(value: Any) -> Any:
    """Return mappings as dicts and tuples as lists, all the way down; manifests may be any Mapping."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value
