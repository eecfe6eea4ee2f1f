"""The `[streams]` table: how measurements that come while a test runs become a report."""

from __future__ import annotations

from typing import Annotated

import msgspec


class StreamLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the samples of a channel; both are inside the good range.

    Attributes:
        low: lowest good value, or None.
        high: highest good value, or None.
    """

    low: float | None = None
    high: float | None = None


class StreamConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[streams]` table: how measurements that come while a test runs become a report.

    Attributes:
        timeout_s: seconds without a message of a stream, while the broker is connected, after which it has ended; its
            report is Terminated.
        exit_s: seconds after its unit left the station in which a result of the unit still takes the stream with it, as
            the tester may send it later than the station says so; `timeout_s` at most. Then the stream is a report of
            its own, which is looked for every 30 s.
        late_s: seconds after the end of a stream in which samples of its time still go into its report; it is sent
            again, and overwrites itself. What comes later begins a stream of its own.
        max_points: samples of a channel that are kept as they are, and points of its chart. Beyond it the samples are
            put in buckets of an equal number, and of each bucket the first, the last, the least and the greatest are
            kept; their number, sum, minimum and maximum stay exact.
        max_channels: channels of a stream; a message with more is quarantined.
        max_open: streams of one tester that are open at once; a message that would open another one is quarantined.
        limits: path of a channel, or a filter with `+` and `#` as in topics, to a table with `low`, `high` or both. The
            first that matches counts, and a message that sends limits goes before it.
    """

    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 900.0
    exit_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    late_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    max_points: Annotated[int, msgspec.Meta(ge=16, le=100_000)] = 2_000
    max_channels: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    max_open: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    limits: dict[str, StreamLimits] = msgspec.field(default_factory=dict)
