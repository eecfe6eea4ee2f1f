"""How counts are folded: by time, through counters that went backwards and running counts that were reset. Pure.

A total that is lower than an earlier one is another counter, such as that of a replaced PLC, which began at 0. Only a
message that says its time, or by an id that it is no repeat, is taken so; any other may be an old one that comes again.
"""

from __future__ import annotations

from msgspec.structs import replace

from pywats_mqtt.events import AssetCounters, AssetCounts, Past

ENDS = 8
"""Last totals kept one by one; they tell what WATS holds when several counters end between two deliveries."""

HANDED = 50
"""Exports that an asset's counts remember, the newest ones: far more than are on their way at a time."""
MOST_NAMES = 500
"""Counters of its own, and channels, kept of an asset; a device that names ever new ones, as one that writes a serial
number into the name, has those forgotten that it named longest ago."""

_NO_PAST = Past()


def fold_counts(old: AssetCounts, new: AssetCounts) -> AssetCounts:
    """Merge newer counts into what is known; see `folding.fold`."""
    if new.as_of_us >= old.as_of_us and not old.added and _is_whole(new) and _goes_on(old, new):
        return new  # what nearly every message of a healthy fixture does
    total, total_us, past = _total(old, new, old.past or _NO_PAST)
    running, running_us, is_told = new.running, running_time(new), True
    if running is None or (old.running is not None and running_time(old) > running_us):
        running, running_us, is_told = old.running, running_time(old), False
    folded = AssetCounts(
        asset=new.asset,
        total=total,
        added=old.added + new.added - _twice(old, new),
        handed=_newest(old.handed | new.handed) if old.handed or new.handed else old.handed,
        as_of_us=running_us if total is None else total_us,
        untimed=new.untimed,
        past=past,
    )
    past = _reset(old, new, folded, past)
    if running_us < past.reset_us or (running_us == past.reset_us and not is_told):
        running = None  # what it was before the reset
        if total is None:  # nothing is left to have a time; one that is the same however often this comes
            folded = replace(folded, as_of_us=max(old.as_of_us, new.as_of_us))
    past = replace(past, behind=0 if is_told or running is None else past.behind + _growth(old, folded))
    return replace(
        folded,
        running=running,
        running_as_of_us=None if running is None or running_us == folded.as_of_us else running_us,
        past=None if past == _NO_PAST else past,
    )


def counts_on_each(known: AssetCounts | None, as_of_us: int, total: int) -> bool:
    """Tell whether of counts that follow each other each one matters, not the newest alone, where they begin so.

    That is so where the first is a step back, or from before what is known, or the first total there is.

    Args:
        known: what they are folded into, or None.
        as_of_us: the time of the first of them.
        total: its total.
    """
    if known is None:
        return False
    if known.total is None or total < known.total or as_of_us < known.as_of_us:
        return True
    past = known.past
    return past is not None and (total < past.peak or as_of_us <= _newest_us(past))


def _twice(old: AssetCounts, new: AssetCounts) -> int:
    """Tell how many of the new increments came before, with another export of the same ones."""
    return sum(count for export, count in new.handed.items() if export in old.handed) if new.handed else 0


def _newest(handed: dict[str, int]) -> dict[str, int]:
    return dict(list(handed.items())[-HANDED:])


def without_counts(known: AssetCounts, given: AssetCounts) -> AssetCounts:
    """Give what stays known when increments are handed over."""
    handed = {export: count for export, count in known.handed.items() if export not in given.handed}
    return replace(known, added=known.added - given.added, handed=handed)


def _growth(old: AssetCounts, folded: AssetCounts) -> int:
    """Tell what was counted more; nothing where a total is known for the first time."""
    if folded.total is None:
        return folded.added - old.added
    return 0 if old.total is None else folded.counted - old.counted


def capped_counts(event: AssetCounts, at_us: int) -> AssetCounts:
    """See `folding.capped`."""
    running_us, past = running_time(event), event.past
    if event.as_of_us <= at_us and running_us <= at_us and (past is None or _newest_us(past) <= at_us):
        return event
    total_us, running_us = min(event.as_of_us, at_us), min(running_us, at_us)
    if past is not None:
        past = replace(
            past,
            end_us=min(past.end_us, at_us),
            begun_us=min(past.begun_us, at_us),
            reset_us=min(past.reset_us, at_us),
        )
    running_as_of_us = None if event.running_as_of_us is None or running_us == total_us else running_us
    return replace(event, as_of_us=total_us, running_as_of_us=running_as_of_us, past=past)


