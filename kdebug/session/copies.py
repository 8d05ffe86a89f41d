"""What a session brings of the target's ConfigMaps and Secrets: what was read, and the objects that hold the copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdebug.domain.dependencies import COPIED, Dependency, DependencyPolicy, decide
from kdebug.domain.kinds import CONFIG_MAP, SECRET, Manifest
from kdebug.domain.ownership import object_name
from kdebug.errors import ApiError, NotFoundError, RefusedError, TargetError, UsageError
from kdebug.session.port import Cluster

ALL = "all"
"""`--with-secret all`: every Secret that the clone's containers refer to."""


class Copies:
    """Reads the target's ConfigMaps and named Secrets, and remembers what could not be read."""

    def __init__(self, *, cluster: Cluster, namespace: str, session_id: str, isolated: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._session_id = session_id
        self._isolated = isolated
        self._read: dict[str, Manifest] = {}
        self._names: dict[str, str] = {}
        self.warnings: list[str] = []

    def config_maps(self, dependencies: Sequence[Dependency]) -> Mapping[str, str]:
        """Return the session's copy of each ConfigMap that can be read, by the target's name for it."""
        names = frozenset(dependency.name for dependency in dependencies if dependency.kind == CONFIG_MAP.name)
        decisions = decide(dependencies, DependencyPolicy(config_maps=names))
        wanted = [d.dependency.name for d in decisions if d.outcome == COPIED and d.dependency.kind == CONFIG_MAP.name]
        for number, name in enumerate(wanted, 1):
            try:
                self._read[name] = self._cluster.get(CONFIG_MAP, name, self._namespace)
            except NotFoundError:
                self.warnings.append(f"configmap/{name} does not exist in namespace {self._namespace}")
                continue
            except ApiError as error:
                self.warnings.append(f"configmap/{name} is not copied: {error.because or error.what}")
                continue
            self._names[name] = object_name(self._session_id, str(number))
        return self._names

    def objects(self, labels: Mapping[str, str], owner: Manifest) -> tuple[Manifest, ...]:
        """Return the manifests of the copies."""
        return tuple(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": copy,
                    "namespace": self._isolated,
                    "labels": dict(labels),
                    "ownerReferences": [dict(owner)],
                },
                "immutable": True,
                **{field: self._read[name][field] for field in ("data", "binaryData") if self._read[name].get(field)},
            }
            for name, copy in self._names.items()
        )

    def secrets(
        self, dependencies: Sequence[Dependency], wanted: Sequence[str], *, is_allowed: bool
    ) -> tuple[Mapping[tuple[str, str], str], Mapping[str, str]]:
        """Return (Secret, key) -> key in the session's Secret, and its values; only what was asked for is read."""
        if not wanted:
            return {}, {}
        if not is_allowed:
            raise RefusedError(
                f"Secrets may not be copied into namespace {self._isolated}",
                because="whoever may create pods in a namespace can read every Secret in it",
                remedy="its owner can allow it: kdebug setup ... --allow configmaps,secrets",
            )
        referenced = [d for d in dependencies if d.kind == SECRET.name and d.is_kept and (d.keys or d.is_whole)]
        names = dict.fromkeys(d.name for d in referenced) if ALL in wanted else dict.fromkeys(wanted)
        keys: dict[tuple[str, str], str] = {}
        values: dict[str, str] = {}
        for name in names:
            uses = [d for d in referenced if d.name == name]
            if not uses:
                raise UsageError(
                    f"--with-secret {name}: the clone's containers do not refer to it",
                    because=f"they refer to {', '.join(dict.fromkeys(d.name for d in referenced)) or 'no Secret'}",
                )
            for key, value in self._keys(name, uses).items():
                own = f"secret-{len(keys) + 1}"
                keys[(name, key)] = own
                values[own] = value
        return keys, values

    def _keys(self, name: str, uses: Sequence[Dependency]) -> Mapping[str, str]:
        """Return the referenced keys of one Secret; all of them where it is referred to as a whole."""
        try:
            data = self._cluster.get(SECRET, name, self._namespace).get("data") or {}
        except NotFoundError as error:
            raise TargetError(f"secret/{name} does not exist in namespace {self._namespace}") from error
        if any(use.is_whole for use in uses):
            return dict(data)
        wanted = {key for use in uses for key in use.keys}
        return {key: value for key, value in data.items() if key in wanted}
