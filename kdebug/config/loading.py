"""Find and load the configuration; a file that is broken or not trusted refuses every session, it is never skipped."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdebug.config.reading import read_text
from kdebug.config.values import Config, ImageSettings, Limits
from kdebug.domain.guard import GuardRules
from kdebug.domain.text import safe
from kdebug.errors import ConfigError

if TYPE_CHECKING:
    from kdebug.config.schema import ConfigModel

CONFIG = "KDEBUG_CONFIG"
DENY = "KDEBUG_DENY"
REMEDY = "correct the configuration: kdebug starts no session while it is broken"


def default_path(environment: Mapping[str, str], home: Path) -> Path:
    """Return where the configuration is looked for: $XDG_CONFIG_HOME or ~/.config, on macOS too."""
    base = Path(environment.get("XDG_CONFIG_HOME") or "")
    return (base if base.is_absolute() else home / ".config") / "kdebug" / "config.yaml"


def load_for(environment: Mapping[str, str], home: Path, *, user_id: int) -> Config:
    """Return the configuration that applies: KDEBUG_CONFIG's files (each must exist), or the default one, if any."""
    named = [Path(part).expanduser() for part in environment.get(CONFIG, "").split(os.pathsep) if part]
    default = default_path(environment, home)
    paths = named or ([default] if os.path.lexists(default) else [])
    return load(paths, environment=environment, user_id=user_id)


def load(paths: Sequence[Path], *, environment: Mapping[str, str], user_id: int) -> Config:
    """Return all files together: lists add up, a later file's value wins, but for `isolation: required`, which stays.

    KDEBUG_DENY (comma separated) adds denies; nothing in the environment can take one away. Raises ConfigError with
    every problem of every file, one line each, as file:line:column: key: what is wrong.
    """
    models: list[ConfigModel] = []
    errors: list[ConfigError] = []
    for path in paths:
        try:
            models.append(_model(path, user_id))
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise _together(errors)
    config = _config(models, paths) if models else Config()
    added = tuple(pattern.strip() for pattern in environment.get(DENY, "").split(",") if pattern.strip())
    return replace(config, guard=replace(config.guard, deny=tuple(dict.fromkeys((*config.guard.deny, *added)))))


def _together(errors: Sequence[ConfigError]) -> ConfigError:
    if len(errors) == 1:
        return errors[0]
    lines = (f"{error.what}: {error.because}" if error.because else error.what for error in errors)
    joined = ConfigError("\n".join(lines), remedy=REMEDY)
    joined.__cause__ = errors[0]
    return joined


def _model(path: Path, user_id: int) -> ConfigModel:
    text = read_text(path, user_id=user_id)
    # YAML and pydantic cost more than a refusal may take: they load only where there is a file.
    from kdebug.config.document import parse
    from kdebug.config.validation import validate

    document = parse(text)
    outcome = document.problems or validate(document)
    if isinstance(outcome, tuple):
        lines = (f"{safe(str(path))}:{problem.line}:{problem.column}: {problem.message}" for problem in outcome)
        raise ConfigError("\n".join(lines), remedy=REMEDY)
    return outcome


def _config(models: Sequence[ConfigModel], paths: Sequence[Path]) -> Config:
    from kdebug.config.schema import ConfigModel, seconds_of

    merged: dict[str, Any] = {}
    for model in models:
        merged = _merged(merged, model.model_dump(exclude_unset=True))
    whole = ConfigModel.model_validate(merged)
    return Config(
        guard=GuardRules(deny=tuple(whole.guard.deny), acknowledge=tuple(whole.guard.acknowledge)),
        namespace=whole.namespace,
        images=ImageSettings(
            debug_suffix=whole.images.debug_suffix,
            fallback=whole.images.fallback,
            rules=tuple(whole.images.rules.items()),
            also_debug=tuple(whole.images.also_debug),
        ),
        limits=Limits(
            cpu=whole.limits.cpu,
            memory=whole.limits.memory,
            max_duration_seconds=seconds_of(whole.limits.max_duration),
        ),
        harmless_env=tuple(whole.harmless_env),
        isolation="required" if any(model.isolation == "required" for model in models) else "reported",
        sources=tuple(str(path) for path in paths),
    )


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for key, value in second.items():
        before = merged.get(key)
        if isinstance(before, list):
            merged[key] = list(dict.fromkeys((*before, *value)))
        elif isinstance(before, dict):
            merged[key] = _merged(before, value)
        else:
            merged[key] = value
    return merged
