"""Counts of assets, in as few calls as can be (design, section 5).

A total goes out as `totalCount`, to which WATS raises both counts; a running count that then differs is set. A device
that sends totals as well as increments is taken at its totals. Steady counting costs one call an update, and two where
only increments come or totals are followed, since those build on what WATS holds at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from msgspec.structs import replace

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetCounts, Past
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.book import Book
from pywats_mqtt.handlers.known import Known
from pywats_mqtt.handlers.ledger import rebased
from pywats_mqtt.messages import from_us
from pywats_mqtt.ports import Clock, Notes, Wats

PROBE_S = 3_600.0
"""A missing permission is tried again once an hour, and at each start."""

COMPARE_S = 600.0
"""A total above the device's is read again this often: a person may have lowered it."""

RUNNING_CALL, RESET_CALL = "SetRunningCount", "ResetRunningCount"

BACKWARDS = "counter_backwards"
"""The alarm of an asset whose total is below what was counted before."""

_NO_PAST = Past()


class Counts:
    """Makes WATS' counts what the devices' are.

    Args:
        config: what becomes of a counter that went backwards.
        clock: tells when a refused call is tried again.
        on_refused: as in `Surroundings`.
        alarms: raised while a total is below what was counted.
        backwards: asset to how often that was so, counted into.
    """

    def __init__(
        self,
        config: AssetConfig,
        clock: Clock,
        on_refused: Callable[[str, str], None],
        alarms: Alarms,
        backwards: MutableMapping[str, int],
    ) -> None:
        self._rule = config.counter_backwards
        self._clock = clock
        self._on_refused = on_refused
        self._alarms = alarms
        self._backwards = backwards
        self._refused_at: dict[str, float] = {}

    async def count(self, event: AssetCounts, known: Known, wats: Wats, notes: Notes) -> None:
        """Make WATS' counts what the device's are.

        Raises:
            Reject: the total is below what WATS holds, and the rule is `quarantine`.
        """
        book = await Book.open(event.asset, known, wats, notes)
        raised = event.total is not None and await self._compare(event, event.total, known, book, notes)
        await self._reset(event, book)
        if event.total is None:
            if event.added:
                await book.grow(event.added, event.handed)
        elif not book.ledger.follows:
            await book.raise_to(event.total)
        elif await book.grow(event.counted) and not raised:
            await self._alarms.clear(event.asset, BACKWARDS, notes)
        if event.running is not None:
            behind = event.past.behind if event.past else 0
            await self._follow_running(event, event.running + behind, known, wats, book)

    async def reset(self, event: AssetCounts, known: Known, wats: Wats, notes: Notes) -> None:
        """Reset the running count where that was asked for, and leave the counts to who makes them."""
        book = await Book.open(event.asset, known, wats, notes)
        uncounted = replace(event, total=None, added=0, past=event.past and replace(event.past, reset_added=0))
        await self._reset(uncounted, book)

    async def _compare(self, event: AssetCounts, total: int, known: Known, book: Book, notes: Notes) -> bool:
        """Decide how the total is taken, when it is below what was counted; tells whether that is an alarm."""
        past, ledger = event.past or _NO_PAST, book.ledger
        dropped = past.drops > ledger.drops
        if ledger.follows:
            if dropped or past.peak:
                await self._raise(event, total, (await book.held()).total, notes)
                await book.save(replace(ledger, drops=past.drops))
            return dropped or past.peak > 0
        if self._rule == "rebase" and (dropped or book.is_new):
            held = await book.fresh()
            if not dropped and total >= held.total:
                await book.save(ledger)  # from now on a lower one of WATS is not the device's
                return False
            await self._raise(event, total, held.total, notes)
            await book.save(rebased(ledger, past, event.counted, held.total))
            return True
        held = await book.held()
        now_s = self._clock.monotonic()
        if total < held.total and (known.compared_s is None or now_s >= known.compared_s + COMPARE_S):
            held, known.compared_s = await book.fresh(), now_s
        if total >= held.total:
            if dropped:
                await book.save(replace(ledger, drops=past.drops))
            await self._alarms.clear(event.asset, BACKWARDS, notes)
            return False
        await self._raise(event, total, held.total, notes)
        if self._rule == "quarantine":
            raise Reject(
                f"the total {total} is below {held.total}, which WATS holds (assets.counter_backwards is quarantine)"
            )
        return True

    async def _raise(self, event: AssetCounts, total: int, held: int, notes: Notes) -> None:
        past = event.past or _NO_PAST
        if BACKWARDS not in await self._alarms.active(event.asset, notes):
            self._backwards[event.asset] = self._backwards.get(event.asset, 0) + 1
        was = past.peak or (past.ends[-1] if past.ends else None)
        facts = {"total": total, "before": was, "wats": held, "rule": self._rule, "timed": not event.untimed}
        await self._alarms.raise_(event.asset, BACKWARDS, "warning", notes, facts)

    async def _reset(self, event: AssetCounts, book: Book) -> None:
        """Reset the running count, after what was counted before that, and before what was counted since."""
        past = event.past
        if past is None or past.resets <= book.ledger.resets or not self._may(RESET_CALL):
            return
        await book.fresh()  # what was counted before goes into an asset that was lowered or made anew meanwhile, too
        if event.total is None:
            if past.reset_added:
                await book.grow(past.reset_added)
        elif book.ledger.follows:
            await book.grow(event.counted if past.reset_total is None else past.reset_total)
        else:
            await book.raise_to(event.total if past.reset_total is None else past.reset_total - past.carried)
        try:
            await book.reset_running(past.resets, f"Reset by the device at {from_us(past.reset_us).isoformat()}")
        except Retry as refused:
            self._note_refusal(RESET_CALL, refused)
        else:
            self._note_success(RESET_CALL)

    async def _follow_running(self, event: AssetCounts, running: int, known: Known, wats: Wats, book: Book) -> None:
        """Set a running count that differs; without the permission remember that, and let the total stand.

        One that is older than the total has moved on since as WATS' own did, and needs no call; where others counted as
        well, it is set when the device tells it anew, and after a restart.
        """
        held = await book.held()
        reading = (event.running, event.as_of_us if event.running_as_of_us is None else event.running_as_of_us)
        if reading == known.followed:
            return
        if running != held.running:
            if not self._may(RUNNING_CALL):
                return
            try:
                await wats.set_running_count(event.asset, running)
            except Retry as refused:
                self._note_refusal(RUNNING_CALL, refused)
                return
            held.running = running
            self._note_success(RUNNING_CALL)
        known.followed = reading

    def _may(self, call: str) -> bool:
        refused_at = self._refused_at.get(call)
        return refused_at is None or self._clock.monotonic() >= refused_at + PROBE_S

    def _note_refusal(self, call: str, refused: Retry) -> None:
        """Remember that a kind of call is refused.

        Raises:
            Retry: not that, but another failure.
        """
        if refused.scope is not Scope.CALL:
            raise refused
        self._refused_at[call] = self._clock.monotonic()
        self._on_refused(call, str(refused))

    def _note_success(self, call: str) -> None:
        if self._refused_at.pop(call, None) is not None:
            self._on_refused(call, "")
