"""Whether a message is larger than the `[limits]` table allows, and where in it.

Nearly all messages are small and flat, so a few searches over the whole payload, which cost next to nothing, tell that
nothing in it can exceed a limit. Only where one of them cannot tell, the payload is gone through token by token. That
asks for no valid JSON: what is none is refused behind it, by who decodes it.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence

import msgspec

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.schemas.reasons import as_step

FIRST_BYTES = 65_536
"""What is kept of a payload that is too large even for quarantine: enough to see what it was meant to be."""

_CUT = re.compile(rb"\n\.\.\. cut by limits\.quarantine_bytes: (\d+) bytes, SHA-256 ([0-9a-f]{64})\Z")
"""What `Sizes.kept` puts behind them."""

_LONGEST_PATH = 500

_ROUNDS = 12
"""Levels that are taken out of a payload before it is gone through: messages have fewer, and each costs a copy."""

_BRACKETS = b"[]{}"
_NO_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_DIGITS = bytes(48 if byte in b"0123456789+-.eE" else 32 for byte in range(256))
_OBJECT = 0x7B

# Possessive, and without an end that is asked for: a text that is never closed is read once, not once for each quote.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRINGS = re.compile(_STRING, re.DOTALL)
_TOKENS = re.compile(_STRING + rb"|[\[\]{},:]|[-+.0-9A-Za-z]++", re.DOTALL)


def bytes_before_cut(payload: bytes, reason: str) -> int:
    """Tell how many bytes a payload had of which `Sizes.kept` kept the first; 0 where it is whole.

    Args:
        payload: as it is kept.
        reason: why it was refused, which names the digest too: what a device sends cannot say it of itself.
    """
    found = _CUT.search(payload, max(0, len(payload) - 2 * len(_CUT.pattern)))
    return int(found[1]) if found and reason.endswith(found[2].decode()) else 0


class TooLarge(msgspec.Struct, frozen=True):
    """What exceeds a limit.

    Attributes:
        reason: which limit, and by how much.
        path: where in the payload; empty where the whole is meant.
    """

    reason: str
    path: str = ""


class Sizes:
    """The limits, ready to be asked for each message.

    Attributes:
        flat_bytes: a payload of at most so many bytes cannot even be nested too deep, unless it is no JSON.
        plain_bytes: a payload of at most so many bytes can only be nested too deep.
        nesting: lists and objects within each other.
    """

    def __init__(self, limits: LimitsConfig) -> None:
        self.limits = limits
        self.nesting = limits.nesting or sys.maxsize
        lengths = (limits.payload_bytes, limits.string_bytes, limits.name_bytes, limits.number_digits)
        self.plain_bytes = min((n for n in (*lengths, limits.list_items, limits.values) if n), default=sys.maxsize)
        self.flat_bytes = min(2 * self.nesting, self.plain_bytes)
        self._texts = min((n for n in (limits.string_bytes, limits.name_bytes) if n), default=0)

    def topic_problem(self, topic: str) -> str:
        """Say why a topic is too long; empty where it is not."""
        most = self.limits.topic_bytes
        size = len(topic.encode(errors="replace"))
        return f"the topic has {size} bytes; limits.topic_bytes allows {most}" if most and size > most else ""

    def excess(self, message: RawMessage) -> TooLarge | None:
        """Tell what of a message is too large; None where nothing is."""
        limits, payload = self.limits, message.payload
        if limits.payload_bytes and len(payload) > limits.payload_bytes:
            return TooLarge(f"the payload has {len(payload)} bytes; limits.payload_bytes allows {limits.payload_bytes}")
        if limits.property_bytes and (message.user_properties or message.content_type):
            size = len(message.content_type.encode(errors="replace"))
            size += sum(len(text.encode(errors="replace")) for pair in message.user_properties for text in pair)
            if size > limits.property_bytes:
                return TooLarge(
                    f"user properties and content type have {size} bytes; limits.property_bytes allows"
                    f" {limits.property_bytes}"
                )
        return first_excess(payload, limits) if self._may_exceed(payload) else None

    def kept(self, payload: bytes) -> tuple[bytes | None, str]:
        """Give what is kept in place of a payload that is too large even for quarantine, and what to say of it.

        Returns:
            None and nothing where it is kept whole.
        """
        most = self.limits.quarantine_bytes
        if not most or len(payload) <= max(most, FIRST_BYTES):  # else nothing of it would go, but that it is whole
            return None, ""
        digest = hashlib.sha256(payload).hexdigest()
        head = payload[:FIRST_BYTES]
        # What follows the first bytes says what was there; no payload that ends so is JSON.
        note = f"\n... cut by limits.quarantine_bytes: {len(payload)} bytes, SHA-256 {digest}".encode()
        said = (
            f"; of its {len(payload)} bytes the first {len(head)} are kept (limits.quarantine_bytes), SHA-256 {digest}"
        )
        return head + note, said

    def _may_exceed(self, payload: bytes) -> bool:
        """Tell whether a limit could be exceeded; False is certain."""
        limits = self.limits
        if _deeper(payload, self.nesting):
            return True
        if len(payload) <= self.plain_bytes:
            return False
        commas = payload.count(b",")
        if limits.list_items and commas >= limits.list_items:
            return True
        if limits.values and commas + payload.count(b"[") + payload.count(b"{") >= limits.values:
            return True
        if self._texts and _apart(payload, self._texts) and _has_text(payload, self._texts):
            return True
        return bool(limits.number_digits) and b"0" * (limits.number_digits + 1) in payload.translate(_DIGITS)


def _deeper(payload: bytes, most: int) -> bool:
    """Tell whether brackets may stand deeper within each other: pair by pair is taken out, from within."""
    brackets = payload.count(b"[") + payload.count(b"{")
    if brackets <= most:
        return False
    left = payload.translate(None, _NO_BRACKETS)
    for _ in range(min(most, _ROUNDS)):
        before, left = len(left), left.replace(b"{}", b"").replace(b"[]", b"")
        if not left:
            return False
        if len(left) == before:
            break
    return True


def _apart(payload: bytes, most: int) -> bool:
    """Tell whether two quotes may stand further apart than `most`; those within a text, escaped, say nothing."""
    if b'\\"' in payload:
        return True
    at, end = 0, len(payload)
    while end - at > most:
        quote = payload.rfind(b'"', at, at + most + 1)
        if quote < 0:
            return True
        at = quote + 1
    return False


def _has_text(payload: bytes, most: int) -> bool:
    """Tell whether a text or a name is longer than `most`; numbers, which may fill a payload without any, are not."""
    return any(found.end() - found.start() - 2 > most for found in _STRINGS.finditer(payload))


def first_excess(payload: bytes, limits: LimitsConfig) -> TooLarge | None:  # noqa: C901, PLR0911, PLR0912 - one pass
    """Find the first thing in a payload that is larger than a limit; None where nothing is.

    It ends as soon as there are more values than `limits.values`, and looks at each byte once.
    """
    steps: list[int | bytes] = []  # the way to where we are: place in each open list, name in each open object
    counts: list[int] = []
    values, is_name = 0, False
    most_values, most_items = limits.values or sys.maxsize, limits.list_items or sys.maxsize
    nesting, text, name = (n or sys.maxsize for n in (limits.nesting, limits.string_bytes, limits.name_bytes))
    digits = limits.number_digits or sys.maxsize
    for found in _TOKENS.finditer(payload):
        start, end = found.span()
        match payload[start]:
            case 0x7B | 0x5B as opening:  # { [
                if len(steps) >= nesting:
                    return TooLarge(f"nested deeper than {nesting} (limits.nesting)", _path(steps))
                values += 1
                is_name = opening == _OBJECT
                steps.append(b"" if is_name else 0)
                counts.append(1)
            case 0x7D | 0x5D:  # } ]
                if steps:
                    del steps[-1], counts[-1]
                is_name = False
            case 0x2C if steps:  # ,
                counts[-1] += 1
                if counts[-1] > most_items:
                    return TooLarge(f"has more than {most_items} entries (limits.list_items)", _path(steps[:-1]))
                last = steps[-1]
                is_name = not isinstance(last, int)
                if isinstance(last, int):
                    steps[-1] = last + 1
            case 0x3A:  # :
                is_name = False
            case 0x22 if is_name:  # "
                if end - start - 2 > name:
                    reason = f"a field's name has {end - start - 2} bytes; limits.name_bytes allows {name}"
                    return TooLarge(reason, _path(steps[:-1]))
                steps[-1] = payload[start + 1 : end - 1]
            case 0x22:
                values += 1
                if end - start - 2 > text:
                    reason = f"a text of {end - start - 2} bytes; limits.string_bytes allows {text}"
                    return TooLarge(reason, _path(steps))
            case first:
                values += 1
                if end - start > digits and first in b"-0123456789":
                    reason = f"a number of {end - start} characters; limits.number_digits allows {digits}"
                    return TooLarge(reason, _path(steps))
        if values > most_values:
            return TooLarge(f"has more than {most_values} values (limits.values)")
    return None


def _path(steps: Sequence[int | bytes]) -> str:
    named = (f"[{step}]" if isinstance(step, int) else as_step(step.decode(errors="replace")) for step in steps)
    return cut("$" + "".join(named), _LONGEST_PATH) if steps else ""
