"""What the spool in memory remembers for `trace`: as `ledger` does on disk, in the simplest way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pywats_mqtt.ports import Batch, Kept, LatestRow, OwedRow, Rejection, RetryAt, Trace
from pywats_mqtt.ports.trace import Left
from pywats_mqtt.spool.imports import Sorted
from pywats_mqtt.spool.latest import LatestEntries
from pywats_mqtt.spool.noting import CAUSES, Noting, imported, refused
from pywats_mqtt.spool.routing import Pair, Plan


class Remembered:
    """Traces by their id, in order of time.

    Args:
        new_id: gives the next number.
    """

    def __init__(self, new_id: Callable[[], int]) -> None:
        self._new_id = new_id
        self._traces: dict[int, Trace] = {}

    def note_routed(self, batch: Batch, plan: Plan, first_id: int, latest: LatestEntries, now_us: int) -> None:
        """Trace what routing made of a batch; `first_id` is that of its first ordered delivery, the others follow."""
        noting = Noting(batch, now_us)
        traces = [noting.delivery(new, number) for number, new in enumerate(plan.ordered, start=first_id)]
        traces += [noting.noted(noted, self._new_id, latest.version) for noted in plan.noted]
        self._traces |= {trace.id: trace for trace in traces if trace is not None}

    def note_delivered(self, number: int, now_us: int) -> None:
        """Note that an ordered delivery is in WATS."""
        self._change(number, settled="delivered", settled_at_us=now_us)

    def note_refused(self, number: int, rejection: Rejection, now_us: int) -> None:
        """Note that an ordered delivery went to quarantine."""
        self._change(number, settled="quarantined", settled_at_us=now_us, reason=rejection.reason)

    def note_tried(self, retry: RetryAt, now_us: int) -> None:
        """Note that an ordered delivery was tried and put off."""
        known = self._traces.get(retry.delivery.id)
        if known is not None:
            causes = (*known.causes, (now_us, retry.cause))[-CAUSES:]
            self._change(known.id, tries=known.tries + 1, causes=causes)

    def note_folded(self, pair: Pair, version: int, now_us: int, reason: str | None = None) -> None:
        """Note that a latest delivery is in WATS, or in quarantine where there is a reason."""
        settled = "delivered" if reason is None else "quarantined"
        for trace in list(self._traces.values()):
            is_of_pair = (trace.subject, trace.kind) == pair
            if trace.became == "folded" and not trace.settled and is_of_pair and trace.version <= version:
                self._change(trace.id, settled=settled, settled_at_us=now_us, reason=reason or "")

    def note_left(self, rows: Sequence[Kept], left: Left, now_us: int, left_batch: int = 0) -> None:
        """Note that rows of the quarantine left it."""
        for row in rows:
            message = row.message
            if row.kind == "message":
                number = self._new_id()
                self._traces[number] = refused(row, number, left=left, left_at_us=now_us, left_batch=left_batch)
                continue
            came = (message.received_at_us, message.topic, row.kind)
            for trace in list(self._traces.values()):
                is_its = (trace.received_at_us, trace.topic, trace.kind) == came
                if trace.settled == "quarantined" and not trace.left and is_its:
                    self._change(trace.id, left=left, left_at_us=now_us, left_batch=left_batch)

    def note_imported(self, found: Sorted, first_id: int, origin: str, now_us: int) -> None:
        """Trace imported rows; `first_id` is that of the first ordered delivery, the others follow."""
        self._traces |= {trace.id: trace for trace in imported(found, first_id, self._new_id, origin, now_us)}

    def note_handed_over(self, owed: Sequence[OwedRow], latest: Sequence[LatestRow], now_us: int, number: int) -> None:
        """Note that an export took deliveries that were owed; `number` is its own."""
        ids = {row.id for row in owed}
        versions = {(row.key, row.kind): row.version for row in latest if row.settles}
        for trace in list(self._traces.values()):
            is_taken = trace.became == "folded" and trace.version <= versions.get((trace.subject, trace.kind), 0)
            if trace.id in ids or (is_taken and not trace.settled):
                self._change(trace.id, settled="exported", settled_at_us=now_us, left_batch=number)

    def note_revoked(self, number: int) -> None:
        """Note that all an export took is back; `number` is the export's."""
        for trace in list(self._traces.values()):
            if trace.settled == "exported" and trace.left_batch == number:
                self._change(trace.id, settled="", settled_at_us=0, left_batch=0)
            if trace.left == "exported" and trace.left_batch == number:
                if trace.became == "refused":
                    del self._traces[trace.id]
                else:
                    self._change(trace.id, left="", left_at_us=0, left_batch=0)

    def about(self, word: str, limit: int) -> list[Trace]:
        """Give the newest traces that a word names, oldest first."""
        return [trace for trace in self._traces.values() if trace.is_about(word)][-limit:]

    def _change(self, number: int, **changes: object) -> None:
        known = self._traces.get(number)
        if known is not None:
            self._traces[number] = msgspec.structs.replace(known, **changes)
