"""Finished repairs, as WATS keeps them in reports."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from pywats_mqtt.events.reports import Stamp, SubUnit


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a repair found.

    Attributes:
        category: as the device named it, 1 to 100 characters; what there is, is set in the server.
        code: the same, within its category.
        comment: free text, or empty.
        com_ref: the component's reference on the board, such as `C12`, or empty.
        path: where it stood in the message, for a refusal.
    """

    category: str
    code: str
    path: str
    comment: str = ""
    com_ref: str = ""


class RepairedPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A part of the unit that was repaired or looked at.

    Attributes:
        unit: the part.
        failures: what was found on it.
    """

    unit: SubUnit
    failures: tuple[Failure, ...] = ()


class Repair(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="repair"):
    r"""A finished repair of a unit: one UUR report in WATS.

    Attributes:
        report_id: the WATS report id, derived: sent twice it overwrites itself.
        device: the id in the topic; the order key and the machine name.
        serial_number: as `TestResult.serial_number`; so part number and revision.
        start: aware UTC.
        failures: what was found on the unit itself, at least one.
        parts: its parts.
        duration_s: seconds, or None.
        operator: as sent, or empty.
        comment: free text, or empty.
        batch: batch serial number, or empty.
        result: of the unit after the repair: P, F, E or T.
        repair_code: WATS operation code of the repair sent by the device, or None.
        test_type: of the failed test, as the device named it, or empty.
        operation_code: of the failed test, sent by the device, or None.
        failed_test: report id of the failed test, or None where only the unit is known.
        misc: as `TestResult.misc`.
        attachments: as `TestResult.attachments`.
        request_id: as `TestResult.request_id`; so `shift_us` and `stamp`.
    """

    report_id: UUID
    device: str
    serial_number: str
    start: datetime
    failures: tuple[Failure, ...]
    parts: tuple[RepairedPart, ...] = ()
    part_number: str = ""
    revision: str = ""
    duration_s: float | None = None
    operator: str = ""
    comment: str = ""
    batch: str = ""
    result: str = "P"
    repair_code: int | None = None
    test_type: str = ""
    operation_code: int | None = None
    failed_test: UUID | None = None
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()
    request_id: str = ""
    shift_us: int | None = 0
    stamp: Stamp | None = None

    @property
    def key(self) -> str:
        """The line in which repairs keep their order: the device."""
        return self.device
