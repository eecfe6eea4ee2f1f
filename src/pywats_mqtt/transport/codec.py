"""Bytes from a server become MQTT 5 packets, or a `Malformed` that says what to answer; nothing is ever raised.

The packets are read by the `mqtt5` package, which is fast and trusting: it checks no size, and panics (with a
`BaseException`) on text that is no UTF-8. So the fixed header is checked here before anything is buffered, and whatever
the reader raises is turned into a value. A topic name with a NUL or a wildcard is no error here: such a message has to
be kept with its reason, not to end the connection again and again.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import mqtt5
import msgspec

MAX_LENGTH_BYTES: Final = 4
"""A remaining length takes at most four bytes (MQTT 5, 1.5.5)."""


class Malformed(msgspec.Struct, frozen=True):
    """What a server sent against the rules, and the reason code of our DISCONNECT.

    Attributes:
        code: such as 0x81 malformed packet, 0x82 protocol error, 0x95 packet too large (MQTT 5, 4.13).
        reason: one sentence about the packet.
    """

    code: mqtt5.DisconnectReasonCode
    reason: str


class Header(Enum):
    """What a fixed header says before its packet is complete."""

    INCOMPLETE = auto()
    """The remaining length is not there yet."""
    MALFORMED = auto()
    """The remaining length is longer than four bytes."""


def packet_size(data: bytes | bytearray | memoryview) -> int | Header:
    """Read the size in bytes of the packet that begins here, its fixed header included (MQTT 5, 2.1)."""
    remaining = 0
    for number in range(MAX_LENGTH_BYTES):
        if number + 1 >= len(data):
            return Header.INCOMPLETE
        byte = data[number + 1]
        remaining |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit, MQTT 5, 1.5.5
            return remaining + number + 2
    return Header.MALFORMED


class Decoder:
    """Cuts the bytes of one connection into packets.

    Attributes:
        error: what ended the stream; once it is set, nothing more is decoded.
    """

    def __init__(self, *, max_packet_bytes: int) -> None:
        self.error: Malformed | None = None
        self._max_packet_bytes = max_packet_bytes
        self._rest = bytearray()
        self._wanted = 0

    def feed(self, data: bytes) -> list[mqtt5.Packet]:
        """Take what came in and give the packets that are complete now, in order; see `error` after it."""
        if self.error is not None:
            return []
        if not self._rest:
            return self._read_all(data)
        self._rest += data
        if len(self._rest) < self._wanted:
            return []
        # A large packet comes in many pieces: they are joined once, when it is whole.
        data, self._rest = bytes(self._rest), bytearray()
        return self._read_all(data)

    def _read_all(self, data: bytes) -> list[mqtt5.Packet]:
        packets: list[mqtt5.Packet] = []
        append, read, largest = packets.append, mqtt5.read, self._max_packet_bytes
        view, at = memoryview(data), 0
        try:
            while True:
                packet, size = read(view[at:])
                if size > largest:
                    self.error = self._too_large(size)
                    break
                append(packet)
                at += size
        except IndexError:  # the rest is no whole packet
            self._keep(data, at)
        except Exception as exc:  # noqa: BLE001 - whatever the reader finds wrong is the server's doing
            self.error = Malformed(mqtt5.DisconnectReasonCode.MALFORMED_PACKET, f"malformed packet: {exc}")
        except BaseException as exc:
            if type(exc).__name__ != "PanicException":  # the class is not exported; others must pass
                raise
            self.error = Malformed(mqtt5.DisconnectReasonCode.MALFORMED_PACKET, "malformed packet: text is not UTF-8")
        return packets

    def _keep(self, data: bytes, at: int) -> None:
        """Keep an incomplete packet, unless its header says that it is too large or broken."""
        size = packet_size(memoryview(data)[at : at + 1 + MAX_LENGTH_BYTES])
        if size is Header.MALFORMED:
            self.error = Malformed(mqtt5.DisconnectReasonCode.MALFORMED_PACKET, "malformed packet: remaining length")
        elif isinstance(size, Header):
            self._rest, self._wanted = bytearray(data[at:]), 0
        elif size > self._max_packet_bytes:
            self.error = self._too_large(size)
        elif size <= len(data) - at:
            self.error = Malformed(mqtt5.DisconnectReasonCode.MALFORMED_PACKET, "malformed packet: too short inside")
        else:
            self._rest, self._wanted = bytearray(data[at:]), size

    def _too_large(self, size: int) -> Malformed:
        return Malformed(
            mqtt5.DisconnectReasonCode.PACKET_TOO_LARGE,
            f"a packet of {size} bytes is larger than max_packet_bytes = {self._max_packet_bytes}",
        )
