"""The repair message: what was found on a unit, and mended."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Raw, Struct

from pywats_mqtt.schemas.common import NOT_SENT, Count, Text, Time, Year, YearMs
from pywats_mqtt.schemas.report import MAX_PARTS
from pywats_mqtt.schemas.step import Verdict

MAX_FAILURES = 1_000
"""Failures of one unit: more are a mistake."""


class FailureMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What was found. Category and code are those of the repair operation in WATS."""

    category: Annotated[str, Meta(description="Such as Component; in the server's spelling, upper or lower case.")]
    code: Annotated[str, Meta(description="A code of the category, such as Defect Component.")]
    comment: Annotated[str | None, Meta(description="Free text.")] = None
    com_ref: Annotated[str | None, Meta(description="The component's reference on the board, such as C12.")] = None


class PartMessage(Struct, frozen=True, kw_only=True, gc=False):
    """A part of the unit with a number of its own."""

    serial_number: Annotated[Text, Meta(description="Its serial number, as the repair's.")] = NOT_SENT
    part_number: Annotated[Text, Meta(description="Its part number, as the repair's.")] = NOT_SENT
    revision: Annotated[Text, Meta(description="Its revision, at most 100 characters.")] = NOT_SENT
    type: Annotated[str | None, Meta(description="What part it is, such as PCBA; at most 50 characters.")] = None
    failures: Annotated[
        Annotated[list[FailureMessage], Meta(max_length=MAX_FAILURES)] | None,
        Meta(description="What was found on this part."),
    ] = None


class RepairMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a repair station sends on `testers/{id}/repairs`.

    Serial and part numbers are texts; sent as JSON numbers they keep every digit as written. Fields that are not
    listed here are welcome, and named on the report in the misc info `unread_fields`.
    """

    failures: Annotated[
        Annotated[list[FailureMessage], Meta(max_length=MAX_FAILURES)] | None,
        Meta(description="What was found on the unit itself; WATS wants at least one."),
    ] = None
    device_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    message_id: Annotated[
        Text, Meta(description="Unique for each repair of the device; a repeat is recognized by it.")
    ] = NOT_SENT
    request_id: Annotated[
        Text, Meta(description="Asks for an answer on the response topic when the report is in WATS, or refused.")
    ] = NOT_SENT
    timestamp: Annotated[Time, Meta(description="Start of the repair, as a result's.")] = NOT_SENT
    start_time: Annotated[Time, Meta(description="The same as `timestamp`; goes before it.")] = NOT_SENT
    duration_ms: Annotated[YearMs | None, Meta(description="How long it took, in milliseconds.")] = None
    duration_s: Annotated[Year | None, Meta(description="The same in seconds.")] = None
    serial_number: Annotated[Text, Meta(description="The unit: 1 to 100 characters, none of * % ? [ ] ^ ! / \\.")] = (
        NOT_SENT
    )
    part_number: Annotated[
        Text, Meta(description="The unit's part number, as `serial_number`. Missing: the configured default.")
    ] = NOT_SENT
    revision: Annotated[Text, Meta(description="The unit's revision, at most 100 characters.")] = NOT_SENT
    result: Annotated[
        Verdict,
        Meta(description="Of the unit after the repair; Passed unless it says else. Done and Skipped are Passed."),
    ] = None
    operator: Annotated[Text, Meta(description="Who repaired: a name or a badge number.")] = NOT_SENT
    comment: Annotated[str | None, Meta(description="Free text.")] = None
    batch: Annotated[Text, Meta(description="Serial number of the batch.")] = NOT_SENT
    repair_code: Annotated[
        Count, Meta(description="WATS operation code of the repair. Missing: `default_repair_code`.")
    ] = None
    report_id: Annotated[
        UUID | None,
        Meta(description="The failed test: its WATS report id, as the answer to its `request_id` named it."),
    ] = None
    test_message_id: Annotated[
        Text,
        Meta(
            description="The failed test where its report id is not known: the `message_id` its tester sent. Without"
            " both it is the unit's newest failed test in WATS that began before the repair."
        ),
    ] = NOT_SENT
    tester: Annotated[
        Text, Meta(description="Who sent `test_message_id`: the id in its topic. Missing: the sender of the repair.")
    ] = NOT_SENT
    test_type: Annotated[
        str | None, Meta(description="Kind of the failed test, where WATS does not know its report yet; as a result's.")
    ] = None
    operation_code: Annotated[
        Count, Meta(description="WATS operation code of the failed test. Missing: that of its report.")
    ] = None
    sub_units: Annotated[
        Annotated[list[PartMessage], Meta(max_length=MAX_PARTS)] | None,
        Meta(description="The parts with numbers of their own, and what was found on them."),
    ] = None
    misc: Annotated[
        dict[str, Raw] | None, Meta(description="Anything else to note on the report: name to a text, number or bool.")
    ] = None


decoder: msgspec.json.Decoder[RepairMessage] = msgspec.json.Decoder(RepairMessage)
"""Decodes and validates a repair message."""
