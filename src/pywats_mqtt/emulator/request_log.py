"""What was asked of the emulator: every API request, in order of arrival, also those that were refused."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import parse_json

_PRUNE_EVERY = 1_000
_INSERT = "INSERT INTO requests (seq, at, method, path, query, body, status, fault) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Arrival(msgspec.Struct, frozen=True):
    """A request as it came in.

    Attributes:
        seq: 1, 2, 3 … in order of arrival.
        path: Decoded, case kept.
        query: As sent, keys in their case.
    """

    seq: int
    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


class RequestLog:
    """Numbers requests and keeps the last `keep` of them."""

    def __init__(self, store: Store, keep: int) -> None:
        self._store = store
        self._keep = keep
        self._last = store.count("SELECT max(seq) FROM requests")

    def next_seq(self) -> int:
        """The number of the request that arrives now."""
        self._last += 1
        return self._last

    def write(self, arrival: Arrival, status: int | None, fault: str | None = None) -> None:
        """Record a request; `status` None while it is unanswered, and for ever if it gets no answer."""
        self._store.run(
            _INSERT,
            arrival.seq,
            arrival.at.isoformat(timespec="microseconds"),
            arrival.method,
            arrival.path,
            msgspec.json.encode(arrival.query).decode() if arrival.query else "{}",
            arrival.body,
            status,
            fault,
        )
        if arrival.seq % _PRUNE_EVERY == 0:
            self._store.run("DELETE FROM requests WHERE seq <= ?", arrival.seq - self._keep)

    def answer(self, seq: int, status: int) -> None:
        """Record the answer to a request that was written without one."""
        self._store.run("UPDATE requests SET status = ? WHERE seq = ?", status, seq)

    def page(self, after: int, limit: int) -> list[dict[str, object]]:
        """Up to `limit` requests with a number above `after`, oldest first, bodies parsed where they are JSON."""
        rows = self._store.rows("SELECT * FROM requests WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        return [
            {**dict(row), "query": msgspec.json.decode(row["query"]), "body": _readable(row["body"])} for row in rows
        ]


def _readable(body: bytes) -> object:
    """A body for a reader: None when empty, its JSON value, or its text where it is none that the API would read."""
    if not body:
        return None
    try:
        return parse_json(body)
    except ValueError:
        return body.decode("utf-8", "replace")
