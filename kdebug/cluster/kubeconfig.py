"""Chooses the one context that kubectl would choose, from flags, KUBECONFIG and the files it names, and freezes it.

The merge is our own because the Python client's differs where it hurts: of two files it takes the last current-context,
kubectl the first, and it ignores impersonation. Nothing is written, nothing is run, no connection is made; the files
are read once. An oracle test compares the outcome with `kubectl config view --minify --raw --flatten`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kdebug.cluster import in_cluster
from kdebug.cluster.context import ExecSpec, Impersonation, ResolvedContext, Selection, UserAuth
from kdebug.cluster.kubeconfig_checks import (
    authority_problems,
    cluster_problems,
    impersonation_problems,
    interactive_mode,
    server_url,
    user_problems,
    without_password,
)
from kdebug.cluster.kubeconfig_file import Entry
from kdebug.cluster.kubeconfig_merge import Merged, merge
from kdebug.domain.guard import ConnectionNames
from kdebug.errors import ConfigError

__all__ = ["ContextChoice", "ResolvedContext", "Selection", "list_contexts", "load"]

EXEC_EXTENSION = "client.authentication.k8s.io/exec"
"""The cluster's extension whose content a credential plugin receives (KEP-541)."""
_NOTHING = Entry(name="", body={}, path="")


@dataclass(frozen=True, kw_only=True)
class ContextChoice:
    """A context that could be chosen; `server` is empty when its cluster is not defined."""

    name: str
    cluster: str
    user: str
    namespace: str
    server: str
    is_current: bool


def load(
    selection: Selection,
    environment: Mapping[str, str],
    home: Path,
    *,
    service_account: Path = in_cluster.SERVICE_ACCOUNT,
) -> ResolvedContext:
    """Return the context that the flags select, by kubectl's rules, with every file it names read.

    `--kubeconfig` names the only file; else KUBECONFIG lists files, those that do not exist are skipped and the first
    with an entry of a name wins; else ~/.kube/config; else, in a pod, its service account. Raises ConfigError, in words
    near to kubectl's. Unlike kubectl it never falls back to localhost:8080, and a context whose user is not defined is
    an error instead of anonymous.
    """
    merged = merge(selection.kubeconfig, environment, home)
    if merged.is_empty:
        asks = selection.kubeconfig or selection.context or selection.cluster or selection.user
        if not asks and in_cluster.is_possible(environment, service_account):
            return in_cluster.resolve(selection, environment, service_account)
        raise _no_kubeconfig(merged)
    context = _chosen_context(selection, merged)
    cluster = _named("cluster", selection.cluster or context.body.get("cluster", ""), merged.clusters, context, merged)
    user_name = selection.user or context.body.get("user", "")
    user = _named("user", user_name, merged.users, context, merged) if user_name else _NOTHING
    return _resolve(selection, context, cluster, user)


def list_contexts(selection: Selection, environment: Mapping[str, str], home: Path) -> tuple[ContextChoice, ...]:
    """Return every context of the merged files in the order of their names. Raises ConfigError for a broken file."""
    merged = merge(selection.kubeconfig, environment, home)
    current = selection.context or merged.current_context
    return tuple(
        ContextChoice(
            name=name,
            cluster=entry.body.get("cluster", ""),
            user=entry.body.get("user", ""),
            namespace=entry.body.get("namespace", ""),
            server=merged.clusters.get(entry.body.get("cluster", ""), _NOTHING).body.get("server", ""),
            is_current=name == current,
        )
        for name, entry in sorted(merged.contexts.items())
    )


def _no_kubeconfig(merged: Merged) -> ConfigError:
    because = "of the files that KUBECONFIG lists, or else ~/.kube/config, none exists"
    if merged.paths:
        because = f"{merged.places} defines nothing"
    return ConfigError("no kubeconfig", because=because, remedy="pass --kubeconfig FILE, or set KUBECONFIG")


def _chosen_context(selection: Selection, merged: Merged) -> Entry:
    name = selection.context or merged.current_context
    if name in merged.contexts and name:
        return merged.contexts[name]
    if name:
        because = "--context names it" if selection.context else "current-context names it"
        raise _unknown("context", name, merged.contexts, f"{because}, {merged.places} does not define it")
    if selection.cluster:
        return _NOTHING
    known = ", ".join(sorted(merged.contexts)) or "none is defined"
    raise ConfigError(
        "no context chosen",
        because=f"{merged.places} sets no current-context",
        remedy=f"pass --context NAME; there are: {known}",
    )


def _named(kind: str, name: str, entries: Mapping[str, Entry], context: Entry, merged: Merged) -> Entry:
    if name and name in entries:
        return entries[name]
    if not name:
        raise ConfigError(
            f'{kind} was not specified for context "{context.name}"',
            because=f"{context.path} leaves it out",
            remedy=f"pass --{kind} NAME, or add it to the context",
        )
    is_contexts = context.body.get(kind) == name
    asking = f'context "{context.name}" names it' if is_contexts else f"--{kind} names it"
    raise _unknown(kind, name, entries, f"{asking}, {merged.places} does not define it")


