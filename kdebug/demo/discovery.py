"""What kubectl asks a server before its first command: versions, groups and resources."""

from __future__ import annotations

from kdebug.demo.resources import BY_PLURAL, JSON, REVIEWS, SHORT_NAMES, SUBRESOURCES
from kdebug.domain.kinds import Kind

VERSION: JSON = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.4+kdebug-demo",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def document(path: str) -> JSON | None:
    """Return the discovery document at a path, or None."""
    parts = [part for part in path.split("/") if part]
    if parts == ["version"]:
        return VERSION
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if parts == ["apis"]:
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups()]}
    if parts == ["api", "v1"]:
        return _resources("v1")
    if len(parts) == 2 and parts[0] == "apis" and parts[1] in _groups():
        return {"kind": "APIGroup", "apiVersion": "v1"} | _group(parts[1])
    if len(parts) == 3 and parts[0] == "apis" and parts[1] in _groups():
        return _resources(f"{parts[1]}/{parts[2]}")
    return None


def _groups() -> list[str]:
    return list(dict.fromkeys(kind.group for kind in BY_PLURAL.values() if kind.group))


def _group(name: str) -> JSON:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(api_version: str) -> JSON:
    listed = []
    for kind in BY_PLURAL.values():
        if kind.api_version == api_version:
            listed.append(_resource(kind))
            listed += [_subresource(kind, name) for name in SUBRESOURCES.get(kind.plural, ())]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": listed}


def _resource(kind: Kind) -> JSON:
    made: JSON = {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.is_namespaced,
        "kind": kind.name,
        "verbs": ["create"] if kind in REVIEWS else _VERBS,
    }
    if kind.plural in SHORT_NAMES:
        made["shortNames"] = [SHORT_NAMES[kind.plural]]
    if kind.plural in (
        "pods",
        "services",
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
    ):
        made["categories"] = ["all"]
    return made


def _subresource(kind: Kind, name: str) -> JSON:
    verbs = {"log": ["get"], "exec": ["create", "get"]}.get(name, ["get", "patch", "update"])
    return {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": True, "kind": kind.name, "verbs": verbs}
