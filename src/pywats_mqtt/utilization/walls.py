"""From the clock on the wall to the moment, also in the nights when clocks are changed. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from pywats_mqtt.messages import from_us, to_us

_SECOND = 1_000_000


def instant_us(wall: datetime, zone: tzinfo) -> int:
    """Give the moment at which clocks on the wall show a time; one that is later on the wall is never an earlier one.

    A time that is shown twice is taken the first time (`fold` 0 of PEP 495). One that clocks are put forward over is
    the moment in which they are: PEP 495 would give one an hour after it, and so turn the order of two times around.

    Args:
        wall: without a zone; whole seconds.
        zone: whose clocks.

    Returns:
        Microseconds since 1970 UTC.
    """
    after_us = to_us(wall.replace(tzinfo=zone, fold=0))
    if from_us(after_us).astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return after_us
    before_us = to_us(wall.replace(tzinfo=zone, fold=1))
    offset = from_us(after_us).astimezone(zone).utcoffset()
    while after_us - before_us > _SECOND:
        middle_us = before_us + (after_us - before_us) // _SECOND // 2 * _SECOND
        if from_us(middle_us).astimezone(zone).utcoffset() == offset:
            after_us = middle_us
        else:
            before_us = middle_us
    return after_us
