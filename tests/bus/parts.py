"""What the bus tests put on a bus, and how they look at it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paho.mqtt import publish as paho
from pywats_events import BaseHandler, Event, EventType
from pywats_events.models import domain_events as domain
from pywats_events.transports.base_transport import BaseTransport

from pywats_mqtt.bus import MQTTTransport
from pywats_mqtt.config.model import MQTTConfig, Secret, WatsConfig
from pywats_mqtt.config.topics import TopicConfig
from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.emulator.server import RunningEmulator

SELF_TEST = {
    "device_id": "FIXTURE-001",
    "test_type": "self_test",
    "timestamp": "2026-01-26T06:00:00Z",
    "serial_number": "FIXTURE-001",
    "part_number": "TEST-FIXTURE-A",
    "result": "Passed",
    "duration_ms": 5230,
    "steps": [
        {"name": "Power Supply Check", "status": "P", "value": 5.02, "unit": "V", "low": 4.9, "high": 5.1},
        {"name": "Communication Test", "status": "P", "value": 1, "unit": "bool"},
        {"name": "Sensor Calibration", "status": "P", "value": 0.02, "unit": "offset"},
    ],
}
SELF_TEST_TOPIC = "devices/FIXTURE-001/selftest"


class Noting(BaseHandler):
    """Notes every event it is given, and raises if told to."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__(name="noting")
        self.events: list[Event] = []
        self._fails = fails

    @property
    def event_types(self) -> list[EventType]:
        """All."""
        return []

    async def handle(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)
        if self._fails:
            raise ValueError("as told")

    def of(self, *types: EventType) -> list[Event]:
        """What came of these types, in order."""
        return [event for event in self.events if event.event_type in types]


class LineTransport(BaseTransport):
    """A transport of another kind, that publishes what the test gives it."""

    def start(self) -> None:
        """Do nothing: the test publishes."""

    def stop(self) -> None:
        """Do nothing."""


def transport(broker: Mosquitto, spool: Path, **options: Any) -> MQTTTransport:
    """A transport to a broker that reconnects soon."""
    config = MQTTConfig(broker=HOST, port=broker.port, reconnect_delay=0.05, max_reconnect_delay=0.1)
    return MQTTTransport(config, TopicConfig(), spool=spool, **options)


def wats_of(emulator: RunningEmulator, **options: Any) -> WatsConfig:
    """The configuration for an emulator."""
    settings: dict[str, Any] = {"update_interval_s": 0.0, "requests_per_minute": 0} | options
    return WatsConfig(url=emulator.url, token=Secret(emulator.token), **settings)


def send(broker: Mosquitto, topic: str, payload: object) -> None:
    """Publish as a device would, at QoS 1; returns when the broker has acknowledged it."""
    paho.single(topic, json.dumps(payload), qos=1, hostname=HOST, port=broker.port)


def self_test(number: int) -> dict[str, Any]:
    """The proposal's self-test, once for each number."""
    return SELF_TEST | {"message_id": f"m-{number}"}


def cfx_result(unit: str = "UNIT-1", **changes: Any) -> dict[str, Any]:
    """A payload as CFX's adapter makes it: neither part number nor revision."""
    result = domain.TestResultEvent(
        unit_id=unit,
        station_id="ICT-1",
        operator_id="joe",
        start_time=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
        end_time=datetime(2026, 1, 26, 6, 0, 2, tzinfo=UTC),
        steps=[domain.TestStep(name="rail", measurements=[domain.TestMeasurement(name="rail", value=5.02, unit="V")])],
        custom_data={"cfx_transaction_id": "T-1", "test_method": "ICT"},
    )
    return result.to_dict() | changes
