"""Measurements while a test runs: samples of channels, each with its time."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import msgspec

from pywats_mqtt.adapters.comparisons import LOG, Comparison, comparison_of
from pywats_mqtt.adapters.context import Context, speaker
from pywats_mqtt.adapters.heads import Notes, identity_of, received_id, whole
from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.adapters.times import time_of
from pywats_mqtt.adapters.unread import UNREAD, unread_fields
from pywats_mqtt.adapters.verdicts import verdict_of
from pywats_mqtt.clocks.starts import CLOCK_SET_US
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import (
    Identified,
    Identity,
    MeasurementsReported,
    Samples,
    StreamDue,
    StreamEnding,
    identify,
)
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.schemas.measurements import (
    DUE_TOPIC,
    MAX_SAMPLES,
    DueMessage,
    MeasuredMessage,
    MeasurementsMessage,
    SampleMessage,
    decoder,
    due_decoder,
)
from pywats_mqtt.schemas.scalars import is_sent, text_of
from pywats_mqtt.schemas.step import MAX_DEPTH, MeasurementMessage

MEASUREMENTS = "measurements"
"""Last level of the topics, and the kind of the events."""

_PATH_CHARACTERS = 1_000
_INSIDE = frozenset({"", LOG, "GT", "GE", "LT", "LE", "GTLT", "GTLE", "GELT", "GELE"})
"""Operators whose least and greatest value tell of all between them."""


def read(context: Context) -> tuple[Identified, ...]:
    """Decode a measurements message and tell what was measured; an empty payload clears a retained one.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    if not payload:
        return ()
    return adapt(decoder.decode(payload), context, unread=unread_fields(payload, MeasurementsMessage))


def adapt(sent: MeasurementsMessage, context: Context, *, unread: str = "") -> tuple[Identified, ...]:
    """Turn a measurements message into its event.

    Raises:
        Reject: a field does not fit, the unit is missing, or there is nothing that was measured.
    """
    device, other = speaker(context, sent.device_id, "$.device_id")
    notes = Notes(texts=Texts(), misc=[])
    if other:
        notes.misc.append(("reported_device", other))
    if unread:
        notes.misc.append((UNREAD, unread))
    serial_number = text_of(sent.serial_number, "$.serial_number")
    if not serial_number.strip():
        raise Reject("expected a serial number, got none", path="$.serial_number")
    if not sent.measurements and not sent.end:
        raise Reject("expected at least one measurement, or end", path="$.measurements")
    received_us = context.message.received_at_us
    base_us = _time(sent.timestamp, "$.timestamp", notes)
    channels = _Reading(base_us, received_us, notes).channels(sent.measurements or ())
    at_us = received_us if base_us is None else base_us
    channels, at_us = _corrected(channels, at_us, received_us, notes)
    identity = _identity(sent, context, device, serial_number)
    text = notes.texts.fit
    event = MeasurementsReported(
        id=received_id(context, (MEASUREMENTS, device)) if identity is None else identity.id,
        device=device,
        serial_number=check_number(serial_number, "$.serial_number"),
        heard_us=received_us,
        at_us=at_us,
        channels=channels,
        ends=bool(sent.end),
        result=_verdict(sent) if sent.end else "",
        part_number=check_number(text_of(sent.part_number, "$.part_number"), "$.part_number"),
        revision=check_length(text_of(sent.revision, "$.revision"), "$.revision"),
        test_type=text(sent.test_type or "", "$.test_type"),
        operation_code=whole(sent.process_code if sent.operation_code is None else sent.operation_code),
        operator=text(text_of(sent.operator, "$.operator"), "$.operator"),
        fixture=text(text_of(sent.fixture, "$.fixture") or text_of(sent.fixture_id, "$.fixture_id"), "$.fixture"),
        batch=text(text_of(sent.batch, "$.batch"), "$.batch"),
        misc=notes.fitted(),
    )
    attachments = notes.texts.attachments()
    if attachments:
        event = msgspec.structs.replace(event, attachments=attachments)
    return (Identified(event, identity),)


