"""What is dropped because it got too old, where that is configured; said long before, and counted.

The lanes are the quarantine, and telemetry that is delivered row by row: windows of the environment's history. What is
folded does not grow, and what else is owed is never dropped.

A lane is dropped from once its end was foreseen an hour ago by this run, so that an alarm always comes first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from pywats_mqtt.events import AssetHistory, kind_of_type
from pywats_mqtt.messages import from_us, to_us
from pywats_mqtt.ports import Clock
from pywats_mqtt.spool.lines import Lines
from pywats_mqtt.spool.tally import Tally

QUARANTINE: Final = "quarantine"
TELEMETRY: Final = "telemetry"

STEP_ROWS: Final = 500
"""Rows one step looks at: some milliseconds."""
STEP_EVERY_S: Final = 0.1
"""Rest between two steps of a pass."""
LOOK_EVERY_S: Final = 3_600.0
"""Rest between two passes, and so between the first warning and the first row that goes."""
WARN_SHARE: Final = 0.8
"""Share of the age from which on a row that will be dropped is told of."""

_DAY_US: Final = 86_400_000_000
_HISTORY: Final = kind_of_type(AssetHistory)


class Discard(Protocol):
    """Throws rows of the quarantine away, within a transaction."""

    def __call__(self, numbers: Sequence[int]) -> int:
        """Tell how many there were."""
        ...


class Lapsing:
    """Looks at a few rows at a time, in the writer thread; the caller gives each step a transaction.

    Attributes:
        will_drop: lane to when its oldest row is dropped (ISO 8601), where that is near.
    """

    def __init__(self, db: sqlite3.Connection, clock: Clock, max_age_days: Mapping[str, float], lines: Lines) -> None:
        """Begin with a pass at once, which only warns."""
        self._db = db
        self._clock = clock
        self._ages_us = {lane: int(days * _DAY_US) for lane, days in max_age_days.items()}
        self._lines = lines
        self._next_s = clock.monotonic()
        self._warned_s: dict[str, float] = {}
        self._found: dict[str, int] = {}
        self._after = 0
        self.will_drop: dict[str, str] = {}

    def due_s(self) -> float | None:
        """Tell in how many seconds the next step is due; None where nothing is ever dropped."""
        return max(0.0, self._next_s - self._clock.monotonic()) if self._ages_us else None

    def wait(self, seconds: float) -> None:
        """Put the next step off."""
        self._next_s = self._clock.monotonic() + seconds

    def step(self, tally: Tally, discard: Discard) -> bool:
        """Look at the next rows, and drop those that are too old and were warned of; within a transaction.

        Returns:
            Whether deliveries were dropped, so that the lines have to be read again.
        """
        dropped = again = False
        if QUARANTINE in self._ages_us:
            again = self._look_at_quarantine(tally, discard)
        if TELEMETRY in self._ages_us:
            dropped, more = self._look_at_deliveries(tally)
            again |= more
        if not again:
            self._end_pass()
        self._next_s = self._clock.monotonic() + (STEP_EVERY_S if again else LOOK_EVERY_S)
        return dropped

    def _look_at_quarantine(self, tally: Tally, discard: Discard) -> bool:
        """Drop from the oldest rows on; what was tried again stands behind rows that came later, and waits for them."""
        rows = self._db.execute(
            "SELECT id, received_at_us FROM quarantine ORDER BY id LIMIT ?", (STEP_ROWS,)
        ).fetchall()
        old = [number for number, at_us in rows if at_us < self._before_us(QUARANTINE)]
        if old and self._may_drop(QUARANTINE):
            tally.dropped_quarantine += discard(old)
            return True
        if rows:
            self._note(QUARANTINE, min(at_us for _, at_us in rows))
        return False

    def _look_at_deliveries(self, tally: Tally) -> tuple[bool, bool]:
        """Go on through all deliveries, some at a time; tells whether any was dropped, and whether there are more."""
        rows = self._db.execute(
            "SELECT id, kind, received_at_us, messages FROM delivery WHERE id > ? ORDER BY id LIMIT ?",
            (self._after, STEP_ROWS),
        ).fetchall()
        histories = [row for row in rows if row[1] == _HISTORY and self._lines.leased(row[0]) is None]
        old = [row for row in histories if row[2] < self._before_us(TELEMETRY)]
        drops = bool(old) and self._may_drop(TELEMETRY)
        if drops:
            for table in ("delivery", "delivery_identity"):
                self._db.executemany(f"DELETE FROM {table} WHERE id = ?", [(row[0],) for row in old])  # noqa: S608 - constant
            tally.dropped_telemetry += len(old)
            tally.waiting -= sum(row[3] for row in old)
        elif histories:
            self._note(TELEMETRY, min(row[2] for row in histories))
        more = len(rows) == STEP_ROWS
        self._after = rows[-1][0] if more else 0
        return drops, more

    def _before_us(self, lane: str) -> int:
        return to_us(self._clock.now()) - self._ages_us[lane]

    def _may_drop(self, lane: str) -> bool:
        warned_s = self._warned_s.get(lane)
        return warned_s is not None and self._clock.monotonic() >= warned_s + LOOK_EVERY_S

    def _note(self, lane: str, at_us: int) -> None:
        self._found[lane] = min(at_us, self._found.get(lane, at_us))

    def _end_pass(self) -> None:
        """Tell of what will be dropped soon."""
        now_us, now_s = to_us(self._clock.now()), self._clock.monotonic()
        self.will_drop = {}
        for lane, age_us in self._ages_us.items():
            at_us = self._found.get(lane)
            if at_us is None or now_us - at_us < WARN_SHARE * age_us:
                self._warned_s.pop(lane, None)
                continue
            warned_s = self._warned_s.setdefault(lane, now_s)
            in_us = int(max(0.0, warned_s + LOOK_EVERY_S - now_s) * 1e6)
            self.will_drop[lane] = from_us(max(at_us + age_us, now_us + in_us)).isoformat(timespec="seconds")
        self._found = {}
