"""Entries for the log of an asset: each stands there once, also after a lost answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.ports import Clock, Wats
from pywats_mqtt.software.stations import Station

CALL = "Asset/Message"

PROBE_S = 3_600.0
"""A missing permission is tried again once an hour, and at each start."""


REST_S = 60.0
"""Rest of a log after its first failure; doubled with each that follows, up to `PROBE_S`."""


class _Failures(msgspec.Struct):
    """How often in a row the log of a device failed, and when it is asked again, in seconds of the clock."""

    count: int = 0
    rests_until: float = 0.0


class Logbook:
    """Writes what stations owe to the log of their assets."""

    def __init__(self, clock: Clock, on_refused: Callable[[str, str], None]) -> None:
        self._clock = clock
        self._on_refused = on_refused
        self._refused_at: float | None = None
        self._there: set[str] = set()
        self._failures: dict[str, _Failures] = {}

    async def write(
        self, device: str, station: Station, wats: Wats, save: Callable[[Station], Awaitable[None]]
    ) -> Station:
        """Write what is owed. What fails on its own account stays owed, so that it holds up nothing else.

        That an entry is being written is saved before it is; where its outcome is unknown, the log is looked at first.

        Args:
            device: whose log.
            station: what is owed.
            wats: where to.
            save: keeps the station; durable when it returns.

        Returns:
            The station as it is saved.

        Raises:
            Retry: WATS is away.
            Reject: the entry is refused for good, which is taken off.
        """
        while station.owed and not self._is_refused() and not self._rests(device):
            text, from_memory = station.owed[0], device in self._there
            try:
                if not from_memory:
                    await wats.asset(device)
                    self._there.add(device)
                perhaps_there, station = station.sending, msgspec.structs.replace(station, sending=True)
                if not perhaps_there:
                    await save(station)
                await wats.log_message(device, text, perhaps_there=perhaps_there)
            except Retry as error:
                if error.scope is Scope.SERVER:
                    raise
                if error.scope is Scope.CALL:
                    self._refused_at = self._clock.monotonic()
                    self._on_refused(CALL, str(error))
                else:
                    self._note_failure(device)
                return station
            except Reject:
                self._there.discard(device)
                if from_memory:
                    continue  # perhaps the asset was deleted since it was read
                await save(station.paid())
                raise
            self._failures.pop(device, None)
            if self._refused_at is not None:
                self._refused_at = None
                self._on_refused(CALL, "")
            station = station.paid()
            await save(station)
        return station

    def _is_refused(self) -> bool:
        return self._refused_at is not None and self._clock.monotonic() < self._refused_at + PROBE_S

    def _rests(self, device: str) -> bool:
        failures = self._failures.get(device)
        return failures is not None and self._clock.monotonic() < failures.rests_until

    def _note_failure(self, device: str) -> None:
        """Let a log that fails rest, longer each time: it is asked at every look and with every message."""
        failures = self._failures.setdefault(device, _Failures())
        rest_s = min(REST_S * 2**failures.count, PROBE_S)
        failures.count += 1
        failures.rests_until = self._clock.monotonic() + rest_s
