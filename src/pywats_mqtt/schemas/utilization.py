"""The utilization message: what an asset did since its last one."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from pywats_mqtt.schemas.common import NOT_SENT, AssetHead, Count, Time

WEEK_S = 604_800
"""Seconds one message can tell of at most: a week, as long as a broker keeps what is sent to a bridge that is away."""

Seconds = Annotated[float, Meta(ge=0, le=WEEK_S)]


class UtilizationMessage(AssetHead, frozen=True, kw_only=True, gc=False):
    """What an asset sends on `assets/{id}/utilization`, about once a minute.

    Either `states` tells how the time since its last message was spent, or `state` what it does from now on. Parts come
    as counters that only grow (`…_count`), or as what was made since the last message (`…_added`); where both are sent,
    the counters count.
    """

    timestamp: Annotated[
        Time,
        Meta(
            description="The end of the time that is told, as in the asset message. Missing: time of reception. A time"
            " ahead of reception or before 2000 counts as missing."
        ),
    ] = NOT_SENT
    states: Annotated[
        dict[str, Seconds | None] | None,
        Meta(
            description="State to the seconds spent in it since the last message, such as `running`, `idle`, `down`."
            " Which of them are production is configured; all together at most a week."
        ),
    ] = None
    state: Annotated[
        str | None,
        Meta(description="What the asset does from `timestamp` until its next message. With `states` it is not read."),
    ] = None
    planned_s: Annotated[
        Seconds | None,
        Meta(description="Seconds since the last message that were planned for production. Missing: the calendar's."),
    ] = None
    total_count: Annotated[Count, Meta(description="Parts made, good or not: a counter that only grows.")] = None
    good_count: Annotated[Count, Meta(description="Parts without fault: a counter that only grows.")] = None
    rejected_count: Annotated[Count, Meta(description="Parts with a fault: a counter that only grows.")] = None
    total_added: Annotated[Count, Meta(description="Parts made since the last message, good or not.")] = None
    good_added: Annotated[Count, Meta(description="Parts without fault since the last message.")] = None
    rejected_added: Annotated[Count, Meta(description="Parts with a fault since the last message.")] = None
    ideal_cycle_s: Annotated[
        Annotated[float, Meta(gt=0, le=WEEK_S)] | None,
        Meta(
            description="Seconds one part takes at best, for the parts from now on, until another is sent. Missing:"
            " `utilization.ideal_cycle_s` of the configuration; without either, performance and OEE are unknown."
        ),
    ] = None


decoder: msgspec.json.Decoder[UtilizationMessage] = msgspec.json.Decoder(UtilizationMessage)
"""Decodes and validates a utilization message."""
