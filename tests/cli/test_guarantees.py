"""`status` tells what is guaranteed, and what the devices and the broker take away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywats_mqtt.app.promises import MOUNTS, filesystem_of
from pywats_mqtt.guarantees import VOLATILE
from tests.cli.test_by_hand import command, publish
from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

RESULT = (Path(__file__).parents[2] / "examples/result.json").read_bytes()
"""The proposal's payload: it has a time."""
NAMELESS = '{"serial_number": "SN-1", "part_number": "PN", "result": "P"}'


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line of which everything runs but the bridge."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        yield made


def send(made: Line, topic: str, payload: str, *options: str) -> None:
    """Publish with options of mosquitto_pub."""
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-t", topic, "-m", payload]
    subprocess.run([*words, *options], check=True)


def await_stored(made: Line, count: int) -> None:
    """Wait until so many are delivered."""
    block_until(lambda: made.bridge.status().get("delivered") == count, what=f"{count} delivered")


def broken(made: Line) -> set[tuple[str, str]]:
    """Give what does not hold, but for a spool of tests that is in memory."""
    done = command("status", "-c", str(made.bridge.config), "--json")
    found: list[dict[str, Any]] = json.loads(done.stdout)["guarantees"]
    lost = [each for each in found if each["holds"] is False and "spool is in memory" not in each["reason"]]
    return {(each["route"], each["promise"]) for each in lost}


def is_on_disk(made: Line) -> bool:
    """Tell whether the folder of tests is on a disk."""
    return filesystem_of(made.folder, MOUNTS) not in VOLATILE


def test_one_line_where_all_holds_and_one_for_each_thing_that_does_not(running: Line) -> None:
    """QoS 1 with a time; then QoS 0, and a result that names nothing, each on the route it came by."""
    running.bridge.start()
    running.await_session()
    publish(running, "testers/T1/results", RESULT)
    await_stored(running, 1)
    assert broken(running) == set()
    text = command("status", "-c", str(running.bridge.config)).stdout
    assert ("all routes: exactly once, in order; but how much the broker queues" in text) is is_on_disk(running)
    assert ("not guaranteed" in text) is not is_on_disk(running)
    send(running, "assets/F1/counters", '{"counters": {"total_count": 5}}', "-q", "0")
    publish(running, "testers/T1/results", NAMELESS)
    await_stored(running, 3)
    assert broken(running) == {("assets/+/counters", "nothing lost"), ("testers/+/results", "nothing doubled")}
    text = command("status", "-c", str(running.bridge.config)).stdout
    assert "assets/+/counters: 1 message came with QoS 0" in text
    assert "testers/+/results: 1 message named no message_id, sequence or time" in text
    assert "all routes: exactly once" not in text


def test_what_a_broker_retained_is_told_where_it_is_no_state(running: Line) -> None:
    """A retained result may have replaced another one; a retained counter is as good as any."""
    send(running, "testers/T1/results", RESULT.decode(), "-q", "1", "-r")
    send(running, "assets/F1/counters", '{"counters": {"total_count": 5}}', "-q", "1", "-r")
    running.bridge.start()
    await_stored(running, 2)
    assert broken(running) == {("testers/+/results", "nothing lost")}


def test_of_a_bridge_that_does_not_run_the_configuration_tells(running: Line) -> None:
    """A session that ends at once is no guarantee, whoever runs it."""
    config = running.bridge.config
    config.write_text(config.read_text().replace("[mqtt]", "[mqtt]\nsession_expiry_s = 0"))
    running.bridge.start()
    block_until(lambda: running.bridge.status().get("connected"), what="connected")
    assert broken(running) == {("all routes", "nothing lost")}
    running.bridge.kill()
    assert broken(running) == {("all routes", "nothing lost")}
    text = command("status", "-c", str(config)).stdout
    assert "mqtt.session_expiry_s is 0" in text
