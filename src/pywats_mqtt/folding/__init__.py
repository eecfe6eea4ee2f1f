"""How latest events are folded into what is known of their asset and kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pywats_mqtt.events import (
    OFFLINE,
    AssetCounters,
    AssetCounts,
    AssetDrift,
    AssetEnvironment,
    AssetSamples,
    AssetSoftware,
    AssetState,
    AssetWatch,
    Latest,
    Ordered,
)
from pywats_mqtt.folding.counting import (
    capped_counters,
    capped_counts,
    fold_counters,
    fold_counts,
    forget_oldest,
    without_counts,
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
    return new if old is None else _FOLDS[type(new)](old, new)


def capped(event: Latest, at_us: int) -> Latest:
    """Give what is known with no time later than `at_us`: the same object where none is, as is usual.

    No event is newer than its reception, so a known time ahead of the next reception came from a clock of ours that
    was ahead; left as it is, it would hide all that comes until that time.
    """
    return _CAPS[type(event)](event, at_us)


def without(known: Latest, given: Latest) -> Latest:
    """Give what stays known when something is handed over: of counts without the increments that leave."""
    if isinstance(known, AssetCounts) and isinstance(given, AssetCounts):
        return without_counts(known, given)
    return known


def _fold_state(old: AssetState, new: AssetState) -> AssetState:
    """Take the newest word by its time; whether the asset is there, by what arrived last.

    A word that means no state leaves that of the word before, which WATS may not have been told yet.

    A device that is back may say so with a time before that of its Will. What is older than the newest word, as a
    retained `offline` from before is, says nothing.
    """
    if new.gone_us:
        if new.gone_us < old.as_of_us:
            return old
        return new if old.status in {"", OFFLINE} else msgspec.structs.replace(old, gone_us=new.gone_us)
    if new.status and (new.as_of_us >= old.as_of_us or old.status in {"", OFFLINE}):
        if new.state is not None or old.state is None:
            return new
        return msgspec.structs.replace(new, state=old.state, state_us=old.state_us or old.as_of_us)
    return msgspec.structs.replace(old, gone_us=0) if old.gone_us else old


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
    forget_oldest(times, channels, units)
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


def _capped_software(event: AssetSoftware, at_us: int) -> AssetSoftware:
    if max(event.as_of_us, event.config_us, *event.updates_us.values()) <= at_us:
        return event
    return msgspec.structs.replace(
        event,
        as_of_us=min(event.as_of_us, at_us),
        config_us=min(event.config_us, at_us),
        updates_us={package: min(time_us, at_us) for package, time_us in event.updates_us.items()},
    )


def _capped_state(event: AssetState, at_us: int) -> AssetState:
    if event.as_of_us <= at_us and event.gone_us <= at_us:
        return event
    return msgspec.structs.replace(
        event,
        as_of_us=min(event.as_of_us, at_us),
        gone_us=min(event.gone_us, at_us),
        state_us=min(event.state_us, at_us),
    )


def _capped_environment(event: AssetEnvironment, at_us: int) -> AssetEnvironment:
    if event.as_of_us <= at_us:
        return event
    older_us = {name: time_us for name, time_us in event.older_us.items() if time_us < at_us}
    return msgspec.structs.replace(event, as_of_us=at_us, older_us=older_us)


_FOLDS: dict[type[Latest], Callable[..., Latest]] = {
    AssetCounts: fold_counts,
    AssetState: _fold_state,
    AssetEnvironment: _fold_environment,
    AssetCounters: fold_counters,
    AssetSoftware: _fold_software,
    AssetDrift: fold_drift,
}
_CAPS: dict[type[Latest], Callable[..., Latest]] = {
    AssetCounts: capped_counts,
    AssetState: _capped_state,
    AssetEnvironment: _capped_environment,
    AssetCounters: capped_counters,
    AssetSoftware: _capped_software,
    AssetSamples: capped_samples,
    AssetWatch: capped_watch,
    AssetDrift: capped_drift,
}
"""What folds and what caps each kind; both are of that kind."""
