"""Times: the emulator's clock, and how WATS writes a time."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache


class ServerClock:
    """The machine's clock; a `ports.Timer`."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the program's clock

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def real_s(self, seconds: float) -> float:
        """The machine's seconds in so many of this clock's."""
        return seconds


@lru_cache(maxsize=64)  # a request writes the time of its arrival several times
def wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with 7 fractional digits and `Z`, as a .NET server prints it; sorts as text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"


def parse_time(text: str) -> datetime:
    """Aware UTC time from ISO 8601; a time without zone is taken as UTC, digits after the sixth are dropped.

    Raises:
        ValueError: No ISO 8601 time, or outside the years 1 to 9999 in UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from exc


def http_date(moment: datetime) -> bytes:
    """A time in UTC as HTTP writes it (RFC 9110 5.6.7)."""
    return _http_date(moment.replace(microsecond=0))


@lru_cache(maxsize=1)
def _http_date(second: datetime) -> bytes:
    return format_datetime(second, usegmt=True).encode("ascii")
