"""Image references, and the rule that turns a target's image into its debug variant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from kdebug.errors import TargetError, UsageError

MAX_TAG = 128
MAX_NAME = 255

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:\[[a-fA-F0-9:]+\]|{_LABEL}(?:\.{_LABEL})*)"
_REGISTRY = re.compile(rf"{_HOST}(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


class InvalidReferenceError(ValueError):
    """The text is not an image reference; the message says which part is wrong."""


@dataclass(frozen=True, kw_only=True)
class ImageReference:
    """An image reference in its parts, as written: `str(ImageReference.parse(text)) == text`.

    The grammar is that of the registries (github.com/distribution/reference), which container runtimes follow.
    """

    path: str
    registry: str = ""
    """host[:port], or empty when the reference names none (the runtime then takes docker.io)."""
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.repository}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"

    @property
    def repository(self) -> str:
        """The reference without tag and digest, as written."""
        return f"{self.registry}/{self.path}" if self.registry else self.path

    @property
    def full_repository(self) -> str:
        """The repository as a runtime reads it: busybox is docker.io/library/busybox."""
        if self.registry:
            return self.repository
        return f"docker.io/{self.path}" if "/" in self.path else f"docker.io/library/{self.path}"

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read a reference; InvalidReferenceError says what is wrong with it."""
        rest, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise InvalidReferenceError(f"the digest {digest!r} is not of the form sha256:<hex digits>")
        rest, tag = _split_tag(rest)
        registry, path = _split_registry(rest)
        if registry and not _REGISTRY.fullmatch(registry):
            raise InvalidReferenceError(f"the registry {registry!r} is not host[:port]")
        if not _PATH.fullmatch(path):
            raise InvalidReferenceError(f"the name {path!r} must be lower-case letters, digits and . _ - /")
        if len(rest) > MAX_NAME:
            raise InvalidReferenceError(f"the name has {len(rest)} characters, at most {MAX_NAME} are allowed")
        if not registry and _IDENTIFIER.fullmatch(path):
            raise InvalidReferenceError("64 hexadecimal digits are an image's id, not a name")
        return cls(registry=registry, path=path, tag=tag, digest=digest)


def _split_tag(text: str) -> tuple[str, str]:
    """Return name and tag; a colon before the last slash belongs to the registry's port."""
    head, colon, tail = text.rpartition(":")
    if not colon or "/" in tail:
        return text, ""
    if not _TAG.fullmatch(tail):
        raise InvalidReferenceError(f"the tag {tail!r} must be letters, digits and . _ -")
    if len(tail) > MAX_TAG:
        raise InvalidReferenceError(f"the tag has {len(tail)} characters, at most {MAX_TAG} are allowed")
    return head, tail


def _split_registry(name: str) -> tuple[str, str]:
    """Return registry and path: the first part is a registry when it cannot be the first part of a path."""
    first, slash, rest = name.partition("/")
    is_host = any(mark in first for mark in ".:") or first == "localhost" or first != first.lower()
    return (first, rest) if slash and is_host else ("", name)


def image_argument(text: str) -> ImageReference:
    """Read the user's --image; UsageError when it is no reference."""
    try:
        return ImageReference.parse(text)
    except InvalidReferenceError as error:
        raise UsageError(
            f"--image {text!r} is not an image reference", because=str(error), remedy="--image [REGISTRY/]NAME[:TAG]"
        ) from error


def target_image(text: str) -> ImageReference:
    """Read the image of a target's container; TargetError when it is no reference."""
    try:
        return ImageReference.parse(text)
    except InvalidReferenceError as error:
        raise TargetError(
            f"the target's image {text!r} is not an image reference", because=str(error), remedy="--image REFERENCE"
        ) from error


@dataclass(frozen=True, kw_only=True)
class VariantRule:
    """How the images of some repositories name their debug variant."""

    repository: str
    """A glob, compared with the repository as written and as a runtime reads it."""
    tagged: str = "{tag}-{suffix}"
    """The variant's tag; `{tag}` stands for the target's, `{suffix}` for the suffix that is asked for."""
    untagged: str = "{suffix}"
    """The variant's tag of `latest` and of no tag at all."""

    def is_for(self, reference: ImageReference) -> bool:
        """Whether the rule is about this image's repository."""
        return any(fnmatchcase(name, self.repository) for name in (reference.repository, reference.full_repository))


GOOGLE_RULE = VariantRule(repository="gcr.io/distroless/*", tagged="debug-nonroot", untagged="debug-nonroot")
"""Google's own images: plain `debug` runs as root, which an isolated namespace refuses."""


@dataclass(frozen=True, kw_only=True)
class DebugVariant:
    """The image that the clone is to run, and why it is that one."""

    reference: ImageReference
    reason: str
    is_changed: bool
    pull_policy: str
    """`Always` where the tag is one that moves, else empty: the default will do."""


def debug_variant(
    image: str | ImageReference, suffix: str = "debug", rules: Sequence[VariantRule] = (GOOGLE_RULE,)
) -> DebugVariant:
    """Return the debug variant of a target's image; the first rule for its repository decides.

    TargetError where none can be derived: an invalid reference, a digest alone, a tag that grows over 128 characters.
    """
    reference = target_image(image) if isinstance(image, str) else image
    tag = reference.tag
    if tag == suffix or tag.startswith(f"{suffix}-") or tag.endswith(f"-{suffix}"):
        return _variant(reference, f"{tag} is a debug variant already", suffix, is_changed=False)
    if reference.digest and not tag:
        raise TargetError(
            f"no debug variant can be derived from {reference}",
            because="the image is named by its digest alone, and a digest says nothing of the tag of its variant",
            remedy="--image REFERENCE",
        )
    rule = next((rule for rule in rules if rule.is_for(reference)), VariantRule(repository="*"))
    template = rule.untagged if tag in ("", "latest") else rule.tagged
    new = template.replace("{tag}", tag).replace("{suffix}", suffix)
    if len(new) > MAX_TAG or not _TAG.fullmatch(new):
        raise TargetError(
            f"no debug variant can be derived from {reference}",
            because=f"its tag would be {new!r}: not a tag of at most {MAX_TAG} letters, digits and . _ -",
            remedy="--image REFERENCE",
        )
    reason = f"{tag or 'no tag'} -> {new}"
    if reference.digest:
        reason += "; the digest is dropped, it would win over the tag"
    return _variant(replace(reference, tag=new, digest=""), reason, suffix, is_changed=True)


def _variant(reference: ImageReference, reason: str, suffix: str, *, is_changed: bool) -> DebugVariant:
    # A tag without a version in it is built anew under the same name, so a node's cached image may be an old one.
    is_moving = (reference.tag == suffix or reference.tag.startswith(f"{suffix}-")) and not reference.digest
    return DebugVariant(
        reference=reference, reason=reason, is_changed=is_changed, pull_policy="Always" if is_moving else ""
    )
