"""`MQTTTransport` on real buses, with a real Mosquitto."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from pywats_events import AsyncEventBus, Event, EventBus, EventType
from pywats_events.transports.base_transport import TransportState

from pywats_mqtt.bus import MQTTTransport
from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.errors import Fatal
from tests.bus.parts import SELF_TEST, SELF_TEST_TOPIC, Noting, self_test, send, transport
from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.ports import free_port
from tests.waiting import block_until, wait_until

TELEMETRY = {"status": "running", "count": 1523, "environment": {"temperature_c": 23.5}}


async def test_a_self_test_arrives_on_an_async_bus(broker: Mosquitto, tmp_path: Path) -> None:
    """The proposal's flow: started and stopped with the bus, and a TEST_RESULT with the contract's keys between."""
    bus, noting = AsyncEventBus(), Noting()
    bus.register_handler(noting)
    mqtt = transport(broker, tmp_path / "events.db")
    bus.register_transport(mqtt)
    await bus.start()
    assert (mqtt.name, mqtt.state, mqtt.is_connected) == ("mqtt-iot", TransportState.CONNECTED, True)
    assert set(mqtt.get_subscribed_topics()) == set(TopicConfig().filters())

    await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
    await wait_until(lambda: noting.of(EventType.TEST_RESULT), what="the result on the bus")
    (event,) = noting.of(EventType.TEST_RESULT)
    assert (event.source, event.metadata.source_topic) == ("mqtt-iot", SELF_TEST_TOPIC)
    assert event.event_id == event.payload["custom_data"]["pywats_mqtt"]["report_id"]
    assert {key: event.payload[key] for key in ("unit_id", "result", "part_number", "station_id", "start_time")} == {
        "unit_id": "FIXTURE-001",
        "result": "pass",
        "part_number": "TEST-FIXTURE-A",
        "station_id": "FIXTURE-001",
        "start_time": "2026-01-26T06:00:00+00:00",
    }
    assert event.payload["steps"][0]["measurements"][0]["low_limit"] == 4.9

    await bus.stop()
    assert mqtt.state is TransportState.DISCONNECTED
    assert mqtt.get_subscribed_topics() == []
    stats = mqtt.get_stats()
    assert {key: stats[key] for key in ("received", "stored", "acknowledged", "delivered", "waiting")} == {
        "received": 1,
        "stored": 1,
        "acknowledged": 1,
        "delivered": 1,
        "waiting": 0,
    }
    system = noting.of(EventType.TRANSPORT_CONNECTED, EventType.TRANSPORT_DISCONNECTED)
    assert [event.event_type.name for event in system] == ["TRANSPORT_CONNECTED", "TRANSPORT_DISCONNECTED"]


def test_a_self_test_arrives_on_a_sync_bus(broker: Mosquitto, tmp_path: Path) -> None:
    """The same without an event loop: the transport runs in its own thread, handlers where the bus wants them."""
    bus, noting = EventBus(), Noting()
    bus.register_handler(noting)
    mqtt = transport(broker, tmp_path / "events.db")
    bus.register_transport(mqtt)
    bus.start()
    try:
        assert mqtt.is_connected
        send(broker, SELF_TEST_TOPIC, SELF_TEST)
        send(broker, "assets/FIXTURE-001/status", TELEMETRY)
        block_until(lambda: len(noting.of(EventType.CUSTOM)) == 2, what="the telemetry on the bus")
    finally:
        bus.stop()
    (event,) = noting.of(EventType.TEST_RESULT)
    assert event.payload["unit_id"] == "FIXTURE-001"
    (changed,) = noting.of(EventType.ASSET_STATE_CHANGED)
    assert (changed.payload["asset_id"], changed.payload["new_state"]) == ("FIXTURE-001", "busy")
    assert {event.payload["kind"] for event in noting.of(EventType.CUSTOM)} == {"asset_counters", "asset_environment"}
    assert mqtt.state is TransportState.DISCONNECTED
    order = [event.event_type for event in noting.events]
    assert (order[0], order[-1]) == (EventType.TRANSPORT_CONNECTED, EventType.TRANSPORT_DISCONNECTED)


async def test_every_telemetry_message_arrives_and_in_order(broker: Mosquitto, tmp_path: Path) -> None:
    """On the way to WATS counters are folded; a bus gets each of them, those of one asset in the order sent."""
    noting = Noting()
    bus = AsyncEventBus()
    bus.register_handler(noting)
    mqtt = transport(broker, tmp_path / "events.db")
    bus.register_transport(mqtt)
    await mqtt.connect()
    for count in range(20):
        await asyncio.to_thread(send, broker, "assets/A/counters", {"count": count})
    await wait_until(lambda: len(noting.of(EventType.CUSTOM)) == 20, what="all counters")
    await mqtt.disconnect()
    assert [event.payload["running_count"] for event in noting.of(EventType.CUSTOM)] == list(range(20))


async def test_on_event_gets_events_without_a_bus(broker: Mosquitto, tmp_path: Path) -> None:
    """As in the proposal: a callback, connect and disconnect; it is called on the loop of connect."""
    events: list[tuple[Event, int]] = []
    mqtt = transport(
        broker, tmp_path / "events.db", on_event=lambda event: events.append((event, threading.get_ident()))
    )
    await mqtt.connect()
    await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
    await wait_until(lambda: events, what="the event")
    await mqtt.disconnect()
    assert [(event.event_type, thread) for event, thread in events] == [(EventType.TEST_RESULT, threading.get_ident())]


async def test_what_was_not_handed_over_comes_again_after_a_restart(broker: Mosquitto, tmp_path: Path) -> None:
    """It was acknowledged to the broker and lives in the spool alone; the next start hands it over, under its id."""
    refused: list[Event] = []

    def refuse(event: Event) -> None:
        refused.append(event)
        raise OSError("nobody is there")

    first = transport(broker, tmp_path / "events.db", on_event=refuse)
    await first.connect()
    await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
    await wait_until(lambda: refused, what="the first try")
    await first.disconnect()
    stats = first.get_stats()
    assert (stats["acknowledged"], stats["delivered"], stats["waiting"]) == (1, 0, 1)

    taken: list[Event] = []
    second = transport(broker, tmp_path / "events.db", on_event=taken.append)
    await second.connect()
    await wait_until(lambda: taken, what="the event after the restart")
    await second.disconnect()
    assert [event.event_id for event in taken] == [refused[0].event_id]
    assert taken[0].payload == refused[0].payload


async def test_what_is_sent_while_the_transport_is_away_arrives_later(broker: Mosquitto, tmp_path: Path) -> None:
    """The session outlives the transport, also under a generated client id, which the spool keeps."""
    first = transport(broker, tmp_path / "events.db", on_event=lambda _: None)
    await first.connect()
    await first.disconnect()
    for number in range(3):
        await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, self_test(number))

    taken: list[Event] = []
    second = transport(broker, tmp_path / "events.db", on_event=taken.append)
    await second.connect()
    await wait_until(lambda: len(taken) == 3, what="what was sent meanwhile")
    await second.disconnect()


async def test_a_handler_that_fails_counts_as_handed_over(broker: Mosquitto, tmp_path: Path) -> None:
    """The bus swallows what a handler raises, and tells only its on_error callbacks: this is where the promise ends."""
    bus, errors = AsyncEventBus(), list[Exception]()
    bus.register_handler(Noting(fails=True))
    bus.on_error(lambda _, error: errors.append(error))
    mqtt = transport(broker, tmp_path / "events.db")
    bus.register_transport(mqtt)
    await mqtt.connect()
    await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
    await wait_until(lambda: mqtt.get_stats()["delivered"] == 1, what="the hand-over")
    await mqtt.disconnect()
    assert errors
    assert mqtt.get_stats()["waiting"] == 0


async def test_a_message_that_does_not_fit_is_kept_in_quarantine(broker: Mosquitto, tmp_path: Path) -> None:
    """Nothing of it reaches the bus, and what follows does."""
    taken: list[Event] = []
    mqtt = transport(broker, tmp_path / "events.db", on_event=taken.append)
    await mqtt.connect()
    await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, {"result": "perhaps"})
    await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
    await wait_until(lambda: taken, what="the good one")
    assert mqtt.get_stats()["quarantined"] == 1
    await mqtt.disconnect()
    assert [event.payload["unit_id"] for event in taken] == ["FIXTURE-001"]


async def test_the_state_follows_the_connection(broker: Mosquitto, tmp_path: Path) -> None:
    """RECONNECTING while the broker is away, CONNECTED when it is back; callbacks hear of it."""
    mqtt = transport(broker, tmp_path / "events.db", on_event=lambda _: None)
    connections: list[TransportState] = []
    mqtt.on_connect(lambda: connections.append(mqtt.state))
    await mqtt.connect()
    await asyncio.to_thread(broker.stop)
    await wait_until(lambda: mqtt.state is TransportState.RECONNECTING, what="the loss")
    assert mqtt.get_stats()["reason"]
    await asyncio.to_thread(broker.start)
    await wait_until(lambda: mqtt.state is TransportState.CONNECTED, what="the broker to be back")
    await mqtt.disconnect()
    assert connections == [TransportState.CONNECTED, TransportState.CONNECTED]


async def test_a_broker_that_is_absent_does_not_hold_up_the_start(tmp_path: Path) -> None:
    """The start returns after the first try, and further ones follow."""
    config = MQTTConfig(broker=HOST, port=free_port(), reconnect_delay=0.05)
    mqtt = MQTTTransport(config, TopicConfig(), lambda _: None, spool=tmp_path / "events.db")
    await mqtt.connect()
    assert mqtt.state is TransportState.RECONNECTING
    await mqtt.disconnect()
    assert mqtt.get_stats()["state"] == "disconnected"


async def test_a_lost_connection_ends_a_transport_that_may_not_reconnect(broker: Mosquitto, tmp_path: Path) -> None:
    """With auto_reconnect off it is DISCONNECTED, and connect starts it again."""
    config = MQTTConfig(broker=HOST, port=broker.port, auto_reconnect=False)
    mqtt = MQTTTransport(config, TopicConfig(), lambda _: None, spool=tmp_path / "events.db")
    await mqtt.connect()
    await asyncio.to_thread(broker.stop)
    await wait_until(lambda: mqtt.state is TransportState.DISCONNECTED, what="the end")
    await asyncio.to_thread(broker.start)
    await mqtt.connect()
    assert mqtt.is_connected
    await mqtt.disconnect()


async def test_starting_twice_and_stopping_twice_do_no_harm(broker: Mosquitto, tmp_path: Path) -> None:
    """A bus that starts a connected transport, and a program that stops a stopped one, are both right."""
    mqtt = transport(broker, tmp_path / "events.db", on_event=lambda _: None)
    await mqtt.connect()
    await mqtt.start_async()
    await mqtt.disconnect()
    await mqtt.stop_async()
    mqtt.stop()
    assert mqtt.state is TransportState.DISCONNECTED


async def test_a_spool_that_another_transport_uses_is_refused(broker: Mosquitto, tmp_path: Path) -> None:
    """One owner a file; the message names it, and the state is what it was."""
    first = transport(broker, tmp_path / "events.db", on_event=lambda _: None)
    await first.connect()
    second = transport(broker, tmp_path / "events.db", on_event=lambda _: None)
    with pytest.raises(Fatal, match=r"events\.db is in use by process"):
        await second.connect()
    await first.disconnect()
    assert second.state is TransportState.DISCONNECTED


async def test_a_configuration_that_cannot_be_sent_is_refused_at_once(broker: Mosquitto, tmp_path: Path) -> None:
    """What ends the transport before it has met the broker is told to who started it."""
    config = MQTTConfig(broker=HOST, port=broker.port, keepalive=70_000)
    mqtt = MQTTTransport(config, TopicConfig(), lambda _: None, spool=tmp_path / "events.db")
    errors: list[Exception] = []
    mqtt.on_error(errors.append)
    with pytest.raises(Fatal, match="could not start"):
        await mqtt.connect()
    assert mqtt.state is TransportState.DISCONNECTED
    assert len(errors) == 1


async def test_a_transport_that_nobody_listens_to_is_refused(tmp_path: Path) -> None:
    """It would acknowledge what it cannot hand over to anybody."""
    with pytest.raises(Fatal, match="nobody takes the events"):
        await MQTTTransport(MQTTConfig(), TopicConfig(), spool=tmp_path / "events.db").connect()


def test_a_loop_that_ends_without_disconnect_loses_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    """What cannot be handed over any more waits in the spool; stop ends the transport without that loop."""
    first = transport(broker, tmp_path / "events.db", on_event=lambda _: None)
    asyncio.run(first.connect())
    send(broker, SELF_TEST_TOPIC, SELF_TEST)
    block_until(lambda: first.get_stats()["retried"], what="the first try")
    first.stop()
    assert (first.state, first.get_stats()["delivered"]) == (TransportState.DISCONNECTED, 0)

    taken: list[Event] = []
    second = transport(broker, tmp_path / "events.db", on_event=taken.append)
    second.start()
    block_until(lambda: taken, what="the event")
    second.stop()


def test_a_hand_over_that_is_cancelled_with_its_loop_is_put_off(broker: Mosquitto, tmp_path: Path) -> None:
    """A program that ends in the middle of a handler has not taken the event."""
    begun = threading.Event()

    class Endless(Noting):
        async def handle(self, event: Event) -> None:
            if event.event_type is EventType.TEST_RESULT:
                begun.set()
                await asyncio.Event().wait()

    bus = AsyncEventBus()
    bus.register_handler(Endless())
    mqtt = transport(broker, tmp_path / "events.db")
    bus.register_transport(mqtt)

    async def end_early() -> None:
        await mqtt.connect()
        await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
        await wait_until(begun.is_set, what="the handler")

    asyncio.run(end_early())
    block_until(lambda: mqtt.get_stats()["retried"], what="the hand-over to be put off")
    mqtt.stop()
    assert mqtt.get_stats()["waiting"] == 1


def test_an_async_bus_is_not_served_without_its_loop(tmp_path: Path) -> None:
    """The sync start would publish on no loop at all."""
    mqtt = MQTTTransport(MQTTConfig(), TopicConfig(), spool=tmp_path / "events.db")
    AsyncEventBus().register_transport(mqtt)
    with pytest.raises(Fatal, match="await connect"):
        mqtt.start()
