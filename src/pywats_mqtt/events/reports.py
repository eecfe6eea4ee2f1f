"""Finished tests, as WATS keeps them in reports."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One measured value with its limits; finite numbers only.

    Attributes:
        value: a number, a text, or None for a step that only passes or fails.
        unit: as the device sent it; empty where it sent none.
        low: the lower limit, or None.
        high: the upper limit, or None.
        status: `P`, `F` or `S` (skipped): WATS knows no others for a measurement.
    """

    value: float | str | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    status: str = "P"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One step of a test.

    Attributes:
        name: 1 to 100 characters.
        status: P passed, F failed, S skipped, D done, E error, T terminated.
        measurement: what was measured; its value None makes it a pass/fail step.
        error_code: the device's error number, or None.
        error_message: the device's error text.
        report_text: free text for the step.
        duration_s: seconds, or None where the device sent none.
    """

    name: str
    status: str
    measurement: Measurement
    error_code: int | None = None
    error_message: str = ""
    report_text: str = ""
    duration_s: float | None = None


class TestResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="test_result"):
    r"""A finished test of a unit: one UUT report in WATS.

    Attributes:
        report_id: the WATS report id, derived: sent twice it overwrites itself.
        device: the id in the topic; the order key and the machine name.
        kind: `results` or `selftest`.
        test_type: as the device named it, or empty; the configuration maps it to an operation code.
        operation_code: sent by the device, or None.
        serial_number: 1 to 100 characters, none of `* % ? [ ] ^ ! / \`.
        part_number: as sent, empty for the configured default.
        revision: as sent, empty for the configured default.
        result: P passed, F failed, E error, T terminated.
        start: aware UTC.
        duration_s: execution time in seconds, or None.
        operator: as sent, or empty.
        fixture: id of the fixture, or empty.
        batch: batch serial number, or empty.
        socket: test socket index, or None.
        steps: in the order sent.
        misc: (description, text) pairs that go to the report's misc infos, what we noticed among them.
        attachments: (name, text) pairs: what did not fit a WATS field, kept whole.
        request_id: names the answer when the report is in WATS, or was refused; empty for no answer.
    """

    __test__ = False  # not a pytest class

    report_id: UUID
    device: str
    kind: str
    serial_number: str
    result: str
    start: datetime
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
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()
    request_id: str = ""

    @property
    def key(self) -> str:
        """The line in which results keep their order: the device."""
        return self.device
