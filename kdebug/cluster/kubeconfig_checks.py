"""What kubectl finds wrong with a cluster or a user before it connects, in nearly its own words.

The rules are those of client-go's clientcmd (validateClusterInfo, validateAuthInfo) and of its transport.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kdebug.errors import ConfigError

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")
_NO_MODE_DEFAULT = ("", "client.authentication.k8s.io/v1")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")


def interactive_mode(plugin: Mapping[str, Any]) -> str:
    """Return the plugin's interactiveMode, with the default that the versions before v1 have."""
    default = "" if plugin.get("apiVersion", "") in _NO_MODE_DEFAULT else "IfAvailable"
    return plugin.get("interactiveMode", "") or default


def server_url(server: str) -> str:
    """Return scheme://host[:port][/path] as client-go reads a server; without a scheme it is plain HTTP.

    Raises ConfigError for what it does not accept.
    """
    from urllib.parse import urlsplit

    because = f'host must be a URL or a host:port pair: "{server}"'
    is_bare = "://" not in server
    try:
        parts = urlsplit(f"http://{server}" if is_bare else server)
        is_usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise _unusable_server(because) from error
    if not is_usable or _UNSAFE_IN_URL.search(server) or (is_bare and (parts.path.strip("/") or parts.query)):
        raise _unusable_server(because)
    if parts.scheme not in ("http", "https"):
        raise _unusable_server(f'unsupported protocol scheme "{parts.scheme}"')
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _unusable_server(because: str) -> ConfigError:
    return ConfigError(
        "the cluster's server cannot be used",
        because=because,
        remedy="correct `server` in the kubeconfig: https://HOST:PORT",
    )


def without_password(url: str) -> str:
    """Return the URL without the user and password that it may hold."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def cluster_problems(name: str, cluster: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a cluster, files aside."""
    if not cluster.get("server"):
        yield f'no server found for cluster "{name}"'
    if cluster.get("certificate-authority") and cluster.get("certificate-authority-data"):
        yield f'certificate-authority-data and certificate-authority are both specified for "{name}"'
    if proxy := cluster.get("proxy-url"):
        scheme = proxy.partition("://")[0].lower() if "://" in proxy else ""
        if scheme not in ("http", "https", "socks5"):
            because = f'unsupported scheme "{scheme}", must be http, https, or socks5'
            yield f"invalid 'proxy-url' for cluster \"{name}\": {because}"
        elif _UNSAFE_IN_URL.search(proxy):
            yield f"invalid 'proxy-url' for cluster \"{name}\": it holds a character that no URL may have"


def authority_problems(authority: bytes, insecure: bool) -> Iterator[str]:
    """Yield what is wrong with a cluster's authority, as read, for a server that is reached over TLS."""
    if authority and insecure:
        yield "specifying a root certificates file with the insecure flag is not allowed"
    elif authority and b"-----BEGIN CERTIFICATE-----" not in authority:
        yield "unable to load root certificates: no PEM certificate in certificate-authority"


def user_problems(name: str, user: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a user, files aside; never a secret's value."""
    has_basic = bool(user.get("username") or user.get("password"))
    if has_basic and (user.get("token") or user.get("tokenFile")):
        yield f'more than one authentication method found for "{name}"; found [token basicAuth], only one is allowed'
    yield from _certificate_problems(name, user)
    if "exec" in user:
        yield from _plugin_problems(name, user["exec"])
    if provider := user.get("auth-provider"):
        yield (
            f'"{name}" authenticates through the auth-provider "{provider.get("name", "")}", which kdebug does not know'
            " (an exec plugin such as gke-gcloud-auth-plugin or kubelogin does the same)"
        )


def impersonation_problems(name: str, impersonation: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the `as` fields, the command line's applied."""
    others = ("as-uid", "as-groups", "as-user-extra")
    if any(impersonation.get(key) for key in others) and not impersonation.get("as"):
        yield f'requesting uid, groups or user-extra for "{name}" without impersonating a user'


def _certificate_problems(name: str, user: Mapping[str, Any]) -> Iterator[str]:
    certificate, key = "client-certificate", "client-key"
    if not (user.get(certificate) or user.get(f"{certificate}-data")):
        return
    for each in (certificate, key):
        if user.get(each) and user.get(f"{each}-data"):
            yield f'{each}-data and {each} are both specified for "{name}"'
    if not (user.get(key) or user.get(f"{key}-data")):
        yield f'client-key-data or client-key must be specified for "{name}" to use its client certificate'


def _plugin_problems(name: str, plugin: Mapping[str, Any]) -> Iterator[str]:
    suffix = f'must be specified for "{name}" to use exec authentication plugin'
    version, mode = plugin.get("apiVersion", ""), interactive_mode(plugin)
    if not plugin.get("command"):
        yield f"command {suffix}"
    if not version:
        yield f"apiVersion {suffix}"
    elif version not in API_VERSIONS:
        yield f'exec plugin: invalid apiVersion "{version}", must be one of {", ".join(API_VERSIONS)}'
    if any(not variable.get("name") for variable in plugin.get("env", ())):
        yield f"env variable name {suffix}"
    if not mode:
        yield f"interactiveMode {suffix}"
    elif mode not in INTERACTIVE_MODES:
        yield f'invalid interactiveMode for "{name}": "{mode}"'
