"""One TCP or TLS connection: bytes in become packets, packets out become few writes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol

import mqtt5

from pywats_mqtt.transport.codec import Decoder, Malformed
from pywats_mqtt.transport.keepalive import Pulse
from pywats_mqtt.transport.reasons import Loss, broken_loss

CLOSE_S: Final = 2.0
"""Seconds a closing connection has to get its last bytes out before it is cut."""


CLOSED: Final = Loss("the broker closed the connection: it was stopped, or another client uses our client id")
"""Mosquitto 2.0.11 says nothing in either case."""


class Listener(Protocol):
    """Who is told what a connection brings; called from the event loop, must not raise."""

    def on_packets(self, connection: Connection, packets: list[mqtt5.Packet], size_bytes: int) -> None:
        """Take packets that came together in so many bytes."""
        ...

    def on_writable(self, connection: Connection) -> None:
        """Hear that more may be written after `writable` was False."""
        ...

    def on_lost(self, connection: Connection, loss: Loss) -> None:
        """Hear that the connection ended, and why; called once."""
        ...


class Connection(asyncio.Protocol):
    """The socket of one MQTT connection.

    Attributes:
        number: counts the connections of a session, from 1.
        lost: ends with the reason when the connection does.
        reading: False while `pause` holds.
        writable: False while the network takes no more; what is written then waits in memory.
    """

    def __init__(self, listener: Listener, *, number: int, max_packet_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.lost: asyncio.Future[Loss] = loop.create_future()
        self.reading = True
        self.writable = True
        self._now: Callable[[], float] = loop.time
        self._soon = loop.call_soon
        self._listener = listener
        self._decoder = Decoder(max_packet_bytes=max_packet_bytes)
        self._transport: asyncio.Transport | None = None
        self._closed = asyncio.Event()
        self._unwritten: list[bytes] = []
        self._heard = False
        self._sent = self._received = loop.time()

    @property
    def pulse(self) -> Pulse:
        """When it was last heard from and written to."""
        return Pulse(sent=self._sent, received=self._received, reading=self.reading)

    def write(self, data: bytes) -> None:
        """Send bytes, together with whatever else is written in this turn of the event loop."""
        if not data or self.lost.done():
            return
        if not self._unwritten:
            self._soon(self._flush)
        self._unwritten.append(data)

    def pause(self) -> None:
        """Stop reading: the network, and then the server, wait."""
        if self.reading and self._transport is not None:
            self.reading = False
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.reading and self._transport is not None:
            self.reading = True
            self._received = self._now()  # what came meanwhile is only read now; until then silence says nothing
            self._transport.resume_reading()

    def end(self, loss: Loss, code: mqtt5.DisconnectReasonCode | None = None) -> None:
        """End the connection for a reason of ours, with a DISCONNECT unless `code` is None (the Will is sent then)."""
        if self.lost.done():
            return
        if code is not None:
            self.write(mqtt5.DisconnectPacket(reason_code=code).write())
        self._flush()
        if self._transport is not None:
            self._transport.close()
        self._lose(loss)

    async def closed(self) -> None:
        """Wait until the socket is closed, and cut it if that takes too long."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._closed.wait()
        except TimeoutError:
            self.cut()

    def cut(self) -> None:
        """Close the socket at once, whatever is still to be written."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; acknowledgements are small and must not wait for more (TCP_NODELAY)."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"a stream transport is needed, got {type(transport).__name__}")
        self._transport = transport
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Cut what came into packets and hand them on; end the connection where they break the rules."""
        if self.lost.done():
            return
        self._received = self._now()
        self._heard = True
        packets = self._decoder.feed(data)
        if packets:
            self._listener.on_packets(self, packets, len(data))
        if self._decoder.error is not None:
            self.refuse(self._decoder.error)

    def refuse(self, malformed: Malformed) -> None:
        """End the connection for what the server sent."""
        self.end(Loss(f"the broker broke the protocol: {malformed.reason}"), malformed.code)

    def pause_writing(self) -> None:
        """Note that the network takes no more for now."""
        self.writable = False

    def resume_writing(self) -> None:
        """Note that the network takes more again."""
        self.writable = True
        self._listener.on_writable(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the socket."""
        self._closed.set()
        tls = self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
        self._lose(broken_loss(exc, silent_tls=tls and not self._heard) if exc else CLOSED)

    def _lose(self, loss: Loss) -> None:
        if not self.lost.done():
            self.lost.set_result(loss)
            self._listener.on_lost(self, loss)

    def _flush(self) -> None:
        if self._unwritten and self._transport is not None:
            data = b"".join(self._unwritten)
            self._unwritten.clear()
            self._sent = self._now()
            self._transport.write(data)
