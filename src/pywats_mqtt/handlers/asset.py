"""Counts, states, environment and alerts of assets, in as few calls as can be.

Counts (design, section 5): a total goes out as `totalCount`, to which WATS raises both counts; a running count that
then differs is set. A device that sends totals as well as increments is taken at its totals. Steady counting costs one
call an update, and two where only increments come, since those build on what WATS holds at that moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetAlert, AssetCounts, AssetEnvironment, AssetState, Severity
from pywats_mqtt.handlers import alerts, states
from pywats_mqtt.handlers.known import Held, Known
from pywats_mqtt.handlers.ledger import Ledger, decode, encode, next_write, note_name
from pywats_mqtt.ports import Clock, Notes, Wats

PROBE_RUNNING_S = 3_600.0
"""A missing permission is tried again once an hour, and at each start."""

PEOPLES_S = 600.0
"""A state that a person set is looked at again this often, while the device goes on saying the same."""

UNIT = "_unit"
"""What follows a channel's name in that of the tag with its unit; the channel's own tag is the bare number."""

RUNNING_CALL = "SetRunningCount"


class AssetHandlers:
    """The handlers of asset telemetry, and what they know of the assets; one instance for one server."""

    def __init__(self, config: AssetConfig, clock: Clock, on_refused: Callable[[str, str], None]) -> None:
        """Know nothing yet.

        Args:
            config: whose states may be changed, and when an alert changes one.
            clock: tells when a refused call is tried again.
            on_refused: told the name of a call that WATS refuses and why; with an empty text when it no longer does.
        """
        self._config = config
        self._clock = clock
        self._on_refused = on_refused
        self._assets: dict[str, Known] = {}
        self._running_refused_at: float | None = None

    async def handle_counts(self, event: AssetCounts, wats: Wats, notes: Notes) -> None:
        """Make WATS' counts what the device's are."""
        await self._sure(event.asset, lambda known: self._count(event, known, wats, notes))

    async def handle_state(self, event: AssetState, wats: Wats, notes: Notes) -> None:
        """Set the state where it changed; a word that means no state only makes sure that there is an asset.

        While a grave alert is active, or the asset is held, it stays in maintenance, whatever it says of itself.
        """

        async def update(known: Known) -> None:
            remembered = known.held
            held = await known.read(wats, event.asset)
            wanted = event.state
            if wanted not in {None, states.IN_MAINTENANCE} and held.state == states.IN_MAINTENANCE:
                active = alerts.decode(await notes.note(alerts.note_name(event.asset)))
                if alerts.is_grave(active, self._threshold):
                    wanted = states.IN_MAINTENANCE
            if event.state is not None and held.state == states.IN_MAINTENANCE:
                name = states.held_name(event.asset)
                hold = await notes.note(name)
                if hold is not None:
                    wanted = states.IN_MAINTENANCE
                    if int(hold) != event.state:
                        await notes.set_note(name, str(event.state).encode())
            if not self._is_peoples(known, wanted):
                await self._set_state(event.asset, wanted, known, wats, notes, fresh=held is not remembered)

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
            ends = held.state == states.IN_MAINTENANCE and not alerts.is_grave(active, self._threshold)
            if ends or held.state == int(hold):
                await self._set_state(asset, int(hold), known, wats, notes, fresh=True)
            await notes.set_note(states.held_name(asset), None)

        async with self._known(asset).stating:
            await self._sure(asset, update)

    async def handle_alert(self, event: AssetAlert, wats: Wats, notes: Notes) -> None:
        """Write a raised, graver or cleared alert to the asset's log; a grave one puts it in maintenance.

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
                await notes.set_note(name, alerts.encode(msgspec.structs.replace(following, saying="")))
                saying = ""  # what follows may be tried once more
            grave = event.active and alerts.is_grave(following, self._threshold)
            if grave and (following.saying or not self._is_peoples(known, states.IN_MAINTENANCE)):
                await self._set_state(
                    event.asset, states.IN_MAINTENANCE, known, wats, notes, fresh=held is not remembered
                )

        await self._sure(event.asset, update)

    async def handle_environment(self, event: AssetEnvironment, wats: Wats, notes: Notes) -> None:  # noqa: ARG002
        """Keep the newest value of each channel as a tag; no call where none changed since our last one."""
        await self._sure(event.asset, lambda known: _set_tags(event, known, wats))

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
        return self._assets.setdefault(asset, Known())

    async def _sure(self, asset: str, update: Callable[[Known], Awaitable[None]]) -> None:
        """Update from what is known; where WATS refuses that, once more from what it holds.

        An asset may have been deleted, or changed by others, since it was read.
        """
        known = self._known(asset)
        from_memory = known.held is not None
        try:
            await update(known)
        except Retry:
            known.forget()
            raise
        except Reject:
            known.forget()
            if not from_memory:
                raise
            await update(known)

    async def _count(self, event: AssetCounts, known: Known, wats: Wats, notes: Notes) -> None:
        held = known.held
        if event.total is not None:
            held = held or await known.read(wats, event.asset)
            if event.total > held.total:
                await wats.set_total_count(event.asset, event.total)
                held.raise_total(event.total)
        elif event.added:
            held = await self._count_increments(event, known, wats, notes)
        else:
            held = held or await known.read(wats, event.asset)
        if event.running is None:
            return
        # A running count older than the total was followed before; the total has moved WATS' running count on since.
        since = event.as_of_us if event.running_as_of_us is None else event.running_as_of_us
        reading = (event.running, since)
        if reading == known.followed:
            return
        if event.running == held.running or await self._set_running(event.asset, event.running, held, wats):
            known.followed = reading

    async def _count_increments(self, event: AssetCounts, known: Known, wats: Wats, notes: Notes) -> Held:
        name = note_name(event.asset)
        ledger = decode(await notes.note(name))
        if known.held is not None and ledger == Ledger(event.added):
            return known.held
        held = known.held = Held.of(await wats.asset(event.asset))  # the total as it is now, not as we left it
        following, write = next_write(ledger, event.added, held.total)
        if following != ledger:
            await notes.set_note(name, encode(following))
        if write is not None:
            await wats.set_total_count(event.asset, write.target)
            held.raise_total(write.target)
            await notes.set_note(name, encode(Ledger(write.counts)))
        return held

    async def _set_running(self, asset: str, running: int, held: Held, wats: Wats) -> bool:
        """Set the running count; without the permission remember that, and let the total stand.

        Returns:
            Whether it was set.
        """
        now_s = self._clock.monotonic()
        if self._running_refused_at is not None and now_s < self._running_refused_at + PROBE_RUNNING_S:
            return False
        try:
            await wats.set_running_count(asset, running)
        except Retry as refused:
            if refused.scope is not Scope.CALL:
                raise
            self._running_refused_at = now_s
            self._on_refused(RUNNING_CALL, str(refused))
            return False
        held.running = running
        if self._running_refused_at is not None:
            self._running_refused_at = None
            self._on_refused(RUNNING_CALL, "")
        return True


async def _set_tags(event: AssetEnvironment, known: Known, wats: Wats) -> None:
    units = {f"{channel}{UNIT}": unit for channel, unit in event.units.items()}
    tags = units | {channel: f"{value:.10g}" for channel, value in event.channels.items()}
    if tags != known.tags:
        await wats.set_tags(event.asset, tags)
        known.tags = tags
