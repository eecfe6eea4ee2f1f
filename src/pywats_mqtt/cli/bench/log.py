"""What the emulator's log of requests tells a bench."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import httpx
import msgspec

REPORTS = "/api/Report/WSJF"
PAGE = 10_000


class Asked(msgspec.Struct, frozen=True):
    """A request; its other fields are left out.

    Attributes:
        seq: its number.
        at: when the emulator had all of it; it stores a report and answers in the same step.
        method: GET, PUT …
        path: without the query.
        body: as JSON.
        status: of the answer.
    """

    seq: int
    at: datetime
    method: str
    path: str
    body: object
    status: int | None


def requests(url: str, after: int = 0) -> Iterator[Asked]:
    """Read all requests after a number, oldest first."""
    with httpx.Client(base_url=url, trust_env=False) as http:
        while page := _page(http, after, PAGE):
            yield from page
            after = page[-1].seq


def _page(http: httpx.Client, after: int, limit: int) -> list[Asked]:
    answer = http.get("/_emulator/requests", params={"after": after, "limit": limit}).raise_for_status()
    return msgspec.json.decode(answer.content, type=list[Asked])


def last_request(url: str) -> int:
    """Give the number of the newest request so far."""
    return max((asked.seq for asked in requests(url)), default=0)
