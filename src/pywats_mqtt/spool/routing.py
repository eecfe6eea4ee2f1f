"""What becomes of a routed batch, decided in one pure function; the stores only carry it out.

A message counts once, however many events it holds: its count rides on its last event's delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, get_args

import msgspec

from pywats_mqtt.events import (
    LATEST_KINDS,
    TOLD_TOPIC,
    AssetCounts,
    Event,
    Identified,
    Identity,
    Latest,
    Ordered,
    counts_twice,
    kind_of_type,
    order_key,
)
from pywats_mqtt.events.identity import CONFLICT
from pywats_mqtt.folding import TELLING, capped, fold, tell
from pywats_mqtt.folding.counting import counts_on_each
from pywats_mqtt.folding.updates import Updates
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Gathered, Kept, Rejection, RoutedBatch

Pair: TypeAlias = tuple[str, str]
"""Names a latest delivery: its key and its kind."""


_KINDS: dict[type[Latest], str] = {kind: kind_of_type(kind) for kind in get_args(Latest)}
_COUNTS = kind_of_type(AssetCounts)


class NewDelivery(msgspec.Struct, frozen=True, gc=False):
    """An ordered delivery to be stored; `messages` is 1 where it carries its message's count, else 0."""

    event: Ordered
    message: RawMessage
    messages: int
    identity: Identity | None = None


class Noted(msgspec.Struct, frozen=True, gc=False):
    """A message without an ordered delivery that a trace may remember: by its first event with an identity."""

    event: Event
    message: RawMessage
    identity: Identity
    is_repeat: bool


class Folded(msgspec.Struct):
    """What the events of one batch make of a latest delivery, and how many messages it carries more."""

    event: Latest
    message: RawMessage
    messages: int = 0


class Held(msgspec.Struct, frozen=True, gc=False):
    """A message that goes to quarantine."""

    message: RawMessage
    rejection: Rejection


class Plan(msgspec.Struct):
    """What to store for a batch.

    Attributes:
        ordered: in order of arrival.
        folded: by pair, each the fold of all that came onto what was known.
        held: in order of arrival.
        noted: repeats, and identified messages that were only folded.
        identities: new ids and their digests.
        events_folded, duplicates, conflicts, ignored, unidentified: what was counted on the way.
    """

    ordered: list[NewDelivery] = msgspec.field(default_factory=list)
    folded: dict[Pair, Folded] = msgspec.field(default_factory=dict)
    held: list[Held] = msgspec.field(default_factory=list)
    noted: list[Noted] = msgspec.field(default_factory=list)
    identities: dict[bytes, bytes] = msgspec.field(default_factory=dict)
    events_folded: int = 0
    duplicates: int = 0
    conflicts: int = 0
    ignored: int = 0
    unidentified: int = 0

    @property
    def routed(self) -> RoutedBatch:
        """What the caller is told."""
        return RoutedBatch(
            ordered=len(self.ordered),
            folded=self.events_folded,
            duplicates=self.duplicates,
            quarantined=len(self.held),
            ignored=self.ignored,
            unidentified=self.unidentified,
        )


def identities(outcomes: Sequence[Gathered]) -> Iterator[Identity]:
    """Give the identities of all events, so that a store can look up which it knows."""
    for outcome in outcomes:
        if isinstance(outcome, tuple):  # updates have none
            for identified in outcome:
                if identified.identity is not None:
                    yield identified.identity


def decide(
    messages: Sequence[RawMessage],
    outcomes: Sequence[Gathered],
    known: Mapping[bytes, bytes],
    base: Callable[[Pair], Latest | None],
    stored_us: int = 0,
) -> Plan:
    """Decide what becomes of each message.

    Args:
        messages: of the batch, in order of arrival.
        outcomes: one for each message.
        known: digest by id, of all ids among `outcomes` that were stored before.
        base: gives what a latest event is folded into.
        stored_us: when the batch was stored: long after reception where its messages are tried again.

    Raises:
        ValueError: not one outcome for each message.
    """
    deciding = Deciding(known, base, stored_us)
    for message, outcome in zip(messages, outcomes, strict=True):
        if isinstance(outcome, Updates):
            if outcome.message is message:  # the newest of them, with which all are planned
                deciding.update(outcome)
        elif isinstance(outcome, Rejection):
            kept = message if outcome.kept is None else msgspec.structs.replace(message, payload=outcome.kept)
            deciding.plan.held.append(Held(kept, outcome))
        else:
            deciding.take(outcome, message)
    return deciding.plan


def latest_pair(kept: Kept) -> Pair | None:
    """Name the latest delivery that a row of the quarantine was refused as; None where it was none."""
    if kept.kind not in LATEST_KINDS:
        return None
    return msgspec.json.decode(kept.message.payload, type=Latest).key, kept.kind


