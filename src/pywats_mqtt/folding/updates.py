"""Updates of one asset that follow each other are kept as one, since nearly all messages are such.

What is superseded is let go before the next message is read, so that its memory is taken again at once. This runs for
every message: see `bench ingest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from pywats_mqtt.events import AssetCounts, AssetUpdate, Identified
from pywats_mqtt.messages import RawMessage

Step: TypeAlias = tuple[int, int, int | None, int]
"""What is kept of an update with a total: its time, the total, the running count, and when it was received."""

Other = TypeVar("Other")


class Updates:
    """Updates of one asset that follow each other in a batch; the newest of them leaves nothing of the others.

    But for totals: whether one was a step back, or late, only tells what was known before. So all of them are kept.

    Attributes:
        newest: the last one.
        message: its message.
        earliest_us: when the earliest was received: the first one, unless the clock was put back.
        messages: how many they are.
        steps: all of them, where they have totals.
        ahead_us: how far the time of each is ahead of its reception, in microseconds, where it is the device's own.
    """

    __slots__ = ("ahead_us", "earliest_us", "message", "messages", "newest", "steps")

    def __init__(self, first: AssetUpdate, message: RawMessage) -> None:
        self.newest = first
        self.message = message
        self.earliest_us = message.received_at_us
        self.messages = 1
        self.steps: list[Step] = []
        self.ahead_us: list[int] = []

    def earlier_counts(self) -> list[tuple[AssetCounts, int]]:
        """Give the counts of all but the newest, each with when it was received."""
        asset, untimed = self.newest.asset, self.newest.untimed
        return [
            (AssetCounts(asset=asset, total=total, running=running, as_of_us=as_of_us, untimed=untimed), received_us)
            for as_of_us, total, running, received_us in self.steps[:-1]
        ]


class Gathering:
    """Gathers the updates of one batch.

    Attributes:
        made: what was gathered, in order of each first message.
    """

    def __init__(self) -> None:
        self.made: list[Updates] = []
        self._open: dict[str, Updates] = {}

    def take(
        self, message: RawMessage, outcome: tuple[Identified, ...] | AssetUpdate | Other
    ) -> tuple[Identified, ...] | Updates | Other:
        """Take what the next message says; give the same, or the updates that it is one of, which may grow."""
        if not isinstance(outcome, AssetUpdate):
            if isinstance(outcome, tuple):
                for identified in outcome:
                    self._open.pop(identified.event.key, None)
            return outcome
        asset, as_of_us, total, received_us = outcome.asset, outcome.as_of_us, outcome.total, message.received_at_us
        updates = self._open.get(asset)
        if updates is not None and supersedes(outcome, updates.newest):
            updates.newest = outcome
            updates.message = message
            updates.messages += 1
            if received_us < updates.earliest_us:  # noqa: PLR1730 - `min` takes as long as half of all this
                updates.earliest_us = received_us
        else:
            updates = self._open[asset] = Updates(outcome, message)
            self.made.append(updates)
        if total is not None:
            updates.steps.append((as_of_us, total, outcome.running, received_us))
        if as_of_us != received_us and not message.retain:  # what the broker retained is of any age
            updates.ahead_us.append(as_of_us - received_us)
        return updates


def gathered(
    messages: Iterable[RawMessage], outcomes: Iterable[tuple[Identified, ...] | AssetUpdate | Other]
) -> list[tuple[Identified, ...] | Updates | Other]:
    """Gather what the messages of a batch say, one outcome for each."""
    take = Gathering().take
    return [take(message, outcome) for message, outcome in zip(messages, outcomes, strict=True)]


def supersedes(new: AssetUpdate, old: AssetUpdate) -> bool:
    """Tell whether an update that comes next of the same asset leaves nothing of `old` but its step in `Updates`.

    That is so where it says the same blocks and values, none of them earlier and no total lower.
    """
    return (
        new.as_of_us >= old.as_of_us
        and (new.total is None if old.total is None else new.total is not None and new.total >= old.total)
        and new.untimed is old.untimed
        and (new.running is None) == (old.running is None)
        and (new.state is not None or old.state is None)
        and bool(new.status) == bool(old.status)
        and (old.channels.keys() <= new.channels.keys() if old.channels else not new.channels)
    )
