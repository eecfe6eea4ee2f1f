"""Time zones by their names, from the system's data or the `tzdata` package; and the calendar of a plant in one."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pywats_mqtt.config.shifts import ShiftsConfig, day_off, shift_of
from pywats_mqtt.errors import Fatal
from pywats_mqtt.utilization.calendar import Calendar, overlapping


def zone_of(name: str) -> tzinfo:
    """Give a time zone.

    Args:
        name: as the IANA database names it, such as `Europe/Oslo`.

    Raises:
        ValueError: there is none of this name, or no database; says what to do.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:  # what is no name at all is a ValueError or an OSError
        try:
            ZoneInfo("Europe/London")
        except ZoneInfoNotFoundError:
            raise ValueError("there is no database of time zones; install it with `pip install tzdata`") from exc
        raise ValueError(
            f"{name!r} is no time zone; write one as the IANA database has it, such as Europe/Oslo"
        ) from exc


def calendar_of(config: ShiftsConfig) -> Calendar:
    """Make the calendar of a configuration that `lint` has nothing against.

    Raises:
        Fatal: it has; the message is the first of what is wrong.
    """
    try:
        zone, shifts = zone_of(config.timezone), tuple(map(shift_of, config.shift))
        days_off = frozenset(map(day_off, config.days_off))
    except ValueError as exc:
        raise Fatal(f"[shifts]: {exc}") from exc
    names = overlapping(shifts)
    if names is not None:
        raise Fatal(f"[shifts]: {names[0]!r} and {names[1]!r} overlap; end one where the other begins")
    return Calendar(zone, shifts, days_off)
