"""Repairs: what was found on a unit, as one UUR report."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from pywats_mqtt.adapters.context import Context, speaker
from pywats_mqtt.adapters.heads import (
    Notes,
    identity_of,
    misc_of,
    received_id,
    request_id_of,
    start_of,
    sub_unit_of,
    whole,
)
from pywats_mqtt.adapters.report import RESULTS
from pywats_mqtt.adapters.steps import seconds
from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.adapters.unread import UNREAD, unread_fields
from pywats_mqtt.adapters.verdicts import verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Failure, Identified, Repair, RepairedPart, identify
from pywats_mqtt.messages import from_us
from pywats_mqtt.schemas.repair import FailureMessage, PartMessage, RepairMessage, decoder
from pywats_mqtt.schemas.report import SubUnitMessage
from pywats_mqtt.schemas.scalars import is_sent, text_of

REPAIRS = "repairs"
COMMENT_CHARACTERS = 5_000
"""WATS refuses a longer comment."""


def read(context: Context) -> tuple[Identified, ...]:
    """Decode a repair message and tell what was found.

    Raises:
        Reject: a field does not fit, the unit is missing, or nothing was found on it.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    sent = decoder.decode(payload)
    device, other = speaker(context, sent.device_id, "$.device_id")
    notes = Notes(texts=Texts(), misc=misc_of(sent.misc))
    if other:
        notes.misc.append(("reported_device", other))
    unread = unread_fields(payload, RepairMessage)
    if unread:
        notes.misc.append((UNREAD, unread))
    serial_number = text_of(sent.serial_number, "$.serial_number")
    if not serial_number.strip():
        raise Reject("expected a serial number, got none", path="$.serial_number")
    who, start = (REPAIRS, device), _start_field(sent)
    said = (serial_number, text_of(*start))
    identity = identity_of(context, who, sent.message_id, said, tells=is_sent(start[0]))
    duration_s = seconds(sent.duration_ms, sent.duration_s)
    took_s = 0.0 if is_sent(start[0]) else duration_s or 0.0  # a person says it, maybe as the repair begins
    start_us, shift_us = start_of(start, context.message.received_at_us, took_s, notes)
    fit = notes.texts.fit
    event = Repair(
        report_id=received_id(context, who) if identity is None else identity.id,
        device=device,
        serial_number=check_number(serial_number, "$.serial_number"),
        part_number=check_number(text_of(sent.part_number, "$.part_number"), "$.part_number"),
        revision=check_length(text_of(sent.revision, "$.revision"), "$.revision"),
        start=from_us(start_us),
        duration_s=duration_s,
        failures=_failures(sent.failures or (), "$.failures", notes.texts),
        parts=tuple(_part(part, f"$.sub_units[{index}]", notes) for index, part in enumerate(sent.sub_units or ())),
        operator=fit(text_of(sent.operator, "$.operator"), "$.operator"),
        comment=fit(sent.comment or "", "$.comment", COMMENT_CHARACTERS),
        batch=fit(text_of(sent.batch, "$.batch"), "$.batch"),
        result=_result(sent),
        repair_code=whole(sent.repair_code),
        test_type=fit(sent.test_type or "", "$.test_type"),
        operation_code=whole(sent.operation_code),
        failed_test=_failed_test(sent, device),
        misc=notes.fitted(),
        request_id=request_id_of(sent.request_id),
        shift_us=shift_us,
    )
    if not event.failures:
        raise Reject("expected at least one failure of the unit itself: WATS wants it", path="$.failures")
    attachments = notes.texts.attachments()
    return (Identified(msgspec.structs.replace(event, attachments=attachments), identity),)


def _start_field(sent: RepairMessage) -> tuple[msgspec.Raw, str]:
    if is_sent(sent.start_time):
        return sent.start_time, "$.start_time"
    return sent.timestamp, "$.timestamp"


def _result(sent: RepairMessage) -> str:
    verdict = verdict_of(sent.result, "$.result")
    return verdict if verdict in {"F", "E", "T"} else "P"


def _failed_test(sent: RepairMessage, device: str) -> UUID | None:
    """Give the failed test's report id: as sent, or derived as it was for the tester's own message."""
    if sent.report_id is not None:
        return sent.report_id
    named = text_of(sent.test_message_id, "$.test_message_id")
    if not named:
        return None
    tester = text_of(sent.tester, "$.tester") or device
    return identify((RESULTS, tester, named), b"").id


def _failures(sent: Sequence[FailureMessage], path: str, texts: Texts) -> tuple[Failure, ...]:
    return tuple(_failure(one, f"{path}[{index}]", texts) for index, one in enumerate(sent))


def _failure(sent: FailureMessage, path: str, texts: Texts) -> Failure:
    for name, text in (("category", sent.category), ("code", sent.code)):
        if not text.strip():
            raise Reject(f"expected a {name}, got an empty text", path=f"{path}.{name}")
        check_length(text, f"{path}.{name}")
    return Failure(
        category=sent.category,
        code=sent.code,
        path=path,
        comment=texts.fit(sent.comment or "", f"{path}.comment", COMMENT_CHARACTERS),
        com_ref=texts.fit(sent.com_ref or "", f"{path}.com_ref"),
    )


def _part(sent: PartMessage, path: str, notes: Notes) -> RepairedPart:
    unit = SubUnitMessage(
        serial_number=sent.serial_number, part_number=sent.part_number, revision=sent.revision, type=sent.type
    )
    return RepairedPart(
        unit=sub_unit_of(unit, path, notes.texts),
        failures=_failures(sent.failures or (), f"{path}.failures", notes.texts),
    )
