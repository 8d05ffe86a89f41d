"""The images that the demo's registry has, and what happens when a container of one is started."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kdebug.demo.resources import JSON

PROXY = "/usr/local/bin/prism-proxy"
PANIC = (
    "thread 'main' panicked at proxy/src/main.rs:142:47:",
    "called `Result::unwrap()` on an `Err` value: NotPresent",
    "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image: its full name, its entrypoint, its user, and whether /busybox is in it."""

    name: str
    entrypoint: tuple[str, ...] = ()
    user: int = 65532
    has_busybox: bool = False

    @property
    def digest(self) -> str:
        """The digest by which status names it."""
        return f"sha256:{hashlib.sha256(self.name.encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one start of a container comes to: its log, and after how long it ends (None: not before it is stopped)."""

    log: tuple[str, ...] = ()
    exit_code: int = 0
    seconds: float | None = None


_VERSIONS = ("v1.2.3", "4f2c9d1")
IMAGES = {
    image.name: image
    for image in (
        Image(name="prism/proxy:latest", entrypoint=(PROXY,)),
        Image(name="prism/proxy:debug", entrypoint=(PROXY,), has_busybox=True),
        *(Image(name=f"prism/proxy:{version}", entrypoint=(PROXY,)) for version in _VERSIONS),
        *(Image(name=f"prism/proxy:{version}-debug", entrypoint=(PROXY,), has_busybox=True) for version in _VERSIONS),
        Image(name="prism/kafka-publisher:v0.3.0", entrypoint=("/usr/local/bin/kafka-publisher",)),
        Image(name="library/busybox:1", entrypoint=("sh",), user=0, has_busybox=True),
    )
}


def full_name(reference: str) -> str:
    """Return the image's name with registry and tag, as containerd writes it: docker.io/library/busybox:1."""
    reference = reference.partition("@")[0]
    first, slash, _ = reference.partition("/")
    if not slash:
        reference = f"docker.io/library/{reference}"
    elif "." not in first and ":" not in first and first != "localhost":
        reference = f"docker.io/{reference}"
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def image_of(reference: str) -> Image | None:
    """Return the image, whatever registry is named, or None when it does not exist."""
    return IMAGES.get(full_name(reference).partition("/")[2])


def start_error(image: Image, command: Sequence[str]) -> str:
    """Return why the command cannot be started in the image, in the runtime's words, or an empty string."""
    program = command[0] if command else ""
    if not program:
        return "no command specified"
    if program in image.entrypoint or (
        image.has_busybox and (program.startswith(("/busybox/", "/bin/")) or "/" not in program)
    ):
        return ""
    if "/" in program:
        return f'exec: "{program}": stat {program}: no such file or directory'
    return f'exec: "{program}": executable file not found in $PATH'


def command_of(container: JSON, image: Image) -> list[str]:
    """Return the command that a container runs."""
    if container.get("command"):
        return [*container["command"], *container.get("args", ())]
    return [*image.entrypoint, *container.get("args", ())]


def run_of(command: Sequence[str], environment: Mapping[str, str], start: datetime) -> Run:
    """Return what a command does: prism-proxy as its sources say, a few plain commands, anything else goes on."""
    if command[0] == PROXY:
        return _run_proxy(environment, start)
    program = command[0].rpartition("/")[2]
    words = command[-1].strip() if "-c" in command else " ".join([program, *command[1:]])
    if match := re.fullmatch(r"(?:exec )?sleep (\d+)", words):
        return Run(seconds=float(match[1]))
    if words in ("true", "false", "sh"):
        return Run(exit_code=int(words == "false"), seconds=0.0)
    if "-c" in command and (match := re.fullmatch(r"(?:.*;\s*)?exit (\d+)", words, re.DOTALL)):
        return Run(exit_code=int(match[1]), seconds=0.0)
    return Run()


def _run_proxy(environment: Mapping[str, str], start: datetime) -> Run:
    level = environment.get("RUST_LOG", "info")
    log = [
        _line(start, 0, " INFO prism_proxy", f"starting prism-proxy 1.2.3, RUST_LOG={level}"),
        _line(start, 40, " INFO prism_proxy::config", "grpc on 0.0.0.0:8980, metrics on 0.0.0.0:9090"),
    ]
    if "PRISM_BACKEND" not in environment:
        log.append(_line(start, 44, "ERROR prism_proxy::backend", "environment variable PRISM_BACKEND is not set"))
        return Run(log=(*log, *PANIC), exit_code=101, seconds=0.0)
    if environment.get("PRISM_FAIL") == "exit":
        return Run(log=tuple(log), exit_code=3, seconds=0.0)
    if environment.get("PRISM_FAIL") == "oom":
        return Run(log=tuple(log), exit_code=137, seconds=2.0)
    return Run(log=tuple(log))


def _line(start: datetime, microseconds: int, source: str, message: str) -> str:
    moment = start + timedelta(microseconds=microseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ} {source}: {message}"
