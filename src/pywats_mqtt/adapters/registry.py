"""Which adapter reads which messages: one dict, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pywats_mqtt.adapters import asset, report
from pywats_mqtt.adapters.context import Context
from pywats_mqtt.events import Identified
from pywats_mqtt.schemas.asset import decoder as asset_decoder
from pywats_mqtt.schemas.report import decoder as report_decoder

Adapter: TypeAlias = Callable[[Context], tuple[Identified, ...]]
"""Reads one message; raises `Reject`, or what decoding raises."""

ADAPTERS: dict[str, Adapter] = {
    "asset": asset.read,
    "report": report.read,
}
"""Domain (the field of `TopicConfig` without `_topics`) to its adapter."""

DECODERS: dict[str, Callable[[bytes], object]] = {
    "asset": asset_decoder.decode,
    "report": report_decoder.decode,
}
"""Domain to what decodes its messages; asked again for the place of an error (`schemas.reasons`)."""
