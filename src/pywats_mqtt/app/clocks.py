"""The clocks of devices and of the server while a bridge runs: heard with every message, kept over a restart, told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from pywats_mqtt.clocks.server import ServerClock
from pywats_mqtt.clocks.table import ClockTable, Shown
from pywats_mqtt.config.clock import ClockConfig
from pywats_mqtt.folding.updates import Updates
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Clock, Notes, Outcome, Wats, instant

logger = logging.getLogger(__name__)

NOTE = "clocks"

KEEP_S = 300.0
"""How often what is known of clocks is written down; a crash loses no more, and five minutes tell it again."""

ALARM = "clock_skew"


class Clocks:
    """What is known of clocks, for as long as a bridge runs.

    Args:
        config: the `[clock]` table.
        clock: the bridge's own.
        alarms: told when the bridge's own is off.
        bridge: names the bridge in that alarm.

    Attributes:
        server: the server's clock, learned by the client.
    """

    def __init__(self, config: ClockConfig, clock: Clock, alarms: Alarms, bridge: str) -> None:
        self.server = ServerClock(round(config.tolerance_s * 1e6))
        self._config = config
        self._clock = clock
        self._alarms = alarms
        self._bridge = bridge
        self._table = self._made(None)
        self._kept_s = clock.monotonic()
        self._is_off = False

    async def load(self, notes: Notes) -> None:
        """Go on from what an earlier run knew."""
        self._table = self._made(await notes.note(NOTE))

    async def keep(self, notes: Notes) -> None:
        """Write down what is known, where it is new."""
        if self._table.changed:
            await notes.set_note(NOTE, self._table.pack())
        self._kept_s = self._clock.monotonic()

    def hearing(self, interpret: Callable[[RawMessage], Outcome]) -> Callable[[RawMessage], Outcome]:
        """Give `interpret` with the clocks heard: the reports of those that are off carry what is known of them."""
        if self._config.correct == "off":
            return interpret

        def heard(message: RawMessage) -> Outcome:
            outcome = interpret(message)
            if not isinstance(outcome, tuple):
                return outcome  # updates are heard together
            return self._table.hear(outcome, message, self._known_skew_us)

        return heard

    def hear_updates(self, gathered: Sequence[Updates], received_us: int) -> None:
        """Hear the clocks of assets by their updates of one batch, whose last message was received then.

        All else in it was heard already; an earlier time would look as if our own clock had been put back.
        """
        for updates in gathered:
            if self._config.correct != "off" and updates.ahead_us:
                self._table.hear_together(updates.newest.asset, updates.ahead_us, received_us)

    async def look(self, _wats: Wats, notes: Notes) -> None:
        """Keep what is known now and then, and tell when our own clock is off, or no longer."""
        skew_us = self._skew_us()
        if skew_us and not self._is_off:
            logger.warning(
                "the clock of this machine is wrong: that of WATS is %.1f s %s; set it, or run NTP",
                abs(skew_us) / 1e6,
                "ahead" if skew_us > 0 else "behind",
            )
        if skew_us:
            facts = {"server_ahead_s": round(skew_us / 1e6, 1)}
            await self._alarms.raise_(self._bridge, ALARM, "warning", notes, facts)
        elif self.server.bounds is not None:
            await self._alarms.clear(self._bridge, ALARM, notes)
        self._is_off = skew_us != 0
        if self._clock.monotonic() >= self._kept_s + KEEP_S:
            await self.keep(notes)

    def off(self) -> dict[str, Shown]:
        """Give the clocks of devices that are off."""
        return self._table.off(self._skew_us())

    @property
    def server_ahead_s(self) -> float:
        """How many seconds the server's clock is ahead of ours, where that is more than the tolerance; else 0.0."""
        return round(self._skew_us() / 1e6, 1)

    def _skew_us(self) -> int:
        return self.server.skew_us(instant(self._clock))

    def _known_skew_us(self) -> int | None:
        return None if self.server.bounds is None else self._skew_us()

    def _made(self, packed: bytes | None) -> ClockTable:
        return ClockTable(self.server.tolerance_us, self._config.min_messages, packed, lambda: to_us(self._clock.now()))
