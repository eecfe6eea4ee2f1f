"""The implementations of the port `Wats` that the contract suite runs over, each with a look behind the port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

import httpx
import msgspec

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.emulator.reports.repair_codes import REPAIR_CODES
from pywats_mqtt.ports import Asset, Unit, Wats
from pywats_mqtt.software.packages import Package
from pywats_mqtt.wats.assets import asset_of
from pywats_mqtt.wats.client import PywatsClient
from tests.contract.wats_memory import MemoryNotes, MemoryWats
from tests.emulator.server import RunningEmulator

FULL, NO_COUNTS = "ZnVsbA==", "bm8tY291bnRz"
EMULATOR_OPTIONS = ("--token", FULL, "--no-counts-token", NO_COUNTS)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the time."""
        return datetime.fromtimestamp(time.time(), UTC)

    def monotonic(self) -> float:
        """Give the seconds."""
        return time.monotonic()


class FastClock:
    """A clock on which a minute takes three seconds, and how to sleep by it."""

    factor = 20.0

    def now(self) -> datetime:
        """Give the time; it only matters that it goes on."""
        return datetime.fromtimestamp(time.time() * self.factor % 4e9, UTC)

    def monotonic(self) -> float:
        """Give fast seconds."""
        return time.monotonic() * self.factor

    async def sleep(self, seconds: float) -> None:
        """Wait until so many fast seconds are over."""
        await asyncio.sleep(seconds / self.factor)


class Server(Protocol):
    """A WATS, seen from behind."""

    def client(self, *, create_assets: bool = True, may_set_counts: bool = True) -> AbstractAsyncContextManager[Wats]:
        """Give the port to this server."""
        ...

    def reports(self) -> dict[str, int]:
        """Give report id to how often it was received, in order of first reception."""
        ...

    def assets(self) -> dict[str, Asset]:
        """Give serial number to asset."""
        ...

    def messages(self) -> list[tuple[str, str]]:
        """Give what was written to the assets' logs, as (serial number, text), oldest first."""
        ...

    def units(self) -> dict[str, Unit]:
        """Give serial number to unit."""
        ...

    def batches(self) -> dict[str, int]:
        """Give number to size."""
        ...

    async def count(self, serial_number: str, uses: int) -> None:
        """Count uses, as others do."""
        ...

    async def distribute(self, name: str, status: str, **tags: str) -> None:
        """Make the next version of a package, as others do."""
        ...

    async def limit(self, **limits: float) -> None:
        """Set limits of the type of our assets, by the names of `AssetType`'s fields, as people do."""
        ...

    def calibrations(self) -> list[tuple[str, datetime, str]]:
        """Give the calibrations noted, as (serial number, when, comment), oldest first."""
        ...


class MemoryServer:
    """The one in memory."""

    def __init__(self) -> None:
        self._wats = MemoryWats()
        self._wats.codes = {500: REPAIR_CODES}

    @asynccontextmanager
    async def client(self, *, create_assets: bool = True, may_set_counts: bool = True) -> AsyncIterator[Wats]:
        """Give the port."""
        self._wats.create_assets = create_assets
        self._wats.running_allowed = may_set_counts
        yield self._wats

    def reports(self) -> dict[str, int]:
        """Count what it received."""
        tests = {report_id: len(received) for report_id, received in self._wats.reports.items()}
        return tests | {report_id: len(received) for report_id, received in self._wats.repairs.items()}

    def assets(self) -> dict[str, Asset]:
        """Give its assets."""
        return dict(self._wats.assets)

    def messages(self) -> list[tuple[str, str]]:
        """Give its log."""
        return list(self._wats.log)

    def units(self) -> dict[str, Unit]:
        """Give its units."""
        return {unit.serial_number: unit for unit in self._wats.units.values()}

    def batches(self) -> dict[str, int]:
        """Give its batches."""
        return dict(self._wats.batches)

    async def count(self, serial_number: str, uses: int) -> None:
        """Count uses."""
        self._wats.count(serial_number, uses)

    async def distribute(self, name: str, status: str, **tags: str) -> None:
        """Make a package."""
        number = 1 + sum(package.name == name for package in self._wats.software)
        self._wats.software.append(Package(name=name, number=number, status=status, tags=tags))

    async def limit(self, **limits: float) -> None:
        """Set limits."""
        self._wats.type = msgspec.structs.replace(self._wats.type, **limits)

    def calibrations(self) -> list[tuple[str, datetime, str]]:
        """Give what it noted."""
        return list(self._wats.calibrations)


LIMITS = {
    "running_limit": "runningCountLimit",
    "total_limit": "totalCountLimit",
    "calibration_days": "calibrationInterval",
    "maintenance_days": "maintenanceInterval",
    "warning_percent": "warningThreshold",
    "alarm_percent": "alarmThreshold",
}
"""Field of `AssetType` to WATS' name."""


