"""The schema of the configuration file, version kdebug/v1; imported only when there is a file to check."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kdebug.config.values import ImageSettings, Limits
from kdebug.domain.isolation import DEFAULT_NAMESPACE
from kdebug.domain.ownership import MAX_HARD_CAP_SECONDS

_DURATION = re.compile(r"(?=.)(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?", re.ASCII)

Text = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=20)]
NamespaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Suffix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=64)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", max_length=256)]


def seconds_of(duration: str) -> int:
    """Return the seconds of a duration like 90s, 30m or 1h30m; ValueError when it is none, or not from 1 m to 4 h."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError("expected a duration like 30m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not 60 <= total <= MAX_HARD_CAP_SECONDS:
        raise ValueError("expected a duration from 1m to 4h")
    return total


def _checked_duration(duration: str) -> str:
    seconds_of(duration)
    return duration


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GuardModel(_Model):
    """What tightens the guard, and the first of the two keys for names that mislead."""

    deny: list[Text] = Field(default_factory=list, description="Globs: a name that one matches is refused")
    acknowledge: list[Text] = Field(
        default_factory=list, description="Exact names that mislead; the cluster has to say so too"
    )


class ImagesModel(_Model):
    """How debug variants are found."""

    debug_suffix: Suffix = Field(default=ImageSettings.debug_suffix, description="Put after the tag: T becomes T-debug")
    fallback: Text = Field(
        default=ImageSettings.fallback, description="Image that brings /busybox where there is no debug variant"
    )
    rules: dict[Text, Suffix] = Field(default_factory=dict, description="Suffix by repository glob")
    also_debug: list[Text] = Field(
        default_factory=list, description="Repository prefixes whose other containers change too"
    )


class LimitsModel(_Model):
    """Upper limits of a clone."""

    cpu: Quantity = Field(default=Limits.cpu, description="CPU, as Kubernetes writes it")
    memory: Quantity = Field(default=Limits.memory, description="Memory, as Kubernetes writes it")
    max_duration: Annotated[str, AfterValidator(_checked_duration)] = Field(
        default="4h", description="Hard cap, 1m to 4h"
    )


class ConfigModel(_Model):
    """The whole file."""

    apiVersion: Literal["kdebug/v1"]  # noqa: N815 - the file's own spelling, as Kubernetes objects have it
    guard: GuardModel = Field(default_factory=GuardModel)
    namespace: NamespaceName = Field(default=DEFAULT_NAMESPACE, description="The isolated namespace's name")
    images: ImagesModel = Field(default_factory=ImagesModel)
    limits: LimitsModel = Field(default_factory=LimitsModel)
    harmless_env: list[VariableName] = Field(
        default_factory=list, description="Variables whose values may cross clusters"
    )
    isolation: Literal["required", "reported"] = "reported"
