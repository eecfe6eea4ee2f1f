"""Which adapter reads which messages: one dict, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pywats_mqtt.adapters import asset, bus_event, report
from pywats_mqtt.adapters.context import Context
from pywats_mqtt.events import AssetUpdate, Identified
from pywats_mqtt.schemas.asset import decoder as asset_decoder
from pywats_mqtt.schemas.bus_event import result_decoder as bus_result_decoder
from pywats_mqtt.schemas.bus_event import state_decoder as bus_state_decoder
from pywats_mqtt.schemas.report import decoder as report_decoder

Adapter: TypeAlias = Callable[[Context], tuple[Identified, ...] | AssetUpdate]
"""Reads one message; raises `Reject`, or what decoding raises."""

ADAPTERS: dict[str, Adapter] = {
    "asset": asset.read,
    "report": report.read,
    "bus_result": bus_event.read_result,
    "bus_state": bus_event.read_state,
}
"""Domain to its adapter: a field of `TopicConfig` without `_topics`, or what `bus` takes from an event bus."""

DECODERS: dict[str, Callable[[bytes], object]] = {
    "asset": asset_decoder.decode,
    "report": report_decoder.decode,
    "bus_result": bus_result_decoder.decode,
    "bus_state": bus_state_decoder.decode,
}
"""Domain to what decodes its messages; asked again for the place of an error (`schemas.reasons`)."""
