"""Finished tests, as WATS keeps them in reports."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One measured value with its limits; finite numbers only.

    Attributes:
        value: a number, a text, or None for what only passes or fails.
        unit: as the device sent it; empty where it sent none.
        low: the lower limit, or None; also the one limit of a `comp` that has one.
        high: the upper limit, or None.
        status: `P`, `F` or `S` (skipped): WATS knows no others for a measurement.
        name: empty for the one value of a step.
        comp: WATS' comparison operator; empty where the limits tell it: none LOG, one GE or LE, two GELE.
        limit: the text that a text is compared with, or None.
    """

    value: float | str | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    status: str = "P"
    name: str = ""
    comp: str = ""
    limit: str | None = None


class Series(msgspec.Struct, frozen=True, gc=False):
    """One line of a chart.

    Attributes:
        name: 1 to 100 characters.
        y: at least one value.
        x: as many as in `y`, or empty.
    """

    name: str
    y: tuple[float, ...]
    x: tuple[float, ...] = ()


class Chart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A chart.

    Attributes:
        type: `Line`, `LineLogXY`, `LineLogX` or `LineLogY`.
        label: its title.
        x_label: what the x axis shows, or empty; so the other three.
        series: at least one.
    """

    label: str
    series: tuple[Series, ...]
    type: str = "Line"
    x_label: str = ""
    x_unit: str = ""
    y_label: str = ""
    y_unit: str = ""


class Attachment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file.

    Attributes:
        name: 1 to 100 characters.
        content_type: media type.
        data: the bytes.
        path: where it stood in the message, for a refusal.
    """

    name: str
    content_type: str
    data: bytes
    path: str


class Loop(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A turn of a loop.

    Attributes:
        index: the turn, from 0, or None.
        count: how many there are, or None.
    """

    index: int | None = None
    count: int | None = None


NO_MEASUREMENT = Measurement()


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One step of a test.

    Attributes:
        name: 1 to 100 characters.
        status: P passed, F failed, S skipped, D done, E error, T terminated.
        kind: `sequence` (of `steps`), `many` (`measurements`), `chart`, `action`, or empty for one `measurement`.
        measurement: what was measured; its value None makes it a pass/fail step.
        measurements: several; all their values are numbers, or all texts, or all None.
        steps: those of a sequence, in the order sent.
        chart: a chart, or None.
        attachment: a file, or None.
        loop: its turn in a loop, or None.
        group: `S` setup, `M` main, `C` cleanup.
        start: aware UTC, or None.
        error_code: the device's error number, or None.
        error_message: the device's error text.
        report_text: free text for the step.
        duration_s: seconds, or None where the device sent none.
    """

    name: str
    status: str
    kind: str = ""
    measurement: Measurement = NO_MEASUREMENT
    measurements: tuple[Measurement, ...] = ()
    steps: tuple[Step, ...] = ()
    chart: Chart | None = None
    attachment: Attachment | None = None
    loop: Loop | None = None
    group: str = "M"
    start: datetime | None = None
    error_code: int | None = None
    error_message: str = ""
    report_text: str = ""
    duration_s: float | None = None


class SubUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A part with a number of its own.

    Attributes:
        serial_number: as `TestResult.serial_number`.
        part_number: the same.
        revision: as sent, or empty.
        type: what part it is, 1 to 50 characters.
    """

    serial_number: str
    part_number: str
    revision: str = ""
    type: str = "Part"


class AssetUse(msgspec.Struct, frozen=True, gc=False):
    """An asset that was used in a test.

    Attributes:
        asset: its serial number.
        count: how often.
    """

    asset: str
    count: int = 1


UNIT_KINDS = frozenset({"results", "measurements"})
"""Kinds of results that are tests of units."""


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was known of a device's clock when its report arrived.

    Attributes:
        heard_us: when that was, by the bridge's clock, in microseconds since 1970 UTC.
        ahead_us: how far the device's clock was ahead of the bridge's, or None where that was not known.
        server_us: how far that of WATS was ahead of the bridge's, or None where WATS had not answered yet.
    """

    heard_us: int
    ahead_us: int | None
    server_us: int | None = None


class TestResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="test_result"):
    r"""A finished test of a unit: one UUT report in WATS.

    Attributes:
        report_id: the WATS report id, derived: sent twice it overwrites itself.
        device: the id in the topic; the order key and the machine name.
        kind: `results`, `selftest`, or `environment` of what the bridge gathered.
        test_type: as the device named it, or empty; the configuration maps it to an operation code.
        operation_code: sent by the device, or None.
        serial_number: 1 to 100 characters, none of `* % ? [ ] ^ ! / \`.
        part_number: as sent, empty for the configured default.
        revision: as sent, empty for the configured default.
        result: P passed, F failed, E error, T terminated.
        by_steps: the device named no verdict; it follows from the steps.
        start: aware UTC.
        duration_s: execution time in seconds, or None.
        operator: as sent, or empty.
        fixture: id of the fixture, or empty.
        batch: batch serial number, or empty.
        socket: test socket index, or None.
        steps: in the order sent.
        sub_units: parts with numbers of their own.
        assets: assets used; whether that counts them is the configuration's.
        error_code: the device's error number for the test, or None.
        error_message: the device's error text for the test.
        misc: (description, text) pairs that go to the report's misc infos, what we noticed among them.
        attachments: (name, text) pairs: what did not fit a WATS field, kept whole.
        request_id: names the answer when the report is in WATS, or was refused; empty for no answer.
        shift_us: microseconds by which `start` is later than the device said, since that could not be true; None where
            it said none.
        stamp: what the clock of the device has to do with it; None for nothing.
    """

    __test__ = False  # not a pytest class

    report_id: UUID
    device: str
    kind: str
    serial_number: str
    result: str
    start: datetime
    by_steps: bool = False
    test_type: str = ""
    operation_code: int | None = None
    part_number: str = ""
    revision: str = ""
    duration_s: float | None = None
    operator: str = ""
    fixture: str = ""
    batch: str = ""
    socket: int | None = None
    steps: tuple[Step, ...] = ()
    sub_units: tuple[SubUnit, ...] = ()
    assets: tuple[AssetUse, ...] = ()
    error_code: int | None = None
    error_message: str = ""
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()
    request_id: str = ""
    shift_us: int | None = 0
    stamp: Stamp | None = None

    @property
    def key(self) -> str:
        """The line in which results keep their order: the device."""
        return self.device

    @property
    def is_of_unit(self) -> bool:
        """Whether a unit was tested: neither the device itself, nor is it a summary or a history that is a report."""
        return self.kind in UNIT_KINDS
