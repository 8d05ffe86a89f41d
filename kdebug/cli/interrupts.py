"""Signals that end kdebug: one begins the orderly end, a second interrupt leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from kdebug.errors import InterruptedBySignal

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
Deliver = Callable[[InterruptedBySignal], None]


class Interrupts:
    """Owns the four signals while it is entered, in the main thread; one that was ignored before stays ignored (nohup).

    The first signal raises InterruptedBySignal there, so that a blocking call ends; later ones never raise, so that the
    way to teardown cannot be cut. `delivering_to` and `teardown` say what happens instead in those phases.
    """

    def __init__(self) -> None:
        self.first: InterruptedBySignal | None = None
        """The signal that began the end, whether it was raised, delivered or only noted."""
        self._previous: dict[int, Any] = {}
        self._deliver: Deliver | None = None
        self._note: Deliver | None = None
        self._on_second: Deliver | None = None

    def __enter__(self) -> Interrupts:
        """Take the signals over."""
        for number in _numbers():
            previous = signal.getsignal(number)
            if previous is not signal.SIG_IGN:
                self._previous[number] = previous
                signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, previous in self._previous.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        self._previous.clear()

    @contextmanager
    def delivering_to(self, callback: Deliver) -> Iterator[None]:
        """Within, a signal calls back instead of raising: for an event loop, whose call_soon_threadsafe wakes it.

        A signal that came before is delivered at once.
        """
        if self.first:
            callback(self.first)
        self._deliver = callback
        try:
            yield
        finally:
            self._deliver = None

    @contextmanager
    def teardown(self, on_second: Deliver, *, on_first: Deliver = lambda _: None) -> Iterator[None]:
        """Within, the first signal is noted (`on_first` says so); an interrupt after it calls `on_second`, and leaves.

        Leaving is `os._exit(128 + n)` without any cleaning up: the server's lease removes what is left. Both are called
        in the midst of whatever runs, so they write with `narration.to_stderr` and do nothing else.
        """
        self._note, self._on_second = on_first, on_second
        try:
            yield
        finally:
            self._note = self._on_second = None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        received = InterruptedBySignal(number, signal.Signals(number).name)
        is_first = self.first is None
        if is_first:
            self.first = received
        if self._on_second:
            self._receive_in_teardown(received, is_first)
        elif self._deliver:
            self._deliver(received)
        elif is_first:
            raise received

    def _receive_in_teardown(self, received: InterruptedBySignal, is_first: bool) -> None:
        if is_first and self._note:
            self._note(received)
        elif not is_first and received.number == signal.SIGINT and self._on_second:
            self._on_second(received)
            os._exit(received.exit_code)


def _numbers() -> list[int]:
    """Return those of the four that this system has."""
    return [int(getattr(signal, name)) for name in NAMES if hasattr(signal, name)]
