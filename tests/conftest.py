"""Fixtures that every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """Return the real cluster's kubeconfig; skip where none is named."""
    path = os.environ.get("KDEBUG_TEST_KUBECONFIG", "")
    if not path:
        pytest.skip("KDEBUG_TEST_KUBECONFIG is not set")
    return Path(path)