class EmulatedServer:
    """An emulator, asked through pywats."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._emulator = emulator

    @asynccontextmanager
    async def client(self, *, create_assets: bool = True, may_set_counts: bool = True) -> AsyncIterator[Wats]:
        """Give a client with a token of its own permissions."""
        token = FULL if may_set_counts else NO_COUNTS
        config = configure(self._emulator, token=Secret(token), create_assets=create_assets)
        async with PywatsClient(config, MemoryNotes(), SystemClock()) as wats:
            yield wats

    def reports(self) -> dict[str, int]:
        """Ask what it received."""
        return {report["id"]: report["receiveCount"] for report in self._emulator.state()["reports"]}

    def assets(self) -> dict[str, Asset]:
        """Ask what it holds."""
        return {wire["serialNumber"]: asset_of(wire) for wire in self._emulator.state()["assets"]}

    def messages(self) -> list[tuple[str, str]]:
        """Ask for the log rows that are messages (type 0)."""
        log = self._emulator.state()["asset_log"]
        return [(row["serialNumber"], row["comment"]) for row in log if row["type"] == 0]

    def units(self) -> dict[str, Unit]:
        """Ask what it holds."""
        return {
            wire["serialNumber"]: Unit(
                serial_number=wire["serialNumber"],
                part_number=wire["partNumber"],
                revision=wire["revision"],
                location=wire.get("currentLocation", ""),
                phase=wire["unitPhaseId"],
                process=str(wire.get("processCode", "")),
            )
            for wire in self._emulator.state()["units"]
        }

    def batches(self) -> dict[str, int]:
        """Ask what it holds."""
        return {wire["batchNumber"]: wire["batchSize"] for wire in self._emulator.state()["batches"]}

    async def count(self, serial_number: str, uses: int) -> None:
        """Count uses with a request of our own."""
        response = await asyncio.to_thread(
            httpx.put,
            f"{self._emulator.url}/api/Asset/Count",
            params={"serialNumber": serial_number, "incrementBy": uses},
            headers={"Authorization": f"Basic {FULL}"},
            trust_env=False,
        )
        response.raise_for_status()

    async def distribute(self, name: str, status: str, **tags: str) -> None:
        """Make a package, and lead it through its life."""
        await asyncio.to_thread(distribute, self._emulator, FULL, name, status, **tags)

    async def limit(self, **limits: float) -> None:
        """Set limits."""
        await asyncio.to_thread(set_limits, self._emulator, FULL, **limits)

    def calibrations(self) -> list[tuple[str, datetime, str]]:
        """Ask for the log rows that are calibrations (type 4)."""
        log = self._emulator.state()["asset_log"]
        return [
            (row["serialNumber"], datetime.fromisoformat(row["value"]), row.get("comment", ""))
            for row in log
            if row["type"] == 4
        ]


def set_limits(emulator: RunningEmulator, token: str, **limits: float) -> None:
    """Set limits of the type of the bridge's assets; make the type where it is missing."""
    headers = {"Authorization": f"Basic {token}"}
    with httpx.Client(base_url=f"{emulator.url}/api/Asset/", headers=headers, trust_env=False) as http:
        known = http.get("Types", params={"$filter": "typeName eq 'MQTT device'"}).raise_for_status().json()
        body = {"typeName": "MQTT device", **{LIMITS[name]: value for name, value in limits.items()}}
        if known:
            body["typeId"] = known[0]["typeId"]
        http.put("Types", json=body).raise_for_status()


LIVES = {
    "Draft": (),
    "Pending": ("Pending",),
    "Released": ("Pending", "Released"),
    "Revoked": ("Pending", "Released", "Revoked"),
}
"""Status of a package to the steps that lead there."""


def distribute(emulator: RunningEmulator, token: str, name: str, status: str, **tags: str) -> str:
    """Make the next version of a package, lead it to a status, and give its id."""
    headers = {"Authorization": f"Basic {token}"}
    with httpx.Client(base_url=f"{emulator.url}/api/Software/", headers=headers, trust_env=False) as http:
        body = {"name": name, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
        made = http.post("Package", json=body).raise_for_status().json()
        package_id = str(made["packageId"])
        for step in LIVES[status]:
            http.post(f"PackageStatus/{package_id}", params={"status": step}).raise_for_status()
        return package_id


def configure(emulator: RunningEmulator, **fields: object) -> WatsConfig:
    """Give a configuration for an emulator: no quota, a part number, and what is named."""
    config = WatsConfig(
        url=emulator.url,
        token=Secret(FULL),
        default_part_number="PN-1",
        operation_codes={"self_test": 10},
        requests_per_minute=0,
        timeout_s=20.0,
    )
    return msgspec.structs.replace(config, **fields)
