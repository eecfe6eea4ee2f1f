"""What a message names itself and its unit, read from any payload, also from one that is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.common import NOT_SENT
from pywats_mqtt.schemas.scalars import is_sent, text_of

LONGEST: Final = 200
"""Characters that are kept of a name; a serial number has 100 at most, a UUID 36."""


class _Names(msgspec.Struct, frozen=True, gc=False):
    message_id: msgspec.Raw = NOT_SENT
    serial_number: msgspec.Raw = NOT_SENT


_decoder: Final = msgspec.json.Decoder(_Names)


def names_of(payload: bytes, user_properties: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Give the serial number and the `message_id` that a message names, each empty where it names none; total."""
    named = next((value for name, value in user_properties if name == "message_id"), "")[:LONGEST]
    try:
        names = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", named
    return _text(names.serial_number), _text(names.message_id) or named


def _text(sent: msgspec.Raw) -> str:
    if not is_sent(sent):
        return ""
    try:
        return text_of(sent, "$")[:LONGEST]
    except Reject:
        return ""
