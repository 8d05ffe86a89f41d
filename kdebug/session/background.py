"""Blocking calls that run beside each other, in threads that never hold up an ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def begin(call: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Future[Result]:
    """Start the call and return its future; the call must have a time limit of its own.

    A pool of concurrent.futures is not used: leaving it waits for its threads, so that Ctrl-C during a silent server
    would take as long as the request's time limit.
    """
    future: Future[Result] = Future()

    def work() -> None:
        try:
            result = call(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - the thread's outermost frame; raised again by future.result()
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work, name="kdebug-call", daemon=True).start()
    return future
