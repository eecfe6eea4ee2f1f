"""`/api/Asset/Calibration` and `/Maintenance`, each also `/External`: that an asset was looked after."""

from datetime import datetime, timedelta
from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.assets.counts import reset_running
from pywats_mqtt.emulator.assets.rows import (
    LOG_CALIBRATION,
    LOG_MAINTENANCE,
    LOG_UPDATE,
    addressed,
    comment_of,
    existing,
    note,
)
from pywats_mqtt.emulator.assets.types import EXTERNAL, type_of
from pywats_mqtt.emulator.clock import parse_time, wire_time
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


class Upkeep(msgspec.Struct, frozen=True):
    """One kind of upkeep: its name, and the type of its log rows."""

    name: str
    log: int

    @property
    def interval(self) -> str:
        """The type's days between two."""
        return f"{self.name.lower()}Interval"


CALIBRATION = Upkeep("Calibration", LOG_CALIBRATION)
MAINTENANCE = Upkeep("Maintenance", LOG_MAINTENANCE)


def post_calibration(call: Call) -> Reply:
    """POST /api/Asset/Calibration: it was calibrated at `dateTime`, now without it; a sentence.

    The next date follows where the type has an interval in days; else it stays, which is a guess. Where the settings
    say so, the running count begins anew.

    Raises:
        Refusal: 400, no time, or the next date would be after the year 9999; 400 or 404, as `addressed`.
    """
    return _by_interval(call, CALIBRATION)


def post_maintenance(call: Call) -> Reply:
    """POST /api/Asset/Maintenance: as a calibration, but the running count goes on."""
    return _by_interval(call, MAINTENANCE)


def post_calibration_external(call: Call) -> Reply:
    """POST /api/Asset/Calibration/External: it was calibrated at `fromDate` and is due again at `toDate`; a sentence.

    `fromDate` is now where it is left out. That `toDate` is required, and that other types are refused, are guesses.

    Raises:
        Refusal: 400, a date is wrong or missing, or the type's interval is not -2; 400 or 404, as `addressed`.
    """
    return _external(call, CALIBRATION)


def post_maintenance_external(call: Call) -> Reply:
    """POST /api/Asset/Maintenance/External: as a calibration, but the running count goes on."""
    return _external(call, MAINTENANCE)


def _by_interval(call: Call, upkeep: Upkeep) -> Reply:
    row = addressed(call)
    done = _asked_time(call, "dateTime") or call.now
    days = _interval(call, row, upkeep)
    due = None
    if days > 0:
        try:
            due = done + timedelta(days=days)
        except OverflowError as exc:
            raise Refusal(
                400, f"dateTime: the next date, {days:.10g} days later, would be after the year 9999"
            ) from exc
    return _record(call, row, upkeep, done, due)


def _external(call: Call, upkeep: Upkeep) -> Reply:
    row = addressed(call)
    done, due = _asked_time(call, "fromDate") or call.now, _asked_time(call, "toDate")
    if due is None:
        raise Refusal(400, "query parameter toDate is required: when the next one is due")
    if due <= done:
        raise Refusal(400, f"toDate: {wire_time(due)} is not after fromDate {wire_time(done)}")
    if _interval(call, row, upkeep) != EXTERNAL:
        how = f"post to /api/Asset/{upkeep.name}, or give the type the {upkeep.interval} {EXTERNAL}"
        raise Refusal(400, f"the type of asset {row['assetId']} does not leave {upkeep.name.lower()} to others; {how}")
    return _record(call, row, upkeep, done, due)


def _record(call: Call, row: Row, upkeep: Upkeep, done: datetime, due: datetime | None) -> Reply:
    """Note that it was done, and when it is due again if that is known; each date that changes is a log row."""
    comment = comment_of(call)
    last, following = f"last{upkeep.name}Date", f"next{upkeep.name}Date"
    next_date = wire_time(due) if due else row[following]
    call.store.run(
        f"UPDATE assets SET {last} = ?, {following} = ? WHERE number = ?",  # noqa: S608 - one of our two column names
        wire_time(done),
        next_date,
        row["number"],
    )
    note(call.store, row, call.now, upkeep.log, (last, wire_time(done)), comment=comment)
    if next_date != row[following]:
        note(call.store, row, call.now, LOG_UPDATE, (following, next_date))
    if upkeep is CALIBRATION and call.settings.calibration_resets:
        reset_running(call, existing(call.store, row["number"]), comment)
    return json_reply(f"{upkeep.name} of asset {row['assetId']} is noted.")


def _interval(call: Call, row: Row, upkeep: Upkeep) -> float:
    """The days between two by the asset's type, or one of its special values; 0 for none."""
    kind = type_of(call.store, row["typeId"])
    return float(kind[upkeep.interval] or 0) if kind else 0.0


def _asked_time(call: Call, name: str) -> datetime | None:
    """The time in a query parameter, None when absent or blank.

    Raises:
        Refusal: 400, no ISO 8601 time.
    """
    moment = fields.time({name: call.query.get(name.lower()) or None}, name)
    return parse_time(moment) if moment else None