class Deciding:
    """The plan of a batch in the making."""

    def __init__(self, known: Mapping[bytes, bytes], base: Callable[[Pair], Latest | None], stored_us: int = 0) -> None:
        self.plan = Plan()
        self._known = known
        self._base = base
        self._stored_us = stored_us

    def update(self, updates: Updates) -> None:
        """Take messages that are updates of one asset."""
        events = updates.newest.events()
        left = len(events)
        self.plan.events_folded += left * updates.messages
        earliest_us = counts_us = updates.earliest_us
        if len(updates.steps) > 1 and counts_on_each(self._counts(updates.newest.asset), *updates.steps[0][:2]):
            for counts, received_us in updates.earlier_counts():
                self._fold(counts, updates.message, received_us, messages=0)
            counts_us = updates.message.received_at_us
        for event in events:
            left -= 1
            received_us = counts_us if isinstance(event, AssetCounts) else earliest_us
            self._fold(event, updates.message, received_us, messages=0 if left else updates.messages)

    def take(self, outcome: tuple[Identified, ...], message: RawMessage) -> None:
        """Take a message with these events."""
        plan = self.plan
        if not outcome:
            plan.ignored += 1
            return
        if any(identified.identity is not None for identified in outcome):
            fresh = _new_events(plan, message, outcome, self._known)
        else:
            plan.unidentified += counts_twice(outcome)
            fresh = outcome
        left = len(fresh)
        for identified in fresh:
            event = identified.event
            left -= 1
            if isinstance(event, Ordered):
                plan.ordered.append(NewDelivery(event, message, 0 if left else 1, identified.identity))
                continue
            self._fold(event, message, message.received_at_us, messages=0 if left else 1)
            plan.events_folded += 1
        if not any(isinstance(identified.event, Ordered) for identified in fresh):
            plan.noted += _noted(fresh, message, is_repeat=False)

    def _counts(self, asset: str) -> AssetCounts | None:
        known = self._latest((asset, _COUNTS))
        return known if isinstance(known, AssetCounts) else None

    def _latest(self, pair: Pair) -> Latest | None:
        entry = self.plan.folded.get(pair)
        return self._base(pair) if entry is None else entry.event

    def _fold(self, event: Latest, message: RawMessage, received_us: int, *, messages: int) -> None:
        """Fold an event into what is known, whose times are capped at the reception of what comes first.

        What is tried again was received before much that is known, and is older than that; so not before it was stored.
        What that tells becomes deliveries of its own, which carry no message's count.
        """
        folded, pair = self.plan.folded, (event.key, _KINDS[type(event)])
        entry = folded.get(pair)
        known = self._latest(pair)
        if known is not None:
            known = capped(known, max(received_us, self._stored_us))
        if isinstance(event, TELLING):
            result, told = tell(known, event)
            self.plan.ordered.extend(NewDelivery(one, _said(one, message), 0) for one in told)
        else:
            result = fold(known, event)
        if entry is None:
            folded[pair] = Folded(result, message, messages)
        else:
            entry.event = result
            entry.message = message
            entry.messages += messages


def _said(event: Ordered, message: RawMessage) -> RawMessage:
    """Give the message that an event is which folding told; it was told when `message` came."""
    return RawMessage(TOLD_TOPIC, msgspec.json.encode(event), message.received_at_us, 1)


def _new_events(
    plan: Plan, message: RawMessage, outcome: Sequence[Identified], known: Mapping[bytes, bytes]
) -> Sequence[Identified]:
    """Give a message's events without those known before; empty where nothing of it is left, which is counted."""
    fresh: dict[bytes, bytes] = {}
    events: list[Identified] = []
    repeated = 0
    for identified in outcome:
        identity = identified.identity
        if identity is not None:
            key = identity.key
            digest = known.get(key)
            if digest is None:
                digest = plan.identities.get(key)
            if digest is None:
                if key in fresh:
                    continue
                fresh[key] = identity.digest
            elif digest == identity.digest:
                repeated += 1
                continue
            else:
                reason = f"{CONFLICT}: id {identity.id} came before with another content"
                plan.held.append(Held(message, Rejection(reason, device=order_key(identified.event))))
                plan.conflicts += 1
                return []
        events.append(identified)
    if repeated and not fresh:
        plan.duplicates += 1  # what it says beside its known events was said with them
        plan.noted += _noted(outcome, message, is_repeat=True)
        return []
    plan.identities.update(fresh)
    return events


def _noted(outcome: Sequence[Identified], message: RawMessage, *, is_repeat: bool) -> list[Noted]:
    """Note a message by its first event with an identity; none where no event has one."""
    named = ((each.event, each.identity) for each in outcome if each.identity is not None)
    return [Noted(event, message, identity, is_repeat) for event, identity in named][:1]
