"""The result message: a finished test of a unit, or a station's self-test."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from pywats_mqtt.schemas.common import INT32_MAX, NOT_SENT, Count, Text, Time, Year, YearMs
from pywats_mqtt.schemas.step import MAX_STEPS, StepMessage, Verdict

MAX_PARTS = 1_000
"""Sub-units, or assets used: more are a mistake."""


class SubUnitMessage(Struct, frozen=True, kw_only=True, gc=False):
    """A part with a number of its own that was in the unit."""

    serial_number: Annotated[Text, Meta(description="Its serial number, as the result's.")] = NOT_SENT
    part_number: Annotated[Text, Meta(description="Its part number, as the result's.")] = NOT_SENT
    revision: Annotated[Text, Meta(description="Its revision, at most 100 characters.")] = NOT_SENT
    type: Annotated[str | None, Meta(description="What part it is, such as PCBA; at most 50 characters.")] = None


class AssetUseMessage(Struct, frozen=True, kw_only=True, gc=False):
    """An asset that was used in the test."""

    asset: Annotated[Text, Meta(description="The asset's serial number.")] = NOT_SENT
    serial_number: Annotated[Text, Meta(description="The same as `asset`.")] = NOT_SENT
    count: Annotated[Count, Meta(description="How often it was used. Missing: once.")] = None


class ResultMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a tester sends on `testers/{id}/results`, or a station on `devices/{id}/selftest`.

    Serial and part numbers are texts; sent as JSON numbers they keep every digit as written. Fields
    that are not listed here are welcome, and named on the report in the misc info `unread_fields`.
    """

    device_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    message_id: Annotated[
        Text, Meta(description="Unique for each result of the device; a repeat is recognized by it.")
    ] = NOT_SENT
    sequence: Annotated[
        Text,
        Meta(
            description="The device's number for this result; with it a repeat is recognized also without `message_id`"
            " and a time. Kept on the report as misc info."
        ),
    ] = NOT_SENT
    request_id: Annotated[
        Text, Meta(description="Asks for an answer on the response topic when the report is in WATS, or refused.")
    ] = NOT_SENT
    test_type: Annotated[str | None, Meta(description="Kind of test; configured to a WATS operation code.")] = None
    operation_code: Annotated[Count, Meta(description="WATS operation code; goes before `test_type`.")] = None
    process_code: Annotated[Count, Meta(description="The same as `operation_code`.")] = None
    timestamp: Annotated[
        Time,
        Meta(
            description="Start of the test: ISO 8601 (without an offset: UTC, and noted), or seconds or milliseconds"
            " since 1970 UTC. Missing: reception less the duration. Ahead of reception, or before 2000: corrected, and"
            " noted."
        ),
    ] = NOT_SENT
    start_time: Annotated[Time, Meta(description="The same as `timestamp`; goes before it.")] = NOT_SENT
    duration_ms: Annotated[YearMs | None, Meta(description="Execution time in milliseconds.")] = None
    duration_s: Annotated[Year | None, Meta(description="The same in seconds.")] = None
    serial_number: Annotated[
        Text,
        Meta(
            description="The unit: 1 to 100 characters, none of * % ? [ ] ^ ! / \\. A self-test without one is of the"
            " device itself."
        ),
    ] = NOT_SENT
    part_number: Annotated[
        Text, Meta(description="The unit's part number, as `serial_number`. Missing: the configured default.")
    ] = NOT_SENT
    revision: Annotated[Text, Meta(description="The unit's revision, at most 100 characters.")] = NOT_SENT
    result: Annotated[
        Verdict, Meta(description="The device's own verdict. Missing, or Done: computed from the steps.")
    ] = None
    operator: Annotated[Text, Meta(description="Who tested: a name or a badge number.")] = NOT_SENT
    fixture: Annotated[Text, Meta(description="Id of the fixture used.")] = NOT_SENT
    fixture_id: Annotated[Text, Meta(description="The same as `fixture`.")] = NOT_SENT
    batch: Annotated[Text, Meta(description="Serial number of the batch.")] = NOT_SENT
    socket: Annotated[Count, Meta(description="Index of the test socket.")] = None
    steps: Annotated[
        Annotated[list[StepMessage], Meta(max_length=MAX_STEPS)] | None,
        Meta(description="The steps, in the order done."),
    ] = None
    sub_units: Annotated[
        Annotated[list[SubUnitMessage], Meta(max_length=MAX_PARTS)] | None,
        Meta(description="The parts with numbers of their own that were in the unit."),
    ] = None
    assets: Annotated[
        Annotated[list[AssetUseMessage], Meta(max_length=MAX_PARTS)] | None,
        Meta(description="The assets used. Whether this counts them, `count_from` says; otherwise it is noted only."),
    ] = None
    error_code: Annotated[
        Annotated[int, Meta(ge=-INT32_MAX - 1, le=INT32_MAX)] | str | None,
        Meta(description="The device's error number for the test; a text is put before `error_message`."),
    ] = None
    error_message: Annotated[str | None, Meta(description="The device's error text for the test.")] = None
    misc: Annotated[
        dict[str, Raw] | None, Meta(description="Anything else to note on the report: name to a text, number or bool.")
    ] = None


decoder: msgspec.json.Decoder[ResultMessage] = msgspec.json.Decoder(ResultMessage)
"""Decodes and validates a result message."""
