"""`/api/Asset/Status`: what the limits of an asset's type say of it.

Four monitors compare what was used with a limit: the running and the total count with theirs, and the days since the
last calibration and maintenance with the type's interval, or with the days up to the next one where that date is
known. Each is in order, in warning or in alarm; the worst is the asset's. Public material says that much. Guesses are:
that a threshold counts when it is reached, the thresholds of a type that has none, that days count from the first
sight of an asset that was never calibrated, and that a limit or an interval of 0 is none.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.assets.rows import addressed, existing
from pywats_mqtt.emulator.assets.types import EXTERNAL, type_of
from pywats_mqtt.emulator.clock import parse_time
from pywats_mqtt.emulator.settings import AlarmShape, CountReply
from pywats_mqtt.emulator.wire import Call, Reply, json_reply

WARNING_DEFAULT, ALARM_DEFAULT = 80.0, 100.0
"""Percent of a limit, where the type has no threshold; the alarm comes never before the warning."""

_DAY_S = 86_400


class Level(IntEnum):
    """How bad it is, in the numbers of pywats."""

    OK = 0
    WARNING = 1
    ALARM = 2


CSHARP_STATUS = {Level.OK: 0, Level.WARNING: 2, Level.ALARM: 3}
"""The same in the numbers of the C# client, whose 1 is an asset that is not registered: here that is a 404."""


class Monitor(msgspec.Struct, frozen=True):
    """What was used of a limit, in `unit`."""

    used: float
    limit: float
    unit: str

    @property
    def percent(self) -> float:
        """Used of the limit; of a limit that is not above 0, which only wrong dates give, all or nothing."""
        if self.limit > 0:
            return self.used / self.limit * 100
        return math.inf if self.used >= self.limit else 0.0

    @property
    def exceeded(self) -> int:
        """By how much the limit is exceeded, rounded down, so 0 or more when it is reached; below 0 what remains."""
        return math.floor(self.used - self.limit)

    def __str__(self) -> str:
        """Say how much of how much, such as `9 of 10 uses`."""
        return f"{math.floor(self.used)} of {round(self.limit, 2):.10g} {self.unit}"


class Status(msgspec.Struct, frozen=True):
    """An asset against its limits: the worst level, which monitors say so, and all monitors that have a limit."""

    level: Level
    message: str
    monitors: Mapping[str, Monitor]


def get_status(call: Call) -> Reply:
    """GET /api/Asset/Status: the level of an asset, in the shape that the settings name.

    `translate` and `cultureCode` have no effect: the message is English. That a threshold counts when it is reached,
    and that it is 80 percent for a warning and 100 for an alarm where a type has none, are guesses.

    Raises:
        Refusal: 400, `translate` is neither true nor false; 400 or 404, as `addressed`.
    """
    call.flag("translate")
    return json_reply(_body(call, addressed(call)))


def count_reply(call: Call, number: int) -> Reply:
    """What a route answers that changed a count of an asset: its status."""
    asset = existing(call.store, number)
    if call.settings.count_reply is CountReply.OBJECT:
        return json_reply(_body(call, asset))
    return json_reply(CSHARP_STATUS[_status(call, asset).level])


def status_of(asset: Row, kind: Row, now: datetime) -> Status:
    """An asset of a type against the type's limits at `now`, aware UTC."""
    monitors = _monitors(asset, kind, now)
    warning, alarm = _thresholds(kind)
    levels = {
        name: Level.ALARM if it.percent >= alarm else Level.WARNING if it.percent >= warning else Level.OK
        for name, it in monitors.items()
    }
    worst_first = sorted((name for name in levels if levels[name]), key=lambda name: -levels[name])
    message = "; ".join(f"{levels[name].name.capitalize()}: {name} {monitors[name]}" for name in worst_first)
    return Status(max(levels.values(), default=Level.OK), message or "OK", monitors)


def _status(call: Call, asset: Row) -> Status:
    kind = type_of(call.store, asset["typeId"])
    return status_of(asset, kind, call.now) if kind else Status(Level.OK, "OK", {})


def _body(call: Call, asset: Row) -> dict[str, object]:
    status, shape = _status(call, asset), call.settings.alarm_shape
    body: dict[str, object] = {
        "message": status.message,
        "runningCount": asset["runningCount"],
        "totalCount": asset["totalCount"],
    }
    if shape is not AlarmShape.PYWATS:
        exceeded = {_EXCEEDED[name]: monitor.exceeded for name, monitor in status.monitors.items()}
        body |= {"status": CSHARP_STATUS[status.level], **exceeded}
    if shape is not AlarmShape.CSHARP:
        body |= {"alarmState": status.level}
        for what in ("Calibration", "Maintenance"):
            if asset[f"last{what}Date"]:
                body[f"daysSince{what}"] = math.floor(_days(asset[f"last{what}Date"], call.now))
    return body


_EXCEEDED = {
    "running count": "runningCountExceeded",
    "total count": "totalCountExceeded",
    "calibration": "calibrationDaysOverdue",
    "maintenance": "maintenanceDaysOverdue",
}


def _monitors(asset: Row, kind: Row, now: datetime) -> dict[str, Monitor]:
    found = {}
    for name, column in (("running count", "runningCount"), ("total count", "totalCount")):
        if kind[f"{column}Limit"]:
            found[name] = Monitor(asset[column], kind[f"{column}Limit"], "uses")
    for name in ("calibration", "maintenance"):
        days = _interval(asset, kind, name)
        if days is not None:
            found[name] = Monitor(_days(_start(asset, name), now), days, "days")
    return found


def _interval(asset: Row, kind: Row, name: str) -> float | None:
    """The days from the last calibration or maintenance to the next; None where nothing is ever due."""
    interval, due = kind[f"{name}Interval"], asset[f"next{name.capitalize()}Date"]
    if not interval or (interval < 0 and interval != EXTERNAL):
        return None
    if due:
        return _days(_start(asset, name), parse_time(due))
    return None if interval == EXTERNAL else float(interval)


def _start(asset: Row, name: str) -> str:
    start: str = asset[f"last{name.capitalize()}Date"] or asset["firstSeenDate"]
    return start


def _days(start: str, end: datetime) -> float:
    return (end - parse_time(start)).total_seconds() / _DAY_S


def _thresholds(kind: Row) -> tuple[float, float]:
    """Percent for a warning and for an alarm."""
    warning, alarm = kind["warningThreshold"], kind["alarmThreshold"]
    warning = WARNING_DEFAULT if warning is None else warning
    return warning, max(warning, ALARM_DEFAULT) if alarm is None else alarm
