"""The clone: the recipe of small steps that makes it from a target, and the account of every difference.

Each module holds the steps about one part of a pod; `fields` is the allow-list that the clone is built from, `recipe`
puts the steps in order and runs them. A step is a pure function from manifest to manifest.
"""

from __future__ import annotations

from kdebug.domain.clone.containers import OriginalCommand, kept_containers, original_command
from kdebug.domain.clone.objects import PLACEHOLDER
from kdebug.domain.clone.recipe import Clone, Explained, LeftOut, clone_pod, recipe
from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import Step

__all__ = [
    "PLACEHOLDER",
    "Clone",
    "CloneSettings",
    "Explained",
    "LeftOut",
    "OriginalCommand",
    "Step",
    "clone_pod",
    "kept_containers",
    "original_command",
    "recipe",
]
