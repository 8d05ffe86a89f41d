"""File descriptors for the event loop: read when ready, written by a thread, and never switched to non-blocking.

O_NONBLOCK belongs to the open file, which the user's shell and the rest of a pipeline share.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

READ_SIZE = 32 * 1024
QUEUE_LIMIT = 64 * 1024
"""Bytes that may wait for a slow reader: little, so that what is seen after a Ctrl-C is soon the prompt."""


async def read_some(descriptor: int) -> bytes:
    """Return the next bytes, empty at the end; a cancelled call takes none. Raises OSError."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(descriptor, _settle, ready)
    except OSError:
        # epoll takes no regular files; they are always ready, but a network file system may let a read wait.
        return await _in_thread(lambda: os.read(descriptor, READ_SIZE))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
    try:
        return os.read(descriptor, READ_SIZE)
    except BlockingIOError:  # another process was quicker, and someone set O_NONBLOCK
        return await read_some(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _in_thread(function: Callable[[], T]) -> T:
    """Return the function's result from a daemon thread, so that one that never returns does not hold up the exit."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(function())
        except OSError as error:
            result.set_exception(error)

    threading.Thread(target=run, name="kdebug-read", daemon=True).start()
    return await asyncio.wrap_future(result)


class Sink:
    """A descriptor written in order by a daemon thread; writers wait while more than `limit` bytes are not yet out."""

    def __init__(self, descriptor: int, *, limit: int = QUEUE_LIMIT) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._condition = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._is_closed = False
        self._error: OSError | None = None
        threading.Thread(target=self._run, name="kdebug-write", daemon=True).start()

    async def write(self, data: bytes) -> None:
        """Take the bytes, and wait while too many are not yet out. Raises the OSError that writing met."""
        self._raise_error()
        with self._condition:
            self._waiting.append(data)
            self._size += len(data)
            self._condition.notify()
        await self._shrunk_to(self._limit)

    async def drain(self) -> None:
        """Wait until everything is out. Raises the OSError that writing met."""
        await self._shrunk_to(0)

    def close(self) -> None:
        """Let the thread end after the write it is in; what is not yet out is dropped."""
        with self._condition:
            self._is_closed = True
            self._waiting.clear()
            self._condition.notify()

    async def _shrunk_to(self, size: int) -> None:
        while True:
            self._changed.clear()
            self._raise_error()
            if self._size <= size:
                return
            await self._changed.wait()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while data := self._next():
            try:
                write_all(self._descriptor, data)
            except OSError as error:
                self._error = error
            with self._condition:
                self._size -= len(data)
            with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits
                self._loop.call_soon_threadsafe(self._changed.set)
            if self._error is not None:
                return

    def _next(self) -> bytes:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._is_closed)
            data = b"".join(self._waiting)
            self._waiting.clear()
            return data


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes, waiting for the reader, also where someone else made the descriptor non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()
