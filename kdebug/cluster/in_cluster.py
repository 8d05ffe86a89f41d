"""The context of a pod's own service account, for when kdebug runs inside a cluster and no kubeconfig exists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from kdebug.cluster.context import Impersonation, ResolvedContext, Selection, UserAuth
from kdebug.domain.guard import ConnectionNames
from kdebug.errors import ConfigError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts token, ca.crt and namespace."""
NAME = "in-cluster"


def is_possible(environment: Mapping[str, str], service_account: Path = SERVICE_ACCOUNT) -> bool:
    """Say whether this process runs in a pod with a service account (client-go's test)."""
    names = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    return all(environment.get(name) for name in names) and (service_account / "token").is_file()


def resolve(
    selection: Selection, environment: Mapping[str, str], service_account: Path = SERVICE_ACCOUNT
) -> ResolvedContext:
    """Return the pod's own context. Raises ConfigError when the mounted authority cannot be read."""
    host = environment["KUBERNETES_SERVICE_HOST"]
    server = f"https://{f'[{host}]' if ':' in host else host}:{environment['KUBERNETES_SERVICE_PORT']}"
    authority = _read(service_account / "ca.crt")
    mounted = _read(service_account / "namespace").decode("utf-8", "replace").strip()
    own = environment.get("POD_NAMESPACE", "") or mounted
    namespace = selection.namespace or own or "default"
    return ResolvedContext(
        names=ConnectionNames(
            context=NAME,
            cluster=NAME,
            user=NAME,
            server=server,
            namespace=namespace,
            is_tls_verified=True,
            ca_fingerprint=hashlib.sha256(authority).hexdigest() if authority else "",
        ),
        server=server,
        server_as_written=server,
        namespace=namespace,
        context_namespace=own,
        ca_data=authority,
        user=UserAuth(token_file=str(service_account / "token")),
        impersonation=Impersonation(
            user=selection.impersonate, uid=selection.impersonate_uid, groups=selection.impersonate_groups
        ),
    )


def _read(path: Path) -> bytes:
    """Return the file's content, nothing where it does not exist (then the system's authorities are asked)."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(
            f"the service account's {path.name} cannot be read", because=str(error), remedy="pass --kubeconfig FILE"
        ) from error
