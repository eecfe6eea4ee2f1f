"""A server that says what a test tells it to, over a real socket: for what no broker at hand does."""

from __future__ import annotations

import asyncio
from typing import Self, TypeVar

import mqtt5

from tests.contract.brokers.mosquitto import HOST
from tests.contract.brokers.relay import TURNS
from tests.waiting import BOUND_S

PacketT = TypeVar("PacketT")


class Peer:
    """One connection, seen from the server.

    Attributes:
        connect: the CONNECT that opened it.
    """

    connect: mqtt5.ConnectPacket

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = b""

    async def read(self, kind: type[PacketT]) -> PacketT:
        """Read the next packet, which must be of this kind."""
        async with asyncio.timeout(BOUND_S):
            while True:
                try:
                    packet, size = mqtt5.read(memoryview(self._buffer))
                except IndexError:
                    data = await self._reader.read(65_536)
                    assert data, f"the session hung up; a {kind.__name__} was due"
                    self._buffer += data
                    continue
                self._buffer = self._buffer[size:]
                assert isinstance(packet, kind), f"a {kind.__name__} was due, not {packet!r}"
                return packet

    async def ended(self) -> None:
        """Wait until the session hung up, with nothing more to say."""
        async with asyncio.timeout(BOUND_S):
            assert not self._buffer + await self._reader.read()

    def send(self, *packets: mqtt5.Packet | bytes) -> None:
        """Send packets, or any bytes, at once."""
        self._writer.write(b"".join(p if isinstance(p, bytes) else p.write() for p in packets))

    def hang_up(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def accept(self, connack: mqtt5.ConnAckPacket | None = None) -> Self:
        """Say CONNACK; read SUBSCRIBE and grant it."""
        self.send(connack or mqtt5.ConnAckPacket())
        subscribe = await self.read(mqtt5.SubscribePacket)
        granted = [mqtt5.SubAckReasonCode.GRANTED_QOS_EXACTLY_ONCE] * len(subscribe.topic_filters)
        self.send(mqtt5.SubAckPacket(subscribe.packet_id, granted))
        return self


class Scripted:
    """The server; `peer` gives its connections, one after the other."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._peers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._take, HOST)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self.cut()
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Reset all connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def peer(self) -> Peer:
        """Wait for the next connection and its CONNECT."""
        async with asyncio.timeout(BOUND_S):
            peer = Peer(*await self._peers.get())
        peer.connect = await peer.read(mqtt5.ConnectPacket)
        return peer

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._peers.put_nowait((reader, writer))
