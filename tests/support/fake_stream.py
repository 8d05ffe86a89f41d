"""An exec stream in memory: the test is the remote end."""

from __future__ import annotations

import asyncio

from kdebug.errors import StreamLostError
from kdebug.session.port import ExitStatus, Output


class FakeStream:
    """The port's `ExecStream`. The test puts outputs, then a status or an error; it reads `typed`, `sizes`, `ended`."""

    def __init__(self, *, room: int = 16) -> None:
        self.outputs: asyncio.Queue[Output | ExitStatus | StreamLostError] = asyncio.Queue(room)
        self.typed = bytearray()
        self.sizes: list[tuple[int, int]] = []
        self.ended = asyncio.Event()
        self.changed = asyncio.Condition()
        self._status: ExitStatus | None = None

    @property
    def exit_status(self) -> ExitStatus | None:
        """The status that was put, once it has been read."""
        return self._status

    async def read(self) -> Output | None:
        """Return what was put."""
        item = await self.outputs.get()
        if isinstance(item, ExitStatus):
            self._status = item
            return None
        if isinstance(item, StreamLostError):
            raise item
        return item

    async def write(self, data: bytes) -> None:
        """Keep the bytes."""
        async with self.changed:
            self.typed += data
            self.changed.notify_all()

    async def close_stdin(self) -> None:
        """Remember the end."""
        self.ended.set()

    async def resize(self, columns: int, rows: int) -> None:
        """Keep the size."""
        async with self.changed:
            self.sizes.append((columns, rows))
            self.changed.notify_all()

    async def until_typed(self, data: bytes) -> None:
        """Wait until exactly these bytes have come."""
        async with self.changed:
            await self.changed.wait_for(lambda: bytes(self.typed) == data)

    async def until_size(self, size: tuple[int, int]) -> None:
        """Wait until the size has come."""
        async with self.changed:
            await self.changed.wait_for(lambda: size in self.sizes)

    async def say(self, data: bytes, *, is_stderr: bool = False) -> None:
        """Put output."""
        await self.outputs.put(Output(data=data, is_stderr=is_stderr))
