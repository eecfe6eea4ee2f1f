"""A request as it came, and what may be done to its connection."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pywats_mqtt.emulator.wire import Reply

Headers = Sequence[tuple[bytes, bytes]]


class Link(Protocol):
    """The connection of a request, which is answered well or badly."""

    def answer(self, reply: Reply) -> None:
        """Send an answer in one piece."""

    def answer_half(self, reply: Reply) -> None:
        """Send all headers and half of the body, then close."""

    async def answer_slowly(self, reply: Reply, byte_s: float, longest_s: float) -> None:
        """Send a byte of the body every `byte_s`, and what is left after `longest_s`; ends when the client leaves."""

    def drop(self) -> None:
        """Close it now, with a FIN; what was not sent yet is lost."""

    def reset(self) -> None:
        """Close it with a RST."""

    async def until_gone(self) -> None:
        """Wait until it is closed."""


class Incoming(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        method: As sent.
        path: Decoded, case kept.
        query: As sent.
        headers: With lower-case names.
        body: All of it; None when it is longer than is taken, and was not read.
        link: Where it came in.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes | None
    link: Link
