"""Secret-looking values are taken out of the account of differences, which is shown and written down."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from kdebug.domain.clone.objects import PLACEHOLDER
from kdebug.domain.clone.steps import containers_of
from kdebug.domain.kinds import Manifest
from kdebug.domain.literals import looks_secret, secret_words

HIDDEN = "<hidden: looks secret>"


def secret_values(pod: Manifest) -> frozenset[str]:
    """Return the literal values and the words of command lines in a pod that look secret."""
    found: set[str] = set()
    for container in containers_of(pod["spec"]):
        for entry in container.get("env") or ():
            value = entry.get("value")
            if isinstance(value, str) and looks_secret(str(entry.get("name")), value):
                found.add(value)
        for field in ("command", "args"):
            words = [str(word) for word in container.get(field) or ()]
            found |= {words[index] for index in secret_words(words)}
    return frozenset(found - {PLACEHOLDER})


def hidden(value: Any, secrets: Set[str]) -> Any:
    """Return a part of a manifest with every value that is one of `secrets` hidden."""
    if isinstance(value, str):
        return HIDDEN if value in secrets else value
    if isinstance(value, Mapping):
        return {key: hidden(item, secrets) for key, item in value.items()}
    return [hidden(item, secrets) for item in value] if isinstance(value, list) else value
