"""Several blocking calls at once, in threads that never hold up the program's exit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_parallel(calls: Sequence[Callable[[], T]], *, threads: int = 8) -> list[T]:
    """Return the calls' results in order; each call must have a time limit of its own.

    Raises what the first failing call raised. A pool of concurrent.futures is not used because its threads are joined
    when the interpreter ends, so a second Ctrl-C would wait for the network.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, T | BaseException]] = queue.SimpleQueue()
    for index in range(len(calls)):
        waiting.put(index)

    def work() -> None:
        while True:
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((index, calls[index]()))
            except BaseException as error:  # noqa: BLE001 - the thread's outermost frame; raised again in the caller's
                done.put((index, error))

    for _ in range(min(threads, len(calls))):
        threading.Thread(target=work, name="kdebug-call", daemon=True).start()
    results = dict(done.get() for _ in calls)
    values: list[T] = []
    for index in range(len(calls)):
        result = results[index]
        if isinstance(result, BaseException):
            raise result
        values.append(result)
    return values
