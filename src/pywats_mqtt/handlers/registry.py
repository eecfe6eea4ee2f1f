"""Which handler takes which event: one dict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from pywats_mqtt.config.model import AssetConfig, BridgeConfig
from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.events import (
    AssetAlert,
    AssetCounts,
    AssetEnvironment,
    AssetSoftware,
    AssetState,
    Event,
    OperatorEvent,
    Repair,
    SoftwareReported,
    TestResult,
    UnitEvent,
    UpdateReported,
)
from pywats_mqtt.handlers.asset import AssetHandlers
from pywats_mqtt.handlers.operators import Operators
from pywats_mqtt.handlers.production import Alarm, Defaults, ProductionHandlers
from pywats_mqtt.handlers.repair import RepairHandler
from pywats_mqtt.handlers.report import ResultHandler
from pywats_mqtt.handlers.software import Stations
from pywats_mqtt.observe import Shopfloor
from pywats_mqtt.ports import Clock, Notes, Wats

Handle: TypeAlias = Callable[[Event, Wats, Notes], Awaitable[None]]
"""Does what an event asks for; returns when it is in WATS, else raises `Retry` or `Reject`."""

Kind = TypeVar(
    "Kind",
    TestResult,
    Repair,
    AssetAlert,
    AssetCounts,
    AssetState,
    AssetEnvironment,
    AssetSoftware,
    UnitEvent,
    OperatorEvent,
    SoftwareReported,
    UpdateReported,
)


def _never(_asset: str) -> bool:
    return False


def make_shopfloor(
    config: ProductionConfig, defaults: Defaults, figures: Shopfloor, alarm: Alarm
) -> tuple[Operators, ProductionHandlers]:
    """Give what knows who is at a station, and the handlers of the shop floor; one set for one server.

    Args:
        config: the `[production]` table.
        defaults: what units get that name nothing.
        figures: what `status` shows of stations.
        alarm: publishes what is missing.
    """
    operators = Operators(config.testers, config.login_hours)
    return operators, ProductionHandlers(config, defaults, operators, figures, alarm)


def make_handlers(
    config: AssetConfig,
    clock: Clock,
    on_refused: Callable[[str, str], None],
    is_counted_by_reports: Callable[[str], bool] = _never,
    *,
    shopfloor: tuple[Operators, ProductionHandlers] | None = None,
    stations: Stations | None = None,
) -> dict[type[Event], Handle]:
    """Give the handler of each type of event; one set for one server.

    Args:
        config: what the operator set about assets.
        clock: tells when a refused call is tried again.
        on_refused: told the name of a call that WATS refuses while the rest of its delivery goes on, and why; with an
            empty text when it is no longer refused.
        is_counted_by_reports: whether the use of an asset is counted by the results that name it; its counters are
            then left alone.
        shopfloor: from `make_shopfloor`; without, one with the defaults that tells nobody.
        stations: what is known of the stations' software; not given, nothing yet, by the defaults and told to nobody.
    """
    operators, production = shopfloor or make_shopfloor(
        ProductionConfig(), Defaults(), Shopfloor(), lambda _type, _facts: None
    )
    assets = AssetHandlers(config, clock, on_refused)
    known = stations or Stations(BridgeConfig(), clock, lambda _: True, on_refused)

    results = ResultHandler(is_counted_by_reports)

    async def store(event: TestResult, wats: Wats, notes: Notes) -> None:
        checked = await known.checked(event, wats, notes)
        await results.handle(await operators.sign(checked, notes), wats, notes)

    async def count(event: AssetCounts, wats: Wats, notes: Notes) -> None:
        if not is_counted_by_reports(event.asset):
            await assets.handle_counts(event, wats, notes)

    return {
        TestResult: _only(TestResult, store),
        Repair: _only(Repair, RepairHandler(clock).handle),
        SoftwareReported: _only(SoftwareReported, known.handle_report),
        UpdateReported: _only(UpdateReported, known.handle_update),
        AssetAlert: _only(AssetAlert, assets.handle_alert),
        AssetCounts: _only(AssetCounts, count),
        AssetState: _only(AssetState, assets.handle_state),
        AssetEnvironment: _only(AssetEnvironment, assets.handle_environment),
        UnitEvent: _only(UnitEvent, production.handle_unit),
        OperatorEvent: _only(OperatorEvent, production.handle_operator),
        AssetSoftware: _only(AssetSoftware, known.handle_tags),
    }


def _only(kind: type[Kind], handle: Callable[[Kind, Wats, Notes], Awaitable[None]]) -> Handle:
    """Let a handler of one type stand where any event may come."""

    async def checked(event: Event, wats: Wats, notes: Notes) -> None:
        if not isinstance(event, kind):
            raise TypeError(f"the handler of {kind.__name__} was given {type(event).__name__}")
        await handle(event, wats, notes)

    return checked
