"""Finds a kubectl to compare with: the command line in KDEBUG_TEST_KUBECTL, or the one on PATH."""

from __future__ import annotations

import os
import shlex
import shutil

import pytest


def kubectl_command() -> tuple[str, ...]:
    """Return the command that starts kubectl, split; skip the test where there is none."""
    named = os.environ.get("KDEBUG_TEST_KUBECTL", "")
    if named:
        return tuple(shlex.split(named))
    found = shutil.which("kubectl")
    if not found:
        pytest.skip("no kubectl on PATH, and KDEBUG_TEST_KUBECTL is not set")
    return (found,)
