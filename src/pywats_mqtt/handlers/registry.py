"""Which handler takes which event: one dict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias, TypeVar

import msgspec

from pywats_mqtt.clocks.starts import settled
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.config.zones import calendar_of
from pywats_mqtt.events import (
    AssetAlert,
    AssetCalibrated,
    AssetCounters,
    AssetCounts,
    AssetCrossing,
    AssetDrift,
    AssetEnvironment,
    AssetHistory,
    AssetSamples,
    AssetSoftware,
    AssetState,
    AssetUtilization,
    AssetWatch,
    BatchReported,
    Event,
    MeasurementsReported,
    OperatorEvent,
    Repair,
    SoftwareReported,
    StreamDue,
    TestResult,
    UnitAtTester,
    UnitEvent,
    UpdateReported,
)
from pywats_mqtt.handlers.asset import AssetHandlers
from pywats_mqtt.handlers.batch import BatchHandler
from pywats_mqtt.handlers.calibration import CalibrationHandlers
from pywats_mqtt.handlers.environment import EnvironmentHandlers
from pywats_mqtt.handlers.limits import LimitWatch
from pywats_mqtt.handlers.operators import Operators
from pywats_mqtt.handlers.presence import Hear, Presence
from pywats_mqtt.handlers.production import Defaults, ProductionHandlers
from pywats_mqtt.handlers.repair import RepairHandler
from pywats_mqtt.handlers.report import ResultHandler
from pywats_mqtt.handlers.selftest import SelfTesting
from pywats_mqtt.handlers.software import Stations
from pywats_mqtt.handlers.streams import Streams
from pywats_mqtt.handlers.surroundings import Look, Surroundings
from pywats_mqtt.handlers.upkeep import Upkeep
from pywats_mqtt.handlers.utilization import Utilization
from pywats_mqtt.ports import Notes, Wats, instant

Handle: TypeAlias = Callable[[Event, Wats, Notes], Awaitable[None]]
"""Does what an event asks for; returns when it is in WATS, else raises `Retry` or `Reject`."""

Kind = TypeVar(
    "Kind",
    TestResult,
    Repair,
    BatchReported,
    AssetAlert,
    AssetCalibrated,
    AssetCounters,
    AssetCounts,
    AssetDrift,
    AssetState,
    AssetEnvironment,
    AssetSamples,
    AssetHistory,
    AssetWatch,
    AssetCrossing,
    AssetSoftware,
    AssetUtilization,
    UnitEvent,
    OperatorEvent,
    SoftwareReported,
    UpdateReported,
    MeasurementsReported,
    UnitAtTester,
    StreamDue,
)


class Handlers(msgspec.Struct, frozen=True, kw_only=True):
    """All that answers to what happens; one set for one server.

    Attributes:
        by_event: type of event to its handler.
        units: handles unit events together.
        looks: do what falls due without a message.
        hear: notes who was heard in a batch.
        tell_again: says again what the broker keeps, at each connection to it.
    """

    by_event: Mapping[type[Event], Handle]
    units: ProductionHandlers
    looks: tuple[Look, ...]
    hear: Hear
    tell_again: Callable[[], None]


def make_handlers(config: BridgeConfig, around: Surroundings) -> Handlers:
    """Give the handlers of one server.

    Args:
        config: what the operator set.
        around: what they may use besides WATS and the notes.
    """
    wats_config = config.wats
    operators = Operators(config.production.testers, config.production.login_hours)
    defaults = Defaults(wats_config.default_part_number, wats_config.default_revision)
    production = ProductionHandlers(config.production, defaults, operators, around.shopfloor, around.alarm)
    presence = Presence(config, around)
    assets = AssetHandlers(config.assets, around, presence)
    environment = EnvironmentHandlers(config.assets, around)
    upkeep = Upkeep(config.assets, around.clock, around.alarms)
    limits = LimitWatch(config.assets, around.clock, upkeep, assets, around.on_refused)
    calibration = CalibrationHandlers(upkeep, assets, limits)
    stations = Stations(config, around.clock, around.publish, around.on_refused)
    utilization = Utilization(config, calendar_of(config.shifts), around, assets.make_sure)
    listening, refused = around.is_listening, around.on_refused
    selftests = SelfTesting(config.assets, around.clock, assets, around.alarms, refused, is_listening=listening)
    batches = BatchHandler(config.production, around.clock, around.on_refused)
    results = ResultHandler(wats_config.is_counted_by_reports)
    repairs = RepairHandler(around.clock)
    tolerance_us, moves = round(config.clock.tolerance_s * 1e6), config.clock.correct == "correct"

    def server_us() -> int:
        return around.server.skew_us(instant(around.clock))

    async def store_repair(event: Repair, wats: Wats, notes: Notes) -> None:
        event = settled(event, server_us=server_us(), tolerance_us=tolerance_us, moves=moves)
        await repairs.handle(event, wats, notes)

    async def submit(event: TestResult, wats: Wats, notes: Notes) -> None:
        event = settled(event, server_us=server_us(), tolerance_us=tolerance_us, moves=moves)
        heard = await selftests.heard(event, notes)
        checked = await stations.checked(heard, wats, notes)
        signed = await batches.signed(await operators.sign(checked, notes), notes)
        await results.handle(signed, wats, notes)
        await selftests.mark(event, wats, notes)

    streams = Streams(config, around, submit)

    async def count(event: AssetCounts, wats: Wats, notes: Notes) -> None:
        if wats_config.is_counted_by_reports(event.asset):
            await assets.handle_reset(event, wats, notes)
        else:
            await assets.handle_counts(event, wats, notes)
            await limits.counted(event.asset, notes)

    async def look_at_alarms(_wats: Wats, notes: Notes) -> None:
        await around.alarms.look(notes)

    def tell_again() -> None:
        stations.tell_again()
        around.alarms.tell_again()
        streams.tell_again()
        selftests.tell_again()
        presence.connected()

    return Handlers(
        by_event={
            TestResult: _only(TestResult, streams.handle_result),
            Repair: _only(Repair, store_repair),
            BatchReported: _only(BatchReported, batches.handle),
            SoftwareReported: _only(SoftwareReported, stations.handle_report),
            UpdateReported: _only(UpdateReported, stations.handle_update),
            AssetAlert: _only(AssetAlert, assets.handle_alert),
            AssetUtilization: _only(AssetUtilization, utilization.handle),
            AssetCalibrated: _only(AssetCalibrated, calibration.handle_calibrated),
            AssetCounts: _only(AssetCounts, count),
            AssetDrift: _only(AssetDrift, calibration.handle_drift),
            AssetCounters: _only(AssetCounters, assets.handle_counters),
            AssetState: _only(AssetState, assets.handle_state),
            AssetEnvironment: _only(AssetEnvironment, assets.handle_environment),
            AssetSamples: _only(AssetSamples, environment.handle_samples),
            AssetHistory: _only(AssetHistory, environment.handle_history),
            AssetWatch: _only(AssetWatch, environment.handle_watch),
            AssetCrossing: _only(AssetCrossing, environment.handle_crossing),
            UnitEvent: _only(UnitEvent, production.handle_unit),
            OperatorEvent: _only(OperatorEvent, production.handle_operator),
            AssetSoftware: _only(AssetSoftware, stations.handle_tags),
            MeasurementsReported: _only(MeasurementsReported, streams.handle_measurements),
            UnitAtTester: _only(UnitAtTester, streams.handle_unit),
            StreamDue: _only(StreamDue, streams.handle_due),
        },
        units=production,
        # Alarms first: what the others raise is then on its way, and not said twice.
        looks=(
            look_at_alarms,
            stations.look,
            presence.look,
            environment.look,
            utilization.look,
            selftests.look,
            limits.look,
            streams.look,
        ),
        hear=presence.hear,
        tell_again=tell_again,
    )


def _only(kind: type[Kind], handle: Callable[[Kind, Wats, Notes], Awaitable[None]]) -> Handle:
    """Let a handler of one type stand where any event may come."""

    async def checked(event: Event, wats: Wats, notes: Notes) -> None:
        if not isinstance(event, kind):
            raise TypeError(f"the handler of {kind.__name__} was given {type(event).__name__}")
        await handle(event, wats, notes)

    return checked
