"""When a test or a repair began, where the clock that says so is wrong; what is changed stands in its misc infos."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pywats_mqtt.events import Repair, Step, TestResult
from pywats_mqtt.messages import from_us, text_of_us, to_us

SENT = "start_sent"
"""Name of the misc info with the start as the device sent it, where another one is on the report."""

CORRECTION = "clock_correction_s"
"""Name of the misc info with the seconds that were added to it."""

SKEW = "clock_skew_s"
"""Name of the misc info with the seconds a device's clock is ahead; negative: behind."""

CLOCK_SET_US = 946_684_800_000_000
"""2000-01-01 UTC: a clock that shows less was never set (it counts from its epoch since power-up)."""

Report = TypeVar("Report", TestResult, Repair)


def correction(sent_us: int, shift_us: int) -> list[tuple[str, str]]:
    """Write what is noted of a start that is not as sent.

    Args:
        sent_us: as sent, in microseconds since 1970 UTC; any number.
        shift_us: what was added to it.
    """
    return [(SENT, text_of_us(sent_us)), (CORRECTION, f"{shift_us / 1_000_000:.3f}")]


def sent_us(report: TestResult | Repair) -> int | None:
    """Give the start as the device sent it, or None where it sent none."""
    return None if report.shift_us is None else to_us(report.start) - report.shift_us


def settled(report: Report, *, server_us: int, tolerance_us: int, moves: bool) -> Report:
    """Decide the start of a report whose device's clock, or ours, is off.

    Args:
        report: with what was known of the clock when it arrived.
        server_us: how far the server's clock is ahead of ours; used where that was not known at reception.
        tolerance_us: less than this is no skew.
        moves: whether a start is moved by the skew of its device; else that is only noted.

    Returns:
        The report as it goes to the server; its id is that of what the device sent.
    """
    stamp = report.stamp
    if stamp is None:
        return report
    server_us = server_us if stamp.server_us is None else stamp.server_us
    heard_us = stamp.heard_us + server_us
    sent = sent_us(report)
    told = sent is None or isinstance(report, TestResult)  # a repair's duration is what a person says, as it may begin
    latest_us = heard_us - (round((report.duration_s or 0.0) * 1_000_000) if told else 0)
    if sent is None:
        return moved(report, latest_us)
    ahead_us = 0 if stamp.ahead_us is None else stamp.ahead_us - server_us
    is_off = abs(ahead_us) > tolerance_us
    if is_off and moves:
        start_us = min(sent - ahead_us, latest_us)
    else:
        start_us = sent if CLOCK_SET_US <= sent <= heard_us else latest_us
    report = moved(report, start_us)
    if is_off:
        report = msgspec.structs.replace(report, misc=(*report.misc, (SKEW, f"{ahead_us / 1_000_000:.1f}")))
    return report


def not_after(report: Report, latest_us: int) -> Report:
    """Give the report with a start that is not later than `latest_us`: WATS hides what is dated in its future."""
    return report if to_us(report.start) <= latest_us else moved(report, latest_us)


def moved(report: Report, start_us: int) -> Report:
    """Give the report with another start, its steps moved with it, and what was changed in its misc infos."""
    by_us = start_us - to_us(report.start)
    if not by_us:
        return report
    sent, misc, shift_us = sent_us(report), report.misc, None
    if sent is not None and report.shift_us is not None:
        shift_us = report.shift_us + by_us
        before = correction(sent, report.shift_us) if report.shift_us else []
        misc = tuple(pair for pair in misc if pair not in before)
        misc += tuple(correction(sent, shift_us)) if shift_us else ()
    report = msgspec.structs.replace(report, start=from_us(start_us), shift_us=shift_us, misc=misc)
    if isinstance(report, TestResult):
        report = msgspec.structs.replace(report, steps=tuple(_moved(step, by_us) for step in report.steps))
    return report


def _moved(step: Step, by_us: int) -> Step:
    if step.start is None and not step.steps:
        return step
    start = None if step.start is None else from_us(to_us(step.start) + by_us)
    return msgspec.structs.replace(step, start=start, steps=tuple(_moved(one, by_us) for one in step.steps))
