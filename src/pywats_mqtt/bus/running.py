"""A bridge in a thread of its own, on an event loop of its own.

Both buses need it: the handlers of a sync EventBus run on loops that are thrown away after each event, and an
AsyncEventBus should neither wait for our disk nor for WATS. What crosses between the loops goes through `ask`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Final, TypeVar

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.bus.handing import done
from pywats_mqtt.errors import Fatal, Retry, Scope
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Figures

_log: Final = logging.getLogger(__name__)

START_S: Final = 60.0
"""Seconds a start may take: a large spool that a crash left behind is read first."""

STOP_S: Final = 20.0
"""Seconds a stop may take beyond the drain: calls under way end, connections close."""

COMMIT_S: Final = 30.0
"""Seconds a message may take until it is durable; more than a full or slow disk needs to be noticed."""

FIGURES_S: Final = 5.0
"""Seconds to count what is in the spool; it takes milliseconds."""

Answer = TypeVar("Answer")


class Running:
    """Runs a bridge from `start` to `stop`; its methods may be called from any thread.

    Args:
        bridge: a new one, used by nobody else.
        name: of the thread.
        on_end: called from the thread when the bridge ended without being stopped, with what went wrong (None: the
            connection was lost and `auto_reconnect` is off).
    """

    def __init__(self, bridge: Bridge, *, name: str, on_end: Callable[[Exception | None], None]) -> None:
        self.bridge = bridge
        self._on_end = on_end
        # A daemon: a program that forgets `stop` can end all the same, and nothing is lost by it.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._stopping = asyncio.Event()
        self._stop_asked = False

    def start(self) -> None:
        """Return when messages are taken.

        Raises:
            Fatal: the set-up is wrong, or another bridge owns the spool.
            Retry: the disk is full.
        """
        self._thread.start()
        try:
            self._loop.result(START_S)
        except TimeoutError as exc:
            raise Fatal(f"the spool {self.bridge.config.spool.path} was not opened within {START_S:g} s") from exc

    def stop(self) -> None:
        """Drain within `spool.drain_s`, and end; what is left is in the spool for the next start."""
        self._stop_asked = True
        if self._loop.done() and self._loop.exception() is None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.result().call_soon_threadsafe(self._stopping.set)
        self._thread.join(self.bridge.config.spool.drain_s + STOP_S)
        if self._thread.is_alive():
            _log.warning("the bridge of the bus did not end in time; what it holds is in its spool")

    async def accept(self, message: RawMessage) -> None:
        """Take a message; it is durable when this returns.

        Raises:
            Retry: it is not known to be stored; give it again, it has the same identity.
        """
        future = self._ask(self.bridge.accept(message))
        try:
            async with asyncio.timeout(COMMIT_S):
                await done(future, _ended())
        except TimeoutError as exc:
            raise Retry(
                f"not stored within {COMMIT_S:g} s: publish it again", scope=Scope.SERVER, cause="spool"
            ) from exc

    def figures(self) -> Figures:
        """Count what is in the spool.

        Raises:
            Retry: the bridge does not run.
        """
        try:
            return self._ask(self.bridge.spool.figures()).result(FIGURES_S)
        except CancelledError:  # it ended meanwhile
            raise _ended() from None

    def now_us(self) -> int:
        """Give the time by the bridge's clock, in microseconds since 1970 UTC."""
        return to_us(self.bridge.clock.now())

    @property
    def alive(self) -> bool:
        """Whether the bridge runs."""
        return self._thread.is_alive() and self._loop.done() and not self._stop_asked

    def _ask(self, question: Coroutine[None, None, Answer]) -> Future[Answer]:
        if self.alive:
            with suppress(RuntimeError):  # it ends at this moment
                return asyncio.run_coroutine_threadsafe(question, self._loop.result())
        question.close()
        raise _ended()

    def _work(self) -> None:
        problem: Exception | None = None
        try:
            asyncio.run(self._run())
        except Exception as exc:  # noqa: BLE001 - the thread's edge: it is told to who started, or to who hears of the end
            problem = _first(exc)
        if not self._loop.done():
            self._loop.set_exception(problem or Fatal("the bridge ended before it had started"))
        elif not self._stop_asked:
            self._on_end(problem)
        elif problem is not None:
            _log.error("the bridge of the bus ended with an error", exc_info=problem)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell_ready(), name="ready")
            await self.bridge.run(self._stopping)
            telling.cancel()

    async def _tell_ready(self) -> None:
        await self.bridge.ready.wait()
        self._loop.set_result(asyncio.get_running_loop())


def _ended() -> Retry:
    return Retry("the bridge of the bus does not run: start it again", scope=Scope.SERVER, cause="stopped")


def _first(error: Exception) -> Exception:
    """Take the first error out of the groups that task groups make."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
