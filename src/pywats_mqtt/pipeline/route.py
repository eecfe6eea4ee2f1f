"""The second loop: stored messages become deliveries, or rows of the quarantine."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from pywats_mqtt.events import encode
from pywats_mqtt.folding.updates import Gathering, Updates
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.pipeline.storing import until_stored
from pywats_mqtt.ports import Batch, Gathered, Outcome, Rejection, RoutedBatch, Spool

logger = logging.getLogger(__name__)

INBOX_BYTES = 8 * 1024 * 1024
"""Bytes kept in memory between the two loops; what exceeds it is read back from the spool, so it is never lost."""

OVERHEAD_BYTES = 200
"""What a message takes in memory besides its bytes: objects, its place in a tuple."""

READ_BACK = 4
"""Batches read back from the spool at once: some megabytes."""

SLICE = 32
"""Messages interpreted before a look at the time: of telemetry 0.1 ms, of large results some milliseconds."""

TURN_S = 0.02
"""Interpreting holds the event loop no longer than that, and a slice: a batch of results takes some tenths of a second,
for which the calls that are under way would wait; one of telemetry is through by then."""


class Inbox:
    """Hands stored batches over in memory. Bounded: what does not fit is left to be read back from the spool."""

    def __init__(self, limit_bytes: int = INBOX_BYTES) -> None:
        self._batches: deque[tuple[Batch, int]] = deque()
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._newest = 0
        self._news = asyncio.Event()
        self._missed = True  # what an earlier run left in the spool
        self.closed = False

    def offer(self, batch: Batch) -> None:
        """Hand a batch over, or note that it has to be read back."""
        size = OVERHEAD_BYTES * len(batch.messages) + sum(
            len(message.payload) + len(message.topic)
            if not message.user_properties and not message.content_type
            else message.size_bytes
            for message in batch.messages
        )
        if batch.number != self._newest + 1:
            self._missed = True  # two callers stored at once, and the later one comes first
        self._newest = max(self._newest, batch.number)
        if self._bytes + size > self._limit_bytes:
            self._missed = True
        else:
            self._batches.append((batch, size))
            self._bytes += size
        self._news.set()

    def close(self) -> None:
        """Say that no more will come: the router ends when all that is stored is routed."""
        self.closed = True
        self._news.set()

    async def take(self, after: int, spool: Spool) -> list[Batch]:
        """Wait for the batches that follow number `after`, in their order; an empty list when closed and done."""
        while True:
            while self._batches and self._batches[0][0].number <= after:
                self._drop_first()
            if self._batches and (self._batches[0][0].number == after + 1 or not self._missed):
                return [self._drop_first()]
            if self._missed:
                self._missed = False  # before looking: a batch that does not fit meanwhile sets it again
                found = list(await until_stored(partial(spool.unrouted, after, READ_BACK)))
                if found:
                    self._missed = True  # there may be more
                    return found
                continue
            if self.closed:
                return []
            self._news.clear()
            await self._news.wait()

    def _drop_first(self) -> Batch:
        batch, size = self._batches.popleft()
        self._bytes -= size
        return batch


async def route(
    inbox: Inbox,
    spool: Spool,
    interpret: Callable[[RawMessage], Outcome],
    on_routed: Callable[[Batch, list[Gathered], RoutedBatch], None],
    on_updates: Callable[[Sequence[Updates], int], None] | None = None,
) -> None:
    """Interpret and route batch after batch, in the order stored; returns when the inbox is closed and all is routed.

    Args:
        inbox: where the first loop puts what it stored.
        spool: holds the batches, and takes what comes of them in one transaction each.
        interpret: total and pure.
        on_routed: told after each transaction, to wake the deliveries and to count.
        on_updates: told of the updates of each batch, once it is interpreted, and when its last message was received.
    """
    position = 0
    storing: asyncio.Task[None] | None = None
    async with asyncio.TaskGroup() as group:
        while batches := await inbox.take(position, spool):
            for batch in batches:
                outcomes = await _interpreted(
                    batch.messages, interpret, on_updates
                )  # while the batch before is being committed
                if storing is not None:
                    await storing
                storing = group.create_task(_store(spool, batch, outcomes, on_routed), name="store-routed")
                position = batch.number


async def _store(
    spool: Spool,
    batch: Batch,
    outcomes: list[Gathered],
    on_routed: Callable[[Batch, list[Gathered], RoutedBatch], None],
) -> None:
    try:
        routed = await until_stored(partial(spool.route, batch, outcomes))
    except (ValueError, OverflowError, TypeError, RecursionError) as error:
        # What cannot be packed would end the bridge now and at each start, since its batch stays the next one.
        storable = [_storable(outcome) for outcome in outcomes]
        if storable == outcomes:
            raise
        logger.exception("a message cannot be stored by a defect", extra={"cause": type(error).__name__})
        outcomes = storable
        routed = await until_stored(partial(spool.route, batch, outcomes))
    on_routed(batch, outcomes, routed)


def _storable(outcome: Gathered) -> Gathered:
    """Give what a message means, or the defect as the reason to keep it aside where its events cannot be packed."""
    if not isinstance(outcome, tuple):
        return outcome
    try:
        for identified in outcome:
            encode(identified.event)
    except (ValueError, OverflowError, TypeError, RecursionError) as error:
        return _defect(error)
    return outcome


async def _interpreted(
    messages: Sequence[RawMessage],
    interpret: Callable[[RawMessage], Outcome],
    on_updates: Callable[[Sequence[Updates], int], None] | None,
) -> list[Gathered]:
    loop = asyncio.get_running_loop()
    gathering = Gathering()
    take = gathering.take
    outcomes: list[Gathered] = []
    add = outcomes.append
    ends_s = loop.time() + TURN_S
    for start in range(0, len(messages), SLICE):
        for message in messages[start : start + SLICE]:
            try:
                outcome = interpret(message)
            except Exception as error:  # a loop's edge: a defect of ours, which holds up nobody else
                logger.exception("interpreting failed by a defect")
                outcome = _defect(error)
            add(take(message, outcome))
        if loop.time() > ends_s:
            await asyncio.sleep(0)
            ends_s = loop.time() + TURN_S
    if on_updates is not None and gathering.made:
        on_updates(gathering.made, messages[-1].received_at_us)
    return outcomes


def _defect(error: Exception) -> Rejection:
    return Rejection(f"a defect of the bridge, the message is kept: {type(error).__name__}: {error}")
