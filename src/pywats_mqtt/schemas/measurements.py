"""The measurements message: samples of a unit while its test runs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pywats_mqtt.schemas.common import NOT_SENT, Count, Text, Time, YearMs
from pywats_mqtt.schemas.step import Limit, Operator, Verdict

MAX_MEASUREMENTS = 10_000
"""Measurements of a message."""

MAX_SAMPLES = 100_000
"""Samples of a message, all measurements together: about a packet of 4 MB."""

DUE_TOPIC = "$pywats-mqtt/streams/due"
"""Where the bridge tells itself what is due about a stream."""

_TIME = "ISO 8601 (without an offset: UTC), or seconds or milliseconds since 1970 UTC"


class SampleMessage(Struct, frozen=True, kw_only=True, gc=False):
    """One of several samples."""

    value: Annotated[float | bool, Meta(description="What was measured; true is 1, false is 0.")]
    timestamp: Annotated[Time, Meta(description=f"When: {_TIME}. Missing: its turn in the list.")] = NOT_SENT
    t: Annotated[Time, Meta(description="The same as `timestamp`.")] = NOT_SENT


class MeasuredMessage(Struct, frozen=True, kw_only=True, gc=False):
    """One channel: a `value`, or several `samples`."""

    path: Annotated[
        str | None,
        Meta(
            description="Names of the sequences and of the channel with `/` between them, such as Temperature/DUT."
            " Required."
        ),
    ] = None
    name: Annotated[str | None, Meta(description="The same as `path`.")] = None
    value: Annotated[float | bool | None, Meta(description="What was measured; true is 1, false is 0.")] = None
    samples: Annotated[
        Annotated[list[float | bool | SampleMessage], Meta(max_length=MAX_SAMPLES)] | None,
        Meta(description="Several samples instead of one `value`: numbers, or objects with `value` and `timestamp`."),
    ] = None
    interval_ms: Annotated[
        YearMs | None, Meta(description="Milliseconds between two samples that have no time of their own.")
    ] = None
    timestamp: Annotated[Time, Meta(description="When, or when the first sample was; goes before the message's.")] = (
        NOT_SENT
    )
    t: Annotated[Time, Meta(description="The same as `timestamp`.")] = NOT_SENT
    unit: Annotated[str | None, Meta(description="Unit of the values; the same in all messages of a stream.")] = None
    low: Annotated[float | None, Meta(description="Lowest good value; `comp` may say else.")] = None
    high: Annotated[float | None, Meta(description="Highest good value; `comp` may say else.")] = None
    limit: Limit = None
    comp: Operator = None


class MeasurementsMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a tester sends on `testers/{id}/measurements` while it tests a unit.

    The messages of a tester about one unit are one stream, which becomes part of the result that ends it, or a report
    of its own. Fields that are not listed here are welcome, and named on the report in the misc info `unread_fields`.
    """

    device_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    message_id: Annotated[
        Text, Meta(description="Unique for each message of the device; a repeat is recognized by it.")
    ] = NOT_SENT
    sequence: Annotated[
        Text,
        Meta(
            description="The device's number for this message; with it a repeat is recognized also without"
            " `message_id` and a time."
        ),
    ] = NOT_SENT
    timestamp: Annotated[
        Time,
        Meta(
            description=f"When the samples without a time of their own were taken: {_TIME}. Missing: reception. Ahead"
            " of reception, or before 2000: corrected, and noted."
        ),
    ] = NOT_SENT
    serial_number: Annotated[
        Text, Meta(description="The unit: 1 to 100 characters, none of * % ? [ ] ^ ! / \\. Required.")
    ] = NOT_SENT
    part_number: Annotated[
        Text, Meta(description="The unit's part number, as `serial_number`. Missing: the result's, or the default.")
    ] = NOT_SENT
    revision: Annotated[Text, Meta(description="The unit's revision, at most 100 characters.")] = NOT_SENT
    test_type: Annotated[str | None, Meta(description="Kind of test; configured to a WATS operation code.")] = None
    operation_code: Annotated[Count, Meta(description="WATS operation code; goes before `test_type`.")] = None
    process_code: Annotated[Count, Meta(description="The same as `operation_code`.")] = None
    operator: Annotated[Text, Meta(description="Who tests: a name or a badge number.")] = NOT_SENT
    fixture: Annotated[Text, Meta(description="Id of the fixture used.")] = NOT_SENT
    fixture_id: Annotated[Text, Meta(description="The same as `fixture`.")] = NOT_SENT
    batch: Annotated[Text, Meta(description="Serial number of the batch.")] = NOT_SENT
    measurements: Annotated[
        Annotated[list[MeasuredMessage], Meta(max_length=MAX_MEASUREMENTS)] | None,
        Meta(description="What was measured. Required, unless the message only ends the stream."),
    ] = None
    end: Annotated[
        bool | None, Meta(description="true: the last message of the stream, whose report goes out now.")
    ] = None
    result: Annotated[
        Verdict, Meta(description="With `end` the device's own verdict. Missing: computed from the limits.")
    ] = None


class DueMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What the bridge tells itself about a stream; it comes from no device.

    Attributes:
        device: the tester.
        stream: its id.
        serial_number: of its unit, for who finds the message in quarantine.
        why: what is due, as in `events.StreamDue`.
        heard_us: the same.
        since_us: when the bridge started: it says the same once each time it runs.
    """

    device: str
    stream: str
    serial_number: str
    why: str
    heard_us: int
    since_us: int


decoder: msgspec.json.Decoder[MeasurementsMessage] = msgspec.json.Decoder(MeasurementsMessage)
"""Decodes and validates a measurements message."""

due_decoder: msgspec.json.Decoder[DueMessage] = msgspec.json.Decoder(DueMessage)
"""Decodes what the bridge tells itself."""
