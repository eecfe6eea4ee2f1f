"""A network to put between two programs: it can be cut, die in silence, be far or be narrow.

It passes bytes between whoever connects to it and one port. It is the one thing here that waits by the clock: that is
what it is for, and nothing is asserted of how long.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from tests.contract.brokers.mosquitto import HOST

PART = 1_024
"""Bytes that travel together: an eighth of a second of 64 kbit/s."""

ON_THE_WAY = 256
"""Parts on the way at most, as many as a long line holds; then their sender waits."""

BOUND_S = 30.0

Parts: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"


@dataclass(frozen=True)
class Weather:
    """How the network is.

    Attributes:
        delay_s: how long a byte takes, one way.
        bytes_per_s: how many pass in a second in each direction, all connections together; 0 for no bound.
    """

    delay_s: float = 0.0
    bytes_per_s: int = 0


FAIR = Weather()
FAR = Weather(delay_s=0.25)
"""500 ms from a question to its answer."""
NARROW = Weather(bytes_per_s=8_000)
"""64 kbit/s."""


@dataclass
class _Way:
    """One direction, of all connections; `free_at_s` is when its last byte will have entered it."""

    free_at_s: float = 0.0


@dataclass(eq=False)
class _Pair:
    """A connection and ours to the other program.

    Attributes:
        lost: whether nothing of it gets through any more, and neither side is told.
    """

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    lost: bool = False

    def abort(self) -> None:
        """Reset both."""
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Listens until closed, in a thread of its own; a connection to it is one to the other program.

    Args:
        to_port: where the other program listens; it may come and go.

    Attributes:
        port: where this listens.
        weather: how the network is.
        connections: how many were made.
        held_up: parts that the weather made wait.
        swallowed: bytes of connections that are lost.
    """

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.weather = FAIR
        self.connections = self.held_up = self.swallowed = 0
        self._to_port = to_port
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._listening.wait(BOUND_S)

    def cut(self) -> None:
        """Reset all connections, as a router that is restarted; new ones get through."""
        self._loop.call_soon_threadsafe(self._cut)

    def lose(self) -> None:
        """Leave all connections half open: nothing of them gets through, not even their end; new ones get through."""
        self._loop.call_soon_threadsafe(self._lose)

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(BOUND_S)
        self._loop.close()

    def _cut(self) -> None:
        for pair in self._pairs:
            pair.abort()

    def _lose(self) -> None:
        for pair in self._pairs:
            pair.lost = True

    async def _serve(self) -> None:
        there, back = _Way(), _Way()
        async with asyncio.TaskGroup() as group:

            def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                group.create_task(self._connect(reader, writer, there, back))

            server = await asyncio.start_server(accepted, HOST, 0)
            self.port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await self._closing.wait()
            server.close()
            self._cut()

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: _Way, back: _Way
    ) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._to_port)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair((writer, far_writer))
        self._pairs.add(pair)
        self.connections += 1
        on_the_way: tuple[Parts, Parts] = (asyncio.Queue(ON_THE_WAY), asyncio.Queue(ON_THE_WAY))
        async with asyncio.TaskGroup() as group:
            sending = [
                group.create_task(self._send(reader, on_the_way[0], there)),
                group.create_task(self._send(far_reader, on_the_way[1], back)),
            ]
            coming = [
                group.create_task(self._come(pair, on_the_way[0], far_writer)),
                group.create_task(self._come(pair, on_the_way[1], writer)),
            ]
            await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
            if pair.lost:
                await self._closing.wait()  # the other side is not told
            for task in (*sending, *coming):
                task.cancel()
        for end in pair.writers:
            end.close()
        self._pairs.discard(pair)

    async def _send(self, reader: asyncio.StreamReader, on_the_way: Parts, way: _Way) -> None:
        """Put what one side sends on its way, its end too."""
        with suppress(ConnectionError):
            while part := await reader.read(PART):
                await on_the_way.put((self._comes_at_s(way, len(part)), part))
        await on_the_way.put((self._comes_at_s(way, 0), b""))

    def _comes_at_s(self, way: _Way, size: int) -> float:
        """Tell when what is sent now comes to the other end."""
        weather, now_s = self.weather, self._loop.time()
        if weather.bytes_per_s:
            way.free_at_s = max(way.free_at_s, now_s) + size / weather.bytes_per_s
            return way.free_at_s + weather.delay_s
        return now_s + weather.delay_s

    async def _come(self, pair: _Pair, on_the_way: Parts, writer: asyncio.StreamWriter) -> None:
        """Let what is on the way come to the other side, in its time and order; returns when it ends."""
        with suppress(ConnectionError):
            while True:
                comes_at_s, part = await on_the_way.get()
                wait_s = comes_at_s - self._loop.time()
                if wait_s > 0:
                    self.held_up += 1
                    await asyncio.sleep(wait_s)
                if not part:
                    return
                if pair.lost:
                    self.swallowed += len(part)
                else:
                    writer.write(part)
                    await writer.drain()
