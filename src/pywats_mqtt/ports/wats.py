"""The WATS server, and what crosses that boundary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Repair, TestResult
from pywats_mqtt.limits.values import AssetStatus, AssetType, Schedule
from pywats_mqtt.software.packages import Package


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """What WATS says of an asset.

    Attributes:
        id: WATS' asset id, a string of digits.
        serial_number: the device's id.
        state: 0 to 6, see `AssetState.state`.
        running: running count.
        total: total count.
        tags: tag key to value.
        schedule: its type, and its dates of calibration and maintenance.
    """

    id: str
    serial_number: str
    state: int
    running: int
    total: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    schedule: Schedule = Schedule()


class KnownTest(msgspec.Struct, frozen=True):
    """A test whose report WATS has.

    Attributes:
        report_id: of its report.
        operation_code: WATS operation code, or None where the server does not say.
    """

    report_id: UUID
    operation_code: int | None


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What WATS holds of a unit, or is to hold of it.

    Attributes:
        serial_number: with the part number it names the unit.
        part_number: of its product.
        revision: of its product; empty in a write leaves it as it is.
        location: where it is; empty in a write leaves it as it is.
        phase: number of its phase; only read.
        process: code of its operation as a text, or empty; only read.
    """

    serial_number: str
    part_number: str
    revision: str = ""
    location: str = ""
    phase: int = 0
    process: str = ""


class Wats(Protocol):
    """What the bridge asks of a WATS server. Every call counts against the quota; failures are Retry or Reject."""

    async def submit_report(self, result: TestResult) -> None:
        """Store a UUT report under its derived id; sent twice, it overwrites itself."""
        ...

    async def submit_repair(self, repair: Repair) -> None:
        """Store a UUR report under its derived id; sent twice, it overwrites itself."""
        ...

    async def known_test(self, report_id: UUID) -> KnownTest | None:
        """Look for the report of a test; None where WATS has none, or does not show it yet."""
        ...

    async def failed_test(self, serial_number: str, part_number: str, before: datetime) -> KnownTest | None:
        """Look for a unit's newest test that did not pass and began before a time; None where there is none.

        Args:
            serial_number: of the unit.
            part_number: of the unit; empty for any.
            before: aware.
        """
        ...

    async def repair_codes(self, operation_code: int | None) -> Mapping[str, tuple[str, ...]] | None:
        """Read which failure codes each category of a repair operation has; None where the server does not say.

        Args:
            operation_code: of the repair; None for the configured one.
        """
        ...

    async def asset(self, serial_number: str) -> Asset:
        """Read an asset, fresh from the server; create it where it is missing and `create_assets` is on.

        Raises:
            Reject: there is no such asset and none may be made, or WATS refuses the serial number.
        """
        ...

    async def set_total_count(self, serial_number: str, total: int) -> None:
        """Make WATS' total `total`: it adds the difference to running and total. A lower value changes nothing."""
        ...

    async def set_running_count(self, serial_number: str, running: int) -> None:
        """Make WATS' running count `running`; needs the permission "Edit Total count" (else Retry, scope CALL)."""
        ...

    async def reset_running_count(self, serial_number: str, comment: str) -> None:
        """Make WATS' running count 0, with a comment in the asset's log."""
        ...

    async def set_state(self, serial_number: str, state: int) -> None:
        """Set the asset's state."""
        ...

    async def log_message(self, serial_number: str, text: str, *, perhaps_there: bool) -> None:
        """Write a line to the asset's log.

        Args:
            serial_number: the asset, which must be there.
            text: the line; unlike any other of this asset.
            perhaps_there: it was sent before and nobody knows whether it came; then the log is looked into first.
        """
        ...

    async def set_tags(self, serial_number: str, tags: Mapping[str, str]) -> None:
        """Merge tags into the asset's and write the full list, keys made XML-safe."""
        ...

    async def asset_types(self) -> Sequence[AssetType]:
        """Read all types of assets with their limits; one call."""
        ...

    async def asset_status(self, serial_number: str) -> AssetStatus:
        """Read what WATS says of an asset and its limits; one call. An asset that is not there: Reject."""
        ...

    async def record_calibration(
        self, serial_number: str, at: datetime, comment: str, *, external_due: datetime | None = None
    ) -> None:
        """Note that an asset was calibrated; WATS works out when it is due again.

        A second note of the same calibration is a second row of the asset's log: look at its dates before.

        Args:
            serial_number: the asset, which must be there.
            at: when; aware.
            comment: beside it; may be empty.
            external_due: when it is due again; only for a type whose dates another system tells.
        """
        ...

    async def unit(self, serial_number: str, part_number: str) -> Unit | None:
        """Read a unit; None where there is none."""
        ...

    async def save_units(self, units: Sequence[Unit]) -> Sequence[Reject | None]:
        """Make units, or change those that are there, in one call where WATS takes them all.

        Returns:
            For each unit None, or what WATS has against it.

        Raises:
            Retry: none is known to be saved; saving them again does no harm.
        """
        ...

    async def set_unit_phase(self, serial_number: str, part_number: str, phase: int) -> None:
        """Put a unit into a phase."""
        ...

    async def set_unit_process(self, serial_number: str, part_number: str, name: str) -> None:
        """Put a unit into the operation of this name."""
        ...

    async def save_batch(self, number: str, size: int) -> None:
        """Make a batch of a size, or give it that size. A server without batches: Retry, scope CALL."""
        ...

    async def operations(self) -> Mapping[int, str]:
        """Read the names of the server's operations by their codes."""
        ...

    async def ensure_product(self, part_number: str, revision: str) -> None:
        """Make a product and its revision where they are missing."""
        ...

    async def packages(self) -> Sequence[Package]:
        """Read all packages of software, of all versions and statuses. A server without them: Retry, scope CALL."""
        ...
