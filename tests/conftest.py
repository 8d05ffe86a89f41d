"""Fixtures that every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long one example takes says more of a busy machine than of the code.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """Return the real cluster's kubeconfig; skip where none is named."""
    path = os.environ.get("KDEBUG_TEST_KUBECONFIG", "")
    if not path:
        pytest.skip("KDEBUG_TEST_KUBECONFIG is not set")
    return Path(path)
