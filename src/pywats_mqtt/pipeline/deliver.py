"""The third loop: what is owed to WATS is leased, handled and settled.

One task leases and hands out, some work, one settles many at once. A key has one delivery under way at most, so its
order holds; a delivery's lease ends only when what became of it is committed. More are leased than can be worked on, so
that nobody waits for a commit; what is leased and not begun when the server goes away is given back.

Each lane, and each kind of telemetry, is worked on by tasks of its own: what waits for a call of the quota holds up
nothing else, and however much of one is owed, of the others what is due is leased.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.messages import to_us
from pywats_mqtt.pipeline.gate import Change, Gate
from pywats_mqtt.pipeline.judge import Defect, Judge
from pywats_mqtt.pipeline.lanes import KINDS_OF, lane_of
from pywats_mqtt.pipeline.looks import AGAIN_S, AHEAD, APART_S, BESIDE, Looks
from pywats_mqtt.pipeline.pace import Handle, HandleGroup, Pace
from pywats_mqtt.pipeline.storing import until_stored
from pywats_mqtt.ports import Delivery, Settlement, Spool, Timer

logger = logging.getLogger(__name__)

LINGER_S = 0.1
"""What a commit may be put off so that more results share it; it is not put off once nothing else is under way."""

SHARING = 4
"""Results that share a commit at most, for each one worked on at once. A commit costs as much as a call."""

LEASED_AHEAD = 12
"""Deliveries leased for each one worked on at once: what waits for a commit or a lease must not leave a call unused."""

PROBE_S = 30.0
"""An idle bridge asks this often whether the server is there: two calls a minute of the quota."""

MOST_TOGETHER = 100
"""Deliveries handled together at most, so that one call stays small and one failure concerns few."""


_ORDERED = {lane.value: kinds for lane, kinds in KINDS_OF.items()}
"""Where ordered deliveries are worked on: by lanes. Each kind of latest ones is so under its own name."""


class Delivering:
    """Runs the loop; `wake` says there is something new, `drain` that nothing more will come."""

    def __init__(
        self,
        *,
        spool: Spool,
        handle: Handle,
        pace: Pace,
        clock: Timer,
        jitter: Callable[[], float],
        on_change: Callable[[Change, str], None],
        on_settled: Callable[[Sequence[Settlement]], None],
        probe: Callable[[], Awaitable[None]] | None = None,
        gate: Gate | None = None,
        handle_group: HandleGroup | None = None,
    ) -> None:
        self._spool = spool
        self._handle = handle
        self._pace = pace
        self._clock = clock
        self._on_settled = on_settled
        self._probe = probe
        self._gate = gate or Gate()
        self._judge = Judge(pace, self._gate, clock, jitter, on_change)
        self._handle_group = handle_group
        self._news = asyncio.Event()
        self._looks = Looks(pace.intervals_s)
        self._looked_at_s = self._looked_beside_s = float("-inf")
        self._looks_beside = False
        self._work: dict[str, asyncio.Queue[list[Delivery]]] = {
            line: asyncio.Queue() for line in (*_ORDERED, *pace.intervals_s)
        }
        self._to_gather: asyncio.Queue[Delivery] = asyncio.Queue()
        self._hurry = asyncio.Event()
        self._results: asyncio.Queue[Settlement | Delivery] = asyncio.Queue()
        self._under_way: Counter[str] = Counter()
        self._draining = False

    def wake(self, *, latest: bool = True) -> None:
        """Look at the spool: something new is owed, `latest` deliveries among it or ordered ones alone."""
        if latest:
            self._looks.news()
        self._looked_beside_s = float("-inf")
        self._news.set()

    def drain(self) -> None:
        """Deliver what is owed without waiting for intervals; `run` ends when nothing more can be delivered now."""
        self._draining = True
        self._hurry.set()
        self.wake()

    async def run(self) -> None:
        """Deliver for ever, or until drained."""
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._handle_next(work), name=f"deliver-{line}-{number}")
                for line, work in self._work.items()
                for number in range(self._slots(line))
            ]
            helpers.append(group.create_task(self._settle_results(), name="settle"))
            helpers.append(group.create_task(self._gather(), name="gather"))
            if self._probe is not None:
                helpers.append(group.create_task(self._probe_when_idle(self._probe), name="probe"))
            await self._hand_out()
            for helper in helpers:
                helper.cancel()

    async def _hand_out(self) -> None:
        while True:
            self._news.clear()
            looked_s = self._clock.monotonic()
            await self._lease_ordered()
            await self._lease_latest()
            if self._news.is_set():
                continue
            if self._draining and not self._under_way.total():
                return
            await self._wait(looked_s)

    def _slots(self, line: str) -> int:
        """Tell how many deliveries of a line are worked on at once."""
        return self._pace.concurrency if line in _ORDERED else max(1, self._pace.concurrency // BESIDE)

    def _room(self, line: str) -> int:
        """Tell how many to lease now; they are asked for in groups, for each asking costs a turn of the store."""
        if self._gate.server_away:
            return self._gate.width(self._clock.monotonic(), 1) - self._under_way.total()
        slots = self._slots(line)
        ahead = LEASED_AHEAD if line in _ORDERED else AHEAD
        room = ahead * slots - self._under_way[line]
        return room if room >= slots // 2 else 0

    async def _lease_ordered(self) -> None:
        """Lease for all lanes that have room, until one of them has none or nothing is left."""
        self._looks_beside = False
        while rooms := {line: room for line in _ORDERED if (room := self._room(line)) > 0}:
            busy = frozenset[str]().union(*(kinds for line, kinds in _ORDERED.items() if line not in rooms))
            if busy and self._beside_in_s() > 0:
                self._looks_beside = True  # soon: nothing was found a moment ago
                return
            now_s, now_us, room = self._clock.monotonic(), to_us(self._clock.now()), min(rooms.values())
            lease = partial(self._spool.lease, room, now_us, skip_kinds=self._gate.refused_kinds(now_s))
            leased = await until_stored(partial(lease, busy_kinds=busy))
            self._take(leased)
            if len(leased) < room:
                if busy and not leased:
                    self._looked_beside_s = asyncio.get_running_loop().time()
                    self._looks_beside = await until_stored(self._spool.next_due_us) == 0  # rows are left to be read
                return

    def _beside_in_s(self) -> float:
        """Tell in how many seconds to look again for what is due beside a full lane; 0 or less: now."""
        return self._looked_beside_s + APART_S - asyncio.get_running_loop().time()

    def _kinds_to_look_at(self) -> list[str]:
        now_s = self._clock.monotonic()
        refused = self._gate.refused_kinds(now_s)
        # What was folded while its asset was under way is owed once that is settled: a drain looks again at its end.
        ends = self._draining and not self._under_way.total()
        kinds = self._pace.intervals_s if ends else self._looks.due(now_s)
        return [kind for kind in kinds if kind not in refused and self._room(kind) > 0]

    async def _lease_latest(self) -> None:
        apart_s = asyncio.get_running_loop().time() - self._looked_at_s
        kinds = self._kinds_to_look_at() if self._draining or apart_s >= APART_S else []
        if kinds:
            self._looked_at_s = asyncio.get_running_loop().time()
        for kind in kinds:
            if (room := self._room(kind)) <= 0:
                continue  # one that was looked at before has taken it
            now_us = to_us(self._clock.now())
            settled_before_us = now_us if self._draining else now_us - int(self._pace.intervals_s[kind] * 1e6)
            lease = partial(self._spool.lease_latest, room, now_us, settled_before_us=settled_before_us)
            leased = await until_stored(partial(lease, skip_kinds=frozenset(self._pace.intervals_s) - {kind}))
            self._looks.looked(kind, self._clock.monotonic(), more=len(leased) == room)
            self._take(leased)

    def _take(self, leased: Sequence[Delivery]) -> None:
        for delivery in leased:
            line = self._line_of(delivery)
            self._under_way[line] += 1
            if self._handle_group is not None and delivery.kind == self._pace.together:
                self._to_gather.put_nowait(delivery)
            else:
                self._work[line].put_nowait([delivery])

    def _line_of(self, delivery: Delivery) -> str:
        """Name where a delivery is worked on."""
        return delivery.kind if delivery.kind in self._pace.intervals_s else lane_of(delivery.kind).value

    async def _wait(self, looked_s: float) -> None:
        """Wait for news, for a gate that was closed at the last look to open, or for something to fall due."""
        waits = [AGAIN_S]
        opens_in_s = self._gate.opens_in_s(self._clock.monotonic(), looked_s)
        if opens_in_s is not None:
            waits.append(opens_in_s)
        idle = not self._under_way.total() and not self._gate.server_away
        due_us = await until_stored(self._spool.next_due_us) if idle else None
        if due_us is not None:
            waits.append((due_us - to_us(self._clock.now())) / 1e6)
        wait_s = self._clock.real_s(min(waits))
        if self._looks_beside:
            wait_s = min(wait_s, self._beside_in_s())
        if self._kinds_to_look_at():  # too soon after the last look
            wait_s = min(wait_s, self._looked_at_s + APART_S - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(max(wait_s, 0.01)):
                await self._news.wait()
        except TimeoutError:
            return

    async def _gather(self) -> None:
        """Put what is handled together into groups: what arrives within the time from the first one on."""
        while True:
            gathered = [await self._to_gather.get()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._clock.real_s(self._pace.gather_s)):
                    await self._hurry.wait()  # until told to stop; what arrives meanwhile stays in the queue
            while not self._to_gather.empty() and len(gathered) < MOST_TOGETHER:
                gathered.append(self._to_gather.get_nowait())
            self._work[self._line_of(gathered[0])].put_nowait(gathered)

    async def _handle_next(self, work: asyncio.Queue[list[Delivery]]) -> None:
        while True:
            deliveries = await work.get()
            with self._gate.trying(deliveries[0].kind, self._clock.monotonic(), len(deliveries)) as count:
                for untried in deliveries[count:]:
                    self._results.put_nowait(untried)
                if not count:
                    continue
                if self._handle_group is None or deliveries[0].kind != self._pace.together:
                    self._results.put_nowait(await self._deliver(deliveries[0]))
                else:
                    for settlement in await self._deliver_group(deliveries[:count], self._handle_group):
                        self._results.put_nowait(settlement)

    async def _deliver(self, delivery: Delivery) -> Settlement:
        successes = self._judge.successes
        try:
            asked = await self._handle(delivery.event)
        except (Reject, Retry) as error:
            return self._judge.settled(delivery, error, others=self._judge.successes - successes)
        except Exception as error:  # a loop's edge: a defect of ours must not stop the line, nor lose the delivery
            logger.exception("a delivery failed by a defect", extra={"delivery_id": delivery.id, "kind": delivery.kind})
            return self._judge.settled(delivery, Defect(error), others=self._judge.successes - successes)
        if asked is False:
            return self._judge.unasked(delivery)
        return self._judge.settled(delivery, None, others=0)

    async def _deliver_group(self, deliveries: list[Delivery], handle: HandleGroup) -> list[Settlement]:
        """Deliver together; where that fails by a defect of ours, one by one, since one of them may be its cause."""
        successes = self._judge.successes
        try:
            problems = await handle([delivery.event for delivery in deliveries])
        except Exception as error:  # as in `_deliver`
            logger.exception("deliveries failed by a defect", extra={"kind": deliveries[0].kind})
            if len(deliveries) > 1:
                return [(await self._deliver_group([delivery], handle))[0] for delivery in deliveries]
            problems = [Defect(error)]
        others = self._judge.successes - successes
        pairs = zip(deliveries, problems, strict=True)
        # What got through did so before what failed: the server that went away meanwhile stays away.
        return [
            self._judge.settled(delivery, problem, others=others) for delivery, problem in sorted(pairs, key=_failed)
        ]

    async def _probe_when_idle(self, probe: Callable[[], Awaitable[None]]) -> None:
        """Learn at start, and whenever nothing got through for a while, whether the server is there."""
        seen = self._judge.successes
        while True:
            wait_s = PROBE_S
            if self._judge.successes == seen:
                wait_s = await self._try(probe)
            seen = self._judge.successes
            await asyncio.sleep(self._clock.real_s(wait_s))

    async def _try(self, probe: Callable[[], Awaitable[None]]) -> float:
        """Probe, unless it is too soon or another tries already; tells in how many seconds to look again."""
        now_s = self._clock.monotonic()
        with self._gate.trying("", now_s, 1) as count:
            if not count:
                return min(PROBE_S, max(AGAIN_S, self._gate.opens_in_s(now_s) or 0.0))
            try:
                await probe()
            except Reject as error:
                self._judge.reached(str(error))
            except Retry as error:
                self._judge.failed(error, "probe")
            except Exception:  # a loop's edge: the next delivery tells as much
                logger.exception("looking whether the server is there failed by a defect")
            else:
                self._judge.reached()
        self.wake()  # meanwhile nothing else was tried
        return PROBE_S

    async def _settle_results(self) -> None:
        while True:
            results = await self._some_results()
            untried = [result for result in results if isinstance(result, Delivery)]
            settlements = [result for result in results if not isinstance(result, Delivery)]
            if untried:
                await self._spool.give_back(untried)
            if settlements:
                await until_stored(partial(self._spool.settle, settlements))
                self._on_settled(settlements)
            self._under_way.subtract(
                self._line_of(result if isinstance(result, Delivery) else result.delivery) for result in results
            )
            self._news.set()

    async def _some_results(self) -> list[Settlement | Delivery]:
        """Wait for a result, and a moment for others to share its commit, as long as any are still to come."""
        results = [await self._results.get()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while len(results) < min(self._under_way.total(), SHARING * self._pace.concurrency):
                    results.append(await self._results.get())
        return results


def _failed(pair: tuple[Delivery, Retry | Reject | None]) -> bool:
    return pair[1] is not None
