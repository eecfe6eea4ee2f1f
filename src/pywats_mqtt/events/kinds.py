"""All events: which are delivered one by one, which are folded, and how they are named and packed."""

from __future__ import annotations

from typing import TypeAlias, get_args
from uuid import UUID

import msgspec

from pywats_mqtt.events.assets import AssetAlert, AssetCounters, AssetCounts, AssetEnvironment, AssetState
from pywats_mqtt.events.batches import BatchReported
from pywats_mqtt.events.calibration import AssetCalibrated, AssetDrift
from pywats_mqtt.events.environment import AssetCrossing, AssetHistory, AssetSamples, AssetWatch
from pywats_mqtt.events.production import OperatorEvent, UnitEvent
from pywats_mqtt.events.repairs import Repair
from pywats_mqtt.events.reports import TestResult
from pywats_mqtt.events.software import AssetSoftware, SoftwareReported, UpdateReported
from pywats_mqtt.events.streams import MeasurementsReported, StreamDue, UnitAtTester
from pywats_mqtt.events.utilization import AssetUtilization

Telemetry: TypeAlias = AssetCounts | AssetState | AssetEnvironment | AssetCounters | AssetDrift
Latest: TypeAlias = Telemetry | AssetSoftware | AssetSamples | AssetWatch
Happened: TypeAlias = (
    TestResult
    | Repair
    | BatchReported
    | AssetAlert
    | AssetUtilization
    | AssetCalibrated
    | UnitEvent
    | OperatorEvent
    | SoftwareReported
    | UpdateReported
    | MeasurementsReported
)
"""Ordered events that messages of devices tell."""


class Relayed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="relayed"):
    """An event owed to an event bus as it happened: telemetry too is delivered one by one, and not folded.

    Attributes:
        id: derived; the same for every hand-over of this event.
        correlation_id: derived; the same for all events of one message.
        topic: where its message came.
        received_at_us: when, in microseconds since 1970 UTC.
        event: what happened.
    """

    id: UUID
    correlation_id: UUID
    topic: str
    received_at_us: int
    event: Happened | Telemetry

    @property
    def key(self) -> str:
        """The line of what happened."""
        return self.event.key


Told: TypeAlias = AssetHistory | AssetCrossing
"""Ordered events that no message of a device is: only folding latest ones tells them."""
TOLD_TOPIC = "$pywats-mqtt/told"
"""Topic of the message that such an event is of its own, as JSON: so it can be kept aside and tried again."""
Ordered: TypeAlias = Happened | UnitAtTester | StreamDue | Relayed | Told
"""Events that are delivered one by one.."""
REPEATABLE = (BatchReported, SoftwareReported, UpdateReported, UnitAtTester, StreamDue)
"""Ordered events that say the same when they arrive twice, with or without an identity."""
Event: TypeAlias = Ordered | Latest


def is_latest(event: Event) -> bool:
    """Tell whether an event is folded rather than delivered one by one."""
    return not isinstance(event, Ordered)


def order_key(event: Event) -> str:
    """Name the line in which an event keeps its order: the device, or the asset."""
    return event.key


def subject_of(event: Event) -> str:
    """Name what an event is about: the unit's serial number, else its line."""
    match event:
        case TestResult() | Repair() | UnitEvent() | MeasurementsReported():
            return event.serial_number
        case Relayed():
            return subject_of(event.event)
        case _:
            return event.key


def report_of(event: Event) -> UUID | None:
    """Give the id of the report that WATS gets of an event, where the event names it."""
    return event.report_id if isinstance(event, TestResult | Repair | AssetHistory) else None


def kind_of(event: Event) -> str:
    """Name the kind of an event as it is stored: its tag."""
    return kind_of_type(type(event))


def kind_of_type(event_type: type[Event]) -> str:
    """Name the kind of all events of a type."""
    return str(event_type.__struct_config__.tag)


LATEST_KINDS = frozenset(kind_of_type(each) for each in get_args(Latest))
"""Kinds of the events that are folded."""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """Pack an event for the spool."""
    return _encoder.encode(event)


def decode(packed: bytes) -> Event:
    """Unpack an event from the spool.

    Raises:
        msgspec.DecodeError: the bytes are no event of this version or an older one.
    """
    try:
        return _decoder.decode(packed)
    except UnicodeDecodeError as exc:  # by a bit that turned on the disk; msgspec lets it pass
        raise msgspec.DecodeError(f"a text in it is not UTF-8: {exc}") from exc
