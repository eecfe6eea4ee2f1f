"""How latest events are folded into what is known of their asset and kind."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pywats_mqtt.events import (
    AssetCounts,
    AssetDrift,
    AssetEnvironment,
    AssetSamples,
    AssetSoftware,
    AssetUpdate,
    AssetWatch,
    Latest,
    Ordered,
)
from pywats_mqtt.folding.watching import capped_watch, watch
from pywats_mqtt.folding.windows import capped_samples, gather
from pywats_mqtt.limits.history import capped_drift, fold_drift

UPDATES = 50
"""Updates kept of a device, the newest ones; as many as the note of its station keeps."""


TELLING = (AssetSamples, AssetWatch)
"""Latest events whose folding yields ordered ones, by `tell`."""


def tell(old: Latest | None, new: AssetSamples | AssetWatch) -> tuple[Latest, Sequence[Ordered]]:
    """Fold one of `TELLING`, and give the ordered events that come of it, in their order.

    They are stored with what is known, in one transaction: so each comes once, and again after a crash only where
    nothing of the fold was stored.
    """
    if isinstance(new, AssetSamples):
        return gather(old if isinstance(old, AssetSamples) else None, new)
    return watch(old if isinstance(old, AssetWatch) else None, new)


def fold(old: Latest | None, new: Latest) -> Latest:
    """Merge a latest event, none of `TELLING`, into what is known of the same asset and kind.

    Of each single value the newer one wins, by its time (equal times: the later arrival); increments add up whatever
    their time. How the events are grouped into batches makes no difference.
    """
    if old is None:
        return new
    if isinstance(new, AssetCounts) and isinstance(old, AssetCounts):
        return _fold_counts(old, new)
    if isinstance(new, AssetEnvironment) and isinstance(old, AssetEnvironment):
        return _fold_environment(old, new)
    if isinstance(new, AssetSoftware) and isinstance(old, AssetSoftware):
        return _fold_software(old, new)
    if isinstance(new, AssetDrift) and isinstance(old, AssetDrift):
        return fold_drift(old, new)
    return new if new.as_of_us >= old.as_of_us else old


def capped(event: Latest, at_us: int) -> Latest:
    """Give what is known with no time later than `at_us`: the same object where none is, as is usual.

    No event is newer than its reception, so a known time ahead of the next reception came from a clock of ours that
    was ahead; left as it is, it would hide all that comes until that time.
    """
    if isinstance(event, AssetCounts):
        running_us = _running_us(event)
        if event.as_of_us <= at_us and running_us <= at_us:
            return event
        total_us, running_us = min(event.as_of_us, at_us), min(running_us, at_us)
        running_as_of_us = None if event.running_as_of_us is None or running_us == total_us else running_us
        return msgspec.structs.replace(event, as_of_us=total_us, running_as_of_us=running_as_of_us)
    if isinstance(event, AssetSoftware | AssetSamples | AssetWatch | AssetDrift):
        return _capped_parts(event, at_us)
    if event.as_of_us <= at_us:
        return event
    if isinstance(event, AssetEnvironment):
        older_us = {name: time_us for name, time_us in event.older_us.items() if time_us < at_us}
        return msgspec.structs.replace(event, as_of_us=at_us, older_us=older_us)
    return msgspec.structs.replace(event, as_of_us=at_us)


def _fold_counts(old: AssetCounts, new: AssetCounts) -> AssetCounts:
    if new.as_of_us >= old.as_of_us and not old.added and _is_whole(new) and old.running_as_of_us is None:
        return new  # what nearly every message of a healthy fixture does
    total, total_us = new.total, new.as_of_us
    if total is None or (old.total is not None and old.as_of_us > total_us):
        total, total_us = old.total, old.as_of_us
    running, running_us = new.running, _running_us(new)
    if running is None or (old.running is not None and _running_us(old) > running_us):
        running, running_us = old.running, _running_us(old)
    if total is None:
        total_us = running_us
    return AssetCounts(
        asset=new.asset,
        total=total,
        running=running,
        added=old.added + new.added,
        as_of_us=total_us,
        running_as_of_us=None if running is None or running_us == total_us else running_us,
    )


def _is_whole(counts: AssetCounts) -> bool:
    return counts.total is not None and counts.running is not None and counts.running_as_of_us is None


def _running_us(counts: AssetCounts) -> int:
    return counts.as_of_us if counts.running_as_of_us is None else counts.running_as_of_us


def _fold_environment(old: AssetEnvironment, new: AssetEnvironment) -> AssetEnvironment:
    if new.as_of_us >= old.as_of_us and not new.older_us and old.channels.keys() <= new.channels.keys():
        return new
    channels, units = dict(old.channels), dict(old.units)
    times = {name: old.older_us.get(name, old.as_of_us) for name in channels}
    for name, value in new.channels.items():
        time_us = new.older_us.get(name, new.as_of_us)
        if name not in times or time_us >= times[name]:
            channels[name], times[name] = value, time_us
            units.pop(name, None)
            if name in new.units:
                units[name] = new.units[name]
    as_of_us = max(old.as_of_us, new.as_of_us)
    older_us = {name: time_us for name, time_us in times.items() if time_us < as_of_us}
    return AssetEnvironment(asset=new.asset, channels=channels, as_of_us=as_of_us, older_us=older_us, units=units)


def _fold_software(old: AssetSoftware, new: AssetSoftware) -> AssetSoftware:
    """Take the inventory, the configuration and each package's update from where it is newer."""
    keeps_software = new.software is None or (old.software is not None and old.as_of_us > new.as_of_us)
    keeps_config = new.config_version is None or (old.config_version is not None and old.config_us > new.config_us)
    updates, times = dict(old.updates), dict(old.updates_us)
    for package, words in new.updates.items():
        time_us = new.updates_us.get(package, 0)
        if time_us >= times.get(package, 0):
            updates[package], times[package] = words, time_us
    for package in sorted(times, key=lambda name: (times[name], name))[: max(0, len(times) - UPDATES)]:
        del updates[package], times[package]
    return AssetSoftware(
        asset=new.asset,
        software=old.software if keeps_software else new.software,
        config_version=old.config_version if keeps_config else new.config_version,
        updates=updates,
        as_of_us=old.as_of_us if keeps_software else new.as_of_us,
        config_us=old.config_us if keeps_config else new.config_us,
        updates_us=times,
    )


