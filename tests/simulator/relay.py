"""A relay between a fleet and its broker that can swallow what the broker answers, and cut all connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import mqtt5
import msgspec

CHUNK = 65_536


class SentPublish(msgspec.Struct, frozen=True):
    """A PUBLISH as a client sent it."""

    client: str
    packet_id: int
    duplicate: bool
    payload: bytes


class Relay:
    """Forwards bytes both ways.

    Attributes:
        port: where it listens at 127.0.0.1.
        swallowing: whether answers of the broker are thrown away.
        refusing: whether new connections are ended at once.
    """

    def __init__(self, broker_port: int) -> None:
        self.port = 0
        self.swallowing = False
        self.refusing = False
        self._broker_port = broker_port
        self._sent: list[bytearray] = []
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """End all connections without a word."""
        for writer in self._writers:
            writer.transport.abort()

    def published(self) -> list[SentPublish]:
        """Read what clients published, whole packets only, one connection after the other."""
        return [packet for stream in self._sent for packet in _publishes(bytes(stream))]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends it."""
        if self.refusing:
            writer.transport.abort()
            return
        sent = bytearray()
        self._sent.append(sent)
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        pair = {writer, broker_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, broker_writer, noted=sent))
                group.create_task(self._forward(broker_reader, writer))
        finally:
            self._writers -= pair

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, noted: bytearray | None = None
    ) -> None:
        """Forward one way; what is noted comes from a client, all else from the broker."""
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                if noted is not None:
                    noted += chunk
                if noted is not None or not self.swallowing:
                    writer.write(chunk)
                    await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def relaying(broker_port: int) -> AsyncIterator[Relay]:
    """Run a relay while the block runs."""
    relay = Relay(broker_port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    async with server:
        relay.port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            relay.cut()


def _publishes(stream: bytes) -> list[SentPublish]:
    found: list[SentPublish] = []
    client = ""
    rest = memoryview(stream)
    while rest:
        try:
            packet, size = mqtt5.read(rest)
        except IndexError:  # the connection ended within a packet
            break
        rest = rest[size:]
        if isinstance(packet, mqtt5.ConnectPacket):
            client = packet.client_id
        elif isinstance(packet, mqtt5.PublishPacket):
            found.append(SentPublish(client, packet.packet_id or 0, packet.duplicate, packet.payload))
    return found
