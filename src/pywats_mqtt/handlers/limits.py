"""What WATS says of limits: types of assets, read for all at once, and the status of each asset in its turn.

Limits are computed here from what the bridge holds (`upkeep`), so that a crossing costs no call. What people do in
WATS is not seen so: each asset's status is read once in `status_refresh_s`, and where it differs from what is computed,
or its device names a due date, the asset is read, too. Where both still differ, WATS' word goes (`monitors.settled`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.handlers.asset import AssetHandlers
from pywats_mqtt.handlers.known import Held
from pywats_mqtt.handlers.upkeep import Upkeep
from pywats_mqtt.limits.monitors import Said, worst
from pywats_mqtt.limits.values import AssetStatus, Schedule
from pywats_mqtt.ports import Clock, Notes, Wats

PROBE_S = 3_600.0
"""A missing permission, or route, is tried again once an hour, and at each start."""

MOST_AT_ONCE = 20
"""Assets asked about in one look: at a look in 30 s, 40 calls of the 450 a minute where all is in order."""


class LimitWatch:
    """Keeps what `Upkeep` computes with in step with WATS; one for one server."""

    def __init__(
        self,
        config: AssetConfig,
        clock: Clock,
        upkeep: Upkeep,
        assets: AssetHandlers,
        on_refused: Callable[[str, str], None],
    ) -> None:
        self._types_s = config.limits_refresh_s
        self._status_s = config.status_refresh_s
        self._clock = clock
        self._upkeep = upkeep
        self._assets = assets
        self._on_refused = on_refused
        self._seen: dict[str, Held] = {}
        self._asked: dict[str, float] = {}
        self._refused: dict[str, float] = {}
        self._types_at: float | None = None
        self._looked_at = clock.monotonic()
        self._credit = 0.0

    async def counted(self, asset: str, notes: Notes) -> None:
        """Compare what is known of an asset now with its limits; no call."""
        held = self._assets.held(asset)
        counts, fields = None, dict[str, Schedule]()
        if held is not None:
            counts = (held.running, held.total)
            if self._seen.get(asset) is not held:
                self._seen[asset] = held
                fields["schedule"] = held.schedule
        await self._upkeep.take(asset, notes, counts=counts, **fields)

    async def look(self, wats: Wats, notes: Notes) -> None:
        """Let dates pass, and ask WATS about some of the assets.

        Raises:
            Retry: WATS is away; what needs no call is done.
        """
        await self._upkeep.load(notes)
        names = dict.fromkeys([*self._upkeep.names(), *self._assets.names()])
        if not names:
            return
        away: Retry | None = None
        try:
            await self.refresh_types(wats, notes)
        except Retry as error:
            away = error
        for asset in names:
            await self.counted(asset, notes)
            await asyncio.sleep(0)  # a large fleet takes a while; let others go on meanwhile
        if away is not None:
            raise away
        await self._ask(self._due(list(names)), wats, notes)

    async def refresh_types(self, wats: Wats, notes: Notes) -> None:
        """Read the types of assets, unless that was done a while ago at most, `limits_refresh_s`.

        Raises:
            Retry: WATS is away. What fails otherwise is told, and leaves what is known as it is.
        """
        await self._read_types(wats, notes, since_s=self._clock.monotonic() - self._types_s)

    async def _read_types(self, wats: Wats, notes: Notes, *, since_s: float) -> None:
        now_s = self._clock.monotonic()
        if (self._types_at is not None and self._types_at > since_s) or self._is_refused("Asset/Types"):
            return
        try:
            types = await wats.asset_types()
        except (Retry, Reject) as error:
            self._require_there("Asset/Types", error)
            self._upkeep.types = self._upkeep.types or {}
        else:
            self._allowed("Asset/Types")
            await self._upkeep.learn({kind.id: kind for kind in types}, notes)
        self._types_at = now_s

    def _due(self, names: list[str]) -> list[str]:
        """Give those whose turn it is: as many as keep all within `status_refresh_s`, those asked longest ago first."""
        now_s = self._clock.monotonic()
        passed_s, self._looked_at = now_s - self._looked_at, now_s
        if not self._status_s or self._is_refused("Asset/Status"):
            return []
        self._credit = min(self._credit + len(names) * passed_s / self._status_s, MOST_AT_ONCE, len(names))
        count = int(self._credit)
        self._credit -= count
        return sorted(names, key=lambda name: self._asked.get(name, float("-inf")))[:count]

    async def _ask(self, names: list[str], wats: Wats, notes: Notes) -> None:
        started_s = self._clock.monotonic()
        for asset in names:
            self._asked[asset] = self._clock.monotonic()
            try:
                status = await wats.asset_status(asset)
                self._allowed("Asset/Status")
                await self._compare(asset, status, wats, notes, started_s=started_s)
            except Reject:
                if (await self._upkeep.kept(asset, notes)).schedule is None:
                    continue  # it was never there: what its device said is on its way, and makes it
                self._assets.read_anew(asset)
                self._seen.pop(asset, None)
                await self._upkeep.forget(asset, notes)
            except Retry as error:
                self._require_there("Asset/Status", error)
                if error.scope is Scope.CALL:
                    return

    async def _compare(self, asset: str, status: AssetStatus, wats: Wats, notes: Notes, *, started_s: float) -> None:
        """Take what WATS says: the counts, and its verdict, for which the asset is read where that differs."""
        counts = None if status.running is None or status.total is None else (status.running, status.total)
        held = self._assets.held(asset)
        ours = counts if held is None else (held.running, held.total)
        # Counts of ours may have gone on while the status was on its way; only those we do not keep are taken from it.
        kept = await self._upkeep.take(asset, notes, counts=ours)
        agrees = status.level is not None and status.level == self._computed(asset) and counts in {None, ours}
        if agrees and kept.due_us is None:
            await self._upkeep.take(asset, notes, said=None)
            return
        await self._read_types(wats, notes, since_s=started_s)
        read = await wats.asset(asset)
        held = self._assets.held(asset)
        if held is not None and (held.running, held.total) != (read.running, read.total):
            self._assets.read_anew(asset)  # people changed them
        await self._upkeep.take(asset, notes, counts=(read.running, read.total), schedule=read.schedule)
        level = self._computed(asset)
        if status.level is None or level is None or counts not in {None, (read.running, read.total)}:
            return  # not the same facts: the next time tells
        local = {name: monitor.level for name, monitor in (self._upkeep.monitors(asset) or {}).items()}
        said = None if level == status.level else Said(local, status.level, status.message)
        await self._upkeep.take(asset, notes, said=said)

    def _computed(self, asset: str) -> int | None:
        monitors = self._upkeep.monitors(asset)
        return None if monitors is None else worst({name: monitor.level for name, monitor in monitors.items()})

    def _require_there(self, call: str, error: Retry | Reject) -> None:
        """Note that a call is refused; one that fails on its own account is tried again in its turn.

        Raises:
            Retry: WATS is away.
        """
        if isinstance(error, Retry) and error.scope is Scope.SERVER:
            raise error
        if isinstance(error, Retry) and error.scope is Scope.CALL:
            self._refused[call] = self._clock.monotonic()
            self._on_refused(call, str(error))

    def _is_refused(self, call: str) -> bool:
        return call in self._refused and self._clock.monotonic() < self._refused[call] + PROBE_S

    def _allowed(self, call: str) -> None:
        if self._refused.pop(call, None) is not None:
            self._on_refused(call, "")
