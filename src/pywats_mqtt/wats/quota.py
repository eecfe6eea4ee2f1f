"""The quota: in no window of 60 s more calls than allowed, also across a restart.

A burst up to the whole limit may go at once, so that a first effect is quick; then calls go as slots come free, and
slower where the server accepts less: see `rate`. Whose call is next, and what is kept free for others, a policy
decides. What counts, and why the bound holds, is in `window`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Protocol

import msgspec

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, Notes
from pywats_mqtt.wats.rate import Kept, Rate
from pywats_mqtt.wats.window import Block, Blocks, Window

logger = logging.getLogger(__name__)

NOTE = "wats-quota"
RATE_NOTE = "wats-rate"

NO_LIMIT = sys.maxsize
"""Calls in a window where no limit is set."""

BLOCKS_PER_MINUTE = 30
"""At the full rate a block lasts 2 s: one durable write in 2 s, and after a crash 1/30 of a minute's calls too many."""

_account: ContextVar[str] = ContextVar("account", default="")


@contextmanager
def on_account_of(kind: str) -> Iterator[None]:
    """Put the calls made in this block, also by tasks it starts, on the account of a kind of event."""
    token = _account.set(kind)
    try:
        yield
    finally:
        _account.reset(token)


class Policy(Protocol):
    """Decides whose call is next; told each time, it may remember what it chose."""

    def choose(self, waiting: Sequence[str], taken: Mapping[str, int], free: int, now_s: float) -> str | None:
        """Choose the account whose call begins now, of those that wait, the longest first; None where none may."""
        ...

    def opens_in_s(self, now_s: float) -> float:
        """Tell how long until the time alone lets another call begin; 0 where only a free one does."""
        ...

    def adapt(self, limit: int) -> None:
        """Take note of how many calls there are in a minute now, 1 or more."""
        ...


class FirstCome:
    """First come, first served."""

    def choose(self, waiting: Sequence[str], taken: Mapping[str, int], free: int, now_s: float) -> str | None:  # noqa: ARG002 - see `Policy`
        """See `Policy.choose`."""
        return waiting[0] if waiting and free > 0 else None

    def opens_in_s(self, now_s: float) -> float:  # noqa: ARG002 - see `Policy`
        """See `Policy.opens_in_s`."""
        return 0.0

    def adapt(self, limit: int) -> None:
        """See `Policy.adapt`."""


class _Ticket(msgspec.Struct, eq=False):
    """Somebody's wish to call: on whose account, and what is done when it may."""

    account: str
    admitted: asyncio.Future[None]


