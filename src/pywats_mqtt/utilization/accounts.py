"""What adds up for one asset in one period, as it is kept in a note. Pure."""

from __future__ import annotations

import msgspec

from pywats_mqtt.events import NO_PARTS, Parts
from pywats_mqtt.utilization.calendar import Period
from pywats_mqtt.utilization.shares import Head, Rules, Share, plus

MOST_STATES = 50
"""States kept of a period; the time in further ones is added up under `OTHER`."""

OTHER = "other states"

_SECOND = 1_000_000


class Account(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an asset did in a period.

    Attributes:
        period: which; as the calendar was when it began.
        last: id of the event whose share was added last: its delivery may be tried again.
        until_us: up to when it was told of.
        states: state to seconds.
        producing_s: of them, those of production.
        in_plan_s: of these, those that the calendar has planned.
        planned_s: what the device said was planned, or None where it never did.
        parts: that were made.
        ideal_s: seconds that the parts with a known ideal cycle take at best.
        unideal: parts whose ideal cycle the device did not say.
        back: how often a counter went back.
        unread: names of fields that were not read, of the last message that had any.
        changed_us: when a share was added last, by our clock.
        owed: it is not known to be in WATS as it is now.
        sent: digest of the report that was sent last.
        refused: why WATS refused it; empty where it did not.
    """

    period: Period
    last: str = ""
    until_us: int = 0
    states: dict[str, float] = {}
    producing_s: float = 0.0
    in_plan_s: float = 0.0
    planned_s: float | None = None
    parts: Parts = NO_PARTS
    ideal_s: float = 0.0
    unideal: int = 0
    back: int = 0
    unread: str = ""
    changed_us: int = 0
    owed: bool = False
    sent: bytes = b""
    refused: str = ""


def add(account: Account, share: Share, event_id: str, now_us: int) -> Account:
    """Add a share; nothing where it is that of the event that was added last.

    Args:
        account: of the period of the share.
        share: what an event tells.
        event_id: of the event.
        now_us: the time by our clock.
    """
    if account.last == event_id:
        return account
    states = dict(account.states)
    for state, seconds in share.states.items():
        name = state if state in states or len(states) < MOST_STATES else OTHER
        states[name] = states.get(name, 0.0) + seconds
    made, ideal = share.parts.total or 0, share.ideal_cycle_s
    return Account(
        period=account.period,
        last=event_id,
        until_us=max(account.until_us, share.until_us),
        states=states,
        producing_s=account.producing_s + share.producing_s,
        in_plan_s=account.in_plan_s + share.in_plan_s,
        planned_s=account.planned_s if share.planned_s is None else (account.planned_s or 0.0) + share.planned_s,
        parts=plus(account.parts, share.parts),
        ideal_s=account.ideal_s + made * (ideal or 0.0),
        unideal=account.unideal + (made if ideal is None else 0),
        back=account.back + share.went_back,
        unread=share.unread or account.unread,
        changed_us=now_us,
        owed=True,
        sent=account.sent,
    )


def with_open_state(account: Account, head: Head, rules: Rules) -> Account:
    """Give an account with the time up to the end of its period that the device's next message will tell of.

    A device that says its state and is silent from then on is in it, for as long as a state may last.
    """
    begin_us = max(head.heard_us, account.period.start_us)
    end_us = min(head.heard_us + rules.longest_us, account.period.end_us)
    if not head.state or begin_us >= end_us:
        return account
    seconds = (end_us - begin_us) / _SECOND
    states = {**account.states, head.state: account.states.get(head.state, 0.0) + seconds}
    if head.state not in rules.producing:
        return msgspec.structs.replace(account, states=states)
    planned_us = sum(max(0, min(end_us, end) - max(begin_us, start)) for start, end in account.period.planned)
    return msgspec.structs.replace(
        account,
        states=states,
        producing_s=account.producing_s + seconds,
        in_plan_s=account.in_plan_s + planned_us / _SECOND,
    )
