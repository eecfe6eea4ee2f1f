"""The table that `trace` reads, written in the transactions of what it tells."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Batch, Clock, Kept, LatestRow, OwedRow, Rejection, RetryAt, Trace
from pywats_mqtt.ports.trace import Left
from pywats_mqtt.spool.imports import Sorted
from pywats_mqtt.spool.latest import LatestEntries
from pywats_mqtt.spool.noting import CAUSES, REASON_CHARACTERS, Noting, imported, refused
from pywats_mqtt.spool.routing import Pair, Plan
from pywats_mqtt.spool.rows import Value, update_rows, write_rows
from pywats_mqtt.spool.tally import Tally

STEP_ROWS: Final = 2_000
"""Rows one step of upkeep forgets: some milliseconds."""
STEP_SHARE: Final = 10
"""One step forgets at most one in so many of the rows that may be kept: it shall not empty a small ledger."""

STEP_EVERY_S: Final = 0.1
"""Rest between two steps: 20,000 rows a second, far more than WATS takes."""
LOOK_EVERY_S: Final = 60.0
"""How often the age of the oldest row is looked at."""

_DAY_US: Final = 86_400_000_000
_NEVER_US: Final = 1 << 62
_NAMES: Final = tuple(name for name in Trace.__struct_fields__ if name != "due_us")
_CAUSES_AT: Final = _NAMES.index("causes")
_INSERT: Final = f"INSERT INTO trace ({', '.join(_NAMES)})"
_DELIVERED: Final = "UPDATE trace SET settled = 'delivered', settled_at_us = ? WHERE id"
_REFUSED: Final = "UPDATE trace SET settled = 'quarantined', settled_at_us = ?, reason = ? WHERE id = ?"
_FOLDED: Final = (
    "UPDATE trace SET settled = ?, settled_at_us = ?, reason = ?"
    " WHERE became = 'folded' AND settled = '' AND subject = ? AND kind = ? AND version <= ?"
)
_TRIED: Final = (
    "UPDATE trace SET tries = tries + 1, causes = json_insert("
    "CASE WHEN json_array_length(causes) < ? THEN causes ELSE json_remove(causes, '$[0]') END,"
    " '$[#]', json_array(?, ?)) WHERE id = ?"
)
_LEFT: Final = (
    "UPDATE trace SET left = ?, left_at_us = ?, left_batch = ?"
    " WHERE settled = 'quarantined' AND left = '' AND received_at_us = ? AND topic = ? AND kind = ?"
)
_HANDED: Final = "UPDATE trace SET settled = 'exported', settled_at_us = ?, left_batch = ? WHERE id"
_HANDED_FOLDED: Final = (
    "UPDATE trace SET settled = 'exported', settled_at_us = ?, left_batch = ?"
    " WHERE became = 'folded' AND settled = '' AND subject = ? AND kind = ? AND version <= ?"
)
_BACK: Final = (
    "DELETE FROM trace WHERE became = 'refused' AND left = 'exported' AND left_batch = ?",
    "UPDATE trace SET left = '', left_at_us = 0, left_batch = 0 WHERE left = 'exported' AND left_batch = ?",
    "UPDATE trace SET settled = '', settled_at_us = 0, left_batch = 0 WHERE settled = 'exported' AND left_batch = ?",
)
_OPEN: Final = "SELECT DISTINCT subject, kind FROM trace WHERE became = 'folded' AND settled = ''"
_FIND: Final = (
    f"SELECT {', '.join(f'trace.{name}' for name in _NAMES)}, delivery.due_us"  # noqa: S608 - constant names
    " FROM trace LEFT JOIN delivery ON delivery.id = trace.id"
    " WHERE subject = ?1 OR message_id = ?1 OR (report_id = lower(?1) AND report_id != '')"
    " ORDER BY trace.id DESC LIMIT ?2"
)
_FORGET: Final = (
    "DELETE FROM trace WHERE id IN (SELECT id FROM trace ORDER BY id LIMIT ?) AND max(read_at_us, left_at_us) < ?"
)
_causes: Final = msgspec.json.Decoder(tuple[tuple[int, str], ...])


class Ledger:
    """Writes the traces of one store, within its transactions; used in the writer thread alone."""

    def __init__(self, db: sqlite3.Connection, clock: Clock, *, rows: int, days: int) -> None:
        """Take the bounds; with `rows` 0 nothing is traced, and what there is is forgotten."""
        self._db = db
        self._clock = clock
        self._rows = rows
        self._age_us = days * _DAY_US
        self._open: set[Pair] = set(db.execute(_OPEN))
        self._rows_staged: list[Trace] = []
        self._delivered: list[int] = []
        self._left: list[tuple[Value, ...]] = []
        self._look_at_s = clock.monotonic()
        self._stepped_s = self._look_at_s - STEP_EVERY_S

    # --- within a transaction -----------------------------------------------------------------------------------------

    def note_routed(self, batch: Batch, plan: Plan, first_id: int, latest: LatestEntries, tally: Tally) -> None:
        """Trace what routing made of a batch.

        Args:
            batch: the messages.
            plan: what was decided about them.
            first_id: of the first ordered delivery; the others follow.
            latest: with the folds of this batch.
            tally: gives numbers, and counts the rows.
        """
        if not self._rows or not (plan.ordered or plan.noted):
            return

        noting = Noting(batch, to_us(self._clock.now()))
        traces = [noting.delivery(new, number) for number, new in enumerate(plan.ordered, start=first_id)]
        traces += [noting.noted(noted, tally.new_id, latest.version) for noted in plan.noted]
        made = [trace for trace in traces if trace is not None]
        self._open |= {(trace.subject, trace.kind) for trace in made if trace.became == "folded"}
        self._rows_staged += made
        tally.traced += len(made)

    def note_delivered(self, number: int) -> None:
        """Note that an ordered delivery is in WATS."""
        if self._rows:
            self._delivered.append(number)

    def note_refused(self, number: int, rejection: Rejection, now_us: int) -> None:
        """Note that an ordered delivery went to quarantine."""
        if self._rows:
            self._db.execute(_REFUSED, (now_us, rejection.reason[:REASON_CHARACTERS], number))

    def note_tried(self, retry: RetryAt, now_us: int) -> None:
        """Note that an ordered delivery was tried and put off."""
        if self._rows:
            self._db.execute(_TRIED, (CAUSES, now_us, retry.cause[:REASON_CHARACTERS], retry.delivery.id))

    def note_folded(self, pair: Pair, version: int, now_us: int, reason: str | None = None) -> None:
        """Note that a latest delivery is in WATS, or in quarantine where there is a reason.

        What is folded in the same transaction has a newer version than any that was leased before it.
        """
        if pair in self._open:
            settled = "delivered" if reason is None else "quarantined"
            self._db.execute(_FOLDED, (settled, now_us, (reason or "")[:REASON_CHARACTERS], *pair, version))

    def note_left(self, rows: Sequence[Kept], left: Left, tally: Tally, left_batch: int = 0) -> None:
        """Note that rows of the quarantine left it; `left_batch` is the number of the export, where one took them."""
        if not self._rows:
            return
        now_us = to_us(self._clock.now())
        for row in rows:
            if row.kind == "message":
                tally.last_id += 1
                tally.traced += 1
                trace = refused(row, tally.last_id, left=left, left_at_us=now_us, left_batch=left_batch)
                self._rows_staged.append(trace)
            else:
                message = row.message
                self._left.append((left, now_us, left_batch, message.received_at_us, message.topic, row.kind))

    def note_imported(self, found: Sorted, first_id: int, origin: str, tally: Tally) -> None:
        """Trace imported rows.

        Args:
            found: the rows.
            first_id: of the first ordered delivery; the others follow.
            origin: where they came from.
            tally: gives numbers, and counts the rows.
        """
        if self._rows:
            made = imported(found, first_id, tally.new_id, origin, to_us(self._clock.now()))
            self._rows_staged += made
            tally.traced += len(made)

    def note_handed_over(self, owed: Sequence[OwedRow], latest: Sequence[LatestRow], number: int) -> None:
        """Note that an export took deliveries that were owed; `number` is its own.

        Of a latest one of which a part stays, nobody knows which message is in that: it is owed as before.
        """
        if not self._rows:
            return
        values = to_us(self._clock.now()), number
        update_rows(self._db, _HANDED, values, [row.id for row in owed])
        for row in latest:
            if row.settles and (row.key, row.kind) in self._open:
                self._db.execute(_HANDED_FOLDED, (*values, row.key, row.kind, row.version))

    def note_revoked(self, number: int, tally: Tally) -> None:
        """Note that all an export took is back, as if it had not been made; `number` is the export's."""
        self.write(to_us(self._clock.now()))
        again_held, again_refused, again_owed = _BACK
        tally.traced -= self._db.execute(again_held, (number,)).rowcount
        self._db.execute(again_refused, (number,))
        self._db.execute(again_owed, (number,))
        self._open.update(self._db.execute(_OPEN))

    def write(self, now_us: int) -> None:
        """Write what was noted; `now_us` is when deliveries were settled."""
        if self._rows_staged:
            write_rows(self._db, _INSERT, [_row(trace) for trace in self._rows_staged])
            self._rows_staged = []
        if self._delivered:
            update_rows(self._db, _DELIVERED, (now_us,), self._delivered)
            self._delivered = []
        for left in self._left:
            self._db.execute(_LEFT, left)
        self._left = []

    def rollback(self) -> None:
        """Forget what was noted and not committed."""
        self._rows_staged, self._delivered, self._left = [], [], []

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def due_s(self, tally: Tally) -> float:
        """Tell in how many seconds to look at the bounds; `tally` says how many rows there are."""
        due_s = self._stepped_s + STEP_EVERY_S if tally.traced > self._rows else self._look_at_s
        return max(0.0, due_s - self._clock.monotonic())

    def surplus(self, tally: Tally, *, full: bool) -> bool:
        """Tell whether `forget` has something to do now.

        Args:
            tally: says how many rows there are.
            full: the spool is at its bound in bytes, so that traces have to make room.
        """
        if full:
            return tally.traced > 0
        if self.due_s(tally):
            return False
        if tally.traced > self._rows:
            return True
        self._look_at_s = self._clock.monotonic() + LOOK_EVERY_S
        oldest = self._db.execute("SELECT max(read_at_us, left_at_us) FROM trace ORDER BY id LIMIT 1").fetchone()
        return oldest is not None and oldest[0] < self._before_us()

    def forget(self, tally: Tally, *, full: bool) -> None:
        """Forget some of the oldest rows, in a transaction of its own, and count that."""
        any_age = full or tally.traced > self._rows
        before_us = _NEVER_US if any_age else self._before_us()
        step = min(STEP_ROWS, max(1, self._rows // STEP_SHARE)) if self._rows else STEP_ROWS
        removed = self._db.execute(_FORGET, (step, before_us)).rowcount
        tally.traced -= removed
        self._stepped_s = self._clock.monotonic()
        if removed == step:
            self._look_at_s = self._stepped_s + STEP_EVERY_S

    def _before_us(self) -> int:
        return to_us(self._clock.now()) - self._age_us


def _row(trace: Trace) -> tuple[Value, ...]:
    """Make the row of a new trace: nothing was tried yet."""
    values = msgspec.structs.astuple(trace)
    return (*values[:_CAUSES_AT], "[]", *values[_CAUSES_AT + 1 : -1])


def read_traces(db: sqlite3.Connection, word: str, limit: int) -> list[Trace]:
    """Read what is traced of a unit, a message or a report: the newest ones, oldest first."""
    names = Trace.__struct_fields__
    found: list[Trace] = []
    for row in db.execute(_FIND, (word, limit)):
        fields = dict(zip(names, row, strict=True))
        found.append(Trace(**fields | {"causes": _causes.decode(fields["causes"]), "retain": bool(fields["retain"])}))
    return found[::-1]