def _capped_parts(event: AssetSoftware | AssetSamples | AssetWatch | AssetDrift, at_us: int) -> Latest:
    """Cap what has times of its own in its parts."""
    if isinstance(event, AssetDrift):
        return capped_drift(event, at_us)
    if isinstance(event, AssetSamples):
        return capped_samples(event, at_us)
    if isinstance(event, AssetWatch):
        return capped_watch(event, at_us)
    return _capped_software(event, at_us)


def _capped_software(event: AssetSoftware, at_us: int) -> AssetSoftware:
    if max(event.as_of_us, event.config_us, *event.updates_us.values()) <= at_us:
        return event
    return msgspec.structs.replace(
        event,
        as_of_us=min(event.as_of_us, at_us),
        config_us=min(event.config_us, at_us),
        updates_us={package: min(time_us, at_us) for package, time_us in event.updates_us.items()},
    )


def supersedes(new: AssetUpdate, old: AssetUpdate) -> bool:
    """Tell whether an update that comes next of the same asset leaves nothing of `old`.

    That is so where it says the same blocks and values, none of them earlier: then folding both and folding `new`
    alone comes to the same, whatever was known before.
    """
    return (
        new.as_of_us >= old.as_of_us
        and (new.total is None) == (old.total is None)
        and (new.running is None) == (old.running is None)
        and bool(new.status) == bool(old.status)
        and (old.channels.keys() <= new.channels.keys() if old.channels else not new.channels)
    )
