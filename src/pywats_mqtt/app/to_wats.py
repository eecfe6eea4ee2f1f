"""Delivery to WATS: the handlers of one server, and what is around them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from pywats_mqtt.app.asked import Asked
from pywats_mqtt.app.clocks import Clocks
from pywats_mqtt.app.destination import Destination
from pywats_mqtt.app.postbox import Action
from pywats_mqtt.config.model import BridgeConfig, WatsConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Event, UnitEvent, kind_of, kind_of_type
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import Surroundings
from pywats_mqtt.interpret import RouteTable
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.observe import CallRate, Health
from pywats_mqtt.pipeline.lanes import Lanes
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.pipeline.storing import PatientNotes
from pywats_mqtt.ports import Gathered, Publication, Spool, Timer
from pywats_mqtt.wats.client import PywatsClient
from pywats_mqtt.wats.quota import on_account_of
from pywats_mqtt.wats.rate import Rate
from pywats_mqtt.wats.window import MARGIN_S, WINDOW_S

logger = logging.getLogger(__name__)

LOOK_S = 30.0
"""How often is done what falls due without a message: updates that went silent, packages that were released, reports
of shifts that are over."""

STATE_S = 10.0
"""Shortest time between two looks at whether an asset's state changed; unlike counts, most of them cost no call."""


class Host(Protocol):
    """What delivering needs of the bridge it is part of."""

    @property
    def config(self) -> BridgeConfig:
        """What the operator set."""
        ...

    @property
    def clock(self) -> Timer:
        """The time."""
        ...

    @property
    def health(self) -> Health:
        """Where problems are noted."""
        ...

    @property
    def spool(self) -> Spool:
        """Open."""
        ...

    @property
    def routes(self) -> RouteTable:
        """Which adapter reads which topic."""
        ...

    @property
    def client_id(self) -> str:
        """Names the bridge at its broker."""
        ...

    def say(self, publication: Publication, then: Action | None = None) -> bool:
        """See `surroundings.Publish`."""
        ...

    def alarm(self, alarm_type: str, facts: Mapping[str, str]) -> None:
        """Publish an alarm that nothing ends."""
        ...

    async def accept(self, message: RawMessage) -> None:
        """Take a message that did not come from the broker."""
        ...


@asynccontextmanager
async def deliver_to_wats(bridge: Host) -> AsyncIterator[Destination]:
    """Open the way to WATS, for as long as a bridge runs."""
    config = bridge.config
    alarms = Alarms(config.topics.alarm_topic, bridge.client_id, bridge.clock, bridge.say)
    clocks = Clocks(config.clock, bridge.clock, alarms, bridge.client_id)
    around = Surroundings(
        clock=bridge.clock,
        on_refused=partial(_note_refusal, bridge.health),
        publish=bridge.say,
        alarm=bridge.alarm,
        alarms=alarms,
        accept=bridge.accept,
        shopfloor=bridge.health.shopfloor,
        streams=bridge.health.streams,
        is_listening=lambda: bridge.health.link.connected,
        has_room=partial(_has_room, bridge),
        backwards=bridge.health.counters_backwards,
        server=clocks.server,
    )
    handlers = make_handlers(config, around)
    notes = PatientNotes(bridge.spool)
    sleep, policy = _sleeping(bridge.clock), _lanes(config.wats)
    await clocks.load(notes)
    limit = config.wats.requests_per_minute
    bridge.health.rate = CallRate(now=limit, limit=limit)
    async with PywatsClient(
        config.wats,
        notes,
        bridge.clock,
        sleep,
        policy,
        server=clocks.server,
        backlog=(await bridge.spool.figures()).waiting > limit,
        on_rate=partial(_note_rate, bridge.health),
    ) as wats:

        async def handle(event: Event) -> bool:
            known = handlers.by_event.get(type(event))
            if known is None:
                problem = (
                    "the spool holds events for an event bus: let its transport have this file, and take another one"
                )
                raise Retry(problem, scope=Scope.CALL, cause="bus")
            asked = Asked(wats)
            with on_account_of(kind_of(event)):
                await known(event, asked.wats, notes)
            return asked.was

        async def handle_units(events: Sequence[Event]) -> Sequence[Retry | Reject | None]:
            units = [event for event in events if isinstance(event, UnitEvent)]
            with on_account_of(kind_of_type(UnitEvent)):
                return await handlers.units.handle_units(units, wats, notes)

        def hear(messages: Sequence[RawMessage], outcomes: Sequence[Gathered]) -> None:
            handlers.hear(messages, outcomes, bridge.routes)

        looks: tuple[Callable[[], Awaitable[None]], ...] = tuple(
            partial(look, wats, notes) for look in (*handlers.looks, clocks.look)
        )
        yield Destination(
            handle=handle,
            handle_units=handle_units,
            probe=wats.reach,
            looks=looks,
            look_s=_look_s(config),
            hear=hear,
            tell_again=handlers.tell_again,
            clocks=clocks,
        )
        await clocks.keep(notes)


