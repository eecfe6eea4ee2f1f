"""What the bridge says by the way: answers and alarms for the broker, and small writes that follow an event."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.ports import Broker, Publication

logger = logging.getLogger(__name__)

LONGEST = 1_000
"""What waits at most; beyond it the newest are dropped. Answers are a courtesy: the result itself is in the spool."""

SPARE = 100
"""Places that answers leave to alarms of the bridge and to what is to be written down: two dozen at a reconnect."""

PATIENCE_S = 30.0
"""Seconds one publication may take, reconnects included."""

HEAD_S = 1.0
"""Seconds the next one waits for the broker to take this one. A full spool stops reading, also what the broker answers:
its alarms are written none the less, and one must not wait for the other."""

FLUSH_S = 1.0
"""Seconds a stop waits for what still has to be said."""


Action: TypeAlias = Callable[[], Awaitable[None]]


class Postbox:
    """A bounded line of things to say, worked off in order by one task."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[Publication | None, Action | None]] = asyncio.Queue(LONGEST + SPARE)

    def add(self, publication: Publication | None, then: Action | None = None) -> bool:
        """Publish this when its turn comes, and then run `then` if the broker took it; None is nothing to say.

        Returns:
            Whether it was taken: too much may be waiting already.
        """
        if publication is not None:
            if self._waiting.qsize() >= LONGEST:
                return False
            self.add_alarm(publication, then)
        return True

    def add_alarm(self, publication: Publication, then: Action | None = None) -> None:
        """Publish this, too, where so many answers wait that no more are taken."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait((publication, then))

    def do(self, action: Action) -> None:
        """Run this when its turn comes; answers that wait keep it from nothing."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait((None, action))

    async def flush(self) -> None:
        """Wait a moment until all is said."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._waiting.join()

    async def run(self, broker: Broker) -> None:
        """Say one after the other, for ever."""
        async with asyncio.TaskGroup() as saying:
            while True:
                publication, then = await self._waiting.get()
                said = saying.create_task(self._say(broker, publication, then), name="say")
                # What follows a publication keeps its place in the line; without it only the order of writing counts.
                await asyncio.wait({said}, timeout=HEAD_S if then is None else None)

    async def _say(self, broker: Broker, publication: Publication | None, then: Action | None) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                if publication is not None:
                    await broker.publish(publication)
                if then is not None:
                    await then()
        except (Reject, Retry, TimeoutError) as error:
            logger.debug("not said", extra={"cause": str(error)})
        finally:
            self._waiting.task_done()
