"""The life of a session: one connection after the other until it is stopped, with waits between that grow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.retry import Backoff
from pywats_mqtt.transport.linkage import Linkage
from pywats_mqtt.transport.reasons import Loss, Refused
from pywats_mqtt.transport.reconnect import Tries


class Lifecycle:
    """Lives through connections.

    Args:
        config: its `auto_reconnect`, `reconnect_delay` and `max_reconnect_delay`.
        linkage: hears of each end.
        jitter: chance from 0 to 1 for the waits.
    """

    def __init__(self, config: MQTTConfig, linkage: Linkage, jitter: Callable[[], float]) -> None:
        self._config = config
        self._linkage = linkage
        self._jitter = jitter
        self._stop = asyncio.Event()
        self._until_stop: asyncio.Timeout | None = None

    async def run(self, live: Callable[[], Awaitable[Loss]]) -> None:
        """Live through one connection after the other until `end`; with `auto_reconnect` off, through one.

        Args:
            live: opens a connection, lives through it and says why it ended; or raises `Refused`.
        """
        if not self._stop.is_set():
            try:
                async with asyncio.timeout(None) as self._until_stop:
                    await self._live_on(live)
            except TimeoutError:  # `end` moved the deadline to now
                if not self._stop.is_set():
                    raise
            finally:
                self._until_stop = None
        if self._stop.is_set():
            self._linkage.stopped()

    def stopping(self) -> None:
        """Note that the connection is about to end because we want it to."""
        self._stop.set()

    def end(self) -> None:
        """Let `run` return, wherever it is."""
        self._stop.set()
        if self._until_stop is not None:
            self._until_stop.reschedule(asyncio.get_running_loop().time())

    async def _live_on(self, live: Callable[[], Awaitable[Loss]]) -> None:
        now = asyncio.get_running_loop().time
        tries = Tries(Backoff(self._config.reconnect_delay, self._config.max_reconnect_delay))
        while True:
            began_s = now()
            try:
                loss = await live()
                tries = tries.held(now() - began_s)
            except Refused as refused:
                loss = refused.loss
            if self._stop.is_set():
                return
            wait_s = tries.wait_s(loss.pace, self._jitter())
            tries = tries.failed()
            self._linkage.down(loss, retry_s=wait_s if self._config.auto_reconnect else None)
            if not self._config.auto_reconnect:
                return
            await asyncio.sleep(wait_s)