class Quota:
    """Hands out calls; one instance for all that goes to a server under one token."""

    def __init__(
        self,
        requests_per_minute: int,
        notes: Notes | None,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        policy: Policy | None = None,
        *,
        backlog: bool = False,
        on_rate: Callable[[Rate], None] | None = None,
    ) -> None:
        """Keep what is needed; nothing is read before the first call.

        Args:
            requests_per_minute: the limit; 0 for none, and then no calls are reserved.
            notes: where reserved calls are written, and the rate where it is not at the limit; None to write nothing,
                for a program that makes a few calls.
            clock: `monotonic` for the running program, `now` to bridge a restart. A wall clock that was put forward
                while the program was down makes calls look older than they are; one put back does no harm.
            sleep: waits that many seconds of the clock.
            policy: whose call is next where there is a rate; first come, first served where none is given.
            backlog: much is owed, so begin slowly.
            on_rate: told of the rate where it begins below the limit, and each time that it changes.
        """
        self._limit = requests_per_minute
        self._notes = notes
        self._clock = clock
        self._sleep = sleep
        self._first_come = FirstCome()
        self._policy = policy or self._first_come
        self._rate = Rate(requests_per_minute, backlog=backlog)
        self._on_rate = on_rate
        if self._rate.why:
            self._tell_rate()
        self._window = Window(requests_per_minute or NO_LIMIT)
        self._blocks = Blocks(max(1, requests_per_minute // BLOCKS_PER_MINUTE))
        self._waiting: list[_Ticket] = []
        self._booking = asyncio.Lock()
        self._ended = asyncio.Event()
        self._restored = False

    @property
    def taken(self) -> int:
        """How many of the minute's calls are used up or under way."""
        return self._window.taken(self._clock.monotonic())

    @asynccontextmanager
    async def call(self) -> AsyncGenerator[float]:
        """Wait for a slot, hold it for one call, and free it a window after the call ended, however it ended.

        Gives the time at which the call begins, on the monotonic clock.

        Raises:
            Retry: the reservation cannot be written down now (disk full), or the server wants to be left alone.
        """
        if not self._restored:
            async with self._booking:
                await self._restore()
        self._respect()
        account = _account.get()
        await self._admission(account)
        try:
            self._respect()
            block = await self._book() if self._limit else None
        except BaseException:
            self._give_back(account)
            raise
        try:
            yield self._clock.monotonic()
        finally:
            self._window.end(self._clock.monotonic(), account)
            if block is not None:
                self._blocks.end(block, self._now_us())
            self._ended.set()

    async def accepted(self, began_s: float) -> None:
        """Take note of an answer to a call that began then; what that changes is durable on return."""
        if self._rate.accepted(began_s, self._clock.monotonic()):
            self._tell_rate()
            await self._keep_rate()

    async def refused(self, began_s: float, why: str, after_s: float | None) -> None:
        """Take note that the server refused a call for being too many; what that changes is durable on return.

        Args:
            began_s: when the call began.
            why: what the server answered.
            after_s: how long it wants none, or None.
        """
        now_s = self._clock.monotonic()
        if self._rate.refused(began_s, now_s, why, after_s, made=self._window.taken(now_s)):
            self._tell_rate()
            await self._keep_rate()
        elif after_s:
            await self._keep_rate()

    def unanswered(self) -> None:
        """Take note that the server is not there."""
        self._rate.unanswered(self._clock.monotonic())

    def _tell_rate(self) -> None:
        if not self._rate.is_none:
            self._policy.adapt(int(self._rate.per_minute))
        if self._on_rate is not None:
            self._on_rate(self._rate)

    async def close(self) -> None:
        """Write down when the last calls ended, so that a restart need not take them for just made.

        Where that cannot be written (disk full), the restart waits longer, and that is all.
        """
        if self._limit and self._restored:
            with suppress(Retry):
                await self._write(NOTE, self._blocks.dump(self._now_us(), closing=True))

    async def _admission(self, account: str) -> None:
        """Wait until the policy gives us one of the free calls; it is taken when this returns."""
        ticket = _Ticket(account, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        try:
            while True:
                self._ended.clear()
                self._admit()
                if ticket.admitted.done():
                    return
                await self._news(ticket)
        except BaseException:
            if ticket.admitted.done():
                self._give_back(account)
            else:
                self._waiting.remove(ticket)
            raise

    def _give_back(self, account: str) -> None:
        """Take back a call that was not made: who waits for one need not wait for its time."""
        self._window.give_back(account)
        self._rate.give_back()
        self._admit()

    def _respect(self) -> None:
        """Refuse to call a server that wants to be left alone."""
        held_s = self._rate.held_s(self._clock.monotonic())
        if held_s:
            until = self._clock.now() + timedelta(seconds=held_s)
            problem = f"WATS wants to be left alone until {until.isoformat(timespec='seconds')} (Retry-After)"
            raise Retry(problem, scope=Scope.SERVER, cause="429", after_s=held_s)

    def _admit(self) -> None:
        """Let all those begin that may now."""
        now_s = self._clock.monotonic()
        while self._waiting and self._rate.may_call(now_s):
            free = self._window.free(now_s)
            accounts = [ticket.account for ticket in self._waiting]
            policy = self._first_come if self._rate.is_none else self._policy
            chosen = policy.choose(accounts, self._window.by_account, free, now_s)
            if chosen is None:
                return
            ticket = self._waiting.pop(accounts.index(chosen))
            self._window.start(chosen)
            self._rate.call()
            ticket.admitted.set_result(None)

    async def _news(self, ticket: _Ticket) -> None:
        """Wait until another who looked admitted us, a call ended, or the time may have opened something."""
        now_s = self._clock.monotonic()
        waits = [
            self._window.wait_s(now_s, max(0, self._window.free(now_s))),
            self._policy.opens_in_s(now_s) or None,
            self._rate.opens_in_s(now_s) or None,
        ]
        wait_s = min((wait for wait in waits if wait is not None), default=None)
        passing = asyncio.ensure_future(self._pass(wait_s))
        try:
            await asyncio.wait({ticket.admitted, passing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            passing.cancel()

    async def _pass(self, wait_s: float | None) -> None:
        if wait_s is None:
            await self._ended.wait()
        else:
            await self._sleep(wait_s)

    async def _book(self) -> Block:
        """Take a call of a block whose reservation is durable."""
        async with self._booking:
            if self._blocks.full():
                await self._write(NOTE, self._blocks.dump(self._now_us(), reserving=True))
                self._blocks.reserve()
            return self._blocks.start()

    async def _keep_rate(self) -> None:
        """Write the rate down; where that cannot be (disk full), only a restart would miss it."""
        kept = self._rate.keep(self._clock.monotonic(), self._now_us())
        with suppress(Retry):
            await self._write(RATE_NOTE, None if kept is None else msgspec.json.encode(kept))

    async def _write(self, name: str, note: bytes | None) -> None:
        if self._notes is not None:
            await self._notes.set_note(name, note)

    async def _restore(self) -> None:
        if self._restored:  # by who was here first
            return
        if self._notes is not None:
            calls = await self._notes.note(NOTE) if self._limit else None
            rate = await self._notes.note(RATE_NOTE)
            self._restore_calls(calls)  # after both were read, or a second try would count the same calls again
            self._restore_rate(rate)
        self._restored = True

    def _restore_rate(self, note: bytes | None) -> None:
        if note is None:
            return
        try:
            kept = msgspec.json.decode(note, type=Kept)
        except (msgspec.DecodeError, UnicodeDecodeError):
            logger.warning(
                "the note of how fast WATS may be called cannot be read; it is called as if nothing was known"
            )
            return
        self._rate.restore(kept, self._clock.monotonic(), self._now_us())
        if self._rate.why:
            self._tell_rate()

    def _restore_calls(self, note: bytes | None) -> None:
        if note is not None:
            try:
                counted = self._blocks.restore(note, self._now_us())
            except msgspec.DecodeError:
                logger.warning("the note of used calls cannot be read; the whole minute counts as used")
                counted = [(self._limit, 0)]
            now_s = self._clock.monotonic()
            for count, age_us in counted:
                self._window.remember(count, now_s - age_us / 1e6)

    def _now_us(self) -> int:
        return to_us(self._clock.now())