def due_message(due: StreamDue, serial_number: str, *, since_us: int, now_us: int) -> RawMessage:
    """Write what is due about a stream as a message of the bridge to itself.

    Args:
        due: what is due.
        serial_number: of its unit.
        since_us: when the bridge started.
        now_us: the time.
    """
    said = DueMessage(
        device=due.device,
        stream=due.stream.hex,
        serial_number=serial_number,
        why=due.why,
        heard_us=due.heard_us,
        since_us=since_us,
    )
    return RawMessage(DUE_TOPIC, msgspec.json.encode(said), now_us, qos=1)


def read_due(context: Context) -> tuple[Identified, ...]:
    """Read what the bridge told itself.

    Raises:
        Reject: it was somebody else.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: the same.
    """
    payload = context.message.payload
    sent = due_decoder.decode(payload)
    endings: tuple[StreamEnding, ...] = get_args(StreamEnding)
    why = next((ending for ending in endings if ending == sent.why), None)
    if why is None:
        raise Reject(f"unknown reason {sent.why[:60]!r}", path="$.why")
    try:
        stream = UUID(hex=sent.stream)
    except ValueError as exc:
        raise Reject(f"no id of a stream: {sent.stream[:60]!r}", path="$.stream") from exc
    event = StreamDue(device=sent.device, stream=stream, why=why, heard_us=sent.heard_us)
    said = ("stream_due", sent.device, sent.stream, why, str(sent.heard_us), str(sent.since_us))
    return (Identified(event, identify(said, payload)),)


class _Reading:
    """The reading of a message's samples.

    Args:
        base_us: its time, or None where it names none.
        received_us: when it came.
        notes: what is noticed goes there.
    """

    def __init__(self, base_us: int | None, received_us: int, notes: Notes) -> None:
        self._base_us = base_us
        self._received_us = received_us
        self._notes = notes
        self._left = MAX_SAMPLES

    def channels(self, sent: list[MeasuredMessage] | tuple[()]) -> tuple[Samples, ...]:
        return tuple(self._channel(one, f"$.measurements[{place}]") for place, one in enumerate(sent))

    def _channel(self, sent: MeasuredMessage, place: str) -> Samples:
        path = _path(sent, place)
        base_us = self._own_time(sent, place)
        base_us = self._base_us if base_us is None else base_us
        if sent.samples is None:
            if sent.value is None:
                raise Reject("expected a value or samples, got neither", path=f"{place}.value")
            times: list[int] = [self._received_us if base_us is None else base_us]
            values = [float(sent.value)]
        else:
            if sent.value is not None:
                raise Reject("has a value beside samples; make it one of them", path=f"{place}.value")
            times, values = self._samples(sent, base_us, place)
        self._left -= len(values)
        if self._left < 0:
            raise Reject(f"there are more than {MAX_SAMPLES} samples", path=place)
        compared = _limits(sent, place)
        return Samples(
            path=path,
            times_us=tuple(times),
            values=tuple(values),
            unit=check_length(sent.unit or "", f"{place}.unit"),
            low=compared.low,
            high=compared.high,
            comp=compared.comp,
        )

    def _own_time(self, sent: MeasuredMessage | SampleMessage, place: str) -> int | None:
        if is_sent(sent.timestamp):
            return _time(sent.timestamp, f"{place}.timestamp", self._notes)
        return _time(sent.t, f"{place}.t", self._notes)

    def _samples(self, sent: MeasuredMessage, base_us: int | None, place: str) -> tuple[list[int], list[float]]:
        samples = sent.samples or []
        if not samples:
            raise Reject("expected at least one sample, got none", path=f"{place}.samples")
        interval_us = None if sent.interval_ms is None else sent.interval_ms * 1_000
        if base_us is None:  # the last of them was taken when the message came
            base_us = self._received_us - round((interval_us or 0) * (len(samples) - 1))
        times: list[int] = []
        values: list[float] = []
        for number, sample in enumerate(samples):
            own_us = None
            if isinstance(sample, SampleMessage):
                own_us = self._own_time(sample, f"{place}.samples[{number}]")
            if own_us is None:
                if interval_us is None and len(samples) > 1:
                    problem = "required where samples have no times of their own, but missing"
                    raise Reject(problem, path=f"{place}.interval_ms")
                own_us = base_us + round((interval_us or 0) * number)
            times.append(own_us)
            values.append(float(sample.value if isinstance(sample, SampleMessage) else sample))
        return times, values


