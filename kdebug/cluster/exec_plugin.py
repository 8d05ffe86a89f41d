"""Runs a credential plugin as client-go does (client.authentication.k8s.io/v1 and v1beta1), away from the terminal.

Unlike client-go's, a plugin here has a time limit, and what it writes to stderr is cleaned before anyone sees it. A
plugin that fails stops the run: no request ever goes out anonymously in its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, TypeAlias

from kdebug.cluster.context import ExecSpec, ResolvedContext
from kdebug.domain.text import safe
from kdebug.errors import ConfigError, DeniedError

TIMEOUT = 60.0
"""Seconds that a plugin may take."""
OUTPUT_LIMIT = 1024 * 1024
GRACE = 0.3
"""Seconds for each pipe until what the plugin left behind with its pipes open is ended."""
Say: TypeAlias = Callable[[str], None]
WORDS_LIMIT = 2000
"""Characters of stderr that an error carries: its end, where the reason is."""


@dataclass(frozen=True, kw_only=True)
class PluginAnswer:
    """What a plugin returned: a token, or a client certificate with its key (PEM), or both."""

    token: str = field(default="", repr=False)
    client_certificate: tuple[str, str] | None = field(default=None, repr=False)
    expires: datetime | None = None


def run_plugin(
    spec: ExecSpec,
    context: ResolvedContext,
    *,
    environment: Mapping[str, str],
    has_terminal: bool,
    timeout: float = TIMEOUT,
    say: Say = lambda line: None,
) -> PluginAnswer:
    """Run the plugin and return its answer; each line of its stderr goes to `say`, cleaned, as it arrives.

    `has_terminal` tells whether stdin is a terminal that the plugin may use. Raises ConfigError when the plugin cannot
    be started or does not answer in its protocol, DeniedError when it fails or takes longer than `timeout` seconds.
    """
    is_interactive = _is_interactive(spec, has_terminal)
    child_environment = {
        **environment,
        **dict(spec.env),
        "KUBERNETES_EXEC_INFO": json.dumps(exec_info(spec, context, is_interactive=is_interactive)) + "\n",
    }
    process = _started(spec, _executable(spec, environment), child_environment, is_interactive)
    return parse_answer(spec, _output(process, spec, is_interactive, timeout, say))


def exec_info(spec: ExecSpec, context: ResolvedContext, *, is_interactive: bool) -> dict[str, Any]:
    """Return what KUBERNETES_EXEC_INFO holds; the cluster only when the kubeconfig says `provideClusterInfo`."""
    about: dict[str, Any] = {"interactive": is_interactive}
    if spec.provide_cluster_info:
        cluster = context.cluster_document()
        cluster.pop("extensions", None)
        cluster["config"] = spec.cluster_config
        about["cluster"] = cluster
    return {"kind": "ExecCredential", "apiVersion": spec.api_version, "spec": about}


def parse_answer(spec: ExecSpec, output: bytes) -> PluginAnswer:
    """Return the ExecCredential that a plugin wrote. Raises ConfigError; its words never hold what the plugin wrote."""
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError) as error:
        raise _protocol_error(spec, "its output is not JSON") from error
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise _protocol_error(spec, "its output is not an ExecCredential")
    version = answer.get("apiVersion")
    if version != spec.api_version:
        raise _protocol_error(
            spec, f"it is configured to use API version {spec.api_version}, it returned {safe(str(version), limit=100)}"
        )
    status = answer.get("status")
    if not isinstance(status, dict):
        raise _protocol_error(spec, "it didn't return a status field")
    token, certificate, key = (
        _text(spec, status, name) for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if not (token or certificate or key):
        raise _protocol_error(spec, "it didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise _protocol_error(spec, "it returned only certificate or key, not both")
    return PluginAnswer(
        token=token,
        client_certificate=(certificate, key) if certificate else None,
        expires=_expiry(spec, _text(spec, status, "expirationTimestamp")),
    )


def _is_interactive(spec: ExecSpec, has_terminal: bool) -> bool:
    if spec.interactive_mode == "Always" and not has_terminal:
        raise DeniedError(
            f"the credential plugin {_name(spec)} cannot run",
            because="its interactiveMode is Always, and standard input is not a terminal",
            remedy="run kdebug on a terminal, or log in first so that the plugin need not ask",
        )
    return spec.interactive_mode != "Never" and has_terminal


def _executable(spec: ExecSpec, environment: Mapping[str, str]) -> str:
    found = shutil.which(spec.command, path=environment.get("PATH", os.defpath))
    if found and os.path.isabs(found):
        return found
    because = f"executable {safe(spec.command, limit=200)} not found"
    if found:
        because += " but in the current directory, which is never searched"
    hint = safe(spec.install_hint, limit=WORDS_LIMIT, multiline=True).strip()
    raise ConfigError(
        f"the credential plugin {_name(spec)} cannot be started",
        because=because,
        remedy=hint or f"install {_name(spec)}, or add its folder to PATH",
    )


def _output(process: subprocess.Popen[bytes], spec: ExecSpec, is_interactive: bool, timeout: float, say: Say) -> bytes:
    reading = _Reading(process, say)
    is_ended = is_complete = False
    try:
        is_ended = reading.ends_within(timeout)
        is_complete = is_ended and reading.is_complete()
    finally:
        if not is_complete:
            _end(process, is_group=not is_interactive)
    if not is_complete:
        reading.is_complete()
    if not is_ended:
        raise _failure(spec, f"no answer within {timeout:g} s", reading.words())
    if process.returncode != 0:
        raise _failure(spec, f"exit code {process.returncode}", reading.words())
    if len(reading.output) > OUTPUT_LIMIT:
        raise _protocol_error(spec, f"it wrote more than {OUTPUT_LIMIT // 1024} KiB")
    return bytes(reading.output)


def _started(
    spec: ExecSpec, executable: str, environment: Mapping[str, str], is_interactive: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [spec.command, *spec.args],
            executable=executable,
            env=dict(environment),
            stdin=None if is_interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # In a session of its own it cannot open /dev/tty, and what it starts can be ended with it.
            start_new_session=not is_interactive,
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the credential plugin {_name(spec)} cannot be started",
            because=str(error),
            remedy=f"check `exec` of the user in the kubeconfig, and the file {safe(executable, limit=200)}",
        ) from error


class _Reading:
    """Two threads that empty the plugin's pipes, and what they kept."""

    def __init__(self, process: subprocess.Popen[bytes], say: Say) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.output = bytearray()
        self._process = process
        self._say = say
        self._words = ""
        self._threads = (
            threading.Thread(target=self._keep_output, args=(process.stdout,), name="plugin-stdout", daemon=True),
            threading.Thread(target=self._keep_words, args=(process.stderr,), name="plugin-stderr", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def ends_within(self, timeout: float) -> bool:
        """Wait for the plugin's end; say whether it came in time."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def is_complete(self) -> bool:
        """Wait a little for both pipes' ends; say whether they came, which a process left behind can prevent."""
        for thread in self._threads:
            thread.join(GRACE)
        return not any(thread.is_alive() for thread in self._threads)

    def words(self) -> str:
        """Return the end of what it wrote to stderr, cleaned."""
        return self._words.strip()

    def _keep_output(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                self.output += chunk[: OUTPUT_LIMIT + 1 - len(self.output)]

    def _keep_words(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(WORDS_LIMIT):
                text = safe(line.decode("utf-8", "replace"), limit=WORDS_LIMIT)
                self._words = f"{self._words}\n{text}"[-WORDS_LIMIT:]
                self._say(text)


def _end(process: subprocess.Popen[bytes], *, is_group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if is_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _failure(spec: ExecSpec, how: str, words: str) -> DeniedError:
    return DeniedError(
        f"the credential plugin {_name(spec)} failed",
        because=f"{how}: {words}" if words else how,
        remedy=f"log in with {_name(spec)} again, then repeat the command",
    )


def _protocol_error(spec: ExecSpec, because: str) -> ConfigError:
    return ConfigError(
        f"the credential plugin {_name(spec)} gave no usable answer",
        because=because,
        remedy="check `exec` of the user in the kubeconfig, and update the plugin",
    )


def _name(spec: ExecSpec) -> str:
    return safe(os.path.basename(spec.command), limit=100)


def _text(spec: ExecSpec, status: Mapping[str, Any], name: str) -> str:
    value = status.get(name)
    if value is not None and not isinstance(value, str):
        raise _protocol_error(spec, f"status.{name} is not a string")
    return value or ""


def _expiry(spec: ExecSpec, text: str) -> datetime | None:
    if not text:
        return None
    try:
        expires = datetime.fromisoformat(text)
    except ValueError as error:
        raise _protocol_error(spec, "status.expirationTimestamp is not a time") from error
    if expires.tzinfo is None:
        raise _protocol_error(spec, "status.expirationTimestamp has no time zone")
    return expires
