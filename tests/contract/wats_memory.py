"""A WATS in memory, and the small parts that tests of what talks to WATS need: notes, and a clock moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Repair, TestResult
from pywats_mqtt.limits.monitors import monitors_of, worst
from pywats_mqtt.limits.values import EXTERNAL, AssetStatus, AssetType, Schedule
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Asset, KnownTest, Unit
from pywats_mqtt.software.packages import Package
from pywats_mqtt.wats.assets import xml_safe

OPERATIONS = {30: "ICT", 60: "Functional", 100: "End of line test"}
"""Operations of the server in memory, which the emulator has, too."""


class MemoryNotes:
    """Notes that live as long as the object; `written` counts the writes."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.written = 0
        self._fails: tuple[int, Exception, bool] | None = None

    def fail_at(self, write: int, failure: Exception, *, after: bool = False) -> None:
        """Let the next but so many writes fail, from 1 on; with `after` only once it is kept. 0: none."""
        self._fails = (self.written + write, failure, after) if write else None

    async def note(self, name: str) -> bytes | None:
        """Give a note."""
        return self.kept.get(name)

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Keep a note."""
        self.written += 1
        fails = self._fails if self._fails and self._fails[0] == self.written else None
        if fails and not fails[2]:
            raise fails[1]
        if value is None:
            self.kept.pop(name, None)
        else:
            self.kept[name] = value
        if fails:
            raise fails[1]

    async def notes(self, prefix: str) -> dict[str, bytes]:
        """Give the notes that begin so."""
        return {name: value for name, value in self.kept.items() if name.startswith(prefix)}


class HandClock:
    """A clock that goes when told; `sleep` is such a telling."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.start = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)

    def now(self) -> datetime:
        """Give the time on the wall."""
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Give the seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Be that much later, at once."""
        self.seconds += seconds


class MemoryWats:
    """The port `Wats` without a server: same answers, same refusals.

    Attributes:
        reports: report id to the results received under it, oldest first.
        repairs: the same of repairs.
        codes: repair operation to its categories and their codes; empty, the server does not tell.
        assets: serial number to asset.
        log: the lines of the assets' logs, as (serial number, text).
        calls: what was asked, as (name, serial number or report id, value).
        create_assets: as the configuration's.
        units: (serial number, part number) to unit.
        products: part number to its revisions.
        batches: number to size.
        software: all packages.
        type: the type of all assets.
        calibrations: what was recorded, as (serial number, when, comment).
        statuses: serial number to what it says of an asset instead of what it computes.
        now: the time that days are counted to.
        running_allowed: off, `set_running_count` is refused as for a token without the permission.
    """

    def __init__(self) -> None:
        self.reports: dict[str, list[TestResult]] = {}
        self.repairs: dict[str, list[Repair]] = {}
        self.codes: dict[int, Mapping[str, tuple[str, ...]]] = {}
        self.assets: dict[str, Asset] = {}
        self.log: list[tuple[str, str]] = []
        self.units: dict[tuple[str, str], Unit] = {}
        self.products: dict[str, set[str]] = {}
        self.calls: list[tuple[str, str, object]] = []
        self.batches: dict[str, int] = {}
        self.software: list[Package] = []
        self.type = AssetType(id="t1", name="MQTT device")
        self.calibrations: list[tuple[str, datetime, str]] = []
        self.statuses: dict[str, AssetStatus] = {}
        self.now = datetime(2026, 1, 26, 12, 0, tzinfo=UTC)
        self.create_assets = True
        self.running_allowed = True
        self._failures: dict[str, tuple[Retry | Reject, bool]] = {}

    def fail_next(self, name: str, failure: Retry | Reject, *, after: bool = False) -> None:
        """Let the next call of this name fail; with `after` only once it took effect."""
        self._failures[name] = (failure, after)

    def forgive(self) -> None:
        """Let no call fail that was to."""
        self._failures.clear()

    async def submit_report(self, result: TestResult) -> None:
        """Store a report under its id."""
        failure = self._called("submit_report", str(result.report_id), None)
        self.reports.setdefault(str(result.report_id), []).append(result)
        _raise(failure)

    async def submit_repair(self, repair: Repair) -> None:
        """Store a report under its id."""
        failure = self._called("submit_repair", str(repair.report_id), None)
        self.repairs.setdefault(str(repair.report_id), []).append(repair)
        _raise(failure)

    async def known_test(self, report_id: UUID) -> KnownTest | None:
        """Look for a report."""
        failure = self._called("known_test", str(report_id), None)
        received = self.reports.get(str(report_id))
        _raise(failure)
        return _known(received[-1]) if received else None

    async def failed_test(self, serial_number: str, part_number: str, before: datetime) -> KnownTest | None:
        """Look for a unit's newest failed test."""
        failure = self._called("failed_test", serial_number, part_number)
        found = [
            test
            for *_, test in self.reports.values()
            if test.serial_number == serial_number
            and part_number in {"", test.part_number}
            and test.result != "P"
            and test.start <= before
        ]
        _raise(failure)
        return _known(max(found, key=lambda test: test.start)) if found else None

    async def repair_codes(self, operation_code: int | None) -> Mapping[str, tuple[str, ...]] | None:
        """Give the codes of an operation; 500 unless told otherwise."""
        failure = self._called("repair_codes", str(operation_code), None)
        _raise(failure)
        return self.codes.get(500 if operation_code is None else operation_code)

    async def asset(self, serial_number: str) -> Asset:
        """Read or make an asset."""
        failure = self._called("asset", serial_number, None)
        await asyncio.sleep(0)  # as a server does, let others go on meanwhile
        asset = self._ensured(serial_number)
        _raise(failure)
        return asset

    async def set_total_count(self, serial_number: str, total: int) -> None:
        """Raise both counts."""
        failure = self._called("set_total_count", serial_number, total)
        self.count(serial_number, max(0, total - self._there(serial_number).total))
        _raise(failure)

    async def set_running_count(self, serial_number: str, running: int) -> None:
        """Set the running count."""
        failure = self._called("set_running_count", serial_number, running)
        if not self.running_allowed:
            raise Retry("SetRunningCount: 403", scope=Scope.CALL, cause="403")
        self._change(serial_number, running=running)
        _raise(failure)

    async def reset_running_count(self, serial_number: str, comment: str) -> None:
        """Begin the running count anew."""
        failure = self._called("reset_running_count", serial_number, comment)
        self._change(serial_number, running=0)
        _raise(failure)

    async def set_state(self, serial_number: str, state: int) -> None:
        """Set the state."""
        failure = self._called("set_state", serial_number, state)
        self._change(serial_number, state=state)
        _raise(failure)

    async def log_message(self, serial_number: str, text: str, *, perhaps_there: bool) -> None:
        """Write a line to the log, unless it may be there and is."""
        failure = self._called("log_message", serial_number, text)
        self._there(serial_number)
        if not perhaps_there or (serial_number, text) not in self.log:
            self.log.append((serial_number, text))
        _raise(failure)

    async def set_tags(self, serial_number: str, tags: Mapping[str, str]) -> None:
        """Merge tags."""
        failure = self._called("set_tags", serial_number, dict(tags))
        self._ensured(serial_number)
        self._change(serial_number, tags=self._there(serial_number).tags | xml_safe(tags))
        _raise(failure)

    async def asset_types(self) -> Sequence[AssetType]:
        """Give the one type."""
        _raise(self._called("asset_types", "", None))
        return (self.type,)

    async def asset_status(self, serial_number: str) -> AssetStatus:
        """Compute the status, or give the one that is set."""
        failure = self._called("asset_status", serial_number, None)
        await asyncio.sleep(0)
        asset = self._there(serial_number)
        _raise(failure)
        if serial_number in self.statuses:
            return self.statuses[serial_number]
        counts = (asset.running, asset.total)
        monitors = monitors_of(self.type, asset.schedule, counts, to_us(self.now))
        level = worst({name: monitor.level for name, monitor in monitors.items()})
        return AssetStatus(level=level, message=level.word or "OK", running=asset.running, total=asset.total)

    async def record_calibration(
        self, serial_number: str, at: datetime, comment: str, *, external_due: datetime | None = None
    ) -> None:
        """Note a calibration, and when the next is due."""
        failure = self._called("record_calibration", serial_number, at)
        schedule = self._there(serial_number).schedule
        days = self.type.calibration_days or 0
        if external_due is not None and days != EXTERNAL:
            raise Reject("400 the dates of this type follow from its interval")
        due = at + timedelta(days=days) if days > 0 else external_due
        dates = {"calibrated_us": to_us(at), "calibration_due_us": to_us(due) if due else schedule.calibration_due_us}
        self._change(serial_number, schedule=msgspec.structs.replace(schedule, **dates))
        self.calibrations.append((serial_number, at, comment))
        _raise(failure)

    async def unit(self, serial_number: str, part_number: str) -> Unit | None:
        """Read a unit."""
        failure = self._called("unit", serial_number, part_number)
        await asyncio.sleep(0)
        _raise(failure)
        return self.units.get((serial_number, part_number))

    async def save_units(self, units: Sequence[Unit]) -> Sequence[Reject | None]:
        """Save units; those whose product is not there are refused."""
        failure = self._called("save_units", ",".join(unit.serial_number for unit in units), len(units))
        await asyncio.sleep(0)
        outcomes = [self._save(unit) for unit in units]
        _raise(failure)
        return outcomes

    async def set_unit_phase(self, serial_number: str, part_number: str, phase: int) -> None:
        """Set a phase."""
        failure = self._called("set_unit_phase", serial_number, phase)
        self._change_unit(serial_number, part_number, phase=phase)
        _raise(failure)

    async def set_unit_process(self, serial_number: str, part_number: str, name: str) -> None:
        """Set an operation."""
        failure = self._called("set_unit_process", serial_number, name)
        codes = [str(code) for code, known in OPERATIONS.items() if known == name]
        if not codes:
            raise Reject(f"400 there is no operation {name!r}")
        self._change_unit(serial_number, part_number, process=codes[0])
        _raise(failure)

    async def save_batch(self, number: str, size: int) -> None:
        """Save a batch."""
        failure = self._called("save_batch", number, size)
        self.batches[number] = size
        _raise(failure)

    async def operations(self) -> Mapping[int, str]:
        """Give the operations."""
        _raise(self._called("operations", "", None))
        return OPERATIONS

    async def ensure_product(self, part_number: str, revision: str) -> None:
        """Make a product."""
        failure = self._called("ensure_product", part_number, revision)
        self.products.setdefault(part_number, set()).add(revision)
        _raise(failure)

    def _save(self, unit: Unit) -> Reject | None:
        known = self.units.get((unit.serial_number, unit.part_number))
        revision = unit.revision or (known.revision if known else "")
        if revision not in self.products.get(unit.part_number, ()):
            return Reject(f"there is no revision {revision!r} of a product {unit.part_number!r}")
        base = known or msgspec.structs.replace(unit, phase=2)
        self.units[unit.serial_number, unit.part_number] = msgspec.structs.replace(
            base, revision=revision, location=unit.location or base.location
        )
        return None

    def _change_unit(self, serial_number: str, part_number: str, **fields: object) -> None:
        known = self.units.get((serial_number, part_number))
        if known is None:
            raise Reject(f"404 there is no unit {serial_number!r}")
        self.units[serial_number, part_number] = msgspec.structs.replace(known, **fields)

    async def packages(self) -> Sequence[Package]:
        """Give all packages."""
        failure = self._called("packages", "", None)
        _raise(failure)
        return tuple(self.software)

    def count(self, serial_number: str, uses: int) -> None:
        """Count uses, as others may."""
        asset = self._there(serial_number)
        self._change(serial_number, running=asset.running + uses, total=asset.total + uses)

    def recount(self, serial_number: str, *, running: int, total: int) -> None:
        """Set both counts, as a person may."""
        self._there(serial_number)
        self._change(serial_number, running=running, total=total)

    def forget(self, serial_number: str) -> None:
        """Delete an asset, as a person may."""
        del self.assets[serial_number]

    def _called(self, name: str, about: str, value: object) -> Retry | Reject | None:
        self.calls.append((name, about, value))
        failure, after = self._failures.pop(name, (None, False))
        if not after:
            _raise(failure)
        return failure

    def _ensured(self, serial_number: str) -> Asset:
        if serial_number not in self.assets:
            if not self.create_assets:
                raise Reject(f"there is no asset {serial_number!r} in WATS and wats.create_assets is off")
            number = str(len(self.assets) + 1)
            schedule = Schedule(type_id=self.type.id, first_seen_us=to_us(self.now))
            self.assets[serial_number] = Asset(
                id=number, serial_number=serial_number, state=1, running=0, total=0, schedule=schedule
            )
        return self.assets[serial_number]

    def _there(self, serial_number: str) -> Asset:
        if serial_number not in self.assets:
            raise Reject(f"404 there is no asset {serial_number!r}")
        return self.assets[serial_number]

    def _change(self, serial_number: str, **fields: object) -> None:
        self.assets[serial_number] = msgspec.structs.replace(self._there(serial_number), **fields)


def _known(test: TestResult) -> KnownTest:
    return KnownTest(test.report_id, 10 if test.operation_code is None else test.operation_code)


def _raise(failure: Retry | Reject | None) -> None:
    if failure is not None:
        raise failure
