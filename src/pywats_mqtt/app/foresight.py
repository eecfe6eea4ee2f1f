"""What delivery would make of an event, as far as it can be told without asking WATS. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Event, Repair, TestResult, UnitEvent, kind_of
from pywats_mqtt.wats.repairs import wsjf_repair
from pywats_mqtt.wats.reports import wsjf

_SETTINGS: Final[dict[str, Callable[[BridgeConfig], bool]]] = {
    "no part number: the device sent none": lambda config: bool(config.wats.default_part_number),
    "nor wats.default_part_number is set": lambda config: bool(
        config.production.default_part_number or config.wats.default_part_number
    ),
    "wats.create_assets is off": lambda config: config.wats.create_assets,
    "production.create_units is off": lambda config: config.production.create_units,
    "software.require_software is block": lambda config: config.software.require_software != "block",
    "assets.counter_backwards is quarantine": lambda config: config.assets.counter_backwards != "quarantine",
    "wats.max_attachment_bytes is ": lambda _: True,  # whether it is enough now, `refusal` has told
}
"""Words of a refusal that a setting of ours decided, and whether that setting is mended."""

_BY_WATS: Final = re.compile("(GET|PUT|POST) /")
"""How a refusal begins that is an answer of WATS: with its call."""


class Foresight:
    """Foretells by one configuration.

    Args:
        config: what the operator set.
    """

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config

    def refusal(self, event: Event) -> Reject | None:
        """Tell why an event is refused before WATS is asked; None where it is not, or where that is not certain."""
        try:
            if isinstance(event, TestResult):
                wsjf(event, self._config.wats)
            elif isinstance(event, Repair):
                wsjf_repair(event, self._config.wats)
        except Reject as refused:
            return refused
        return None

    def is_mended(self, reason: str) -> bool | None:
        """Tell whether the setting that a refusal was for is another one now; None where it was for none."""
        return next((mended(self._config) for words, mended in _SETTINGS.items() if words in reason), None)

    def doubt(self, reason: str, path: str) -> str:
        """Tell why a delivery that was refused may be so again; empty where a setting was why, which is mended."""
        if self.is_mended(reason):
            return ""
        who = "WATS" if _BY_WATS.match(reason) else "delivery"
        return f"{who} may refuse it again: {path}: {reason}" if path else f"{who} may refuse it again: {reason}"

    def words(self, event: Event) -> str:
        """Tell what an event asks of WATS."""
        match event:
            case TestResult():
                default = self._config.wats.default_part_number
                part = event.part_number or (f"default part {default}" if default else "no part number")
                return f"report {event.report_id} of {event.serial_number}, {part}"
            case UnitEvent():
                return f"unit {event.serial_number} {event.action}"
            case _:
                return f"{kind_of(event)} of {event.key}"
