"""Who is there and what was counted, from the broker to WATS: Wills, silence, replaced counters and resets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

FIXTURE = "FIXTURE-001"
COUNT = "/api/Asset/Count"


@pytest.fixture
def running(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A line that writes at once, with what the test sets of `[assets]`."""
    with line(tmp_path) as made:
        config = made.bridge.config
        at_once = "requests_per_minute = 0\nupdate_interval_s = 0\ntags_interval_s = 0\n"
        config.write_text(
            config.read_text().replace("requests_per_minute = 0\n", at_once) + f"[assets]\n{request.param}\n"
        )
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def publish(made: Line, level: str, payload: dict[str, Any] | str, asset: str = FIXTURE) -> None:
    """Publish as a fixture."""
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-s"]
    text = payload if isinstance(payload, str) else json.dumps(payload)
    subprocess.run([*words, "-t", f"assets/{asset}/{level}"], input=text.encode(), check=True)


def held(made: Line, asset: str = FIXTURE) -> dict[str, Any]:
    """Give the asset as WATS has it, its tags by key; empty where there is none."""
    assert made.emulator is not None
    for found in made.emulator.state()["assets"]:
        if found["serialNumber"] == asset:
            return {**found, "tags": {tag["key"]: tag["value"] for tag in found["tags"]}}
    return {}


def await_tag(made: Line, word: str, asset: str = FIXTURE) -> None:
    """Wait until the tag `online` says so."""

    def says() -> bool:
        return bool(held(made, asset).get("tags", {}).get("online") == word)

    block_until(says, what=f"{asset} is {word}")


def await_counts(made: Line, running_count: int, total: int) -> None:
    """Wait until WATS holds these counts."""

    def there() -> bool:
        asset = held(made)
        return bool(asset) and (asset["runningCount"], asset["totalCount"]) == (running_count, total)

    block_until(there, what=f"running {running_count}, total {total}")


def kept(made: Line, topic: str) -> bytes:
    """Give what the broker keeps on a topic; empty for nothing."""
    words = ["mosquitto_sub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-t", topic, "-C", "1", "-W", "1"]
    return subprocess.run(words, capture_output=True, check=False).stdout


@pytest.mark.parametrize("running", ["offline_after_s = 0"], indirect=True)
def test_a_will_takes_a_fixture_offline_and_its_next_message_brings_it_back(running: Line) -> None:
    """The Will is the word alone, retained; the alarm stands as long, and a lost answer does no harm."""
    assert running.emulator is not None
    device = paho.Client(CallbackAPIVersion.VERSION2, client_id="device", protocol=paho.MQTTv5)
    device.will_set(f"assets/{FIXTURE}/status", "offline", qos=1, retain=True)
    device.connect(HOST, running.mosquitto.port)
    device.loop_start()
    device.publish(f"assets/{FIXTURE}/status", "online", qos=1, retain=True).wait_for_publish()
    await_tag(running, "online")
    running.emulator.fault("drop_after", path="/api/Asset", method="PUT", times=1)
    sock = device.socket()
    assert sock is not None
    device.loop_stop()
    sock.close()  # without DISCONNECT, as a power cut

    await_tag(running, "offline")
    alarm = f"wats/alarms/offline/{FIXTURE}"
    block_until(lambda: kept(running, alarm), what="the alarm is kept")
    assert json.loads(kept(running, alarm))["level"] == "warning"
    assert held(running)["tags"]["last_seen"].startswith("20")

    publish(running, "status", {"status": "running", "timestamp": "2026-01-26T10:30:00Z"})
    await_tag(running, "online")
    block_until(lambda: not kept(running, alarm), what="the alarm is gone")


@pytest.mark.parametrize("running", ["offline_after_s = 2"], indirect=True)
def test_silence_takes_a_fixture_offline_also_over_a_kill_9(running: Line) -> None:
    """Killed before it noticed, the bridge notices after its start; a result is a sign of life."""
    publish(running, "counters", {"total_count": 1})
    await_tag(running, "online")
    running.bridge.kill()
    running.bridge.start()
    await_tag(running, "offline")

    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(running.mosquitto.port), "-q", "1", "-m", "?"]
    subprocess.run([*words, "-t", f"testers/{FIXTURE}/results"], check=True)
    await_tag(running, "online")
    await_tag(running, "offline")


@pytest.mark.parametrize("running", ['counter_backwards = "rebase"'], indirect=True)
def test_a_replaced_counter_and_a_reset_end_exact_through_lost_answers_and_kill_9(running: Line) -> None:
    """The proposal's counters, a PLC that begins at 0, a reset, and uses after it; named counters are tags."""
    assert running.emulator is not None
    day = "2026-01-26T10:"
    publish(
        running,
        "counters",
        {
            "asset_id": FIXTURE,
            "timestamp": f"{day}30:00Z",
            "counters": {"running_count": 1523, "total_count": 45000, "good_count": 44000},
        },
    )
    await_counts(running, 1523, 45000)
    block_until(lambda: held(running)["tags"].get("good_count") == "44000", what="the named counter")

    running.emulator.fault("drop_after", path=COUNT, times=1)
    publish(running, "counters", {"timestamp": f"{day}31:00Z", "counters": {"total_count": 20}})
    block_until(lambda: running.emulator and running.emulator.faults()[0]["hits"] == 1, what="a lost answer")
    running.bridge.kill()
    running.bridge.start()
    running.await_session()
    block_until(lambda: running.bridge.status().get("waiting") == 0, what="nothing waits")
    await_counts(running, 1543, 45020)
    assert running.bridge.status()["counters_backwards"] in ({FIXTURE: 1}, {})  # told before the kill, or after it

    publish(running, "counters", {"timestamp": f"{day}30:30Z", "counters": {"total_count": 45001}})
    await_counts(running, 1544, 45021)  # late, and the last of the old counter
    running.emulator.fault("drop_after", path="/api/Asset/ResetRunningCount", times=1)
    publish(running, "counters", {"timestamp": f"{day}32:00Z", "counters": {"reset": "running"}})
    publish(running, "counters", {"timestamp": f"{day}33:00Z", "counters": {"total_count": 27}})
    await_counts(running, 7, 45028)
    log = [row for row in running.emulator.state()["asset_log"] if row["type"] == 3]
    assert len(log) == 1
    block_until(lambda: running.bridge.status()["waiting"] == 0, what="nothing waits")
    assert running.bridge.status()["quarantined"] == 0
    assert (held(running)["runningCount"], held(running)["totalCount"]) == (7, 45028)
