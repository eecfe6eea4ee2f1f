"""A lean connection that publishes for a whole fleet: one for each device would measure the fleet."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from mqtt5 import ConnectPacket, PublishPacket, QoS

from pywats_mqtt.cli.bench import peers

OPEN = 2_000
"""Messages that the broker may owe an acknowledgement of."""


class Publisher:
    """Publishes at QoS 1, and waits while too much is not acknowledged; leaves the broker at the end of its block."""

    def __init__(self, port: int) -> None:
        self._link = socket.create_connection(("127.0.0.1", port))
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link.sendall(ConnectPacket("bench-fleet", clean_start=True, keep_alive=0).write())
        self._link.recv(1024)
        self._sent = self._acknowledged = 0
        self._rest = b""

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last acknowledgement, unless something failed, and leave."""
        if error is None:
            self.await_acks(self._sent)
            self._link.sendall(b"\xe0\x00")
        self._link.close()

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send messages, topic and payload, in one piece."""
        packets = []
        for topic, payload in messages:
            self._sent += 1
            number = self._sent % 60_000 + 1
            packets.append(PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, packet_id=number).write())
        self._link.sendall(b"".join(packets))
        self.await_acks(self._sent - OPEN)

    def await_acks(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        while self._acknowledged < count:
            self._acknowledged, self._rest = peers.count_acks(self._link, self._acknowledged, self._rest)
