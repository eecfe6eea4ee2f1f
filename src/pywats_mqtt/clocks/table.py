"""The clocks of all devices: hears every message, and stamps the reports of those whose clock is off.

A message that says when it was sent (telemetry), or when a test of known duration began, tells its device's clock. One
of a test whose duration is not known may have been sent long after that start; it tells only a clock that is ahead. So
does one of a repair: its duration is what a person says, who may enter it as it begins.
What the broker retained is of any age and tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from pywats_mqtt.clocks.device import DeviceClock
from pywats_mqtt.clocks.starts import sent_us
from pywats_mqtt.events import (
    AssetCounts,
    AssetEnvironment,
    AssetState,
    Identified,
    Repair,
    Stamp,
    TestResult,
)
from pywats_mqtt.messages import RawMessage

MOST = 4_096
"""Devices whose clocks are watched: about a kilobyte each; of more, those that were silent longest are forgotten."""

SHOWN = 100
"""Clocks in `status`: those that are off most."""

Events: TypeAlias = tuple[Identified, ...]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that is off, in `status`.

    Attributes:
        ahead_s: seconds it is ahead; negative: behind.
        drift_ppm: microseconds it gains in a second; 0.0 while that is not known.
        messages: how many told it.
    """

    ahead_s: float
    drift_ppm: float
    messages: int


class ClockTable:
    """What is known of the clocks of devices.

    Args:
        tolerance_us: less than this is no skew.
        least: messages of a device before its clock is judged.
        packed: what `pack` gave, or None.
        now_us: tells our time.

    Attributes:
        changed: something was heard since `pack`.
    """

    def __init__(
        self, tolerance_us: int, least: int, packed: bytes | None = None, now_us: Callable[[], int] = lambda: 0
    ) -> None:
        self._tolerance_us = tolerance_us
        self._least = least
        self._now_us = now_us
        self._clocks: dict[str, DeviceClock] = {}
        self.changed = False
        if packed is not None:
            self._clocks = msgspec.msgpack.decode(packed, type=dict[str, DeviceClock])

    def pack(self) -> bytes:
        """Give what is known, to be kept over a restart."""
        self.changed = False
        return msgspec.msgpack.encode(self._clocks)

    def hear(self, events: Events, message: RawMessage, server_us: Callable[[], int | None] = lambda: None) -> Events:
        """Learn from a message; gives its events, reports with a stamp where their device's clock is off.

        Args:
            events: what it means; updates are heard by `hear_together`.
            message: as received; messages come in the order of their reception.
            server_us: tells how far the server's clock is ahead of ours, or None where it is not known.
        """
        if not events:
            return events
        first = events[0]
        if isinstance(first.event, TestResult | Repair):
            stamped = self._stamped(first.event, message, server_us)
            return events if stamped is first.event else (Identified(stamped, first.identity), *events[1:])
        for identified in events:
            event = identified.event
            if isinstance(event, AssetCounts | AssetState | AssetEnvironment) and event.as_of_us:
                self._hear_values(event.asset, event.as_of_us, message)
                break  # what follows is of the same time
        return events

    def hear_together(self, device: str, differences_us: Sequence[int], received_us: int) -> None:
        """Learn from messages of a device that came together, unless they came long ago and are tried again.

        Those were received before others that were heard, though our clock was not put back since.

        Args:
            device: their id.
            differences_us: of each the time it says less that of its reception, in microseconds; at least one.
            received_us: reception of the last.
        """
        clock = self._clocks.get(device)
        if clock is None:
            if len(self._clocks) >= MOST:
                self._forget_silent()
            clock = self._clocks[device] = DeviceClock()
        since_us = clock.heard_us - self._tolerance_us
        if received_us < since_us <= self._now_us():
            return
        self.changed = True
        clock.hear(differences_us, received_us, tolerance_us=self._tolerance_us, least=self._least)

    def off(self, server_us: int = 0) -> dict[str, Shown]:
        """Give the clocks that are off by more than the tolerance, the worst first.

        Args:
            server_us: how far the server's clock is ahead of ours.
        """
        found = {
            device: Shown(
                ahead_s=round((clock.skew.ahead_us - server_us) / 1e6, 1),
                drift_ppm=round(clock.skew.drift * 1e6, 1),
                messages=clock.count,
            )
            for device, clock in self._clocks.items()
            if clock.skew is not None and abs(clock.skew.ahead_us - server_us) > self._tolerance_us
        }
        return dict(sorted(found.items(), key=lambda pair: -abs(pair[1].ahead_s))[:SHOWN])

    def _stamped(
        self, report: TestResult | Repair, message: RawMessage, server_us: Callable[[], int | None]
    ) -> TestResult | Repair:
        received_us, sent = message.received_at_us, sent_us(report)
        if sent is not None and not message.retain:
            if isinstance(report, TestResult) and report.duration_s is not None:
                self.hear_together(report.device, (sent + round(report.duration_s * 1e6) - received_us,), received_us)
            elif sent > received_us:
                self.hear_together(report.device, (sent - received_us,), received_us)
        clock = self._clocks.get(report.device)
        ahead_us = None if clock is None else clock.ahead_us(received_us, self._tolerance_us)
        if report.shift_us == 0 and (ahead_us is None or abs(ahead_us) <= self._tolerance_us):
            return report
        return msgspec.structs.replace(report, stamp=Stamp(received_us, ahead_us, server_us()))

    def _hear_values(self, asset: str, as_of_us: int, message: RawMessage) -> None:
        """Learn from telemetry; where its time could not be true, or it has none, it is that of reception."""
        received_us = message.received_at_us
        if as_of_us != received_us and not message.retain:
            self.hear_together(asset, (as_of_us - received_us,), received_us)

    def _forget_silent(self) -> None:
        """Forget a quarter, so that this need not be done again at once."""
        longest = sorted(self._clocks, key=lambda device: self._clocks[device].heard_us)
        for device in longest[: MOST // 4]:
            del self._clocks[device]