def _look_s(config: BridgeConfig) -> float:
    software, assets = config.software, config.assets
    return min(
        software.refresh_s,
        software.update_timeout_s,
        config.utilization.report_after_s,
        config.streams.timeout_s,
        assets.offline_after_s / 4 or LOOK_S,
        assets.limits_refresh_s,
        assets.status_refresh_s or LOOK_S,
        LOOK_S,
    )


async def _has_room(bridge: Host) -> bool:
    """Tell whether messages are read: at the bounds of the spool they wait at the broker."""
    return bridge.health.room.level != "full"


def _sleeping(clock: Timer) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(clock.real_s(seconds))

    return sleep


def _lanes(wats: WatsConfig) -> Lanes:
    """Give the lanes; where no limit is set, they share what the server accepts while it refuses calls."""
    return Lanes(wats.requests_per_minute or 1, WINDOW_S + MARGIN_S, wats.telemetry_share)


def pace_of(config: BridgeConfig) -> Pace:
    """Tell how fast to deliver."""
    wats = config.wats
    return Pace(
        concurrency=wats.concurrency,
        attempts=wats.attempts,
        intervals_s={
            "asset_counts": wats.update_interval_s,
            "asset_state": min(wats.update_interval_s, STATE_S),
            "asset_environment": wats.tags_interval_s,
            "asset_samples": min(wats.tags_interval_s, config.assets.history_window_s or wats.tags_interval_s),
            "asset_watch": wats.tags_interval_s,
            "asset_drift": wats.tags_interval_s,
            "asset_counters": wats.tags_interval_s,
            "asset_software": wats.tags_interval_s,
        },
        together=kind_of_type(UnitEvent),
        gather_s=config.production.gather_s,
        local=frozenset({"asset_samples", "asset_watch", "asset_crossing"}),
    )


def _note_refusal(health: Health, call: str, problem: str) -> None:
    if problem:
        health.refused_calls[call] = problem
        logger.warning("WATS refuses one kind of call, all others go on: %s: %s", call, problem)
    elif health.refused_calls.pop(call, None):
        logger.warning("WATS accepts this kind of call again: %s", call)


def _note_rate(health: Health, rate: Rate) -> None:
    """Say once that WATS is called more slowly, and once that it is no more; the steps between are for `status`."""
    before = health.rate
    health.rate = CallRate(now=int(rate.per_minute), limit=rate.limit, why=rate.why)
    if rate.why and not before.why:
        logger.warning(
            "WATS gets %d calls a minute instead of %s, more as it accepts them: %s",
            health.rate.now,
            rate.limit or "any number",
            rate.why,
        )
    elif before.why and not rate.why:
        logger.warning("WATS gets all %s again", f"{rate.limit} calls a minute" if rate.limit else "calls at once")
