"""What WATS holds, as the values that are compared, and reading it from an emulator (`GET /_emulator/state`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

REPAIR = "R"
"""Type of the report of a repair."""
MESSAGE = 0
"""Type of an entry that a message wrote into the log of an asset."""


ALERT = "Alert "
"""What the entry of an alert begins with."""
SOFTWARE = "sw_"
"""What the tag of a piece of software begins with."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is in WATS.

    Attributes:
        reports: of tests and batches.
        repairs: reports of repairs.
        assets: all of them.
        units: those that WATS knows the place of, or has a report of.
        alerts: entries in the logs of assets about alerts that were raised or cleared.
        software: assets whose tags say what software they run.
    """

    reports: int = 0
    repairs: int = 0
    assets: int = 0
    units: int = 0
    alerts: int = 0
    software: int = 0


class HeldReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report in WATS.

    Attributes:
        id: its UUID.
        device: the machine name.
        serial_number: of the unit.
        start: aware.
        first: grows with the order in which WATS first received the reports.
        passed: whether its result is P.
        is_repair: whether it is of a repair.
    """

    id: str
    device: str
    serial_number: str
    start: datetime
    first: int
    passed: bool
    is_repair: bool = False


class HeldAsset(msgspec.Struct, frozen=True):
    """An asset in WATS with its counts and tags."""

    serial_number: str
    running: int
    total: int
    tags: Mapping[str, str] = {}


class HeldUnit(msgspec.Struct, frozen=True):
    """A unit in WATS, and where it is."""

    serial_number: str
    location: str


class HeldEntry(msgspec.Struct, frozen=True):
    """A message in the log of an asset."""

    serial_number: str
    text: str


class Held(msgspec.Struct, frozen=True):
    """All that WATS holds."""

    reports: tuple[HeldReport, ...]
    assets: tuple[HeldAsset, ...]
    units: tuple[HeldUnit, ...] = ()
    log: tuple[HeldEntry, ...] = ()

    def tally(self) -> Tally:
        """Count it."""
        repairs = sum(report.is_repair for report in self.reports)
        return Tally(
            reports=len(self.reports) - repairs,
            repairs=repairs,
            assets=len(self.assets),
            units=len(self.units),
            alerts=sum(entry.text.startswith(ALERT) for entry in self.log),
            software=sum(any(name.startswith(SOFTWARE) for name in asset.tags) for asset in self.assets),
        )


class _Report(msgspec.Struct, frozen=True):
    id: str
    sn: str
    machine: str = msgspec.field(name="machineName")
    result: str
    start: datetime
    first_seq: int
    quarantined: bool
    type: str = ""


class _Tag(msgspec.Struct, frozen=True):
    key: str
    value: str


class _Asset(msgspec.Struct, frozen=True):
    serial_number: str = msgspec.field(name="serialNumber")
    running: int = msgspec.field(name="runningCount")
    total: int = msgspec.field(name="totalCount")
    tags: tuple[_Tag, ...] = ()


class _Unit(msgspec.Struct, frozen=True):
    serial_number: str = msgspec.field(name="serialNumber")
    location: str | None = msgspec.field(name="currentLocation", default=None)


class _Entry(msgspec.Struct, frozen=True):
    serial_number: str = msgspec.field(name="serialNumber")
    type: int
    comment: str | None


class _State(msgspec.Struct, frozen=True):
    reports: tuple[_Report, ...]
    assets: tuple[_Asset, ...]
    units: tuple[_Unit, ...] = ()
    asset_log: tuple[_Entry, ...] = ()


def read_held(state: bytes) -> Held:
    """Read the emulator's state; a report that WATS took and then put in its own quarantine is none that it holds.

    Raises:
        msgspec.DecodeError: it is no such state; a `ValidationError` names the place.
    """
    decoded = msgspec.json.decode(state, type=_State)
    return Held(
        tuple(
            HeldReport(
                id=report.id,
                device=report.machine,
                serial_number=report.sn,
                start=report.start,
                first=report.first_seq,
                passed=report.result == "Passed",
                is_repair=report.type == REPAIR,
            )
            for report in decoded.reports
            if not report.quarantined
        ),
        tuple(
            HeldAsset(asset.serial_number, asset.running, asset.total, {tag.key: tag.value for tag in asset.tags})
            for asset in decoded.assets
        ),
        tuple(HeldUnit(unit.serial_number, unit.location or "") for unit in decoded.units),
        tuple(
            HeldEntry(entry.serial_number, entry.comment or "") for entry in decoded.asset_log if entry.type == MESSAGE
        ),
    )