def _unknown(kind: str, name: str, entries: Mapping[str, Entry], because: str) -> ConfigError:
    from difflib import get_close_matches

    near = get_close_matches(name, list(entries), n=3, cutoff=0.4) or sorted(entries)[:3]
    remedy = f"pass --{kind} NAME; " + (f"the nearest are: {', '.join(near)}" if near else f"no {kind} is defined")
    return ConfigError(f'{kind} "{name}" does not exist', because=because, remedy=remedy)


def _resolve(selection: Selection, context: Entry, cluster: Entry, user: Entry) -> ResolvedContext:
    identity = _identity(selection, user.body)
    _raise_problems(
        f'context "{context.name}" cannot be used',
        (
            *cluster_problems(cluster.name, cluster.body),
            *user_problems(user.name, user.body),
            *impersonation_problems(user.name, identity),
        ),
    )
    own_namespace = selection.namespace or context.body.get("namespace", "")
    names = _names(context, cluster, user, own_namespace or "default")
    server, authority = server_url(cluster.body["server"]), _content(cluster, "certificate-authority")[0]
    insecure = cluster.body.get("insecure-skip-tls-verify", False)
    if server.startswith("https:"):
        _raise_problems(f'cluster "{cluster.name}" cannot be used', authority_problems(authority, insecure))
    extensions = {item.get("name", ""): item.get("extension") for item in cluster.body.get("extensions", ())}
    return ResolvedContext(
        names=replace(names, ca_fingerprint=hashlib.sha256(authority).hexdigest() if authority else ""),
        server=server,
        server_as_written=cluster.body["server"],
        namespace=names.namespace,
        context_namespace=own_namespace,
        ca_data=authority,
        insecure=insecure,
        tls_server_name=cluster.body.get("tls-server-name", ""),
        proxy_url=cluster.body.get("proxy-url", ""),
        disable_compression=cluster.body.get("disable-compression", False),
        user=_user_auth(user, extensions.get(EXEC_EXTENSION)),
        impersonation=_impersonation(identity),
        cluster_extensions=extensions,
    )


def _names(context: Entry, cluster: Entry, user: Entry, namespace: str) -> ConnectionNames:
    server = server_url(cluster.body["server"])
    return ConnectionNames(
        context=context.name,
        cluster=cluster.name,
        user=user.name,
        server=without_password(server),
        namespace=namespace,
        is_tls_verified=server.startswith("https:") and not cluster.body.get("insecure-skip-tls-verify", False),
        proxy=without_password(cluster.body.get("proxy-url", "")),
        tls_server_name=cluster.body.get("tls-server-name", ""),
    )


def _identity(selection: Selection, user: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "as": selection.impersonate or user.get("as", ""),
        "as-uid": selection.impersonate_uid or user.get("as-uid", ""),
        "as-groups": list(selection.impersonate_groups) or user.get("as-groups", []),
        "as-user-extra": user.get("as-user-extra", {}),
    }


def _impersonation(identity: Mapping[str, Any]) -> Impersonation:
    return Impersonation(
        user=identity["as"],
        uid=identity["as-uid"],
        groups=tuple(identity["as-groups"]),
        extra=tuple((key, tuple(values)) for key, values in identity["as-user-extra"].items()),
    )


def _user_auth(user: Entry, cluster_config: Any) -> UserAuth:
    body = user.body
    certificate = key = (b"", "")
    if body.get("client-certificate") or body.get("client-certificate-data"):
        certificate, key = _content(user, "client-certificate"), _content(user, "client-key")
    return UserAuth(
        token=body.get("token", ""),
        token_file=_beside(user, body.get("tokenFile", "")),
        username=body.get("username", ""),
        password=body.get("password", ""),
        client_certificate=certificate[0],
        client_certificate_file=certificate[1],
        client_key=key[0],
        client_key_file=key[1],
        exec=_exec_spec(user, body["exec"], cluster_config) if "exec" in body else None,
    )


def _exec_spec(user: Entry, plugin: Mapping[str, Any], cluster_config: Any) -> ExecSpec:
    command = plugin["command"]
    return ExecSpec(
        command=_beside(user, command) if os.sep in command else command,
        args=tuple(plugin.get("args", ())),
        env=tuple((variable["name"], variable.get("value", "")) for variable in plugin.get("env", ())),
        api_version=plugin["apiVersion"],
        install_hint=plugin.get("installHint", ""),
        provide_cluster_info=plugin.get("provideClusterInfo", False),
        interactive_mode=interactive_mode(plugin),
        cluster_config=cluster_config,
    )


def _content(entry: Entry, key: str) -> tuple[bytes, str]:
    """Return the bytes of a field that is embedded or names a file, and that file's path."""
    path = _beside(entry, entry.body.get(key, ""))
    if not path:
        return entry.body.get(f"{key}-data", b""), ""
    try:
        return Path(path).read_bytes(), path
    except (OSError, ValueError) as error:
        raise ConfigError(
            f'unable to read {key} {path} for "{entry.name}"',
            because=str(error),
            remedy=f"correct {key} in {entry.path}, or make the file readable",
        ) from error


def _beside(entry: Entry, path: str) -> str:
    """Return a path that is relative in its file as an absolute one, relative to the file's own folder."""
    return os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(entry.path)), path)) if path else ""


def _raise_problems(what: str, problems: Iterable[str]) -> None:
    if found := tuple(problems):
        remedy = "correct the kubeconfig, or choose another context with --context"
        raise ConfigError(what, because="; ".join(found), remedy=remedy)
