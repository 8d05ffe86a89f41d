"""Says that the server is silent, while it is: a line that stands still looks like a program that hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kdebug.cli.narration import Narration
from kdebug.cli.wiring import Wiring

FIRST_SECONDS = 5.0
"""Longer than a slow answer over a bad line takes, shorter than a person takes to doubt."""


@contextmanager
def patience(wiring: Wiring, narration: Narration, *, seconds: float = FIRST_SECONDS) -> Iterator[None]:
    """Within, say once after `seconds` that the server is waited for, and when that ends."""
    limit = f"{wiring.request_timeout:.0f} s"
    text = f"still waiting for {wiring.names.server}: a request is given up after {limit}; Ctrl-C ends it now"
    timer = threading.Timer(seconds, narration.say, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
