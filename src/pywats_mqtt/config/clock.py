"""The `[clock]` table: what is done about clocks that are wrong."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class ClockConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[clock]` table: what is done about the clocks of devices.

    Attributes:
        correct: what happens where a device's clock is off by more than the tolerance. `flag` notes it on its reports
            as misc info `clock_skew_s` (how far it is ahead; negative: behind), `correct` also moves the start, `off`
            does neither and estimates nothing. A start in WATS' future is moved in any case: WATS would hide it.
        tolerance_s: seconds a clock may be off; also how far the delays of messages may differ.
        min_messages: messages of a device, with a time, before its clock is judged; they have to come in five minutes
            at least, since a backlog that drains is no wrong clock.
    """

    correct: Literal["off", "flag", "correct"] = "flag"
    tolerance_s: Annotated[float, msgspec.Meta(ge=1)] = 10.0
    min_messages: Annotated[int, msgspec.Meta(ge=3)] = 20
