"""Test results: a finished test of a unit, or a station's self-test, as one UUT report."""

from __future__ import annotations

from uuid import UUID

import msgspec

from pywats_mqtt.adapters.context import Context, message_id, speaker
from pywats_mqtt.adapters.steps import seconds, step_of
from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.adapters.unread import UNREAD, unread_fields
from pywats_mqtt.adapters.verdicts import overall, verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Identified, Identity, Step, TestResult, identify, payload_digest
from pywats_mqtt.messages import from_us
from pywats_mqtt.schemas.report import ResultMessage, decoder
from pywats_mqtt.schemas.scalars import any_text_of, is_sent, text_of

SELF_TEST = "selftest"
RESULTS = "results"

_SEQUENCE_PATH = "$.sequence"
_REQUEST_ID_CHARACTERS = 200
_CONFLICTS_SHOWN = 3


class _Notes(msgspec.Struct):
    """What goes on the report beside the device's own fields: misc infos and cut texts, as they turn up."""

    texts: Texts
    misc: list[tuple[str, str]]


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
    notes = _Notes(texts=Texts(), misc=_misc(sent))
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
    start_us = _start_us(sent, context.message.received_at_us, duration_s or 0.0, notes)
    steps, result = _steps_and_result(sent, notes)
    fit = notes.texts.fit
    event = TestResult(
        report_id=_received_id(context, (kind, device)) if identity is None else identity.id,
        device=device,
        kind=kind,
        serial_number=check_number(serial_number, "$.serial_number"),
        result=result,
        start=from_us(start_us),
        test_type=fit(sent.test_type or "", "$.test_type"),
        operation_code=_whole(sent.process_code if sent.operation_code is None else sent.operation_code),
        part_number=check_number(text_of(sent.part_number, "$.part_number"), "$.part_number"),
        revision=check_length(text_of(sent.revision, "$.revision"), "$.revision"),
        duration_s=duration_s,
        operator=fit(text_of(sent.operator, "$.operator"), "$.operator"),
        fixture=fit(text_of(sent.fixture, "$.fixture") or text_of(sent.fixture_id, "$.fixture_id"), "$.fixture"),
        batch=fit(text_of(sent.batch, "$.batch"), "$.batch"),
        socket=_whole(sent.socket),
        steps=steps,
        misc=tuple(
            (fit(name, f"$.misc name {number}"), fit(text, f"$.misc.{name[:60]}"))
            for number, (name, text) in enumerate(notes.misc)
        ),
        request_id=_request_id(sent),
        attachments=(),
    )
    attachments = notes.texts.attachments()
    if attachments:
        event = msgspec.structs.replace(event, attachments=attachments)
    return (Identified(event, identity),)


def _identity(
    sent: ResultMessage, context: Context, who: tuple[str, str], serial_number: str, *, dated: bool
) -> Identity | None:
    """Identify a result by the device's id for it, else by what it says, all as sent and before any correction.

    None where it names no id, number or time: two equal ones are two tests of a unit, as far as anyone can tell.
    """
    payload = context.message.payload
    named = message_id(context, sent.message_id)
    if named:
        return identify((*who, named), payload)
    start = text_of(*_start_field(sent))
    sequence = text_of(sent.sequence, _SEQUENCE_PATH)
    if not start and not sequence and not dated:
        return None
    test_type, digest = sent.test_type or "", payload_digest(payload).hex()
    numbered = (test_type, sequence, digest) if sequence else (test_type, digest)
    return identify((*who, serial_number, start, *numbered), payload)


def _received_id(context: Context, who: tuple[str, str]) -> UUID:
    """Give the report of a result without identity an id of its reception: kept when it is read again after a crash."""
    message = context.message
    received = str(message.received_at_us)
    return identify((*who, "received", received, payload_digest(message.payload).hex()), message.payload).id


def _start_field(sent: ResultMessage) -> tuple[msgspec.Raw, str]:
    if is_sent(sent.start_time):
        return sent.start_time, "$.start_time"
    return sent.timestamp, "$.timestamp"


def _start_us(sent: ResultMessage, received_us: int, duration_s: float, notes: _Notes) -> int:
    """Give the start in microseconds since 1970 UTC: as sent where it can be true, else reception less the duration.

    WATS puts reports dated in the future into a quarantine that nobody sees. What was corrected is noted.
    """
    latest_us = received_us - round(duration_s * 1_000_000)
    raw, path = _start_field(sent)
    if not is_sent(raw):
        notes.misc.append(("start_time", "not sent; time of reception less the duration"))
        return latest_us
    start_us, assumed_utc = time_of(raw, path)
    if assumed_utc:
        notes.misc.append(("time_zone", "assumed UTC"))
    if is_plausible(start_us, received_us):
        return start_us
    notes.misc.append(("clock_correction_s", f"{(latest_us - start_us) / 1_000_000:.3f}"))
    return latest_us


def _steps_and_result(sent: ResultMessage, notes: _Notes) -> tuple[tuple[Step, ...], str]:
    """Give the steps and the result; the device's verdicts are kept, and where they contradict is noted."""
    steps: list[Step] = []
    conflicts: list[str] = []
    for number, step in enumerate(sent.steps or ()):
        made, by_limits = step_of(step, f"$.steps[{number}]", notes.texts)
        steps.append(made)
        if by_limits:
            conflicts.append(f"step {number + 1} {made.status}, limits {by_limits}")
    result = verdict_of(sent.result, "$.result")
    if result == "S":
        raise Reject("a report is passed, failed, error or terminated, never skipped", path="$.result")
    if result is None and not steps:
        raise Reject("expected a result, or steps to compute it from", path="$.result")
    computed = overall(step.status for step in steps)
    if result is None or result == "D":
        result = computed
    elif steps and result in {"P", "F"} and (result == "P") != (computed == "P"):
        conflicts.insert(0, f"result {result}, steps {computed}")
    if conflicts:
        notes.misc.append(("verdict_conflict", _conflict_text(conflicts)))
    return tuple(steps), result


def _conflict_text(conflicts: list[str]) -> str:
    """Name the first conflicts and count the rest; three take less than the 100 characters of WATS."""
    more = len(conflicts) - _CONFLICTS_SHOWN
    return "; ".join(conflicts[:_CONFLICTS_SHOWN]) + (f"; {more} more" if more > 0 else "")


def _misc(sent: ResultMessage) -> list[tuple[str, str]]:
    """Give what the device wants noted, as texts; empty names and values are left out, WATS refuses them."""
    pairs = ((name, any_text_of(value, f"$.misc.{name[:60]}")) for name, value in (sent.misc or {}).items())
    return [(name, text) for name, text in pairs if name and text]


def _request_id(sent: ResultMessage) -> str:
    request_id = text_of(sent.request_id, "$.request_id")
    if len(request_id) > _REQUEST_ID_CHARACTERS:
        raise Reject(f"has {len(request_id)} characters; at most {_REQUEST_ID_CHARACTERS}", path="$.request_id")
    return request_id


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
