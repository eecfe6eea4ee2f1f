"""The `[limits]` table: how large what comes from the network may be."""

from __future__ import annotations

from typing import Annotated

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0)]


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[limits]` table: how large a message may be that is read; 0 stands for no limit of ours.

    A message above a limit goes to quarantine with its reason and the place in its payload. The door before all of them
    is `mqtt.max_packet_bytes`, which the broker keeps for us.

    Attributes:
        topic_bytes: longest topic; each refused message is kept with its own.
        property_bytes: content type and user properties of a message together, of which only `message_id` is read.
            It protects memory and spool, where they stand beside the payload.
        payload_bytes: largest payload. It protects the time of all others: one message is read at a time. The default
            has room for the largest attachment (`wats.max_attachment_bytes`).
        quarantine_bytes: largest payload that quarantine keeps whole, as it does all up to 65,536 bytes. Of a larger
            one it keeps as many, and behind them its size and SHA-256; that one cannot be tried again. It protects the
            disk.
        nesting: lists and objects within each other. It protects the call stack; steps within steps, 20 deep at most,
            take two each.
        string_bytes: longest text, as it is written. It protects memory; the default has room for the largest
            attachment.
        name_bytes: longest name of a field, as it is written. It protects tags, misc infos and paths, which are made
            of names.
        list_items: entries of a list, or fields of an object. It protects memory.
        values: all values of a message together, lists and objects included. It protects the time of all others.
        number_digits: characters of a number. It protects time: exact numbers cost more than their length.
    """

    topic_bytes: Size = 1_000
    property_bytes: Size = 16_384
    payload_bytes: Size = 3_145_728
    quarantine_bytes: Size = 4_194_304
    nesting: Size = 64
    string_bytes: Size = 2_800_000
    name_bytes: Size = 1_000
    list_items: Size = 100_000
    values: Size = 250_000
    number_digits: Size = 400
