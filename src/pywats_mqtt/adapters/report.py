"""Test results: a finished test of a unit, or a station's self-test, as one UUT report."""

from __future__ import annotations

import msgspec

from pywats_mqtt.adapters.context import Context, speaker
from pywats_mqtt.adapters.heads import (
    Notes,
    assets_of,
    identity_of,
    misc_of,
    received_id,
    request_id_of,
    start_of,
    sub_unit_of,
    whole,
)
from pywats_mqtt.adapters.steps import Reading, error_of, seconds, steps_of
from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.adapters.unread import UNREAD, unread_fields
from pywats_mqtt.adapters.verdicts import overall, verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Identified, Identity, Step, TestResult
from pywats_mqtt.messages import from_us
from pywats_mqtt.schemas.report import ResultMessage, decoder
from pywats_mqtt.schemas.scalars import is_sent, text_of

SELF_TEST = "selftest"
RESULTS = "results"

_SEQUENCE_PATH = "$.sequence"
_CONFLICTS_SHOWN = 3


def read(context: Context) -> tuple[Identified, ...]:
    """Decode a result message and tell what was tested.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    return adapt(decoder.decode(payload), context, unread=unread_fields(payload))


def adapt(sent: ResultMessage, context: Context, *, unread: str = "", dated: bool = False) -> tuple[Identified, ...]:
    """Turn a result into its event.

    Args:
        sent: the result.
        context: its message, and what the topic says.
        unread: names what was sent and has no field, or is empty.
        dated: what was sent names a time of the test that a result message has no field for.

    Raises:
        Reject: a field does not fit, or the unit or the verdict is missing.
    """
    device, other = speaker(context, sent.device_id, "$.device_id")
    kind = SELF_TEST if context.level == SELF_TEST else RESULTS
    notes = Notes(texts=Texts(), misc=misc_of(sent.misc))
    if other:
        notes.misc.append(("reported_device", other))
    sequence = text_of(sent.sequence, _SEQUENCE_PATH)
    if sequence:
        notes.misc.append(("sequence", sequence))
    if unread:
        notes.misc.append((UNREAD, unread))
    serial_number = text_of(sent.serial_number, "$.serial_number") or (device if kind == SELF_TEST else "")
    if not serial_number.strip():
        raise Reject("expected a serial number, got none", path="$.serial_number")
    identity = _identity(sent, context, (kind, device), serial_number, dated=dated)
    duration_s = seconds(sent.duration_ms, sent.duration_s)
    received_us = context.message.received_at_us
    start_us, shift_us = start_of(_start_field(sent), received_us, duration_s or 0.0, notes)
    steps, result, by_steps = _steps_and_result(sent, notes, Reading(notes.texts, received_us, shift_us or 0))
    fit = notes.texts.fit
    code, error = error_of(sent.error_code, sent.error_message)
    event = TestResult(
        report_id=received_id(context, (kind, device)) if identity is None else identity.id,
        device=device,
        kind=kind,
        serial_number=check_number(serial_number, "$.serial_number"),
        result=result,
        by_steps=by_steps,
        start=from_us(start_us),
        test_type=fit(sent.test_type or "", "$.test_type"),
        operation_code=whole(sent.process_code if sent.operation_code is None else sent.operation_code),
        part_number=check_number(text_of(sent.part_number, "$.part_number"), "$.part_number"),
        revision=check_length(text_of(sent.revision, "$.revision"), "$.revision"),
        duration_s=duration_s,
        operator=fit(text_of(sent.operator, "$.operator"), "$.operator"),
        fixture=fit(text_of(sent.fixture, "$.fixture") or text_of(sent.fixture_id, "$.fixture_id"), "$.fixture"),
        batch=fit(text_of(sent.batch, "$.batch"), "$.batch"),
        socket=whole(sent.socket),
        steps=steps,
        sub_units=tuple(
            sub_unit_of(unit, f"$.sub_units[{index}]", notes.texts) for index, unit in enumerate(sent.sub_units or ())
        ),
        assets=assets_of(sent.assets or (), "$.assets"),
        error_code=code,
        error_message=fit(error, "$.error_message"),
        misc=notes.fitted(),
        request_id=request_id_of(sent.request_id),
        shift_us=shift_us,
        attachments=(),
    )
    attachments = notes.texts.attachments()
    if attachments:
        event = msgspec.structs.replace(event, attachments=attachments)
    return (Identified(event, identity),)


def _identity(
    sent: ResultMessage, context: Context, who: tuple[str, str], serial_number: str, *, dated: bool
) -> Identity | None:
    """Identify a result; where it names no id, number or time, two equal ones are two tests of a unit."""
    start = text_of(*_start_field(sent))
    sequence = text_of(sent.sequence, _SEQUENCE_PATH)
    said = (serial_number, start, sent.test_type or "", *((sequence,) if sequence else ()))
    return identity_of(context, who, sent.message_id, said, tells=bool(start or sequence or dated))


def _start_field(sent: ResultMessage) -> tuple[msgspec.Raw, str]:
    if is_sent(sent.start_time):
        return sent.start_time, "$.start_time"
    return sent.timestamp, "$.timestamp"


def _steps_and_result(sent: ResultMessage, notes: Notes, reading: Reading) -> tuple[tuple[Step, ...], str, bool]:
    """Give the steps, the result, and whether it only follows from them.

    The device's verdicts are kept, and where they contradict is noted.
    """
    steps = steps_of(sent.steps or (), "$.steps", reading)
    conflicts = reading.conflicts
    result = verdict_of(sent.result, "$.result")
    if result == "S":
        raise Reject("a report is passed, failed, error or terminated, never skipped", path="$.result")
    if result is None and not steps:
        raise Reject("expected a result, or steps to compute it from", path="$.result")
    computed = overall(step.status for step in steps)
    by_steps = result is None or result == "D"
    if result is None or result == "D":
        result = computed
    elif steps and result in {"P", "F"} and (result == "P") != (computed == "P"):
        conflicts.insert(0, f"result {result}, steps {computed}")
    if conflicts:
        notes.misc.append(("verdict_conflict", _conflict_text(conflicts)))
    notes.misc.extend(reading.remarks())
    return steps, result, by_steps


def _conflict_text(conflicts: list[str]) -> str:
    """Name the first conflicts and count the rest; three take less than the 100 characters of WATS."""
    more = len(conflicts) - _CONFLICTS_SHOWN
    return "; ".join(conflicts[:_CONFLICTS_SHOWN]) + (f"; {more} more" if more > 0 else "")
