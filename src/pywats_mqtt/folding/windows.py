"""How samples become windows, and when a window is closed.

A window takes values until one comes that is newer than its end by the time for late ones or more. Until then the order
of arrival makes no difference, but for the last digits of a mean. A value that comes even later is not lost: it opens
its window once more, and what gathers there is closed with the next one that ends in time, as a supplement.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pywats_mqtt.events import AssetHistory, AssetSamples, Stats, Window, identify, payload_digest

MOST_OPEN = 16
"""Windows kept open for an asset; beyond that the oldest is closed at once: a device that sends what it kept for weeks
fills no row of the spool."""

MOST_STATS = 1_000
"""Channels of a window, one for each unit they come in; one with more is closed at once: a device that names ever new
channels fills no row either."""

Slot = tuple[int, int]
"""Start and length of a window."""


def gather(old: AssetSamples | None, new: AssetSamples) -> tuple[AssetSamples, tuple[AssetHistory, ...]]:
    """Add samples to the open windows of their asset; give what is open then, and what was closed, oldest first."""
    slots: dict[Slot, Window] = {} if old is None else {_slot(window): window for window in old.windows}
    for window in new.windows:
        known = slots.get(_slot(window))
        slots[_slot(window)] = window if known is None else _merged(known, window)
    as_of_us = new.as_of_us if old is None else max(old.as_of_us, new.as_of_us)
    heard_us = new.heard_us if old is None else max(old.heard_us, new.heard_us)
    closed_us, reports = (0, 0) if old is None else (old.closed_us, old.reports)
    windows = sorted(slots.values(), key=_slot)
    is_silent = bool(windows) and new.until_us >= heard_us + silence_us(windows, new.late_us)
    due_us = max(as_of_us, new.until_us if is_silent else 0) - new.late_us
    closing = _closing(windows, closed_us, due_us, is_silent=is_silent)
    samples = AssetSamples(
        asset=new.asset,
        windows=tuple(window for window in windows if window not in closing) if closing else tuple(windows),
        as_of_us=as_of_us,
        heard_us=heard_us,
        late_us=new.late_us,
        closed_us=max(closed_us, due_us, *(window.end_us for window in closing)),
        reports=reports + len(closing),
    )
    return samples, tuple(
        _history(new.asset, window, closed_us, number) for number, window in enumerate(closing, reports)
    )


def silence_us(windows: Sequence[Window], late_us: int) -> int:
    """Tell how long an asset with these open windows must be silent before they are closed for it."""
    return max(window.length_us for window in windows) + late_us


def capped_samples(samples: AssetSamples, at_us: int) -> AssetSamples:
    """Give what is known with no time later than `at_us`; windows that begin later close when that time has come."""
    if max(samples.as_of_us, samples.closed_us, samples.heard_us) <= at_us:
        return samples
    return msgspec.structs.replace(
        samples,
        as_of_us=min(samples.as_of_us, at_us),
        heard_us=min(samples.heard_us, at_us),
        closed_us=min(samples.closed_us, at_us),
    )


def _closing(windows: list[Window], closed_us: int, due_us: int, *, is_silent: bool) -> list[Window]:
    """Tell which windows are to be closed: all that are due as soon as one is that was not before, or in silence.

    Those that are full are closed as well, and the oldest of too many.
    """
    is_due = is_silent or any(closed_us < window.end_us <= due_us for window in windows)
    closing = [window for window in windows if (is_due and window.end_us <= due_us) or _is_full(window)]
    left = [window for window in windows if window not in closing]
    return sorted(closing + left[: max(0, len(left) - MOST_OPEN)], key=_slot)


def _is_full(window: Window) -> bool:
    return sum(map(len, window.channels.values())) > MOST_STATS


def _history(asset: str, window: Window, closed_us: int, number: int) -> AssetHistory:
    """Make the event of a closed window.

    Its id has the number in it, so that a supplement overwrites no report, and the values, so that a spool that begins
    anew overwrites none either.
    """
    window = msgspec.structs.replace(window, channels={name: window.channels[name] for name in sorted(window.channels)})
    digest = payload_digest(msgspec.msgpack.encode(window.channels)).hex()
    fields = ("asset_history", asset, str(window.start_us), str(window.length_us), str(number), digest)
    return AssetHistory(
        report_id=identify(fields, b"").id, asset=asset, window=window, is_supplement=window.end_us <= closed_us
    )


def _merged(known: Window, new: Window) -> Window:
    channels = dict(known.channels)
    for name, stats in new.channels.items():
        by_unit = {one.unit: one for one in channels.get(name, ())}
        for one in stats:
            by_unit[one.unit] = _added(by_unit[one.unit], one) if one.unit in by_unit else one
        channels[name] = tuple(by_unit.values())
    return Window(known.start_us, known.length_us, channels)


def _added(known: Stats, new: Stats) -> Stats:
    """Add values up; a mean of means by their counts, since a sum of finite numbers need not be finite."""
    count = known.count + new.count
    least, most = min(known.least, new.least), max(known.most, new.most)
    mean = known.mean * (known.count / count) + new.mean * (new.count / count)
    return Stats(known.unit, count, least, most, min(max(mean, least), most))


def _slot(window: Window) -> Slot:
    return window.start_us, window.length_us
