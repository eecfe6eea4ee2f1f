"""Times as devices send them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.messages import to_us

MOMENT_US = to_us(datetime(2026, 1, 26, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("sent", "us", "assumed_utc"),
    [
        ('"2026-01-26T10:30:00Z"', MOMENT_US, False),
        ('"2026-01-26T10:30:00.123456Z"', MOMENT_US + 123_456, False),
        ('"2026-01-26 11:30:00+01:00"', MOMENT_US, False),
        ('"2026-01-26T11:30:00+0100"', MOMENT_US, False),
        ('"2026-01-26T11:30:00+01"', MOMENT_US, False),
        ('"20260126T103000Z"', MOMENT_US, False),
        ('"2026-01-26T10:30Z"', MOMENT_US, False),
        ('"2026-01-26T10:30:00"', MOMENT_US, True),
        ('"2026-01-26T10:30"', MOMENT_US, True),
        ("1769423400", MOMENT_US, False),
        ("1769423400.25", MOMENT_US + 250_000, False),
        ("1.7694234e9", MOMENT_US, False),
        ("1769423400123", MOMENT_US + 123_000, False),
        ("99999999999", 99_999_999_999_000_000, False),
        ("100000000000", 100_000_000_000_000, False),
        ("-1", -1_000_000, False),
    ],
)
def test_time(sent: str, us: int, assumed_utc: bool) -> None:  # noqa: FBT001 - a column of the table
    """Each form gives its microseconds, and whether UTC was assumed."""
    assert time_of(msgspec.Raw(sent.encode()), "$.t") == (us, assumed_utc)


@pytest.mark.parametrize(
    "sent",
    ['"2026-01-26"', '"10:30"', '"yesterday"', '""', '"2026-13-26T10:30:00Z"', "100000000000000", "true", "[1]", "{}"],
)
def test_what_is_no_time_is_refused(sent: str) -> None:
    """A date alone, a word, microseconds or a list is refused with its place and what was sent."""
    with pytest.raises(Reject, match=r"\$\.t: expected ISO 8601 with date and time, .*, got ") as caught:
        time_of(msgspec.Raw(sent.encode()), "$.t")
    assert caught.value.reason.endswith(sent)


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001 - hypothesis adds the zone
    st.integers(-1439, 1439),
)
def test_each_moment_is_read_to_the_microsecond(moment: datetime, offset_minutes: int) -> None:
    """ISO 8601 with any offset gives that very moment."""
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    assert time_of(msgspec.Raw(msgspec.json.encode(zoned.isoformat())), "$.t") == (to_us(zoned), False)


@given(st.integers(0, 4_000_000_000))
def test_seconds_and_milliseconds_are_told_apart(seconds: int) -> None:
    """Whole seconds, and from 1973 on the same moment in milliseconds, are the same time."""
    assert time_of(msgspec.Raw(b"%d" % seconds), "$.t")[0] == seconds * 1_000_000
    if seconds >= 100_000_000:
        assert time_of(msgspec.Raw(b"%d" % (seconds * 1_000)), "$.t")[0] == seconds * 1_000_000


def test_a_clock_that_runs_ahead_or_was_never_set_is_not_believed() -> None:
    """The future and the years before 2000 are not plausible; everything between is."""
    assert is_plausible(MOMENT_US, MOMENT_US)
    assert not is_plausible(MOMENT_US + 1, MOMENT_US)
    assert is_plausible(to_us(datetime(2000, 1, 1, tzinfo=UTC)), MOMENT_US)
    assert not is_plausible(to_us(datetime(1999, 12, 31, 23, 59, tzinfo=UTC)), MOMENT_US)
