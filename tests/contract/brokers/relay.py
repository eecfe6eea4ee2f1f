"""A TCP relay between a session and a broker, so that a test can let the network die."""

from __future__ import annotations

import asyncio
from typing import Self

from tests.contract.brokers.mosquitto import HOST

CHUNK_BYTES = 65_536
TURNS = 5
"""Of the event loop, in which a connection that was just accepted gets its handler, and an aborted one is closed."""


class Relay:
    """Forwards bytes both ways until it is told otherwise.

    Attributes:
        port: where it listens at 127.0.0.1.
        connections: how many it has taken.
        sent: what the sessions sent, of all connections.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.connections = 0
        self.sent = bytearray()
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close everything, also what is just coming in."""
        if self._server is not None:
            self._server.close()
        self._flowing.set()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Reset all connections, as a router that restarts does: nobody says goodbye."""
        for writer in self._open:
            writer.transport.abort()

    def freeze(self) -> None:
        """Forward nothing more, and keep the connections: a dead network that nobody notices."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Forward again, also what waited."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        ends = {writer}
        self._open.add(writer)
        try:
            there, back = await asyncio.open_connection(HOST, self._target_port)
            ends.add(back)
            self._open.add(back)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, back, heard=True), name="to the broker")
                group.create_task(self._forward(there, writer, heard=False), name="to the session")
        except* OSError:
            pass  # one end is gone, and so is the other
        except* asyncio.CancelledError:
            pass  # the relay is closed; asyncio logs a cancelled handler as an error
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, heard: bool) -> None:
        while data := await source.read(CHUNK_BYTES):
            await self._flowing.wait()
            if heard:
                self.sent += data
            sink.write(data)
            await sink.drain()
        if not sink.is_closing():
            sink.write_eof()  # what was sent before the end still gets there
