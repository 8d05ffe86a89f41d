"""Merges the kubeconfig files in force into one, by kubectl's rules: for each name the first file's entry, whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kdebug.cluster.kubeconfig_file import Entry, KubeconfigFile, read_file
from kdebug.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Merged:
    """All files as one; `paths` are those that exist, in their order."""

    paths: tuple[str, ...] = ()
    current_context: str = ""
    clusters: Mapping[str, Entry] = field(default_factory=dict)
    users: Mapping[str, Entry] = field(default_factory=dict)
    contexts: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no file defines anything."""
        return not (self.clusters or self.users or self.contexts or self.current_context)

    @property
    def places(self) -> str:
        """The files, for a message."""
        return ", ".join(self.paths) or "no kubeconfig"


def merge(explicit: str, environment: Mapping[str, str], home: Path) -> Merged:
    """Read and merge the files in force: the explicit one alone, else those of KUBECONFIG, else ~/.kube/config.

    Files that do not exist are skipped, except an explicit one. Raises ConfigError.
    """
    files = [_explicit_file(explicit)] if explicit else _listed_files(environment.get("KUBECONFIG", ""), home)
    return Merged(
        paths=tuple(file.path for file in files),
        current_context=next((file.current_context for file in files if file.current_context), ""),
        clusters=_first_wins(file.clusters for file in files),
        users=_first_wins(file.users for file in files),
        contexts=_first_wins(file.contexts for file in files),
    )


def _explicit_file(path: str) -> KubeconfigFile:
    try:
        return read_file(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"the kubeconfig {path} does not exist",
            because="--kubeconfig names it",
            remedy="name an existing file with --kubeconfig, or leave the flag out",
        ) from error


def _listed_files(listed: str, home: Path) -> list[KubeconfigFile]:
    paths = listed.split(os.pathsep) if listed else [str(home / ".kube" / "config")]
    files: list[KubeconfigFile] = []
    for path in dict.fromkeys(paths):
        try:
            if path:
                files.append(read_file(path))
        except FileNotFoundError:
            continue
    return files


def _first_wins(each: Iterable[Mapping[str, Entry]]) -> dict[str, Entry]:
    merged: dict[str, Entry] = {}
    for entries in each:
        merged = {**entries, **merged}
    return merged
