"""The packages of WATS, read once in a while for all stations together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.ports import Clock, Wats
from pywats_mqtt.software.packages import Package

CALL = "Software/Packages"


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
        self._asking = asyncio.Lock()

    async def current(self, wats: Wats) -> Sequence[Package]:
        """Give the packages, at most `refresh_s` old while WATS answers; none where it refuses the list (`problem`).

        Raises:
            Retry: the list could never be read, and the next try may succeed.
        """
        async with self._asking:
            now_s = self._clock.monotonic()
            if self._asked_at is None or now_s >= self._asked_at + self._refresh_s:
                try:
                    self._renewed(await wats.packages())
                except Retry as error:
                    self._failed(error)
                self._asked_at = now_s
            return self._known or ()

    def _renewed(self, packages: Sequence[Package]) -> None:
        if self.problem:
            self.problem = ""
            self._on_refused(CALL, "")
        if packages != self._known:
            self._known = packages
            self.revision += 1

    def _failed(self, error: Retry) -> None:
        """Go on with what is known, or without where the list is refused.

        Raises:
            Retry: neither is the case.
        """
        if self._known is not None:
            return
        if error.scope is not Scope.CALL:
            raise error
        if not self.problem:
            self.revision += 1
            self._on_refused(CALL, str(error))
        self.problem = f"WATS refuses the list of packages ({error.cause})"
