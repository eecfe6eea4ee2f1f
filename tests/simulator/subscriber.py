"""An independent subscriber: paho with a session that the broker keeps, so that it misses nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from pywats_mqtt.simulator.outgoing import Entry

START_S = 60.0


class Subscriber:
    """What arrived, in order of arrival, each as (device, number)."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, int]] = []
        self._known: set[tuple[str, int]] = set()
        self.connected = threading.Event()
        self.subscribed = threading.Event()

    def has(self, entry: Entry) -> bool:
        """Whether a message arrived at least once."""
        return (entry.device, entry.number) in self._known

    def first_numbers(self, device: str) -> list[int]:
        """The numbers of a device in the order in which each first arrived."""
        return list(dict.fromkeys(number for sender, number in self.arrived if sender == device))

    def on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        """Note who says what."""
        payload = json.loads(message.payload)
        if "message_id" in payload:
            device, _, number = payload["message_id"].rsplit("-", 2)
        else:
            device, number = message.topic.split("/")[1], payload["sequence"]
        self.arrived.append((device, int(number)))
        self._known.add((device, int(number)))


@contextmanager
def subscribing(port: int) -> Iterator[Subscriber]:
    """Subscribe to everything at a broker of 127.0.0.1, and stay connected while the block runs."""
    subscriber = Subscriber()
    client = Client(CallbackAPIVersion.VERSION2, client_id="test-subscriber", protocol=MQTTProtocolVersion.MQTTv5)

    def on_connect(
        client: Client, _data: object, flags: ConnectFlags, _code: ReasonCode, _properties: Properties | None
    ) -> None:
        if not flags.session_present:
            client.subscribe("#", options=SubscribeOptions(qos=1))
        subscriber.connected.set()

    def on_subscribe(*_args: object) -> None:
        subscriber.subscribed.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = subscriber.on_message
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = 3_600
    client.connect("127.0.0.1", port, clean_start=False, properties=properties)
    client.loop_start()
    try:
        assert subscriber.subscribed.wait(START_S)
        yield subscriber
    finally:
        client.disconnect()
        client.loop_stop()
