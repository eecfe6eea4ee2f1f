"""Counts, states, environment and alerts of assets, in as few calls as can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import OFFLINE, AssetAlert, AssetCounters, AssetCounts, AssetEnvironment, AssetState, Severity
from pywats_mqtt.handlers import alerts, states
from pywats_mqtt.handlers.counts import Counts
from pywats_mqtt.handlers.known import Held, Known
from pywats_mqtt.handlers.presence import Presence
from pywats_mqtt.handlers.surroundings import Surroundings
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Notes, Wats

PEOPLES_S = 600.0
"""A state that a person set is looked at again this often, while the device goes on saying the same."""

UNIT = "_unit"
"""What follows a channel's name in that of the tag with its unit; the channel's own tag is the bare number."""


class AssetHandlers:
    """The handlers of asset telemetry, and what they know of the assets; one instance for one server."""

    def __init__(self, config: AssetConfig, around: Surroundings, presence: Presence) -> None:
        """Know nothing yet.

        Args:
            config: what the operator set.
            around: what may be used besides WATS and the notes.
            presence: knows who is there.
        """
        self._config = config
        self._clock = around.clock
        self._started_us = to_us(around.clock.now())
        self._presence = presence
        self._counts = Counts(config, around.clock, around.on_refused, around.alarms, around.backwards)
        self._assets: dict[str, Known] = {}

    async def handle_counts(self, event: AssetCounts, wats: Wats, notes: Notes) -> None:
        """Make WATS' counts what the device's are."""
        await self._sure(event.asset, lambda known: self._counts.count(event, known, wats, notes))

    async def handle_reset(self, event: AssetCounts, wats: Wats, notes: Notes) -> None:
        """Reset the running count of an asset whose counts are made by results, where that was asked for."""
        await self._sure(event.asset, lambda known: self._counts.reset(event, known, wats, notes))

    async def handle_counters(self, event: AssetCounters, wats: Wats, notes: Notes) -> None:
        """Keep the newest value of each counter of the device's own as a tag; no call where none changed."""
        counters = event.counters.items()
        tags = {name: str(value) if isinstance(value, int) else f"{value:.10g}" for name, value in counters}

        async def update(known: Known) -> None:
            if tags != known.counters:
                await self._set_tags(event.asset, tags, wats, notes)
                known.counters = tags

        await self._sure(event.asset, update)

    async def handle_state(self, event: AssetState, wats: Wats, notes: Notes) -> None:
        """Set the state where it changed, and the tags that tell who is there; make sure that there is an asset.

        While a grave alert is active, or the asset is held, it stays in maintenance, whatever it says of itself.
        """

        async def update(known: Known) -> None:
            remembered = known.held
            held = await known.read(wats, event.asset)
            state = known.unsaid_state(event)
            wanted = None if event.status == OFFLINE else state
            if await self._presence.note(event, notes):
                wanted = self._config.states.get(OFFLINE) or None
            if wanted is not None and held.state == states.IN_MAINTENANCE:
                active = alerts.decode(await notes.note(alerts.note_name(event.asset)))
                if alerts.is_grave(active, self._threshold):
                    if active.state != wanted:
                        put_aside = alerts.encode(msgspec.structs.replace(active, state=wanted))
                        await notes.set_note(alerts.note_name(event.asset), put_aside)
                    wanted = states.IN_MAINTENANCE
            if state is not None and held.state == states.IN_MAINTENANCE:
                name = states.held_name(event.asset)
                hold = await notes.note(name)
                if hold is not None:
                    wanted = states.IN_MAINTENANCE
                    if int(hold) != state:
                        await notes.set_note(name, str(state).encode())
            if not self._is_peoples(known, wanted):
                await self._set_state(event.asset, wanted, known, wats, notes, fresh=held is not remembered)
            await self._presence.write(event.asset, wats, notes)
            known.note_said(event)

        async with self._known(event.asset).stating:
            await self._sure(event.asset, update)

    async def hold(self, asset: str, wats: Wats, notes: Notes) -> None:
        """Put an asset in maintenance, unless a person set its state, and keep it there until `release`."""

        async def update(known: Known) -> None:
            remembered = known.held
            held = await known.read(wats, asset)
            if await notes.note(states.held_name(asset)) is None:
                await notes.set_note(states.held_name(asset), str(held.state).encode())
            await self._set_state(asset, states.IN_MAINTENANCE, known, wats, notes, fresh=held is not remembered)

        async with self._known(asset).stating:
            await self._sure(asset, update)

    async def release(self, asset: str, wats: Wats, notes: Notes) -> None:
        """Let an asset that is held have the state it had before, or said since; one that a person set stays."""

        async def update(known: Known) -> None:
            hold = await notes.note(states.held_name(asset))
            if hold is None:
                return
            known.forget()
            held = await known.read(wats, asset)
            active = alerts.decode(await notes.note(alerts.note_name(asset)))
            grave = alerts.is_grave(active, self._threshold)
            if grave:  # it gets that state when the alert is over
                put_aside = alerts.encode(msgspec.structs.replace(active, state=int(hold)))
                await notes.set_note(alerts.note_name(asset), put_aside)
            ends = held.state == states.IN_MAINTENANCE and not grave
            if ends or held.state == int(hold):
                await self._set_state(asset, int(hold), known, wats, notes, fresh=True)
            await notes.set_note(states.held_name(asset), None)

        async with self._known(asset).stating:
            await self._sure(asset, update)

    async def handle_alert(self, event: AssetAlert, wats: Wats, notes: Notes) -> None:
        """Write a raised, graver or cleared alert to the asset's log; a grave one puts it in maintenance meanwhile.

        A note says what is about to be written, so that after a lost answer the log is looked into first.
        """
        async with self._known(event.asset).stating:
            await self._alert(event, wats, notes)

    async def _alert(self, event: AssetAlert, wats: Wats, notes: Notes) -> None:
        name = alerts.note_name(event.asset)
        before = alerts.decode(await notes.note(name))
        following = alerts.follow(before, event)
        if following != before:
            await notes.set_note(name, alerts.encode(following))
        saying = following.saying

        async def update(known: Known) -> None:
            nonlocal saying
            remembered = known.held
            held = await known.read(wats, event.asset)
            if saying:
                await wats.log_message(event.asset, saying, perhaps_there=following == before)
                saying = ""  # what follows may be tried once more
            grave = alerts.is_grave(following, self._threshold)
            is_new = event.active and grave and following.state is None and held.state != states.IN_MAINTENANCE
            state = held.state if is_new else following.state
            now = msgspec.structs.replace(following, saying="", state=state)
            if now != following:
                await notes.set_note(name, alerts.encode(now))
            if event.active and grave and (following.saying or not self._is_peoples(known, states.IN_MAINTENANCE)):
                await self._set_state(
                    event.asset, states.IN_MAINTENANCE, known, wats, notes, fresh=held is not remembered
                )
            elif not grave and state is not None:
                await self._let_out(event.asset, state, known, wats, notes)
                await notes.set_note(name, alerts.encode(msgspec.structs.replace(now, state=None)))

        try:
            await self._sure(event.asset, update)
        except Reject:
            if saying and following != before:
                await notes.set_note(name, alerts.encode(before))  # tried again, it is no repeat
            raise

    async def _let_out(self, asset: str, state: int, known: Known, wats: Wats, notes: Notes) -> None:
        """Give an asset that an alert put in maintenance another state, unless it is held, or people changed it."""
        hold = states.held_name(asset)
        if await notes.note(hold) is not None:
            await notes.set_note(hold, str(state).encode())
            return
        known.forget()
        if (await known.read(wats, asset)).state == states.IN_MAINTENANCE:
            await self._set_state(asset, state, known, wats, notes, fresh=True)

    async def handle_environment(self, event: AssetEnvironment, wats: Wats, notes: Notes) -> None:
        """Keep the newest value of each channel as a tag; no call where none changed since our last one."""
        units = {f"{channel}{UNIT}": unit for channel, unit in event.units.items()}
        tags = units | {channel: f"{value:.10g}" for channel, value in event.channels.items()}

        async def update(known: Known) -> None:
            if tags != known.tags:
                await self._set_tags(event.asset, tags, wats, notes)
                known.tags = tags

        await self._sure(event.asset, update)

    async def _set_tags(self, asset: str, tags: Mapping[str, str], wats: Wats, notes: Notes) -> None:
        """Write tags, and with them those that tell who is there."""
        along = await self._presence.tags(asset, notes)
        await wats.set_tags(asset, {**tags, **along})
        await self._presence.wrote(asset, along, notes)

    async def make_sure(self, asset: str, wats: Wats) -> None:
        """Make sure that WATS has an asset; no call where it was seen there before.

        Raises:
            Reject: it has none, and none may be made.
        """
        await self._known(asset).read(wats, asset)

    def names(self) -> list[str]:
        """Name the assets that anything was heard of."""
        return list(self._assets)

    def held(self, asset: str) -> Held | None:
        """Give what WATS is known to hold of an asset; None where that has to be read."""
        known = self._assets.get(asset)
        return None if known is None else known.held

    def read_anew(self, asset: str) -> None:
        """Read the asset before it is built on again: others changed it."""
        if asset in self._assets:
            self._assets[asset].held = None

    @property
    def _threshold(self) -> Severity | None:
        severity = self._config.maintenance_from
        return None if severity == "never" else severity

    async def _set_state(
        self, asset: str, wanted: int | None, known: Known, wats: Wats, notes: Notes, *, fresh: bool
    ) -> None:
        """Set a state that differs from what WATS holds now, unless a person set that.

        What was read long ago is read again before it is changed, since a person may have changed it; states change
        seldom.
        """
        held = await known.read(wats, asset)
        known.peoples = None
        if wanted is None or (wanted == held.state and not fresh):
            return
        if not fresh:
            held = known.held = Held.of(await wats.asset(asset))
        name = states.note_name(asset)
        ours = states.decode(await notes.note(name))
        if ours and held.state not in ours:
            ours = ()  # people ended it; where they set the same later, that is theirs
            await notes.set_note(name, None)
        if wanted == held.state and len(ours) > 1:
            await notes.set_note(name, states.encode((wanted,)))  # it was set, though its answer was lost
        may = states.may_leave(held.state, ours, override=self._config.override_states)
        if wanted == held.state or not may:
            known.peoples = None if may else (wanted, self._clock.monotonic())
            return
        # If the answer is lost, either state may stand in WATS, and both are ours to leave.
        leaving = (held.state,) if held.state in ours else ()
        await notes.set_note(name, states.encode((*leaving, wanted)))
        await wats.set_state(asset, wanted)
        if leaving:
            await notes.set_note(name, states.encode((wanted,)))
        held.state = wanted

    def _is_peoples(self, known: Known, wanted: int | None) -> bool:
        """Tell whether a person's state was seen a while ago at most, when the same was wanted as now."""
        seen = known.peoples
        return seen is not None and seen[0] == wanted and self._clock.monotonic() < seen[1] + PEOPLES_S

    def _known(self, asset: str) -> Known:
        return self._assets.setdefault(asset, Known(self._started_us))

    async def _sure(self, asset: str, update: Callable[[Known], Awaitable[None]]) -> None:
        """Update from what is known; where WATS refuses that, once more from what it holds.

        An asset may have been deleted, or changed by others, since it was read.
        """
        known = self._known(asset)
        from_memory = known.held is not None
        try:
            await update(known)
        except Reject:
            known.forget()
            if not from_memory:
                raise
            await self._sure(asset, update)
        except Retry:
            known.forget()
            raise
