"""The batch message: what became of a batch of units on a line, while it goes on or at its end."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from pywats_mqtt.schemas.common import INT32_MAX, NOT_SENT, Count, Text, Time
from pywats_mqtt.schemas.step import Verdict

MAX_FAILURES = 500
"""Steps with failures of a batch; more are no summary."""

Failures = Annotated[
    dict[str, Annotated[int, Meta(ge=0, le=INT32_MAX)] | Annotated[float, Meta(ge=0, le=INT32_MAX, multiple_of=1)]],
    Meta(max_length=MAX_FAILURES),
]


class BatchMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a line sends on `lines/{id}/batch`.

    One message at the end is enough. A line that also tells when a batch begins has the batch on the reports of its
    testers. `total`, `good` and `failed` of one message belong together: where two of them are sent, the third follows.
    Fields that are not listed here are welcome, and named on the report in the misc info `unread_fields`.
    """

    batch_id: Annotated[
        Text,
        Meta(description="The batch: 1 to 100 characters, none of * % ? [ ] ^ ! / \\. Required, here or in `batch`."),
    ] = NOT_SENT
    batch: Annotated[Text, Meta(description="The same as `batch_id`.")] = NOT_SENT
    event: Annotated[
        str | None,
        Meta(
            description="`opened`, `progressed` or `closed`, or a usual synonym, upper or lower case. Missing: with"
            " counts or `ended` it is closed, without it is opened."
        ),
    ] = None
    product: Annotated[
        Text, Meta(description="Part number of its units, as `batch_id`. Missing: the configured default.")
    ] = NOT_SENT
    part_number: Annotated[Text, Meta(description="The same as `product`.")] = NOT_SENT
    revision: Annotated[Text, Meta(description="Revision of its units, at most 100 characters.")] = NOT_SENT
    started: Annotated[
        Time,
        Meta(
            description="When the batch began: ISO 8601 (without an offset: UTC), or seconds or milliseconds since 1970"
            " UTC. Missing: time of the message that opened it. A time ahead of reception or before 2000 counts as"
            " missing."
        ),
    ] = NOT_SENT
    ended: Annotated[
        Time, Meta(description="When it ended, as `started`. Missing: time of the message that closed it.")
    ] = NOT_SENT
    timestamp: Annotated[Time, Meta(description="When this was so, as `started`. Missing: time of reception.")] = (
        NOT_SENT
    )
    message_id: Annotated[
        Text, Meta(description="Unique for each message of the line; a repeat is recognized by it.")
    ] = NOT_SENT
    sequence: Annotated[
        Text, Meta(description="The line's number for this message; tells a repeat also without a time.")
    ] = NOT_SENT
    line_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    device_id: Annotated[Text, Meta(description="The same as `line_id`.")] = NOT_SENT
    size: Annotated[Count, Meta(description="How many units are planned.")] = None
    total: Annotated[Count, Meta(description="How many units were tested.")] = None
    good: Annotated[Count, Meta(description="How many of them are good.")] = None
    failed: Annotated[Count, Meta(description="How many of them failed.")] = None
    failures: Annotated[Failures | None, Meta(description="Name of a step to how often it failed.")] = None
    result: Annotated[
        Verdict,
        Meta(description="The line's own verdict on the batch. Missing, or Done: passed; counts judge nothing."),
    ] = None
    misc: Annotated[
        dict[str, Raw] | None, Meta(description="Anything else to note on the report: name to a text, number or bool.")
    ] = None


decoder: msgspec.json.Decoder[BatchMessage] = msgspec.json.Decoder(BatchMessage)
"""Decodes and validates a batch message."""
