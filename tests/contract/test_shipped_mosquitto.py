"""The configuration we ship: Mosquitto takes each line of it, and it keeps what ours promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pywats_mqtt.config.model import MQTTConfig
from tests.contract.brokers.bed import quick
from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.contract.test_broker_mosquitto import client

SHIPPED = Path(__file__).parents[2] / "examples" / "mosquitto.conf"


def lines() -> list[str]:
    """Give the lines that are no comment."""
    return [line for line in SHIPPED.read_text().splitlines() if line and not line.startswith("#")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for its store."""
    return tmp_path / "mosquitto"


async def test_it_keeps_what_came_while_the_bridge_was_away(folder: Path) -> None:
    """More than Mosquitto's default of 1,000 messages survive, also a restart; only port and folder differ here."""
    own = [line for line in lines() if not line.startswith(("listener", "allow_anonymous"))]
    with Mosquitto(folder, settings=own) as broker:
        config = quick(broker=HOST, port=broker.port)
        async with client(config, "t/#"):
            pass
        async with client(config, client_id="p") as publisher:
            for number in range(1_500):
                await publisher.publish("t/1", b"%d" % number)
        broker.restart()
        async with client(config, "t/#") as subscriber:
            messages = await subscriber.take(1_500)
    assert [m.payload for m in messages] == [b"%d" % number for number in range(1_500)]


def test_it_fits_the_bridge() -> None:
    """Its largest packet is the bridge's, and it listens where the smallest configuration looks."""
    assert f"max_packet_size {MQTTConfig().max_packet_bytes}" in lines()
    assert "listener 18830 127.0.0.1" in lines()
    assert "persistence true" in lines()
    assert "max_queued_messages 0" in lines()


def test_each_line_is_explained() -> None:
    """Above each setting, or the group it stands in, a comment says why."""
    for block in re.split(r"\n\s*\n", SHIPPED.read_text()):
        settings = [line for line in block.splitlines() if not line.startswith("#")]
        assert not settings or block.startswith("#"), f"no comment above {settings[0]}"
