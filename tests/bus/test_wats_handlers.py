"""`register_wats_handlers` on real buses, with the WATS emulator."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pywats_events import AsyncEventBus, Event, EventBus, EventType

from pywats_mqtt.bus import register_wats_handlers
from pywats_mqtt.config.model import BridgeConfig, Secret, SpoolConfig, WatsConfig
from pywats_mqtt.errors import Fatal, Retry
from tests.bus.parts import SELF_TEST, SELF_TEST_TOPIC, LineTransport, cfx_result, send, transport, wats_of
from tests.contract.brokers.mosquitto import Mosquitto
from tests.emulator.server import RunningEmulator, running_emulator, start_emulator
from tests.waiting import block_until, wait_until


def reports(emulator: RunningEmulator) -> list[dict[str, Any]]:
    """The reports in WATS, in the order they came first."""
    found: list[dict[str, Any]] = emulator.state()["reports"]
    return found


def result_event(**changes: Any) -> Event:
    """A TEST_RESULT with an id of its own each time."""
    return Event.create(EventType.TEST_RESULT, cfx_result(**changes), source="cfx:line-1")


async def test_a_result_of_another_transport_reaches_wats_once(emulator: RunningEmulator, tmp_path: Path) -> None:
    """A CFX result, without a part number, published twice under two event ids: one report, sent once."""
    bus, line = AsyncEventBus(), LineTransport("line-1")
    bus.register_transport(line)
    config = wats_of(emulator, default_part_number="PN-DEFAULT", operation_codes={"ICT": 10})
    async with register_wats_handlers(bus, config, spool=tmp_path / "wats.db") as wats:
        await bus.start()
        await line.publish_event_async(result_event())
        await line.publish_event_async(result_event())
        await wait_until(lambda: wats.figures().waiting == 0, what="delivery")
        await bus.stop()
        assert (wats.figures().delivered, wats.figures().duplicates) == (1, 1)
    (report,) = reports(emulator)
    assert {key: report[key] for key in ("pn", "sn", "machineName", "processCode", "result", "receiveCount")} == {
        "pn": "PN-DEFAULT",
        "sn": "UNIT-1",
        "machineName": "ICT-1",
        "processCode": 10,
        "result": "Passed",
        "receiveCount": 1,
    }


def test_a_result_of_another_transport_reaches_wats_from_a_sync_bus(emulator: RunningEmulator, tmp_path: Path) -> None:
    """Handlers of a sync bus run on loops that are thrown away; what they are given is stored all the same."""
    bus, line = EventBus(), LineTransport("line-1")
    bus.register_transport(line)
    config = wats_of(emulator, default_part_number="PN")
    with register_wats_handlers(bus, config, spool=tmp_path / "wats.db") as wats:
        bus.start()
        for number in range(5):
            line.publish_event(result_event(unit=f"UNIT-{number}"))
        assert wats.figures().stored == 5
        block_until(lambda: len(reports(emulator)) == 5, what="the reports")
        bus.stop()
    assert [report["sn"] for report in reports(emulator)] == [f"UNIT-{number}" for number in range(5)]


async def test_a_result_is_durable_when_publish_returns(tmp_path: Path) -> None:
    """WATS is down and stays down over a restart of the program; what was published is delivered when it is back."""
    with running_emulator(state=tmp_path / "emulator.db") as emulator:
        port, config = emulator.port, wats_of(emulator, default_part_number="PN")
        emulator.stop()
    quick = BridgeConfig(wats=config, spool=SpoolConfig(path=str(tmp_path / "wats.db"), drain_s=0.0))
    bus = AsyncEventBus()
    async with register_wats_handlers(bus, quick) as wats:
        for number in range(3):
            await bus.publish(result_event(unit=f"UNIT-{number}"))
        assert wats.figures().stored == 3

    async with register_wats_handlers(AsyncEventBus(), quick) as wats:
        assert (wats.figures().waiting, wats.figures().delivered) == (3, 0)
        emulator = start_emulator(port=port, state=tmp_path / "emulator.db")
        try:
            await wait_until(lambda: len(reports(emulator)) == 3, what="the reports")
            assert Counter(report["sn"] for report in reports(emulator)) == {f"UNIT-{number}": 1 for number in range(3)}
        finally:
            emulator.kill()


async def test_a_result_from_mqtt_and_from_the_bus_is_one_report(
    broker: Mosquitto, emulator: RunningEmulator, tmp_path: Path
) -> None:
    """With the transport on the same bus the report has the transport's id, and its state reaches the asset."""
    bus, ids = AsyncEventBus(), set[str]()
    bus.on_event(lambda event: ids.add(event.event_id) if event.event_type is EventType.TEST_RESULT else None)
    bus.register_transport(transport(broker, tmp_path / "events.db"))
    async with register_wats_handlers(bus, wats_of(emulator), spool=tmp_path / "wats.db"):
        await bus.start()
        await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
        await asyncio.to_thread(send, broker, "assets/FIXTURE-001/status", {"status": "calibration"})
        await wait_until(lambda: emulator.state()["counts"]["assets"] == 1, what="the asset")
        await bus.stop()
    (report,) = reports(emulator)
    assert {report["id"]} == ids
    assert (report["machineName"], report["processCode"]) == ("FIXTURE-001", 100)
    assert [asset["state"] for asset in emulator.state()["assets"]] == [4]


