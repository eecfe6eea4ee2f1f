"""Where the transport's events are handed over: on the caller's event loop, or in a thread of their own.

An AsyncEventBus belongs to the loop it was started on. A sync EventBus makes a loop for each handler it calls, which
only a thread without a running loop can do; it is one thread, so that events stay in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Protocol

from pywats_events import Event

from pywats_mqtt.errors import Retry, Scope

CLOSE_S: Final = 10.0
"""Seconds a close waits for what is still being handed over."""


class Place(Protocol):
    """Where to run what concerns the bus."""

    async def hand_over(self, event: Event) -> None:
        """Publish there, and return when it is done; called on the bridge's loop.

        Raises:
            Retry: the place is gone.
        """
        ...

    def post(self, action: Callable[[], None]) -> bool:
        """Have `action` run there soon, in order; called from any thread. Tells whether it will: not if it is gone."""
        ...

    def close(self) -> None:
        """Take no more; returns when what was posted has run. Called from that loop, or any thread."""
        ...


class OnLoop:
    """On an event loop that somebody else runs.

    Args:
        loop: running.
        publish: hands an event over on that loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, publish: Callable[[Event], Awaitable[None]]) -> None:
        self._loop = loop
        self._publish = publish

    async def hand_over(self, event: Event) -> None:
        """See `Place.hand_over`."""
        if self._loop.is_closed():
            raise _gone()
        await done(asyncio.run_coroutine_threadsafe(self._awaited(event), self._loop), _gone())

    def post(self, action: Callable[[], None]) -> bool:
        """See `Place.post`."""
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            return False
        return True

    def close(self) -> None:
        """Leave the loop to its owner."""

    async def _awaited(self, event: Event) -> None:
        await self._publish(event)


class InThread:
    """In one thread, made here.

    Args:
        name: of the thread.
        publish: hands an event over in that thread.
    """

    def __init__(self, name: str, publish: Callable[[Event], None]) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._publish = publish

    async def hand_over(self, event: Event) -> None:
        """See `Place.hand_over`."""
        await done(self._executor.submit(self._publish, event), _gone())

    def post(self, action: Callable[[], None]) -> bool:
        """See `Place.post`."""
        self._executor.submit(action)
        return True

    def close(self) -> None:
        """See `Place.close`; a handler that does not return is not waited for beyond a moment."""
        last = self._executor.submit(lambda: None)
        self._executor.shutdown(wait=False)
        with suppress(TimeoutError):
            last.result(CLOSE_S)


async def done(future: Future[None], gone: Retry) -> None:
    """Wait until it is done elsewhere.

    Raises:
        Retry: `gone`, when it is given up there; that is no cancellation of who waits here.
    """
    try:
        await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise gone from None  # not we were cancelled, but what we wait for: its loop ends


def _gone() -> Retry:
    return Retry("the event loop of the bus has ended: connect again", scope=Scope.SERVER, cause="bus")
