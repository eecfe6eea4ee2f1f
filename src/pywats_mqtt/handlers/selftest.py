"""Self-tests mark their device: its tag, its log, an alarm, its state where that is configured, and units it tested.

What a self-test says is kept in a note before anything else, so that it counts for the next unit at once; what follows
from it in WATS is brought there with its report, or, where WATS refuses or the report is refused, at a later look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.adapters.report import SELF_TEST
from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import TestResult
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.selftests import (
    CHECK,
    PREFIX,
    TAG,
    SelfTests,
    Suspect,
    check,
    decode,
    encode,
    follow,
    is_suspect,
    overdue,
    shown,
    told,
)
from pywats_mqtt.handlers.suspects import Suspects
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, Notes, Wats

CALL = "self-test marks"
"""What `status` names among the refused calls where an asset could not be marked."""

AGAIN_S = 3_600.0
"""A mark that WATS refuses is tried again once an hour, and at each start."""

FAILED, OVERDUE = "selftest_failed", "selftest_overdue"
"""The alarms."""

CATCH_UP_US = 300_000_000
"""Nothing is overdue until we have listened for so long: a self-test done while we were away has yet to be read."""

OWED = 200
"""Lines that wait for a log at most, where WATS refuses them for long; the oldest are given up first."""

ALARMED = 500
"""Units that an alarm names at most, the newest ones."""

Mark = Callable[[str, Wats, Notes], Awaitable[None]]


class Holding(Protocol):
    """Puts assets in maintenance, and lets them out."""

    async def hold(self, asset: str, wats: Wats, notes: Notes) -> None:
        """Put an asset in maintenance, where people allow it, until it is released."""
        ...

    async def release(self, asset: str, wats: Wats, notes: Notes) -> None:
        """Give an asset that is held the state that it would have."""
        ...


class SelfTesting:
    """What is known of the self-tests of all devices, and what follows from them; one instance for one server."""

    def __init__(
        self,
        config: AssetConfig,
        clock: Clock,
        assets: Holding,
        alarms: Alarms,
        on_refused: Callable[[str, str], None],
        *,
        is_listening: Callable[[], bool],
    ) -> None:
        """Know nothing yet.

        Args:
            config: whether self-tests mark, and how often they are due.
            clock: the time.
            assets: change states.
            alarms: are raised and cleared.
            on_refused: see `Surroundings`.
            is_listening: see `Surroundings`.
        """
        self._how = config.selftest_failed
        self._every_us = int(config.selftest_every_h * 3_600e6)
        self._clock = clock
        self._assets = assets
        self._alarms = alarms
        self._on_refused = on_refused
        self._is_listening = is_listening
        self._listening_us = to_us(clock.now())
        self._suspects = Suspects()
        self._known: dict[str, SelfTests] = {}
        self._loaded = False
        self._loading = asyncio.Lock()
        self._refused_at: dict[str, float] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def heard(self, result: TestResult, notes: Notes) -> TestResult:
        """Keep what a self-test says; give the result of a unit with what is wrong with its fixtures.

        The fixtures of a result are its device, its `fixture` and its `assets`.
        """
        if self._how == "off":
            return result
        await self._load(notes)
        if result.kind == SELF_TEST:
            async with self._turn(result.device):
                await self._take(result, notes)
        if not result.is_of_unit:
            return result
        fixtures = dict.fromkeys((result.device, result.fixture, *(use.asset for use in result.assets)))
        misc = list(result.misc)
        for fixture in fixtures:
            if fixture in self._known:
                wrong = await self._judge(fixture, result, notes)
                if wrong:
                    misc.append((CHECK, cut(f"{wrong}: {fixture}")))
        return result if len(misc) == len(result.misc) else msgspec.structs.replace(result, misc=tuple(misc))

    async def mark(self, result: TestResult, wats: Wats, notes: Notes) -> None:
        """Bring to WATS what a self-test changed.

        Raises:
            Retry: WATS is away; any other failure is noted, and tried again at a later look.
        """
        if result.kind == SELF_TEST and result.device in self._known:
            async with self._turn(result.device):
                await self._mark(result.device, wats, notes)

    async def look(self, wats: Wats, notes: Notes) -> None:
        """Notice what is overdue, and bring to WATS what is owed.

        Raises:
            Retry: WATS is away.
        """
        if self._how == "off":
            return
        await self._load(notes)
        now_us, now_s = to_us(self._clock.now()), self._clock.monotonic()
        is_told = self._is_listening() and now_us - self._listening_us >= CATCH_UP_US
        for device in list(self._known):
            async with self._turn(device):
                if is_told:
                    await self._keep(device, overdue(self._known[device], now_us, self._every_us), notes)
                if now_s >= self._refused_at.get(device, -AGAIN_S) + AGAIN_S:
                    await self._mark(device, wats, notes)

    def tell_again(self) -> None:
        """Begin to listen anew: the broker was away, and what devices said meanwhile is still to come."""
        self._listening_us = to_us(self._clock.now())

    async def _take(self, result: TestResult, notes: Notes) -> None:
        device = result.device
        before = overdue(self._known.get(device, SelfTests()), to_us(result.start), self._every_us)
        after = follow(before, result)
        if not after.at_us:
            return
        failed = bool(after.failed_us and not before.failed_us)
        suspects = await self._suspects_of(device, after, notes) if failed else []
        await self._keep(device, told(before, after, suspects), notes)
        if after.good_us != before.good_us:
            await self._suspects.forget(device, after.good_us, notes)

    async def _judge(self, fixture: str, result: TestResult, notes: Notes) -> str:
        """Tell what is wrong with a fixture; write the unit down, should the next self-test fail."""
        known, at_us = self._known[fixture], to_us(result.start)
        if is_suspect(known, at_us):
            await self._suspects.add(fixture, Suspect(result.serial_number, str(result.report_id), at_us), notes)
        return check(known, at_us, self._every_us)

    async def _suspects_of(self, device: str, known: SelfTests, notes: Notes) -> list[Suspect]:
        suspects = await self._suspects.all(device, notes)
        return [one for one in suspects if known.good_us <= one.at_us < known.failed_us]

    async def _mark(self, device: str, wats: Wats, notes: Notes) -> None:
        """Do what is owed; each step is written down when it is done, and none keeps another one back."""
        await self._alarm(device, notes)
        refused: Retry | Reject | None = None
        for step in (self._tag, self._state, self._log):
            try:
                await step(device, wats, notes)
            except Retry as problem:
                if problem.scope is Scope.SERVER:
                    raise
                refused = problem
            except Reject as problem:
                refused = problem
                # Perhaps the asset was deleted: writing its tag makes it anew.
                await self._keep(device, msgspec.structs.replace(self._known[device], written=""), notes)
        if refused is not None:
            self._refused_at[device] = self._clock.monotonic()
            self._on_refused(CALL, f"{device}: {refused}")
        elif self._refused_at.pop(device, None) is not None and not self._refused_at:
            self._on_refused(CALL, "")

    async def _alarm(self, device: str, notes: Notes) -> None:
        known = self._known[device]
        active = await self._alarms.active(device, notes)
        if known.word == "overdue":
            facts = {"overdue_since": shown(known.overdue_us), "passed_at": shown(known.good_us)}
            await self._alarms.raise_(device, OVERDUE, "warning", notes, facts)
        elif OVERDUE in active:
            await self._alarms.clear(device, OVERDUE, notes)
        if known.word != "failed":
            if FAILED in active:
                await self._alarms.clear(device, FAILED, notes, {"passed_at": shown(known.good_us)})
        elif FAILED not in active:
            suspects = await self._suspects_of(device, known, notes)
            await self._alarms.raise_(
                device,
                FAILED,
                "alarm",
                notes,
                {
                    "failed_at": shown(known.failed_us),
                    "report_id": known.report_id,
                    "passed_at": shown(known.good_us) if known.good_us else None,
                    "suspects": len(suspects),
                    "serial_numbers": ", ".join(one.serial_number for one in suspects[-ALARMED:]),
                    "report_ids": ", ".join(one.report_id for one in suspects[-ALARMED:]),
                },
            )

    async def _state(self, device: str, wats: Wats, notes: Notes) -> None:
        known = self._known[device]
        is_bad = known.word in {"failed", "overdue"} and self._how == "block"
        if is_bad and not known.held:
            await self._assets.hold(device, wats, notes)
        elif known.held and not is_bad:
            await self._assets.release(device, wats, notes)
        await self._keep(device, msgspec.structs.replace(known, held=is_bad), notes)

    async def _tag(self, device: str, wats: Wats, notes: Notes) -> None:
        known = self._known[device]
        if known.tag != known.written:
            await wats.set_tags(device, {TAG: known.tag})
            await self._keep(device, msgspec.structs.replace(known, written=known.tag), notes)

    async def _log(self, device: str, wats: Wats, notes: Notes) -> None:
        while (known := self._known[device]).owed:
            if not known.sending:
                await self._keep(device, msgspec.structs.replace(known, sending=True), notes)
            await wats.log_message(device, known.owed[0], perhaps_there=known.sending)
            await self._keep(device, msgspec.structs.replace(known, owed=known.owed[1:], sending=False), notes)

    async def _load(self, notes: Notes) -> None:
        async with self._loading:
            if not self._loaded:
                for name, note in (await notes.notes(PREFIX)).items():
                    self._known[name.removeprefix(PREFIX)] = decode(note)
                self._loaded = True

    async def _keep(self, device: str, known: SelfTests, notes: Notes) -> None:
        if known != self._known.get(device):
            if len(known.owed) > OWED:  # the first one may be under way: `sending` is about it
                known = msgspec.structs.replace(known, owed=(*known.owed[:1], *known.owed[1 - OWED :]))
            await notes.set_note(PREFIX + device, encode(known))
            self._known[device] = known

    def _turn(self, device: str) -> asyncio.Lock:
        """One after the other: the line of a device, those of the testers that use it, and a look go on at once."""
        turn = self._turns.get(device)
        if turn is None:
            turn = self._turns[device] = asyncio.Lock()
        return turn
