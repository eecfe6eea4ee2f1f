"""What a trace remembers, made of what routing and settling decided; pure, and alike for every spool.

Telemetry, which is nearly all there is, leaves no trace unless it names itself with a `message_id`. Messages that are
refused as such leave one when they leave the quarantine, which has them until then: a flood of them pushes nothing out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from pywats_mqtt.events import (
    AssetUtilization,
    Event,
    MeasurementsReported,
    Ordered,
    Relayed,
    StreamDue,
    UnitAtTester,
    decode,
    kind_of,
    order_key,
    report_of,
    subject_of,
)
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Kept, OwedRow, RefusedRow, Trace
from pywats_mqtt.ports.trace import Became, Left
from pywats_mqtt.schemas.naming import names_of
from pywats_mqtt.spool.imports import Sorted
from pywats_mqtt.spool.routing import NewDelivery, Noted, Pair

CAUSES: Final = 5
"""Failures remembered of a delivery: the last ones tell what stands against it."""

ASIDE: Final = (UnitAtTester, StreamDue)
"""Events that the bridge makes for its own use, beside those that a message says."""

REASON_CHARACTERS: Final = 1_000
"""Characters kept of a reason or a cause; the quarantine has the whole."""


class Noting:
    """Makes the traces of one batch.

    Args:
        batch: what is routed.
        read_at_us: when.
    """

    def __init__(self, batch: Batch, read_at_us: int) -> None:
        self._batch = batch
        self._read_at_us = read_at_us

    def delivery(self, new: NewDelivery, number: int) -> Trace | None:
        """Trace an ordered delivery, whose id is `number`; None where nobody could ask for it."""
        if not _is_asked_for(new.event, new.message):
            return None
        return self._trace(number, new, "delivery")

    def noted(self, noted: Noted, new_id: Callable[[], int], version_of: Callable[[Pair], int]) -> Trace | None:
        """Trace what made no delivery of its own; None where nobody could ask for it.

        Args:
            noted: a repeat, or what was folded.
            new_id: gives the next number.
            version_of: gives the version of a latest delivery with the folds of this batch.
        """
        if _is_telemetry(noted.event) and not _message_id(noted.message):
            return None
        if noted.is_repeat:
            return self._trace(new_id(), noted, "duplicate")
        version = version_of((order_key(noted.event), kind_of(noted.event)))
        return self._trace(new_id(), noted, "folded", version)

    def _trace(self, number: int, source: NewDelivery | Noted, became: Became, version: int = 0) -> Trace:
        event, message, identity = source.event, source.message, source.identity
        report = report_of(event)
        return Trace(
            id=number,
            subject=subject_of(event),
            message_id=_message_id(message),
            report_id="" if report is None else str(report),
            identity=b"" if identity is None else identity.key,
            topic=message.topic,
            received_at_us=message.received_at_us,
            qos=message.qos,
            retain=message.retain,
            packet_id=message.packet_id,
            batch=self._batch.number,
            stored_at_us=self._batch.stored_at_us,
            read_at_us=self._read_at_us,
            became=became,
            kind=kind_of(event),
            version=version,
        )


def _is_asked_for(event: Event, message: RawMessage) -> bool:
    """Tell whether somebody could ask for an ordered delivery."""
    return not isinstance(event, ASIDE) and (not _is_telemetry(event) or bool(_message_id(message)))


def _is_telemetry(event: Event) -> bool:
    """Tell whether an event is one of many that say how an asset or a test is, whichever way they are delivered."""
    match event:
        case Relayed():
            return _is_telemetry(event.event)
        case MeasurementsReported():
            return not event.ends
        case AssetUtilization():
            return True
        case _:
            return not isinstance(event, Ordered)


def _message_id(message: RawMessage) -> str:
    return names_of(message.payload, message.user_properties)[1]


def refused(row: Kept, number: int, *, left: Left, left_at_us: int, left_batch: int) -> Trace:
    """Trace a message that was refused as such, when it leaves the quarantine; `number` is the trace's."""
    message = row.message
    serial, message_id = names_of(message.payload, message.user_properties)
    return Trace(
        id=number,
        subject=serial or row.device,
        message_id=message_id,
        topic=message.topic,
        received_at_us=message.received_at_us,
        qos=message.qos,
        retain=message.retain,
        became="refused",
        kind=row.kind,
        settled="quarantined",
        reason=row.reason[:REASON_CHARACTERS],
        left=left,
        left_at_us=left_at_us,
        left_batch=left_batch,
    )


def imported(found: Sorted, first_id: int, new_id: Callable[[], int], origin: str, now_us: int) -> list[Trace]:
    """Trace what was imported; messages that are refused as such leave a trace when they leave the quarantine.

    Args:
        found: the rows.
        first_id: of the first ordered delivery; the others follow.
        new_id: gives the next number.
        origin: bridge and export they came from.
        now_us: when that was.
    """
    traces: list[Trace] = []
    for number, row in enumerate(found.owed, start=first_id):
        event = _read(row.event)
        if event is None:
            traces.append(_imported(row, row.key, number, origin, now_us))
        elif _is_asked_for(event, row.message):
            report = report_of(event)
            trace = _imported(row, row.key, number, origin, now_us)
            named = {"subject": subject_of(event), "report_id": "" if report is None else str(report)}
            traces.append(replace(trace, **named, identity=b"" if row.identity is None else row.identity.key))
    for refused_row in found.refused:
        if refused_row.kind != "message":
            trace = _imported(refused_row, refused_row.device, new_id(), origin, now_us)
            traces.append(replace(trace, settled="quarantined", reason=refused_row.reason[:REASON_CHARACTERS]))
    return traces


def _read(packed: bytes) -> Event | None:
    try:
        return decode(packed)
    except msgspec.MsgspecError:
        return None  # a newer program packed it; it will be refused in words


def _imported(row: OwedRow | RefusedRow, device: str, number: int, origin: str, now_us: int) -> Trace:
    message = row.message
    serial, message_id = names_of(message.payload, message.user_properties)
    return Trace(
        id=number,
        subject=serial or device,
        message_id=message_id,
        topic=message.topic,
        received_at_us=message.received_at_us,
        qos=message.qos,
        retain=message.retain,
        stored_at_us=now_us,
        read_at_us=now_us,
        kind=row.kind,
        origin=origin,
    )
