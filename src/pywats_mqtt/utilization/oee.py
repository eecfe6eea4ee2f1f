"""The figures of ISO 22400-2:2014 for a period, each only where what it needs is known. Pure.

In the words of the standard: availability is actual production time by planned busy time; effectiveness is the planned
run time per item times the produced quantity, by actual production time; the quality ratio is good quantity by produced
quantity; and the OEE index is the product of the three. What devices and operators call performance is effectiveness.
"""

from __future__ import annotations

import msgspec

from pywats_mqtt.utilization.accounts import Account

_SECOND = 1_000_000

TOO_SLOW = 1.005
"""Performance up to this is what times that are rounded to seconds make of 1; above it, the ideal cycle is too long."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period; None where one cannot be known.

    Attributes:
        availability: from 0 to 1.
        performance: from 0 on; above 1 the ideal cycle time is wrong.
        quality: from 0 to 1.
        oee: from 0 to 1; performance counts as 1 at most.
        planned_s: planned busy time in seconds.
        unknown_s: seconds that were told of by nobody.
        remarks: what is odd about them, or why one is not known.
    """

    availability: float | None
    performance: float | None
    quality: float | None
    oee: float | None
    planned_s: float
    unknown_s: float
    remarks: tuple[str, ...] = ()


def figures(account: Account, until_us: int, ideal_cycle_s: float | None) -> Figures:
    """Compute the figures of a period, up to a moment of it.

    Args:
        account: what adds up in it.
        until_us: the end of the period, or the present where it is not over.
        ideal_cycle_s: what the operator set for the asset, for parts whose device says none.
    """
    remarks: list[str] = []
    until_us = min(until_us, account.period.end_us)
    by_calendar_us = sum(max(0, min(until_us, end) - start) for start, end in account.period.planned)
    planned_s = by_calendar_us / _SECOND if account.planned_s is None else account.planned_s
    availability = _availability(account, planned_s, remarks)
    performance = _performance(account, ideal_cycle_s, remarks)
    quality = _quality(account, remarks)
    oee = None
    if availability is not None and account.parts.total == 0:
        oee = 0.0  # no part was made in planned time, whatever one takes at best
    elif availability is not None and performance is not None and quality is not None:
        oee = availability * min(performance, 1.0) * quality
    told_s = sum(account.states.values())
    return Figures(
        availability=availability,
        performance=performance,
        quality=quality,
        oee=oee,
        planned_s=planned_s,
        unknown_s=max(0.0, (until_us - account.period.start_us) / _SECOND - told_s),
        remarks=tuple(remarks),
    )


def _availability(account: Account, planned_s: float, remarks: list[str]) -> float | None:
    if planned_s <= 0:
        remarks.append("availability is unknown: no time was planned")
        return None
    if account.planned_s is None:
        return min(1.0, account.in_plan_s / planned_s)
    if account.producing_s > planned_s * TOO_SLOW:
        remarks.append("production took longer than the device says was planned; availability is 1 at most")
    return min(1.0, account.producing_s / planned_s)


def _performance(account: Account, ideal_cycle_s: float | None, remarks: list[str]) -> float | None:
    total = account.parts.total
    if total is None:
        remarks.append("performance is unknown: the device counts no parts")
        return None
    if account.unideal and ideal_cycle_s is None:
        remarks.append("performance is unknown: no ideal cycle time, see utilization.ideal_cycle_s")
        return None
    if account.producing_s <= 0:
        remarks.append("performance is unknown: no time in production")
        return None
    performance = (account.ideal_s + account.unideal * (ideal_cycle_s or 0.0)) / account.producing_s
    if performance > TOO_SLOW:
        remarks.append("performance is above 1: the ideal cycle time is too long")
    return performance


def _quality(account: Account, remarks: list[str]) -> float | None:
    total, good = account.parts.total, account.parts.good
    if total is None or good is None:
        remarks.append("quality is unknown: the device does not count both good and all parts")
        return None
    if good > total:
        remarks.append("quality is unknown: more good parts than parts")
        return None
    return good / total if total else None
