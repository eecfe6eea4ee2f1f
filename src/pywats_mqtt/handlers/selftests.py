"""What is known of the self-tests of a device, and what they say of the units it tested. Pure.

A passed self-test says that the device is good, a failed one (also one with an error) that it is not, and that the
units tested since the last good one are suspect. One that was terminated says nothing. All times are starts of tests,
so that what comes late is judged as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from pywats_mqtt.events import TestResult
from pywats_mqtt.messages import from_us, to_us

PREFIX = "selftests/"

TAG = "selftest"
"""Tag of the asset that shows the newest verdict."""

CHECK = "selftest_check"
"""Misc info of a report that names what is wrong with a fixture of its."""

LINE_CHARACTERS = 2_000
"""Of one line in the log of an asset: WATS says no limit, comments of reports have 5,000."""

LINES = 10
"""Lines with serial numbers in the log of an asset at most; each is a call."""

Word: TypeAlias = Literal["", "passed", "failed", "overdue"]


class Suspect(msgspec.Struct, frozen=True, array_like=True):
    """A unit tested since the last good self-test, and its report."""

    serial_number: str
    report_id: str
    at_us: int


class Window(msgspec.Struct, frozen=True, array_like=True):
    """When a device was not good, as far as its self-tests tell.

    Attributes:
        since_us: its last good self-test before; where none is known, its first failed one.
        failed_us: its first failed one.
        until_us: its next good one.
    """

    since_us: int
    failed_us: int
    until_us: int


class SelfTests(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one device; times are microseconds since 1970 UTC, and 0 where there is none.

    Attributes:
        at_us: start of its newest self-test.
        report_id: of its report.
        good_us: start of its last good one.
        failed_us: start of the first failed one since then.
        overdue_us: since when the next one is overdue, once that was noticed.
        before: when it was not good before its last good one, or None.
        owed: lines that its log in WATS has to get, the first one first.
        sending: the first of them was sent, and nobody knows whether it came.
        written: what the tag was last made to say.
        held: it was put in maintenance for this.
    """

    at_us: int = 0
    report_id: str = ""
    good_us: int = 0
    failed_us: int = 0
    overdue_us: int = 0
    before: Window | None = None
    owed: tuple[str, ...] = ()
    sending: bool = False
    written: str = ""
    held: bool = False

    @property
    def word(self) -> Word:
        """How the device is."""
        if self.failed_us:
            return "failed"
        return "overdue" if self.overdue_us else "passed" if self.good_us else ""

    @property
    def tag(self) -> str:
        """What the tag has to say."""
        if self.word == "overdue":
            return f"overdue since {shown(self.overdue_us)}, passed {shown(self.good_us)}"
        return f"{self.word} {shown(self.at_us)}" if self.word else ""


def follow(known: SelfTests, event: TestResult) -> SelfTests:
    """Take a self-test; one that is older than the newest, or was terminated, changes nothing."""
    at_us = to_us(event.start)
    if event.result == "T" or at_us < known.at_us:
        return known
    newest = msgspec.structs.replace(known, at_us=at_us, report_id=str(event.report_id), overdue_us=0)
    if event.result != "P":
        return msgspec.structs.replace(newest, failed_us=known.failed_us or at_us)
    ended = Window(known.good_us or known.failed_us, known.failed_us, at_us) if known.failed_us else known.before
    return msgspec.structs.replace(newest, good_us=at_us, failed_us=0, before=ended)


def overdue(known: SelfTests, now_us: int, every_us: int) -> SelfTests:
    """Notice that the next self-test did not come in time; a failed device is not good as it is."""
    due_us = known.at_us + every_us
    if not every_us or not known.at_us or known.failed_us or known.overdue_us or now_us <= due_us:
        return known
    line = f"Self-test overdue since {shown(due_us)}: the last one passed at {shown(known.at_us)}"
    return msgspec.structs.replace(known, overdue_us=due_us, owed=(*known.owed, line))


def check(known: SelfTests, at_us: int, every_us: int) -> str:
    """Tell what is wrong with a device when it tested a unit; empty where nothing is known to be.

    Args:
        known: the device.
        at_us: when the test of the unit began.
        every_us: a self-test has to follow within; 0 for no such rule.
    """
    lasting = Window(known.good_us or known.failed_us, known.failed_us, at_us + 1) if known.failed_us else None
    for window in (known.before, lasting):
        if window is not None and window.since_us <= at_us < window.until_us:
            failed = f"failed {shown(window.failed_us)}"
            return failed if at_us >= window.failed_us else f"suspect, {failed}"
    due_us = known.at_us + every_us
    if every_us and known.at_us and at_us > due_us:
        return f"overdue since {shown(due_us)}"
    return ""


def is_suspect(known: SelfTests, at_us: int) -> bool:
    """Tell whether a unit tested then is suspect if the next self-test fails."""
    return bool(known.at_us) and not known.failed_us and at_us >= known.good_us


def told(before: SelfTests, after: SelfTests, suspects: Sequence[Suspect]) -> SelfTests:
    """Add to what the log has to get the lines that a self-test leads to, where it changed how the device is.

    Args:
        before: what was known.
        after: what is known with the self-test.
        suspects: the units tested since the last good one.
    """
    if after.word == before.word or after == before:
        return after
    if after.word == "failed":
        lines = _failed(after, suspects)
    elif before.failed_us:
        lines = [f"Self-test passed at {shown(after.at_us)}; it had failed at {shown(before.failed_us)}"]
    elif before.overdue_us:
        lines = [f"Self-test passed at {shown(after.at_us)}; it was overdue since {shown(before.overdue_us)}"]
    else:
        return after
    return msgspec.structs.replace(after, owed=(*after.owed, *lines))


def _failed(known: SelfTests, suspects: Sequence[Suspect]) -> list[str]:
    since = f"since the last good one at {shown(known.good_us)}" if known.good_us else "since it is known"
    failed = shown(known.failed_us)
    serials = list(dict.fromkeys(suspect.serial_number for suspect in suspects))
    lists: list[str] = []
    while serials and len(lists) < LINES:
        text = serials.pop(0)
        while serials and len(text) + len(serials[0]) < LINE_CHARACTERS:
            text += f", {serials.pop(0)}"
        lists.append(text)
    if serials:
        lists[-1] += f" and {len(serials)} more"
    first = f"Self-test failed at {failed} (report {known.report_id}); {len(suspects)} reports of units {since}"
    return [first, *(f"Suspect units by the self-test of {failed}, {n}: {text}" for n, text in enumerate(lists, 1))]


def shown(moment_us: int) -> str:
    """Write a time for people."""
    return from_us(moment_us).isoformat(timespec="seconds")


def encode(known: SelfTests) -> bytes:
    """Pack what is known for its note."""
    return msgspec.msgpack.encode(known)


def decode(note: bytes) -> SelfTests:
    """Read what is known.

    Raises:
        msgspec.DecodeError: the note is none of ours.
    """
    return msgspec.msgpack.decode(note, type=SelfTests)
