"""Both ends compared for what is no report and no count: where units are, what logs of assets say, and their tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from pywats_mqtt.simulator.held import HeldAsset, HeldEntry, HeldUnit
from pywats_mqtt.simulator.journal import Record

Told: TypeAlias = tuple[str, bool]
"""What a message stated, and whether the broker acknowledged it."""


class Compared(msgspec.Struct):
    """What is wrong, each item as a person reads it."""

    lost: list[str] = []
    doubled: list[str] = []
    changed: list[str] = []


def compare_units(record: Record, units: Iterable[HeldUnit]) -> Compared:
    """Tell which units are missing, or elsewhere than their last message said."""
    found = Compared()
    places = {unit.serial_number: unit.location for unit in units}
    stated: dict[str, list[Told]] = defaultdict(list)
    for entry in record.entries:
        if entry.place and entry.message_id not in record.refused:
            stated[entry.serial_number].append((entry.place, entry.message_id in record.acknowledged))
    for serial_number, told in stated.items():
        place, (allowed, surely) = places.get(serial_number), _allowed(told)
        if place is None:
            if surely:
                found.lost.append(f"unit {serial_number} is not in WATS")
        elif surely and place not in allowed:
            found.changed.append(f"unit {serial_number} is at {place!r} in WATS, stated was {allowed[-1]!r}")
    return found


def compare_logs(record: Record, log: Sequence[HeldEntry]) -> Compared:
    """Tell which messages have no entry in the log of their asset, or several."""
    found = Compared()
    texts: dict[str, str] = defaultdict(str)
    for held in log:
        texts[held.serial_number] += held.text + "\n"
    for entry in record.entries:
        if not entry.logged:
            continue
        times = texts[entry.device].count(f"[{entry.message_id}]")
        if times == 0 and entry.message_id in record.acknowledged:
            found.lost.append(f"{entry.message_id} is not in the log of {entry.device}")
        if times > 1:
            found.doubled.append(f"{entry.message_id} is {times} times in the log of {entry.device}")
    return found


def compare_tags(record: Record, assets: Iterable[HeldAsset]) -> Compared:
    """Tell which tags are missing, or say something else than the last message did."""
    found = Compared()
    tags: Mapping[str, Mapping[str, str]] = {asset.serial_number: asset.tags for asset in assets}
    for device, name, told in _stated_tags(record):
        value, (allowed, surely) = tags.get(device, {}).get(name), _allowed(told)
        if not surely:
            continue
        if value is None:
            found.lost.append(f"{device} has no tag {name} in WATS")
        elif value not in allowed:
            found.changed.append(f"{device} has {name} = {value!r} in WATS, stated was {allowed[-1]!r}")
    return found


def _stated_tags(record: Record) -> Iterator[tuple[str, str, list[Told]]]:
    stated: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for entry in record.entries:
        if entry.message_id not in record.refused:
            for name, value in entry.tags.items():
                stated[entry.device, name].append((value, entry.message_id in record.acknowledged))
    for (device, name), told in stated.items():
        yield device, name, told


def _allowed(told: Sequence[Told]) -> tuple[list[str], bool]:
    """Give what may stand in WATS, and whether anything must: the last acknowledged statement, or one after it."""
    sure = [place for place, (_, acknowledged) in enumerate(told) if acknowledged]
    return [value for value, _ in told[sure[-1] if sure else 0 :]], bool(sure)
