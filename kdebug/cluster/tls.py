"""The TLS settings of one cluster, the same for REST and for the exec stream."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator

from kdebug.cluster.endpoint import Endpoint
from kdebug.errors import ConfigError


def tls_context(endpoint: Endpoint, client_certificate: tuple[str, str] | None) -> ssl.SSLContext | None:
    """Return the context for the endpoint, None for plain HTTP. Raises ConfigError for PEM that cannot be used."""
    if not endpoint.is_tls:
        return None
    context = _server_trust(endpoint)
    # Python 3.13 began to ask for X.509 extensions that many cluster authorities do not set; kubectl does not ask.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if client_certificate is not None:
        _add_client_certificate(context, *client_certificate)
    return context


def _server_trust(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=endpoint.ca_pem or None)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"the certificate authority of {endpoint.title} cannot be used",
            because=str(error),
            remedy="correct certificate-authority-data or certificate-authority of the cluster in the kubeconfig",
        ) from error
    if endpoint.is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _add_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        with _as_file(f"{certificate.rstrip()}\n{key.rstrip()}\n") as path:
            # An encrypted key without this would make OpenSSL ask on the terminal.
            context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise ConfigError(
            "the client certificate of the kubeconfig's user cannot be used",
            because=str(error),
            remedy="check that client-certificate and client-key belong together and that the key is not encrypted",
        ) from error


def _no_password() -> str:
    raise ValueError("the client key is encrypted")


@contextlib.contextmanager
def _as_file(pem: str) -> Iterator[str]:
    """Give the PEM text a path, which OpenSSL wants: in memory where the system can, so no key reaches the disk."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with os.fdopen(os.memfd_create("client-certificate"), "w") as file:
            file.write(pem)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # made with mode 0600
        file.write(pem)
        file.flush()
        yield file.name
