"""A tap on the way between bridge and broker: it remembers what both sent, and can hold what the bridge says.

With the bridge's words held, the broker waits for acknowledgements that were given and do not come.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from tests.contract.brokers.mosquitto import HOST

PART = 65_536

PUBACK, PUBREC, PINGREQ = 4, 5, 12
"""Types of control packets (MQTT 5, 2.1.2)."""


class Tap:
    """Listens until closed; a connection to it is one to the broker.

    Args:
        to_port: where the broker listens.

    Attributes:
        port: where this listens.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._passed = bytearray()
        self._said: list[bytearray] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="tap", daemon=True).start()

    def hold(self) -> None:
        """Let no more of the bridge's words through."""
        self._flowing.clear()

    def release(self) -> None:
        """Let them through again, on new connections: those that were held are closed, and what they held is gone."""
        self._flowing.set()

    def close_door(self) -> None:
        """Turn new connections away."""
        self._closed = True

    def open_door(self) -> None:
        """Let them in again."""
        self._closed = False

    def passed(self) -> bytes:
        """Give all that the broker sent through here."""
        return bytes(self._passed)

    def said(self, *types: int) -> int:
        """Count the packets of these types that the bridge said, on all connections, also those that were held."""
        return sum(kind in types for stream in list(self._said) for kind in _kinds(bytes(stream)))

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                bridge, _ = self._listener.accept()
            except OSError:
                return
            if self._closed:
                bridge.close()
                continue
            try:
                broker = socket.create_connection((HOST, self._to_port))
            except OSError:
                bridge.close()
                continue
            for pump in (self._to_broker, self._to_bridge):
                threading.Thread(target=pump, args=(bridge, broker), daemon=True).start()

    def _to_broker(self, bridge: socket.socket, broker: socket.socket) -> None:
        said = bytearray()
        self._said.append(said)
        with suppress(OSError):
            while part := bridge.recv(PART):
                said += part
                if not self._flowing.is_set():
                    self._flowing.wait()
                    break
                broker.sendall(part)
        with suppress(OSError):
            broker.shutdown(socket.SHUT_RDWR)
        broker.close()

    def _to_bridge(self, bridge: socket.socket, broker: socket.socket) -> None:
        with suppress(OSError):
            while part := broker.recv(PART):
                bridge.sendall(part)
                self._passed += part
        with suppress(OSError):
            bridge.shutdown(socket.SHUT_RDWR)
        bridge.close()


def _kinds(stream: bytes) -> Iterator[int]:
    """Give the type of each packet of a connection that came whole (MQTT 5, 2.1)."""
    place = 0
    while place < len(stream):
        kind = stream[place] >> 4
        length = shift = 0
        while True:
            place += 1
            if place >= len(stream):
                return
            length |= (stream[place] & 0x7F) << shift
            shift += 7
            if stream[place] < 0x80:
                break
        place += 1 + length
        if place <= len(stream):
            yield kind
