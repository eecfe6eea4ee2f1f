"""What a message tells of each period: its times and parts, split where the period changes. Pure.

Nobody knows in which order the states of a message came, nor when its parts were made: they are spread evenly over the
time that it tells of. Parts stay whole, and none is lost or made twice by that.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import accumulate, pairwise

import msgspec

from pywats_mqtt.events import NO_PARTS, AssetUtilization, Parts
from pywats_mqtt.utilization.calendar import Calendar, Period

_SECOND = 1_000_000


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an asset between two messages.

    Attributes:
        last: id of the event that was taken last.
        heard_us: time of the newest one; 0 before the first.
        state: what the asset does since then; empty where it says times itself.
        total, good: the device's counters as they were last; None where it has none.
        counted_us: the time of them.
        ideal_cycle_s: what it sent last.
    """

    last: str = ""
    heard_us: int = 0
    state: str = ""
    total: int | None = None
    good: int | None = None
    counted_us: int = 0
    ideal_cycle_s: float | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator set.

    Attributes:
        producing: the states that are production.
        longest_us: a state lasts no longer than this after the message that says it; what it does then is unknown.
        from_zero: a counter that went back counts from 0 again; else it only counts on from where it is.
    """

    producing: frozenset[str]
    longest_us: int
    from_zero: bool


class Share(msgspec.Struct, kw_only=True):
    """What a message tells of one period.

    Attributes:
        period: which.
        until_us: up to when it tells.
        states: state to seconds.
        producing_s: of them, those of production.
        in_plan_s: of these, those that the calendar has planned.
        planned_s: what the device says was planned, or None.
        parts: that were made.
        ideal_cycle_s: seconds each of them takes at best, or None where the device does not say.
        went_back: a counter went back.
        unread: names of fields that were not read.
    """

    period: Period
    until_us: int
    states: dict[str, float] = msgspec.field(default_factory=dict)
    producing_s: float = 0.0
    in_plan_s: float = 0.0
    planned_s: float | None = None
    parts: Parts = NO_PARTS
    ideal_cycle_s: float | None = None
    went_back: bool = False
    unread: str = ""


class _Piece(msgspec.Struct):
    """What of a time lies in one period: its end, and how long it and its planned part last."""

    period: Period
    until_us: int
    lasts_us: int
    planned_us: int


def follow(
    head: Head, event: AssetUtilization, rules: Rules, calendar: Calendar, open_us: int
) -> tuple[Head, list[Share]]:
    """Take an event.

    A state is told up to the next message. An event that is older than one before it, as some devices send what they
    kept while they were offline, tells of times and parts that it names itself; its state and its counters are passed
    by newer ones and tell nothing more.

    Args:
        head: what is known before it.
        event: a new one, later than `open_us`.
        rules: what the operator set.
        calendar: the periods.
        open_us: where the oldest period begins that is not closed; what lies before it is left out of times, and parts
            that were counted since before it belong to what comes after it.

    Returns:
        What is known after it, and what it tells of each period, at most one share of each.
    """
    at_us, newest = event.at_us, event.at_us >= head.heard_us
    states, begin_us = _times(head, event, rules)
    counted, went_back = _counted(head, event, rules) if newest else (NO_PARTS, False)
    shares: dict[int, Share] = {}

    def share_of(piece: _Piece) -> Share:
        found = shares.setdefault(piece.period.start_us, Share(period=piece.period, until_us=piece.until_us))
        found.until_us = max(found.until_us, piece.until_us)
        return found

    end_us = begin_us + round(sum(states.values()) * _SECOND) if states else at_us
    told = _pieces(calendar, max(begin_us, open_us), end_us) if end_us > open_us else _pieces(calendar, at_us, at_us)
    for piece in told:
        part = piece.lasts_us / (end_us - begin_us) if end_us > begin_us else 1.0
        if part:
            _spend(share_of(piece), piece, {state: s * part for state, s in states.items()}, rules.producing)
        if part and event.planned_s is not None:
            share_of(piece).planned_s = event.planned_s * part
    for parts, pieces in (
        (event.added, told),
        (counted, _pieces(calendar, max(head.counted_us or at_us, open_us), at_us)),
    ):
        for piece, made in zip(pieces, _made(parts, pieces), strict=True):
            if made != NO_PARTS:
                share = share_of(piece)
                share.parts = plus(share.parts, made)
                share.ideal_cycle_s = event.ideal_cycle_s or head.ideal_cycle_s
    last = share_of(_pieces(calendar, at_us, at_us)[0])
    last.went_back, last.unread = went_back, event.unread
    return msgspec.structs.replace(_known(head, event) if newest else head, last=str(event.id)), list(shares.values())


def plus(one: Parts, other: Parts) -> Parts:
    """Add numbers of parts; what neither knows stays unknown."""
    return Parts(_sum(one.total, other.total), _sum(one.good, other.good))


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other + (one or 0)


def _known(head: Head, event: AssetUtilization) -> Head:
    counted = event.counted
    return Head(
        heard_us=event.at_us,
        state="" if event.states else event.state or head.state,
        total=head.total if counted.total is None else counted.total,
        good=head.good if counted.good is None else counted.good,
        counted_us=head.counted_us if counted == NO_PARTS else event.at_us,
        ideal_cycle_s=event.ideal_cycle_s or head.ideal_cycle_s,
    )


def _times(head: Head, event: AssetUtilization, rules: Rules) -> tuple[dict[str, float], int]:
    """Give the times an event tells of, and when they begin: its own, else that of the state since the last one."""
    if event.states:
        return event.states, event.at_us - round(sum(event.states.values()) * _SECOND)
    since_us = event.at_us - head.heard_us
    if not head.heard_us or since_us <= 0:
        return {}, event.at_us
    if head.state:
        return {head.state: min(since_us, rules.longest_us) / _SECOND}, head.heard_us
    return {}, head.heard_us if since_us <= rules.longest_us else event.at_us


def _counted(head: Head, event: AssetUtilization, rules: Rules) -> tuple[Parts, bool]:
    """Tell by how much the counters of a device went on, and whether one went back."""
    total, total_back = _went_on(head.total, event.counted.total, rules)
    good, good_back = _went_on(head.good, event.counted.good, rules)
    return Parts(total, good), total_back or good_back


def _went_on(before: int | None, now: int | None, rules: Rules) -> tuple[int | None, bool]:
    """Tell by how much a counter went on; the first that is ever sent tells nothing: counting begins there."""
    if now is None or before is None:
        return None, False
    if now < before:
        return now if rules.from_zero else 0, True
    return now - before, False


def _pieces(calendar: Calendar, begin_us: int, end_us: int) -> list[_Piece]:
    """Split a time where the period changes; one that does not last belongs to the period it ends in."""
    if begin_us >= end_us:
        return [_Piece(calendar.period(end_us - 1), end_us, 0, 0)]
    pieces: list[_Piece] = []
    for period in calendar.periods(begin_us, end_us):
        first_us, until_us = max(begin_us, period.start_us), min(end_us, period.end_us)
        planned_us = sum(max(0, min(until_us, end) - max(first_us, start)) for start, end in period.planned)
        pieces.append(_Piece(period, until_us, until_us - first_us, planned_us))
    return pieces


def _spend(share: Share, piece: _Piece, states: Mapping[str, float], producing: Container[str]) -> None:
    """Add times that lie in a piece."""
    in_plan = piece.planned_us / piece.lasts_us if piece.lasts_us else 0.0
    for state, seconds in states.items():
        share.states[state] = share.states.get(state, 0.0) + seconds
        if state in producing:
            share.producing_s += seconds
            share.in_plan_s += seconds * in_plan


def _made(parts: Parts, pieces: Sequence[_Piece]) -> list[Parts]:
    """Deal parts out to the pieces: whole ones, all of them, and never more good ones than there are."""
    lasting = list(accumulate(piece.lasts_us for piece in pieces))
    totals = None if parts.total is None else _dealt(parts.total, lasting)
    within = parts.total is not None and parts.good is not None and 0 < parts.good <= parts.total
    goods = None
    if parts.good is not None:
        goods = _dealt(parts.good, list(accumulate(totals)) if totals is not None and within else lasting)
    return [
        Parts(None if totals is None else totals[place], None if goods is None else goods[place])
        for place in range(len(pieces))
    ]


def _dealt(count: int, so_far: Sequence[int]) -> list[int]:
    """Split a count by how much of the whole is reached at each place."""
    whole = so_far[-1]
    reached = [count * part // whole if whole else 0 for part in so_far[:-1]] + [count]
    return [now - before for before, now in pairwise([0, *reached])]
