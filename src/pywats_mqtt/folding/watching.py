"""When a channel leaves its limits, and when it is back.

Each crossing is told; of what is an alarm to the operator, an alert is told after it.

It leaves a limit when its value is beyond it, and is back when its value is inside by the hysteresis or more. Values
count in the order of their times: one that is older than the newest known moves nothing.
"""

from __future__ import annotations

import msgspec

from pywats_mqtt.events import ALARM, LOGGED, AssetAlert, AssetCrossing, AssetWatch, Ordered, Side, Watched

_CODE_CHARACTERS = 100
"""Of the code of an alert, as those of devices have at most."""


def watch(old: AssetWatch | None, new: AssetWatch) -> tuple[AssetWatch, tuple[Ordered, ...]]:
    """Take new values; give what is known then, and what is told of each crossing.

    A channel whose level changed while it was outside is back at the one and leaves at the other. One that is no longer
    watched is back, and forgotten.
    """
    channels = {} if old is None else dict(old.channels)
    crossings: list[AssetCrossing] = []
    for name, seen in new.channels.items():
        before = channels.get(name)
        if before is not None and seen.at_us < before.at_us:
            continue
        now = seen if before is None or _is_watched(seen) else msgspec.structs.replace(seen, value=before.value)
        now = _placed(before, now)
        was_outside = before is not None and before.side != ""
        if before is not None and was_outside and (now.side, now.level) != (before.side, before.level):
            crossings.append(_crossing(new.asset, name, before, now, is_out=False))
            was_outside = False
        if now.side and not was_outside:
            crossings.append(_crossing(new.asset, name, now, now, is_out=True))
        if _is_watched(now):
            channels[name] = now
        else:
            channels.pop(name, None)
    as_of_us = new.as_of_us if old is None else max(old.as_of_us, new.as_of_us)
    told: list[Ordered] = []
    for crossing in crossings:
        told += (crossing, *_alerts(crossing))
    return AssetWatch(asset=new.asset, channels=channels, as_of_us=as_of_us), tuple(told)


def capped_watch(known: AssetWatch, at_us: int) -> AssetWatch:
    """Give what is known with no time later than `at_us`."""
    if max(known.as_of_us, *(channel.at_us for channel in known.channels.values()), 0) <= at_us:
        return known
    channels = {
        name: msgspec.structs.replace(channel, at_us=min(channel.at_us, at_us))
        for name, channel in known.channels.items()
    }
    return msgspec.structs.replace(known, as_of_us=min(known.as_of_us, at_us), channels=channels)


def _is_watched(channel: Watched) -> bool:
    return channel.low is not None or channel.high is not None


def _placed(before: Watched | None, seen: Watched) -> Watched:
    """Tell where a channel is now, since when, and how far it was."""
    side = _side("" if before is None else before.side, seen)
    if not side:
        return seen
    if before is None or before.side != side:
        return msgspec.structs.replace(seen, side=side, since_us=seen.at_us, extreme=seen.value)
    farthest = max if side == "high" else min
    extreme = farthest(before.extreme, seen.value)
    return msgspec.structs.replace(seen, side=side, since_us=before.since_us, extreme=extreme)


def _side(before: Side, seen: Watched) -> Side:
    value, low, high = seen.value, seen.low, seen.high
    if high is not None and (value > high or (before == "high" and value > high - seen.hysteresis)):
        return "high"
    if low is not None and (value < low or (before == "low" and value < low + seen.hysteresis)):
        return "low"
    return ""


def _crossing(asset: str, channel: str, outside: Watched, now: Watched, *, is_out: bool) -> AssetCrossing:
    """Make the event of a crossing; `outside` is what was known while it was there."""
    return AssetCrossing(
        asset=asset,
        channel=channel,
        outside=is_out,
        side=outside.side,
        level=outside.level,
        limit=outside.limit,
        value=now.value,
        unit=now.unit,
        at_us=now.at_us,
        since_us=outside.since_us,
        extreme=outside.extreme,
    )


def _alerts(crossing: AssetCrossing) -> tuple[AssetAlert, ...]:
    """Give the alert that stands in the log of the asset while the channel is outside, or its end."""
    if crossing.level != LOGGED:
        return ()
    is_high = crossing.side == "high"
    if crossing.outside:
        where = f"{'above' if is_high else 'below'} {_amount(crossing.limit, crossing.unit)}"
    else:
        where = f"{'highest' if is_high else 'lowest'} {_amount(crossing.extreme, crossing.unit)}"
    alert = AssetAlert(
        asset=crossing.asset,
        code=f"{ALARM}{crossing.channel}"[:_CODE_CHARACTERS],
        severity="error",
        text=f"{crossing.channel} is {_amount(crossing.value, crossing.unit)}, {where}",
        active=crossing.outside,
        at_us=crossing.at_us,
    )
    return (alert,)


def _amount(value: float, unit: str) -> str:
    return f"{value:.10g} {unit}".rstrip()
