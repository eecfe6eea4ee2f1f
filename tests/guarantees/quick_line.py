"""Broker, WATS and bridge, the last two on a clock that goes many times as fast as the machine's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.emulator.server import RunningEmulator, running_emulator
from tests.guarantees.line import Bridge
from tests.waiting import block_until

RATE = 200
"""How fast the clock of bridge and WATS goes: an hour is eighteen seconds."""


class QuickLine:
    """The three programs; the bridge is to be started.

    Attributes:
        mosquitto, wats, bridge: the programs.
    """

    def __init__(self, folder: Path, mosquitto: Mosquitto, wats: RunningEmulator, clock: tuple[str, ...]) -> None:
        self.mosquitto = mosquitto
        self.wats = wats
        self.bridge = Bridge(folder / "bridge.toml", *clock)
        self.bridge.config.write_text(
            f'[mqtt]\nbroker = "{HOST}"\nport = {mosquitto.port}\n'
            f'[wats]\nurl = "{wats.url}"\ntoken = "{wats.token}"\ndefault_part_number = "PN"\n'
            '[spool]\npath = "spool.db"\n'
        )

    def start(self) -> None:
        """Start the bridge, and wait until it is connected."""
        self.bridge.start()
        block_until(lambda: self.bridge.status().get("connected"), bound_s=60.0, what="the bridge connected")

    def reports(self) -> list[dict[str, Any]]:
        """Give the reports that WATS holds."""
        found: list[dict[str, Any]] = self.wats.state()["reports"]
        return found

    def lines(self, words: str) -> list[str]:
        """Give the lines of the bridge's log that say this."""
        return [line for line in self.bridge.lines() if words in line]


@contextmanager
def quick_line(folder: Path, *, rate: int = RATE, ahead_s: int = 0, rate_limit: int = 0) -> Iterator[QuickLine]:
    """Run broker and WATS; whatever runs in the end is ended.

    Args:
        folder: for what they write.
        rate: how fast their clock goes.
        ahead_s: how far their clock is ahead at first.
        rate_limit: requests a minute that WATS takes; 0 for any number.
    """
    clock = ("--clock-rate", str(rate), "--clock-offset", str(ahead_s), "--clock-since", str(time.time()))
    with ExitStack() as ends:
        mosquitto = Mosquitto(folder / "mosquitto")
        ends.callback(mosquitto.kill)
        mosquitto.start()
        wats = ends.enter_context(running_emulator(*clock, rate_limit=rate_limit))
        line = QuickLine(folder, mosquitto, wats, clock)
        ends.callback(line.bridge.kill)
        yield line
