"""What a WATS emulator says it holds (`GET /_emulator/state`), as the values `reconcile` compares."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pywats_mqtt.simulator.reconcile import Held, HeldAsset, HeldReport


class _Report(msgspec.Struct, frozen=True):
    id: str
    sn: str
    machine: str = msgspec.field(name="machineName")
    result: str
    start: datetime
    first_seq: int
    quarantined: bool


class _Asset(msgspec.Struct, frozen=True):
    serial_number: str = msgspec.field(name="serialNumber")
    running: int = msgspec.field(name="runningCount")
    total: int = msgspec.field(name="totalCount")


class _State(msgspec.Struct, frozen=True):
    reports: tuple[_Report, ...]
    assets: tuple[_Asset, ...]


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
            )
            for report in decoded.reports
            if not report.quarantined
        ),
        tuple(HeldAsset(asset.serial_number, asset.running, asset.total) for asset in decoded.assets),
    )
