"""What one message says: its events, each with what makes it unique."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pywats_mqtt.events.assets import AssetCounts, AssetEnvironment, AssetState
from pywats_mqtt.events.environment import AssetSamples
from pywats_mqtt.events.identity import Identity
from pywats_mqtt.events.kinds import REPEATABLE, Event, Latest, Ordered
from pywats_mqtt.events.streams import UnitAtTester


class Identified(msgspec.Struct, frozen=True, gc=False):
    """An event with what makes it unique.

    Attributes:
        event: what happened.
        identity: None where arriving twice does no harm (absolute telemetry), or where there is nothing to tell by.
    """

    event: Event
    identity: Identity | None = None


class AssetUpdate(msgspec.Struct, frozen=True, gc=False):
    """All that one message says of an asset, where these are values at one time, as in nearly every message.

    It stands for the events that iterating it gives, in one object instead of one each: a fleet sends a hundred
    thousand of these a second. None of them needs an identity, since arriving twice they say the same.

    Attributes:
        asset: serial number of the asset.
        as_of_us: as in `AssetCounts`; for all values.
        total: absolute total count, or None.
        running: absolute running count, or None.
        status: the device's word, lower case, or empty.
        state: as in `AssetState`.
        channels: as in `AssetEnvironment`; empty for none.
        untimed: as in `AssetCounts`.
    """

    asset: str
    as_of_us: int
    total: int | None
    running: int | None
    status: str
    state: int | None
    channels: dict[str, float]
    untimed: bool

    def events(self) -> list[Latest]:
        """Give the events it stands for, at least one, in the order of `Latest`."""
        events: list[Latest] = []
        if self.total is not None or self.running is not None:
            counts = AssetCounts(
                asset=self.asset,
                total=self.total,
                running=self.running,
                as_of_us=self.as_of_us,
                untimed=self.untimed and self.total is not None,
            )
            events.append(counts)
        if self.status:
            events.append(AssetState(asset=self.asset, status=self.status, state=self.state, as_of_us=self.as_of_us))
        if self.channels:
            events.append(AssetEnvironment(asset=self.asset, channels=self.channels, as_of_us=self.as_of_us))
        return events

    def __iter__(self) -> Iterator[Identified]:
        return map(Identified, self.events())


def counts_twice(events: tuple[Identified, ...] | AssetUpdate) -> bool:
    """Tell whether a message with these events, at least one, counts twice when it arrives twice.

    Counts come first where there are any; absolute ones say the same twice. Samples count each time.
    """
    if isinstance(events, AssetUpdate):
        return False
    first = next((each for each in events if not isinstance(each.event, UnitAtTester)), events[0])
    if first.identity is not None:
        return False
    if any(isinstance(identified.event, AssetSamples) and identified.event.windows for identified in events):
        return True
    if isinstance(first.event, AssetCounts):
        return first.event.added > 0 or (first.event.past is not None and first.event.untimed)
    return isinstance(first.event, Ordered) and not isinstance(first.event, REPEATABLE)
