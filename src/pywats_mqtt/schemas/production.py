"""Messages of the shop floor: a unit at a station or under a scanner, and an operator at a station."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pywats_mqtt.schemas.common import NOT_SENT, Text, Time

_TIME = (
    "When it happened: ISO 8601 (without an offset: UTC), or seconds or milliseconds since 1970 UTC. Missing: time of"
    " reception. A time ahead of reception or before 2000 counts as missing."
)
_MESSAGE_ID = "Unique for each message of the device; a repeat is recognized by it."
_SEQUENCE = "The device's number for this event; with it a repeat is recognized also without a time."


class UnitMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a station sends on `stations/{id}/unit`, or a scanner on `lines/{id}/scan`.

    Fields that are not listed here are welcome; `status` names them.
    """

    serial_number: Annotated[
        Text, Meta(description="The unit: 1 to 100 characters, none of * % ? [ ] ^ ! / \\. Required.")
    ] = NOT_SENT
    event: Annotated[
        str | None,
        Meta(
            description="`unit_entered`, `unit_exited` or `unit_scanned`, or a usual synonym (arrived, in, left, out"
            " …), upper or lower case. Required of a station; a scanner that names none has scanned."
        ),
    ] = None
    station_id: Annotated[
        Text,
        Meta(
            description="Of a station its own id, which the topic names (see `strict_ids`); of a scanner, where it is."
        ),
    ] = NOT_SENT
    line_id: Annotated[Text, Meta(description="Of a scanner its line, which the topic names; see `strict_ids`.")] = (
        NOT_SENT
    )
    device_id: Annotated[Text, Meta(description="The sender's own id, where neither of the others is.")] = NOT_SENT
    timestamp: Annotated[Time, Meta(description=_TIME)] = NOT_SENT
    message_id: Annotated[Text, Meta(description=_MESSAGE_ID)] = NOT_SENT
    sequence: Annotated[Text, Meta(description=_SEQUENCE)] = NOT_SENT
    part_number: Annotated[
        Text, Meta(description="The unit's part number, as `serial_number`. Missing: the one it had, else the default.")
    ] = NOT_SENT
    revision: Annotated[Text, Meta(description="The unit's revision, at most 100 characters.")] = NOT_SENT
    operator: Annotated[Text, Meta(description="Who works at the station: a name or a badge number.")] = NOT_SENT


class OperatorMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a station sends on `stations/{id}/operator`.

    Fields that are not listed here are welcome; `status` names them.
    """

    event: Annotated[
        str | None,
        Meta(
            description="`login`, `logout` or `shift`, or a usual synonym, upper or lower case. Missing: a badge was"
            " scanned, which is a login."
        ),
    ] = None
    operator: Annotated[
        Text, Meta(description="A name or a badge number; required of a login. A shift without one begins with nobody.")
    ] = NOT_SENT
    shift: Annotated[Text, Meta(description="Name of the shift; noted on the reports of the station.")] = NOT_SENT
    station_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    device_id: Annotated[Text, Meta(description="The same as `station_id`.")] = NOT_SENT
    timestamp: Annotated[Time, Meta(description=_TIME)] = NOT_SENT
    message_id: Annotated[Text, Meta(description=_MESSAGE_ID)] = NOT_SENT
    sequence: Annotated[Text, Meta(description=_SEQUENCE)] = NOT_SENT


unit_decoder: msgspec.json.Decoder[UnitMessage] = msgspec.json.Decoder(UnitMessage)
"""Decodes and validates what is said of a unit."""

operator_decoder: msgspec.json.Decoder[OperatorMessage] = msgspec.json.Decoder(OperatorMessage)
"""Decodes and validates what is said of an operator."""
