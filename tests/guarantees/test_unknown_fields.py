"""A newer device's fields, through Mosquitto and the bridge as a process: taken, and counted in its status."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.publish as publishing
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import BOUND_S, line
from tests.waiting import block_until

MESSAGES = [
    ("assets/F1/alerts", '{"code": "E1", "bearing_temp": 81.5}'),
    ("assets/F1/alerts", '{"code": "E2", "bearing_temp": 82.5, "hue": 1}'),
    ("assets/F1/status", '{"status": "running", "mood": "good"}'),
    ("testers/T1/results", '{"serial_number": "U1", "part_number": "P", "result": "Passed", "opratr": "joe"}'),
]


@pytest.mark.slow
def test_status_counts_what_nobody_reads(tmp_path: Path) -> None:
    """By the filter of its topic and by name, and nothing is refused for it."""
    with line(tmp_path) as running:
        running.mosquitto.start()
        running.start_wats()
        running.bridge.start()
        running.await_session()
        publishing.multiple(
            [{"topic": topic, "payload": payload, "qos": 1} for topic, payload in MESSAGES],
            hostname=HOST,
            port=running.mosquitto.port,
        )
        counted = {
            "assets/+/alerts": {"bearing_temp": 2, "hue": 1},
            "assets/+/status": {"mood": 1},
            "testers/+/results": {"opratr": 1},
        }
        block_until(
            lambda: running.bridge.status().get("unknown_fields") == counted, bound_s=BOUND_S, what="fields counted"
        )
        assert running.bridge.status()["quarantined"] == 0
