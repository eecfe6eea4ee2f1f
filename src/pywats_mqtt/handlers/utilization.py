"""Utilization of assets: what adds up in each shift, as tags while it runs and as one report when it is over.

An event adds to the account of its shift, which is a note: no call of WATS. What WATS is to know is owed from then on
and written when it falls due, also where the device is silent by then or we were not running: the report of a shift
under an id derived from the asset and the shift, so that late data overwrite it.

An event whose delivery is tried again adds nothing: each account remembers the event that was added to it last, and
events of one asset come one after the other. The accounts are written first and what is known of the asset last, so
that a repeated event is computed from the same and skipped where it was added.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetUtilization
from pywats_mqtt.handlers.shift_reports import digest, report_of, tags_of
from pywats_mqtt.handlers.surroundings import Surroundings
from pywats_mqtt.messages import from_us, to_us
from pywats_mqtt.ports import Notes, Wats
from pywats_mqtt.utilization.accounts import Account, add, with_open_state
from pywats_mqtt.utilization.calendar import OUTSIDE, Calendar
from pywats_mqtt.utilization.oee import Figures, figures
from pywats_mqtt.utilization.shares import Head, Rules, follow

logger = logging.getLogger(__name__)

HEADS = "utilization/"
ACCOUNTS = "shift/"

ONE_IN = 9
"""Reports and tags are written at most so often in a minute that the quota is this many times that: 50 by default, the
reports first. Tags take two calls, so at most two ninths of the quota go here, and a thousand assets whose shift ends
at once do not hold up what devices report meanwhile; they take 20 minutes then."""

_MINUTE_S = 60.0

PUT_OFF_S = 600.0
"""What WATS fails on (500) is tried again after this."""

REPORTS, TAGS = "reports of shifts", "tags of utilization"
"""What `on_refused` calls what is written here."""

REFUSED = "shift_report_refused"
"""The alarm of an asset whose report WATS does not take."""

_HOUR_US = 3_600_000_000
_SECOND_US = 1_000_000

Key: TypeAlias = tuple[str, int]
"""Names an account: the asset, and the start of its period in microseconds."""


class Utilization:
    """The handler of utilization, and what it knows of the assets; one instance for one server.

    Args:
        config: what the operator set.
        calendar: the shifts.
        around: the clock, and the alarms.
        make_sure: makes sure that WATS has an asset; raises `Reject` where it has none.
    """

    def __init__(
        self,
        config: BridgeConfig,
        calendar: Calendar,
        around: Surroundings,
        make_sure: Callable[[str, Wats], Awaitable[None]],
    ) -> None:
        settings = config.utilization
        self._settings = settings
        self._tags_interval_s = config.wats.tags_interval_s
        self._calendar = calendar
        self._clock = around.clock
        self._alarms = around.alarms
        self._on_refused = around.on_refused
        self._refused_calls: set[str] = set()
        self._most = config.wats.requests_per_minute // ONE_IN
        self._written_s: deque[float] = deque()
        self._make_sure = make_sure
        self._rules = Rules(
            producing=frozenset(settings.producing),
            longest_us=int(settings.longest_state_s * _SECOND_US),
            from_zero=settings.counter_reset == "zero",
        )
        self._after_us = int(settings.report_after_s * _SECOND_US)
        self._late_us = int(settings.late_hours * _HOUR_US)
        self._heads: dict[str, Head] = {}
        self._accounts: dict[Key, Account] = {}
        self._newest: dict[str, int] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._tagged_s: dict[str, float] = {}
        self._put_off_s: dict[Key, float] = {}
        self._loaded = False
        self._loading = asyncio.Lock()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle(self, event: AssetUtilization, wats: Wats, notes: Notes) -> None:
        """Add what an event tells to the accounts of its shifts.

        Raises:
            Reject: there is no such asset, or its shift is closed.
        """
        await self._load(notes)
        await self._make_sure(event.asset, wats)
        async with self._turn(event.asset):
            await self._add(event, notes)

    async def look(self, wats: Wats, notes: Notes) -> None:
        """Send the reports that are due, write the tags that are, and forget what is closed.

        Returns early where WATS is away or refuses the call: the next look does the rest.
        """
        await self._load(notes)
        for key in self._due():
            if not await self._said(REPORTS, self._report(key, wats, notes), key):
                return
        for key in self._to_tag():
            if not await self._said(TAGS, self._tag(key, wats), key):
                return
        await self._forget(notes)

    async def _add(self, event: AssetUtilization, notes: Notes) -> None:
        head = self._heads.get(event.asset, Head())
        if head.last == str(event.id):
            return
        now_us = to_us(self._clock.now())
        if head.heard_us > now_us:
            head = msgspec.structs.replace(head, heard_us=now_us)  # our clock was ahead; it must not hide what comes
        open_us = self._calendar.period(now_us - self._late_us).start_us
        if event.at_us <= open_us:
            raise Reject(
                f"its shift, at {from_us(event.at_us).isoformat()}, ended more than {self._settings.late_hours:g} h ago"
                " and takes no more data; see utilization.late_hours",
                path="$.timestamp",
            )
        known, shares = follow(head, event, self._rules, self._calendar, open_us)
        for share in shares:
            key = event.asset, share.period.start_us
            account = self._accounts.get(key) or Account(period=share.period)
            await self._keep(key, add(account, share, str(event.id), now_us), notes)
        await notes.set_note(HEADS + event.asset, msgspec.json.encode(known))
        self._heads[event.asset] = known

    def _due(self) -> list[Key]:
        """Give the accounts whose report is to be sent, the one that is due for longest first."""
        now_us, now_s = to_us(self._clock.now()), self._clock.monotonic()
        due = [
            (max(account.period.end_us, account.changed_us), key)
            for key, account in self._accounts.items()
            if account.owed and self._put_off_s.get(key, now_s) <= now_s
        ]
        return [key for since_us, key in sorted(due) if since_us + self._after_us <= now_us]

    async def _report(self, key: Key, wats: Wats, notes: Notes) -> None:
        """Send the report of a period, unless WATS has the same; outside of shifts only where something was made."""
        asset, _ = key
        account = self._accounts[key]
        told = with_open_state(account, self._heads.get(asset, Head()), self._rules)
        report = report_of(asset, told, self._figures(asset, told, told.period.end_us), self._settings.part_number)
        sent, refused = account.sent, ""
        is_worth = account.period.name != OUTSIDE or account.producing_s or account.parts.total
        if is_worth and digest(report) != account.sent:
            try:
                await wats.submit_report(report)
                sent = digest(report)
            except Reject as error:
                refused = str(error)
                facts = {"shift": account.period.name, "start": report.start.isoformat(), "reason": refused}
                logger.warning("WATS refuses the report of a shift: %s", refused, extra={"asset": asset})
                await self._alarms.raise_(asset, REFUSED, "alarm", notes, facts)
            else:
                await self._alarms.clear(asset, REFUSED, notes)
        async with self._turn(asset):
            now = self._accounts[key]
            owed = now.last != account.last  # what came meanwhile is owed still
            await self._keep(key, msgspec.structs.replace(now, owed=owed, sent=sent, refused=refused), notes)

    def _to_tag(self) -> list[Key]:
        """Give the newest accounts whose tags are to be written, those that were written longest ago first."""
        now_s, interval_s = self._clock.monotonic(), self._tags_interval_s
        due = [
            (self._tagged_s.get(asset, -interval_s), (asset, start_us))
            for asset, start_us in self._newest.items()
            if self._tagged_s.get(asset, now_s - interval_s) + interval_s <= now_s
            and self._put_off_s.get((asset, start_us), now_s) <= now_s
            and self._tags.get(asset) != self._tags_now((asset, start_us))
        ]
        return [key for _, key in sorted(due)]

    async def _tag(self, key: Key, wats: Wats) -> None:
        asset, _ = key
        tags = self._tags_now(key)
        self._tagged_s[asset] = self._clock.monotonic()
        try:
            await wats.set_tags(asset, tags)
        except Reject:
            self._put_off_s[key] = self._clock.monotonic() + PUT_OFF_S  # the asset is gone; its next message tells
            return
        self._tags[asset] = tags

    def _tags_now(self, key: Key) -> dict[str, str]:
        account = self._accounts[key]
        return tags_of(account, self._figures(key[0], account, account.until_us))

    async def _said(self, call: str, saying: Coroutine[None, None, None], key: Key) -> bool:
        """Say something to WATS; tell whether more can be said now."""
        now_s = self._clock.monotonic()
        while self._written_s and self._written_s[0] <= now_s - _MINUTE_S:
            self._written_s.popleft()
        if self._most and len(self._written_s) >= self._most:
            saying.close()
            return False
        self._written_s.append(now_s)
        try:
            await saying
        except Retry as error:
            if error.scope is Scope.CALL:
                self._refused_calls.add(call)
                self._on_refused(call, str(error))
            if error.scope is not Scope.DELIVERY:
                return False
            self._put_off_s[key] = now_s + PUT_OFF_S
            return True
        if call in self._refused_calls:
            self._refused_calls.discard(call)
            self._on_refused(call, "")
        return True

    async def _forget(self, notes: Notes) -> None:
        """Forget the accounts that take no more late data and are not owed."""
        open_us = self._calendar.period(to_us(self._clock.now()) - self._late_us).start_us
        for key, account in list(self._accounts.items()):
            if account.period.end_us <= open_us and not account.owed:
                await notes.set_note(_note_name(key), None)
                del self._accounts[key]
                self._put_off_s.pop(key, None)
                if self._newest.get(key[0]) == key[1]:
                    del self._newest[key[0]]

    def _figures(self, asset: str, account: Account, until_us: int) -> Figures:
        return figures(account, until_us, self._settings.ideal_cycle_s.get(asset))

    async def _keep(self, key: Key, account: Account, notes: Notes) -> None:
        await notes.set_note(_note_name(key), msgspec.json.encode(account))
        self._take(key, account)

    def _take(self, key: Key, account: Account) -> None:
        asset, start_us = key
        self._accounts[key] = account
        self._newest[asset] = max(start_us, self._newest.get(asset, start_us))

    async def _load(self, notes: Notes) -> None:
        """Read what is kept, once; what WATS refused before is tried again, since the configuration may be another."""
        async with self._loading:
            if self._loaded:
                return
            for name, note in (await notes.notes(HEADS)).items():
                self._heads[name.removeprefix(HEADS)] = msgspec.json.decode(note, type=Head)
            for name, note in (await notes.notes(ACCOUNTS)).items():
                start_us, _, asset = name.removeprefix(ACCOUNTS).partition("/")
                account = msgspec.json.decode(note, type=Account)
                again = account.owed or bool(account.refused)
                self._take((asset, int(start_us)), msgspec.structs.replace(account, owed=again))
            self._loaded = True

    def _turn(self, asset: str) -> asyncio.Lock:
        """One after the other: an event of an asset is added while a report of it is under way."""
        turn = self._turns.get(asset)
        if turn is None:
            turn = self._turns[asset] = asyncio.Lock()
        return turn


def _note_name(key: Key) -> str:
    asset, start_us = key
    return f"{ACCOUNTS}{start_us}/{asset}"
