"""The packages of WATS, read once in a while for all stations together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.ports import Clock, Wats
from pywats_mqtt.software.packages import Package

CALL = "Software/Packages"

AGAIN_S = 30.0
"""A list that could never be read is asked for again this often, and not for each result that would be judged by it."""


class Packages:
    """Keeps the newest list; what it cannot renew it goes on with.

    Attributes:
        problem: why there is no list, where WATS refuses it; else empty.
        revision: grows each time the list or the problem is another one.
    """

    def __init__(self, clock: Clock, refresh_s: float, on_refused: Callable[[str, str], None]) -> None:
        self.problem = ""
        self.revision = 0
        self._clock = clock
        self._refresh_s = refresh_s
        self._on_refused = on_refused
        self._known: Sequence[Package] | None = None
        self._asked_at: float | None = None
        self._failure: tuple[float, Retry] | None = None
        self._asking = asyncio.Lock()

    async def current(self, wats: Wats) -> Sequence[Package]:
        """Give the packages, at most `refresh_s` old while WATS answers; none where it refuses the list (`problem`).

        Raises:
            Retry: the list could never be read, and the next try may succeed.
        """
        async with self._asking:
            now_s = self._clock.monotonic()
            if self._failure is not None and now_s < self._failure[0] + AGAIN_S:
                known = self._failure[1]
                raise Retry(str(known), scope=known.scope, cause=known.cause)
            self._failure = None
            if self._asked_at is None or now_s >= self._asked_at + self._refresh_s:
                try:
                    self._renewed(await wats.packages())
                except Retry as error:
                    self._failed(error, now_s)
                except Reject as error:  # it carries nothing of ours that could be refused: so the call itself is
                    self._failed(Retry(str(error), scope=Scope.CALL, cause="refused"), now_s)
                self._asked_at = now_s
            return self._known or ()

    def _renewed(self, packages: Sequence[Package]) -> None:
        if self.problem:
            self.problem = ""
            self._on_refused(CALL, "")
        if packages != self._known:
            self._known = packages
            self.revision += 1

    def _failed(self, error: Retry, now_s: float) -> None:
        """Go on with what is known, or without where the list is refused.

        Raises:
            Retry: neither is the case.
        """
        if self._known is not None:
            return
        if error.scope is not Scope.CALL:
            if error.scope is Scope.DELIVERY:  # an absent server has its own pause
                self._failure = now_s, error
            raise error
        if not self.problem:
            self.revision += 1
            self._on_refused(CALL, str(error))
        self.problem = f"WATS refuses the list of packages ({error.cause})"
