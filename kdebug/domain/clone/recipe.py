"""The recipe: the steps in their order, and the run that turns a target into a clone and explains every difference."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kdebug.domain.clone import containers, environment, fields, objects, resources, scheduling, security, volumes
from kdebug.domain.clone.hiding import hidden, secret_values
from kdebug.domain.clone.refusals import refuse_what_cannot_be_cloned
from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import Step
from kdebug.domain.difference import Difference, Keys, differences
from kdebug.domain.kinds import Manifest


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One place where the clone differs from the target, and the step that made it so. None stands for absent."""

    path: str
    old: Any
    new: Any
    step: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One thing that the target has and the clone does not."""

    path: str
    step: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Clone:
    """The clone's manifest and the complete account of how it differs from the target."""

    manifest: Manifest
    steps: tuple[Step, ...]
    changes: tuple[Explained, ...]
    """What was added or changed. Values that look secret are hidden."""
    left_out: tuple[LeftOut, ...]


def recipe(settings: CloneSettings) -> tuple[Step, ...]:
    """Return the steps that turn a target into its clone, in order."""
    return (
        fields.known_fields(),
        fields.without_status(),
        scheduling.own_identity(settings),
        *_container_steps(settings),
        *_value_steps(settings),
        volumes.own_downward(settings),
        security.no_root(),
        security.no_privileges(),
        security.default_profiles(),
        security.writable_tmp(),
        scheduling.no_claims(),
        resources.small_resources(settings),
        scheduling.free_scheduling(),
        scheduling.no_priority(),
        scheduling.no_runtime_class(),
        scheduling.no_host(),
        scheduling.own_names(),
        scheduling.cluster_dns(settings),
        scheduling.no_service_links(),
        scheduling.own_pull_secrets(),
        scheduling.short_life(settings),
    )


def _container_steps(settings: CloneSettings) -> tuple[Step, ...]:
    return (
        containers.only_the_target(settings),
        containers.no_ephemeral_containers(),
        containers.no_probes(),
        containers.no_hooks(),
        containers.no_restart_rules(),
        containers.debug_image(settings),
        containers.sleep_instead(settings),
        containers.no_host_ports(),
        *((containers.bring_tools(settings),) if settings.fallback_image else ()),
    )


def _value_steps(settings: CloneSettings) -> tuple[Step, ...]:
    return (
        volumes.only_mounted(),
        scheduling.own_account(),
        volumes.no_host_volumes(),
        volumes.no_tokens(),
        environment.known_sources(),
        objects.config_maps(settings),
        objects.secrets(settings),
        volumes.empty_storage(),
        environment.secret_literals_aside(settings),
        *(() if settings.is_same_cluster else (environment.no_foreign_values(settings),)),
        *((environment.added_variables(settings),) if settings.env else ()),
        environment.resolvable_paths(),
    )


def clone_pod(target: Manifest, settings: CloneSettings) -> Clone:
    """Return the clone of a target; TargetError for what is not a pod that can be cloned."""
    refuse_what_cannot_be_cloned(target, settings.container)
    steps = recipe(settings)
    stages: list[Manifest] = [target]
    for step in steps:
        stages.append(step.apply(stages[-1]))
    clone = stages[-1]
    traces = [_Trace(before, after) for before, after in pairwise(stages)]
    secrets = secret_values(target) | secret_values(clone)
    explained = [_explained(difference, steps, traces, secrets) for difference in differences(target, clone)]
    return Clone(
        manifest=clone,
        steps=steps,
        changes=tuple(entry for entry in explained if entry.new is not None),
        left_out=tuple(
            LeftOut(path=entry.path, step=entry.step, reason=entry.reason) for entry in explained if entry.new is None
        ),
    )


def _explained(difference: Difference, steps: Sequence[Step], traces: Sequence[_Trace], secrets: Set[str]) -> Explained:
    """Return the difference with the step that made it: the last that touched the place, or what is nearest to it."""
    last = max(range(len(steps)), key=lambda index: (traces[index].nearness(difference.keys), index))
    return Explained(
        path=difference.path,
        old=hidden(difference.old, secrets),
        new=hidden(difference.new, secrets),
        step=steps[last].name,
        reason=steps[last].why,
    )


class _Trace:
    """The places that one step touched."""

    def __init__(self, before: Manifest, after: Manifest) -> None:
        self._touched = {difference.keys for difference in differences(before, after)}
        self._above = {keys[:length] for keys in self._touched for length in range(len(keys) + 1)}

    def nearness(self, place: Keys) -> tuple[bool, int]:
        """Return whether the step touched the place, or what is in or around it, and how much of the path is shared."""
        if place in self._above:
            return True, len(place)
        shared = [length for length in range(len(place)) if place[:length] in self._above]
        inside = [length for length in shared if place[:length] in self._touched]
        return bool(inside), max(inside or shared, default=0)