async def test_a_bad_payload_is_in_quarantine_and_holds_up_nothing(emulator: RunningEmulator, tmp_path: Path) -> None:
    """Neither a result that cannot be read nor one that WATS cannot take is lost, or blocks the next."""
    bus = AsyncEventBus()
    errors: list[Exception] = []
    bus.on_error(lambda _, error: errors.append(error))
    async with register_wats_handlers(bus, wats_of(emulator), spool=tmp_path / "wats.db") as wats:
        await bus.publish(result_event(unit_id=None))
        await bus.publish(result_event())  # neither it nor the configuration has a part number
        await bus.publish(result_event(part_number="PN"))
        await wait_until(lambda: wats.figures().waiting == 0, what="all to be settled")
        assert (wats.figures().quarantined, wats.figures().delivered) == (2, 1)
    assert errors == []
    assert [report["pn"] for report in reports(emulator)] == ["PN"]


async def test_after_close_nothing_is_taken(emulator: RunningEmulator, tmp_path: Path) -> None:
    """The handler has left the bus; given an event all the same it says so, and never pretends to have stored it."""
    bus = AsyncEventBus()
    wats = register_wats_handlers(bus, wats_of(emulator), spool=tmp_path / "wats.db")
    await wats.aclose()
    assert bus.get_handlers(EventType.TEST_RESULT) == []
    with pytest.raises(Retry, match="does not run"):
        await wats.handler.handle(result_event())


@pytest.mark.parametrize("bus", [AsyncEventBus(), EventBus()], ids=["async", "sync"])
def test_a_wrong_set_up_is_refused_at_once(bus: AsyncEventBus | EventBus, tmp_path: Path) -> None:
    """Without an address or a token nothing is registered, and the message says what to set."""
    with pytest.raises(Fatal, match=r"wats\.url|WATS token"):
        register_wats_handlers(bus, WatsConfig(), spool=tmp_path / "wats.db")
    assert bus.handler_count == 0


async def test_what_the_end_of_the_bridge_came_before_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is being stored then, and figures that are being counted, get the error that says so.

    A cancellation, as which it arrives, would pass the bus by without a word.
    """
    bus, told = AsyncEventBus(), list[Exception]()
    bus.on_error(lambda _event, error: told.append(error))
    config = WatsConfig(url="http://127.0.0.1:9", token=Secret("t"), default_part_number="PN")
    quick = BridgeConfig(wats=config, spool=SpoolConfig(path=str(tmp_path / "wats.db"), drain_s=0.0))

    async def hang(*_asked: object) -> None:
        await asyncio.Event().wait()

    async with register_wats_handlers(bus, quick) as wats:
        for name in ("put", "figures"):
            monkeypatch.setattr(wats._running.bridge.spool, name, hang)  # noqa: SLF001 - a disk that stands still
        publishing = asyncio.create_task(bus.publish(result_event()))
        counting = asyncio.create_task(asyncio.to_thread(wats.figures))
        await asyncio.sleep(0.2)
    await publishing
    assert [type(error) for error in told] == [Retry]
    with pytest.raises(Retry, match="does not run"):
        await counting