def _path(sent: MeasuredMessage, place: str) -> str:
    field = "name" if sent.path is None and sent.name is not None else "path"
    path = (sent.name if field == "name" else sent.path) or ""
    names = [name.strip() for name in path.split("/")]
    if not all(names):
        raise Reject(f"expected names with '/' between them, got {path[:60]!r}", path=f"{place}.{field}")
    if len(names) > MAX_DEPTH:
        raise Reject(f"has {len(names)} names; at most {MAX_DEPTH}", path=f"{place}.{field}")
    if len(path) > _PATH_CHARACTERS:
        raise Reject(f"has {len(path)} characters; at most {_PATH_CHARACTERS}", path=f"{place}.{field}")
    return "/".join(names)


def _limits(sent: MeasuredMessage, place: str) -> Comparison:
    """Read the limits of all samples."""
    if sent.comp is None and sent.low is None and sent.high is None and sent.limit is None:
        return Comparison()
    one = MeasurementMessage(name="-", low=sent.low, high=sent.high, limit=sent.limit, comp=sent.comp)
    compared = comparison_of(one, 0.0, place)
    if compared.comp not in _INSIDE:
        known = ", ".join(sorted(_INSIDE - {""}))
        raise Reject(f"{compared.comp} is not for streams; use one of {known}", path=f"{place}.comp")
    return compared


def _time(raw: msgspec.Raw, path: str, notes: Notes) -> int | None:
    if not is_sent(raw):
        return None
    moment_us, assumed_utc = time_of(raw, path)
    if assumed_utc and ("time_zone", "assumed UTC") not in notes.misc:
        notes.misc.append(("time_zone", "assumed UTC"))
    return moment_us


def _corrected(
    channels: tuple[Samples, ...], at_us: int, received_us: int, notes: Notes
) -> tuple[tuple[Samples, ...], int]:
    """Shift all times alike where the latest cannot be true: it is then that of reception."""
    latest_us = max((moment for samples in channels for moment in samples.times_us), default=at_us)
    shift_us = 0 if CLOCK_SET_US <= latest_us <= received_us else received_us - latest_us
    if shift_us:
        notes.misc.append(("clock_correction_s", f"{shift_us / 1_000_000:.3f}"))
        channels = tuple(
            msgspec.structs.replace(samples, times_us=tuple(moment + shift_us for moment in samples.times_us))
            for samples in channels
        )
    for number, samples in enumerate(channels):
        if min(samples.times_us) < CLOCK_SET_US:
            problem = "has a sample from before 2000, and others that are not"
            raise Reject(problem, path=f"$.measurements[{number}]")
    return channels, min(max(at_us + shift_us, CLOCK_SET_US), received_us)


def _verdict(sent: MeasurementsMessage) -> str:
    verdict = verdict_of(sent.result, "$.result")
    if verdict == "S":
        raise Reject("a report is passed, failed, error or terminated, never skipped", path="$.result")
    return "" if verdict in {None, "D"} else str(verdict)


def _identity(sent: MeasurementsMessage, context: Context, device: str, serial_number: str) -> Identity | None:
    """Identify a message by the device's id for it, else by its number or times; None where it names none of them."""
    sequence, timestamp = text_of(sent.sequence, "$.sequence"), text_of(sent.timestamp, "$.timestamp")
    timed = any(is_sent(raw) for one in sent.measurements or () for raw in (one.timestamp, one.t, *_sample_times(one)))
    said = (serial_number, timestamp, sequence)
    return identity_of(
        context, (MEASUREMENTS, device), sent.message_id, said, tells=bool(sequence or timestamp or timed)
    )


def _sample_times(sent: MeasuredMessage) -> list[msgspec.Raw]:
    """Give the time of the first sample that has one of its own."""
    samples = sent.samples or []
    first = samples[0] if samples else None
    return [first.timestamp, first.t] if isinstance(first, SampleMessage) else []
