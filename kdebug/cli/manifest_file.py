"""A target's manifest as typed with -f: a file or stdin, YAML or JSON, decoded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from kdebug.errors import UsageError

MAX_BYTES = 8 * 1024 * 1024
_FROM_CLUSTER = "kubectl get pod NAME -o yaml | kdebug -f - takes it from a cluster"


def read_documents(filename: str) -> list[Any]:
    """Return the documents of a YAML or JSON file, or of stdin for "-". Raises UsageError."""
    title = "the manifest on stdin" if filename == "-" else f"the manifest {filename}"
    try:
        data = _read_stdin() if filename == "-" else _read(Path(filename))
        text = data.decode("utf-8-sig")
    except OSError as error:
        because = error.strerror or str(error)
        raise UsageError(f"{title} cannot be read", because=because, remedy=_FROM_CLUSTER) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{title} is not UTF-8", because=str(error), remedy=_FROM_CLUSTER) from error
    if len(data) > MAX_BYTES:
        because = f"a pod's manifest has a few kilobytes, and {MAX_BYTES >> 20} MiB is the most"
        raise UsageError(f"{title} is too large", because=because, remedy=_FROM_CLUSTER)
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return _yaml_documents(text, title)


def _read_stdin() -> bytes:
    # Python has no sys.stdin where the descriptor was closed at its start; main has put /dev/null there since.
    with open(0, "rb", closefd=False) as file:
        return file.read(MAX_BYTES + 1)


def _read(path: Path) -> bytes:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        return file.read(MAX_BYTES + 1)


def _yaml_documents(text: str, title: str) -> list[Any]:
    import yaml

    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        because = "\n".join(line.strip() for line in str(error).splitlines() if line.strip())
        raise UsageError(f"{title} is neither YAML nor JSON", because=because, remedy=_FROM_CLUSTER) from error
