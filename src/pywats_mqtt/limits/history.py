"""How what is measured of a calibration is kept: newest values, and a history that is thinned out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pywats_mqtt.events import AssetDrift, Drift, Point

MOST_POINTS = 60
"""Points kept of a parameter: 1,770 pairs, for a slope in about a millisecond."""

MOST_PARAMETERS = 50
"""Parameters kept of an asset; a device that names ever new ones has those forgotten that it named longest ago."""

Said = TypeVar("Said", tuple[int, float], tuple[int, str])


def fold_drift(old: AssetDrift, new: AssetDrift) -> AssetDrift:
    """Merge what is said into what is known: of each value the newer one, of the points all since the calibration."""
    calibrated_us = max(old.calibrated_us, new.calibrated_us)
    merged = dict(old.parameters)
    for name, drift in new.parameters.items():
        known = merged.get(name, Drift())
        merged[name] = Drift(
            points=_thinned({**dict(known.points), **dict(drift.points)}),
            limit=_newer(known.limit, drift.limit),
            unit=_newer(known.unit, drift.unit),
        )
    keeps_due = new.due_us is None or (old.due_us is not None and old.due_as_of_us > new.due_as_of_us)
    return AssetDrift(
        asset=new.asset,
        parameters=_newest({name: since(drift, calibrated_us) for name, drift in merged.items()}),
        due_us=old.due_us if keeps_due else new.due_us,
        due_as_of_us=old.due_as_of_us if keeps_due else new.due_as_of_us,
        calibrated_us=calibrated_us,
        as_of_us=max(old.as_of_us, new.as_of_us),
    )


def since(drift: Drift, calibrated_us: int) -> Drift:
    """Leave out what was measured before a calibration."""
    if not drift.points or drift.points[0][0] >= calibrated_us:
        return drift
    points = tuple(point for point in drift.points if point[0] >= calibrated_us)
    return Drift(points, drift.limit, drift.unit)


def capped_drift(event: AssetDrift, at_us: int) -> AssetDrift:
    """Give what is known with no time later than `at_us`: the same object where none is."""
    times = (event.as_of_us, event.calibrated_us, event.due_as_of_us, *map(_newest_us, event.parameters.values()))
    if max(times) <= at_us:
        return event

    def capped(drift: Drift) -> Drift:
        points = {min(moment_us, at_us): value for moment_us, value in drift.points}
        limit = drift.limit and (min(drift.limit[0], at_us), drift.limit[1])
        unit = drift.unit and (min(drift.unit[0], at_us), drift.unit[1])
        return Drift(tuple(points.items()), limit, unit)

    return AssetDrift(
        asset=event.asset,
        parameters={name: capped(drift) for name, drift in event.parameters.items()},
        due_us=event.due_us,
        due_as_of_us=min(event.due_as_of_us, at_us),
        calibrated_us=min(event.calibrated_us, at_us),
        as_of_us=min(event.as_of_us, at_us),
    )


def _newer(old: Said | None, new: Said | None) -> Said | None:
    return old if new is None or (old is not None and old[0] > new[0]) else new


def _newest_us(drift: Drift) -> int:
    """Tell when a parameter was named last."""
    said = [moment[0] for moment in (drift.limit, drift.unit) if moment is not None]
    return max(drift.points[-1][0] if drift.points else 0, *said, 0)


def _newest(parameters: Mapping[str, Drift]) -> dict[str, Drift]:
    excess = len(parameters) - MOST_PARAMETERS
    if excess <= 0:
        return dict(parameters)
    forgotten = sorted(parameters, key=lambda name: (_newest_us(parameters[name]), name))[:excess]
    return {name: drift for name, drift in parameters.items() if name not in forgotten}


def _thinned(values: Mapping[int, float]) -> tuple[Point, ...]:
    """Order points by time, and leave out those whose neighbours are nearest, but neither the first nor the last.

    So the whole time since the calibration stays covered, about evenly, however often is measured.
    """
    points = sorted(values.items())
    while len(points) > MOST_POINTS:
        gaps: Iterable[tuple[int, int]] = (
            (points[place + 1][0] - points[place - 1][0], place) for place in range(1, len(points) - 1)
        )
        del points[min(gaps)[1]]
    return tuple(points)