def fold_counters(old: AssetCounters, new: AssetCounters) -> AssetCounters:
    """Merge named counters: of each the newer value wins, the later arrival where the times are equal."""
    counters = dict(old.counters)
    times = {name: old.older_us.get(name, old.as_of_us) for name in counters}
    for name, value in new.counters.items():
        time_us = new.older_us.get(name, new.as_of_us)
        if time_us >= times.get(name, 0):
            counters[name], times[name] = value, time_us
    forget_oldest(times, counters)
    return _counters(new.asset, counters, times)


def capped_counters(event: AssetCounters, at_us: int) -> AssetCounters:
    """See `folding.capped`."""
    if event.as_of_us <= at_us:
        return event
    times = {name: min(event.older_us.get(name, event.as_of_us), at_us) for name in event.counters}
    return _counters(event.asset, event.counters, times)


def forget_oldest(times: dict[str, int], *named: dict[str, int | float] | dict[str, float] | dict[str, str]) -> None:
    """Leave the newest `MOST_NAMES` names in dicts of what is known by name; `times` tells when each was named."""
    for name in sorted(times, key=lambda name: (times[name], name))[: max(0, len(times) - MOST_NAMES)]:
        del times[name]
        for values in named:
            values.pop(name, None)


def _counters(asset: str, counters: dict[str, int | float], times: dict[str, int]) -> AssetCounters:
    as_of_us = max(times.values(), default=0)
    older_us = {name: time_us for name, time_us in times.items() if time_us < as_of_us}
    return AssetCounters(asset=asset, counters=counters, as_of_us=as_of_us, older_us=older_us)


def running_time(counts: AssetCounts) -> int:
    """Give the time of the running count."""
    return counts.as_of_us if counts.running_as_of_us is None else counts.running_as_of_us


def _is_whole(counts: AssetCounts) -> bool:
    return counts.total is not None and counts.running is not None and counts.running_as_of_us is None


def _goes_on(old: AssetCounts, new: AssetCounts) -> bool:
    """Tell whether a whole message follows one that is as plain, and counts on."""
    return (
        old.past is None
        and new.past is None
        and old.running_as_of_us is None
        and (old.total is None or new.total is None or new.total >= old.total)
    )


def _total(old: AssetCounts, new: AssetCounts, past: Past) -> tuple[int | None, int, Past]:
    """Give the total, its time, and what became of the counters before."""
    if new.total is None:
        return old.total, old.as_of_us, past
    if old.total is None:
        return new.total, new.as_of_us, past
    if new.as_of_us < old.as_of_us:
        return old.total, old.as_of_us, _with_late(past, new.total, new)
    top = max(old.total, past.peak)
    if new.total >= top:
        return new.total, new.as_of_us, replace(past, peak=0)
    if new.untimed or new.as_of_us == old.as_of_us:
        return new.total, new.as_of_us, replace(past, peak=top)
    ended = replace(
        past,
        peak=0,
        ends=(*past.ends, top)[-ENDS:],
        carried=past.carried + top,
        drops=past.drops + 1,
        end_us=old.as_of_us,
        begun_us=new.as_of_us,
    )
    return new.total, new.as_of_us, ended


def _with_late(past: Past, total: int, new: AssetCounts) -> Past:
    """Take a total that arrives late and is the last one of the counter before: it had counted further."""
    if not past.ends or new.untimed or not past.end_us <= new.as_of_us < past.begun_us:
        return past
    more = total - past.ends[-1]
    if more <= 0:
        return past
    before = past.reset_total
    if before is not None and new.as_of_us <= past.reset_us:
        before += more
    return replace(
        past,
        ends=(*past.ends[:-1], total),
        carried=past.carried + more,
        end_us=new.as_of_us,
        reset_total=before,
    )


def _reset(old: AssetCounts, new: AssetCounts, folded: AssetCounts, past: Past) -> Past:
    """Take a reset that is newer than the last one; and see to what was counted before it, also where that is late."""
    asked = new.past
    counted = None if folded.total is None else folded.counted
    if asked is not None and asked.resets and (not past.resets or asked.reset_us > past.reset_us):
        return replace(
            past, resets=past.resets + 1, reset_us=asked.reset_us, reset_total=counted, reset_added=old.added
        )
    if past.resets and counted is not None and folded.as_of_us <= past.reset_us:
        return replace(past, reset_total=counted)
    return past


def _newest_us(past: Past) -> int:
    return max(past.end_us, past.begun_us, past.reset_us)
