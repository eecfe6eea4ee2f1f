"""Both ends compared: what a fleet published against what WATS holds.

The promise to check: every acknowledged result and repair is one report, in order per device, the last counts of each
fixture are what WATS holds, and there is no report that nobody sent. Units, logs and tags: `traces`. A message that was
published and never acknowledged may be there or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from pywats_mqtt.simulator.held import Held, HeldAsset, HeldReport
from pywats_mqtt.simulator.journal import Record
from pywats_mqtt.simulator.outgoing import Entry
from pywats_mqtt.simulator.traces import compare_logs, compare_tags, compare_units

Key: TypeAlias = tuple[str, str, datetime]
"""What names one result at both ends: device, serial number, start."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, each item as a person reads it; all empty when nothing is.

    Attributes:
        lost: acknowledged results without a report, fixtures whose last counts did not arrive, units, entries in logs
            and tags that are not there.
        doubled: results with more than one report, fixtures that WATS counted too often, entries that a log has twice.
        reordered: reports that WATS first received after a later one of the same device.
        foreign: reports that nobody sent; those of devices that send no results are sums of their telemetry.
        changed: reports with another verdict, running counts, places of units and tags that no message stated.
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    reordered: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.reordered or self.foreign or self.changed)


def compare(record: Record, held: Held) -> Comparison:
    """Compare the two ends."""
    by_key: dict[Key, list[HeldReport]] = defaultdict(list)
    for report in held.reports:
        by_key[report.device, report.serial_number, report.start].append(report)
    results = {_key(entry): entry for entry in record.entries if entry.is_result}
    summed = {entry.device for entry in record.entries} - {entry.device for entry in results.values()}
    lost, doubled, changed = _counts_of_fixtures(record, held.assets)
    for key, entry in results.items():
        found = by_key.get(key, [])
        if not found and entry.message_id in record.acknowledged:
            lost.append(f"{entry.message_id} (serial number {entry.serial_number})")
        if len(found) > 1:
            doubled.append(f"{entry.message_id} has {len(found)} reports: {', '.join(r.id for r in found)}")
        if any(report.passed is not entry.passed for report in found):
            changed.append(f"{entry.message_id} has another verdict in WATS")
    for compared in (
        compare_units(record, held.units),
        compare_logs(record, held.log),
        compare_tags(record, held.assets),
    ):
        lost += compared.lost
        doubled += compared.doubled
        changed += compared.changed
    return Comparison(
        lost=tuple(lost),
        doubled=tuple(doubled),
        reordered=tuple(_reordered(held.reports, results)),
        foreign=tuple(
            f"report {report.id} of {report.device} (serial number {report.serial_number})"
            for key, reports in by_key.items()
            if key not in results and key[0] not in summed
            for report in reports
        ),
        changed=tuple(changed),
    )


def _key(entry: Entry) -> Key:
    return entry.machine or entry.device, entry.serial_number, datetime.fromisoformat(entry.start)


def _reordered(reports: Sequence[HeldReport], results: Mapping[Key, Entry]) -> Iterable[str]:
    """Name each report that came after one with a higher number of the same device; those of its line stand apart."""
    highest: dict[str, int] = defaultdict(int)
    for report in sorted(reports, key=lambda report: report.first):
        entry = results.get((report.device, report.serial_number, report.start))
        if entry is None or entry.machine:
            continue
        if entry.number < highest[entry.device]:
            yield f"{entry.message_id} came after number {highest[entry.device]}"
        highest[entry.device] = max(highest[entry.device], entry.number)


def _counts_of_fixtures(record: Record, assets: Sequence[HeldAsset]) -> tuple[list[str], list[str], list[str]]:
    """Give what of the counts is lost, what is doubled and what nobody stated.

    What may stand in WATS is the last acknowledged statement or a later one that was never acknowledged. A fixture none
    of whose statements was acknowledged may be missing.
    """
    lost: list[str] = []
    doubled: list[str] = []
    changed: list[str] = []
    held = {asset.serial_number: asset for asset in assets}
    for device, allowed, surely in _last_statements(record):
        asset = held.get(device)
        if asset is None:
            if surely:
                lost.append(f"{device} is no asset in WATS")
            continue
        totals = [entry.total for entry in allowed if entry.total is not None]
        if asset.total < min(totals):
            lost.append(f"{device} has total {asset.total} in WATS, stated was {min(totals)}")
        elif asset.total > max(totals):
            doubled.append(f"{device} has total {asset.total} in WATS, stated was {max(totals)}")
        elif (asset.total, asset.running) not in {(entry.total, entry.running) for entry in allowed}:
            stated = allowed[-1]
            changed.append(
                f"{device} has total {asset.total} and running {asset.running} in WATS, "
                f"stated was {stated.total} and {stated.running}"
            )
    return lost, doubled, changed


def _last_statements(record: Record) -> Iterable[tuple[str, list[Entry], bool]]:
    """Give each counting device with the statements WATS may hold, and whether one of them surely arrived."""
    stated: dict[str, list[Entry]] = defaultdict(list)
    for entry in record.entries:
        if entry.total is not None and entry.message_id not in record.refused:
            stated[entry.device].append(entry)
    for device, entries in stated.items():
        known = [place for place, entry in enumerate(entries) if entry.message_id in record.acknowledged]
        yield device, entries[known[-1] if known else 0 :], bool(known)
