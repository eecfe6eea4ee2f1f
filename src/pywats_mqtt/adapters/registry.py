"""Which adapter reads which messages: one dict, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from pywats_mqtt.adapters import (
    alert,
    asset,
    batch,
    bus_event,
    calibration,
    environment,
    measurements,
    presence,
    production,
    repair,
    report,
    software,
    utilization,
)
from pywats_mqtt.adapters.context import Context
from pywats_mqtt.events import TOLD_TOPIC, AssetUpdate, Identified
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.schemas.alert import decoder as alert_decoder
from pywats_mqtt.schemas.asset import decoder as asset_decoder
from pywats_mqtt.schemas.batch import decoder as batch_decoder
from pywats_mqtt.schemas.bus_event import result_decoder as bus_result_decoder
from pywats_mqtt.schemas.bus_event import state_decoder as bus_state_decoder
from pywats_mqtt.schemas.calibration import decoder as calibration_decoder
from pywats_mqtt.schemas.environment import CLOSE_TOPIC, UNWATCH_TOPIC, close_decoder, unwatch_decoder
from pywats_mqtt.schemas.measurements import DUE_TOPIC, due_decoder
from pywats_mqtt.schemas.measurements import decoder as measurements_decoder
from pywats_mqtt.schemas.presence import TOPIC as PRESENCE_TOPIC
from pywats_mqtt.schemas.presence import decoder as presence_decoder
from pywats_mqtt.schemas.production import operator_decoder, unit_decoder
from pywats_mqtt.schemas.repair import decoder as repair_decoder
from pywats_mqtt.schemas.report import decoder as report_decoder
from pywats_mqtt.schemas.software import decoder as software_decoder
from pywats_mqtt.schemas.software import update_decoder
from pywats_mqtt.schemas.utilization import decoder as utilization_decoder

Adapter: TypeAlias = Callable[[Context], tuple[Identified, ...] | AssetUpdate]
"""Reads one message; raises `Reject`, or what decoding raises."""


Plain: TypeAlias = Callable[[RawMessage, str, Mapping[str, int | None]], AssetUpdate | None]
"""Reads one message by the topic's id and `Interpretation.states`, or tells by None that it cannot."""


class Reading(msgspec.Struct, frozen=True):
    """How messages of one kind are read.

    Attributes:
        adapter: reads them.
        decode: what decodes them; asked again for the place of an error (`schemas.reasons`).
        plain: reads the most frequent ones faster, where only the newest values of the topic's asset count.
    """

    adapter: Adapter
    decode: Callable[[bytes], object]
    plain: Plain | None = None

    @property
    def message(self) -> type[msgspec.Struct] | None:
        """The declaration of the message, as its decoder knows it."""
        decoder = getattr(self.decode, "__self__", None)
        return decoder.type if isinstance(decoder, msgspec.json.Decoder) else None


OWN = "own"
"""The domain of the bridge's messages to itself."""

NOT_OF_DEVICES = frozenset({"bus_result", "bus_state", OWN})
"""The domains of what `bus` takes from an event bus, whose other keys are for others on the bus, and of our own."""

ANY = ""
"""The last level of a topic that no other entry of its domain names."""

READINGS: Mapping[str, Mapping[str, Reading]] = {
    "asset": {
        "alerts": Reading(alert.read, alert_decoder.decode),
        "utilization": Reading(utilization.read, utilization_decoder.decode),
        "calibration": Reading(calibration.read, calibration_decoder.decode),
        ANY: Reading(asset.read, asset_decoder.decode, asset.read_plain),
    },
    "report": {
        ANY: Reading(report.read, report_decoder.decode),
        repair.REPAIRS: Reading(repair.read, repair_decoder.decode),
        measurements.MEASUREMENTS: Reading(measurements.read, measurements_decoder.decode),
    },
    "software": {
        ANY: Reading(software.read, software_decoder.decode),
        "updates": Reading(software.read_update, update_decoder.decode),
    },
    "production": {
        "unit": Reading(production.read_station, unit_decoder.decode),
        "scan": Reading(production.read_scan, unit_decoder.decode),
        "operator": Reading(production.read_operator, operator_decoder.decode),
        batch.BATCH: Reading(batch.read, batch_decoder.decode),
        ANY: Reading(production.read_station, unit_decoder.decode),
    },
    OWN: {
        "due": Reading(measurements.read_due, due_decoder.decode),
        "close": Reading(environment.read_close, close_decoder.decode),
        "told": Reading(environment.read_told, environment.told_decoder.decode),
        "presence": Reading(presence.read, presence_decoder.decode),
        "unwatch": Reading(environment.read_unwatch, unwatch_decoder.decode),
    },
    "bus_result": {ANY: Reading(bus_event.read_result, bus_result_decoder.decode)},
    "bus_state": {ANY: Reading(bus_event.read_state, bus_state_decoder.decode)},
}
"""Domain, then last level of the topic, to how its messages are read.

A domain is a field of `TopicConfig` without `_topics`, what `bus` takes from an event bus, or `own`.
"""

OWN_TOPICS = tuple((topic, OWN) for topic in (CLOSE_TOPIC, UNWATCH_TOPIC, TOLD_TOPIC, DUE_TOPIC, PRESENCE_TOPIC))
"""Topics of the bridge's messages to itself, and their domain."""


def reading_of(domain: str, level: str) -> Reading | None:
    """Tell how messages are read, or None where this version has no adapter for them."""
    readings = READINGS.get(domain, {})
    return readings.get(level) or readings.get(ANY)
