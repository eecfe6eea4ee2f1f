"""Calibrations of assets: what was measured becomes tags and alarms, and that one was done is noted in WATS, once."""

from __future__ import annotations

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetCalibrated, AssetDrift
from pywats_mqtt.handlers.asset import AssetHandlers
from pywats_mqtt.handlers.limits import LimitWatch
from pywats_mqtt.handlers.upkeep import SAME_US, Kept, Upkeep, tags_of
from pywats_mqtt.limits.values import EXTERNAL
from pywats_mqtt.messages import from_us
from pywats_mqtt.ports import Asset, Notes, Wats

COMMENT_CHARACTERS = 500
"""Of a comment, which stands in the address of its call; a longer one is kept whole in the asset's log."""


class CalibrationHandlers:
    """The handlers of calibrations; one instance for one server."""

    def __init__(self, upkeep: Upkeep, assets: AssetHandlers, limits: LimitWatch) -> None:
        self._upkeep = upkeep
        self._assets = assets
        self._limits = limits

    async def handle_drift(self, event: AssetDrift, wats: Wats, notes: Notes) -> None:
        """Raise and clear alarms by what was measured, and write it as tags; no call where these say the same.

        Raises:
            Reject: there is no such asset, and none may be made.
        """
        kept = await self._upkeep.take(event.asset, notes, drift=event)
        try:
            if kept.schedule is None:
                asset = await wats.asset(event.asset)
                kept = await self._upkeep.take(event.asset, notes, schedule=asset.schedule)
            tags = self._tags(event.asset, kept)
            if tags != kept.tags:
                await wats.set_tags(event.asset, tags)
                await self._upkeep.take(event.asset, notes, tags=tags)
        except Reject:
            await self._upkeep.forget(event.asset, notes)
            raise

    async def handle_calibrated(self, event: AssetCalibrated, wats: Wats, notes: Notes) -> None:
        """Note a calibration, unless WATS has it, or a later one.

        WATS is looked at first, each time: after a lost answer nobody knows whether it was noted. It was where WATS has
        this date, or another one than before it was tried, since a server may round. One that comes after a later one
        would set WATS back to its date; it stands in the log of the asset instead.
        """
        asset = await wats.asset(event.asset)
        at, known_us = from_us(event.at_us), asset.schedule.calibrated_us
        tried = (await self._upkeep.kept(event.asset, notes)).recording
        if tried is not None and tried[0] == event.at_us and tried[1] != known_us:
            known_us = event.at_us
        said = f"Calibrated at {at.isoformat()}" + (f": {event.comment}" if event.comment else "")
        if known_us is None or event.at_us > known_us + SAME_US:
            external = event.due_us is not None and await self._is_external(asset, wats, notes)
            due = from_us(event.due_us) if external and event.due_us is not None else None
            comment = event.comment[:COMMENT_CHARACTERS]
            await self._upkeep.take(event.asset, notes, recording=(event.at_us, known_us))
            await wats.record_calibration(event.asset, at, comment, external_due=due)
        elif event.at_us < known_us - SAME_US:
            later = f"{said} (reported after that of {from_us(known_us).isoformat()})"
            await wats.log_message(event.asset, later, perhaps_there=True)
            return
        if len(event.comment) > COMMENT_CHARACTERS:
            await wats.log_message(event.asset, said, perhaps_there=True)
        asset = await wats.asset(event.asset)
        self._assets.read_anew(event.asset)
        counts = (asset.running, asset.total)
        await self._upkeep.take(event.asset, notes, counts=counts, schedule=asset.schedule, recording=None)

    async def _is_external(self, asset: Asset, wats: Wats, notes: Notes) -> bool:
        await self._limits.refresh_types(wats, notes)
        kind = (self._upkeep.types or {}).get(asset.schedule.type_id)
        return kind is not None and kind.calibration_days == EXTERNAL

    def _tags(self, asset: str, kept: Kept) -> dict[str, str]:
        """Give the tags as of the newest measurement, so that a day that passes costs no call."""
        as_of_us = 0 if kept.drift is None else kept.drift.as_of_us
        return tags_of(kept, self._upkeep.drifts(asset, kept, as_of_us))
