"""What stations say of their software, from the broker to WATS and back, with lost answers in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.contract.wats_servers import distribute
from tests.guarantees.line import BOUND_S, STOP_S, Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

STATION = "TESTER-042"
PROPOSAL: dict[str, Any] = {
    "device_id": STATION,
    "timestamp": "2026-01-26T10:30:00Z",
    "software": [
        {"name": "test_firmware", "version": "2.3.1", "hash": "abc123"},
        {"name": "calibration_data", "version": "2026.01", "hash": "def456"},
    ],
    "config_version": "prod-v5",
}
RESULT = {"part_number": "WIDGET-001", "result": "Passed", "timestamp": "2026-01-26T11:00:00Z"}
SOFTWARE = '[software]\nrequire_software = "block"\nrefresh_s = 1\nwanted_config = "prod-v5"\n'


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line that blocks results of stations whose software does not match, and writes tags at once."""
    with line(tmp_path) as made:
        config = made.bridge.config
        at_once = config.read_text().replace(
            "requests_per_minute = 0\n", "requests_per_minute = 0\ntags_interval_s = 0\n"
        )
        config.write_text(at_once + SOFTWARE)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def publish(made: Line, kind: str, payload: dict[str, Any], folder: str = "devices") -> None:
    """Publish as the station."""
    topic = f"{folder}/{STATION}/{kind}"
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-t", topic, "-s"]
    subprocess.run(words, input=json.dumps(payload).encode(), check=True)


def subscriber(made: Line, topic: str, *options: str) -> list[str]:
    """Give the words of a subscriber."""
    words = ["stdbuf", "-oL", "mosquitto_sub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port)]
    return [*words, "-q", "1", "-t", topic, *options]


def kept(made: Line) -> dict[str, Any]:
    """Give what the broker keeps of the station's verdict; empty for nothing."""
    words = subscriber(made, f"wats/software/{STATION}", "-C", "1", "-W", "2")
    found = subprocess.run(words, stdout=subprocess.PIPE, check=False).stdout
    read: dict[str, Any] = json.loads(found) if found else {}
    return read


@contextmanager
def hearing(made: Line, topic: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Hear what is published on a topic from now on."""
    listener = subprocess.Popen([*subscriber(made, topic), "-d"], stdout=subprocess.PIPE, text=True)
    assert listener.stdout is not None
    for text in listener.stdout:
        if "Subscribed" in text:
            break
    try:
        yield (json.loads(text) for text in listener.stdout if text.startswith("{"))
    finally:
        listener.kill()
        listener.wait(STOP_S)
        listener.stdout.close()


def release(made: Line, name: str, **tags: str) -> str:
    """Release the next version of a package."""
    assert made.emulator is not None
    return distribute(made.emulator, made.emulator.token, name, "Released", **tags)


def revoke(made: Line, package_id: str) -> None:
    """Revoke a package."""
    assert made.emulator is not None
    httpx.post(
        f"{made.emulator.url}/api/Software/PackageStatus/{package_id}",
        params={"status": "Revoked"},
        headers={"Authorization": f"Basic {made.emulator.token}"},
        trust_env=False,
    ).raise_for_status()


def tags(made: Line) -> dict[str, str]:
    """Give the tags of the station's asset."""
    assert made.emulator is not None
    return {
        tag["key"]: tag["value"]
        for asset in made.emulator.state()["assets"]
        if asset["serialNumber"] == STATION
        for tag in asset.get("tags", ())
    }


def log(made: Line) -> list[str]:
    """Give the messages in the log of the station's asset, without their times."""
    assert made.emulator is not None
    entries = [entry["comment"] for entry in made.emulator.state()["asset_log"] if entry["type"] == 0]
    return [entry.partition(" ")[2] for entry in entries]


def await_tag(made: Line, key: str, start: str) -> None:
    """Wait for a tag."""
    block_until(lambda: tags(made).get(key, "").startswith(start), bound_s=BOUND_S, what=f"{key} is {start}")


def quarantined(made: Line) -> list[dict[str, Any]]:
    """Give what is in quarantine, from a second process."""
    words = [sys.executable, "-m", "pywats_mqtt", "spool", "list", "-c", str(made.bridge.config), "--json"]
    rows: list[dict[str, Any]] = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return rows


def test_the_proposals_inventory_is_in_tags_log_verdict_and_answer_once(running: Line) -> None:
    """Also where WATS does what is asked and loses every first answer, and the bridge is killed in between."""
    assert running.emulator is not None
    release(running, "test_firmware", SwVersion="2.3.1", Hash="abc123")
    release(running, "calibration_data", SwVersion="2026.01")
    running.emulator.fault("drop_after", method="POST", path="/api/Asset/Message", times=1)
    running.emulator.fault("drop_after", method="PUT", path="/api/Asset", times=2)
    with hearing(running, "wats/responses/#") as answers:
        publish(running, "software", {**PROPOSAL, "request_id": "r-1"})
        answered = next(answers)
    assert (answered["request_id"], answered["verdict"], answered["config"]["verdict"]) == ("r-1", "match", "match")
    running.bridge.kill()
    running.bridge.start()
    await_tag(running, "software_check", "match")
    assert tags(running) == {
        "sw_test_firmware": "2.3.1;abc123",
        "sw_calibration_data": "2026.01;def456",
        "config_version": "prod-v5",
        "config_check": "match",
        "software_check": "match",
    }
    with hearing(running, "wats/responses/#") as answers:  # in the line of the station, so it comes after the log
        publish(running, "software", {**PROPOSAL, "timestamp": "2026-01-26T10:31:00Z", "request_id": "r-2"})
        assert next(answer for answer in answers if answer["request_id"] == "r-2")["verdict"] == "match"
    assert log(running) == [
        "software: test_firmware 2.3.1;abc123; calibration_data 2026.01;def456; configuration prod-v5"
    ]
    assert kept(running)["verdict"] == "match"


def test_a_station_with_the_wrong_software_does_not_test(running: Line) -> None:
    """Its results are kept back with the verdict, in order with its inventories; a revoked package is told unasked."""
    package_id = release(running, "test_firmware", SwVersion="2.3.1")
    release(running, "calibration_data", SwVersion="2026.01")
    publish(running, "software", PROPOSAL)
    publish(running, "results", {**RESULT, "serial_number": "UNIT-1"}, "testers")
    running.await_serial("UNIT-1")
    (report,) = running.reports()
    assert running.emulator is not None
    wsjf = httpx.get(
        f"{running.emulator.url}/api/Report/Wsjf/{report['id']}",
        headers={"Authorization": f"Basic {running.emulator.token}"},
        trust_env=False,
    ).json()
    infos = {info["description"]: info["text"] for info in wsjf["miscInfos"]}
    assert infos == {
        "sw_test_firmware": "2.3.1;abc123",
        "sw_calibration_data": "2026.01;def456",
        "config_version": "prod-v5",
    }
    revoke(running, package_id)
    block_until(lambda: kept(running).get("verdict") == "revoked", bound_s=BOUND_S, what="the verdict is told")
    await_tag(running, "software_check", "revoked: test_firmware 2.3.1 is revoked")
    publish(running, "results", {**RESULT, "serial_number": "UNIT-2"}, "testers")
    release(running, "test_firmware", SwVersion="2.4.0")
    block_until(lambda: quarantined(running), bound_s=BOUND_S, what="the result is kept back")
    block_until(
        lambda: kept(running).get("reason", "").endswith("released is 2.4.0"), bound_s=BOUND_S, what="the list is read"
    )
    updated = [{"name": "test_firmware", "version": "2.4.0"}, PROPOSAL["software"][1]]
    publish(running, "software", {**PROPOSAL, "timestamp": "2026-01-26T11:30:00Z", "software": updated})
    publish(running, "results", {**RESULT, "serial_number": "UNIT-3"}, "testers")
    running.await_serial("UNIT-3")
    (held,) = quarantined(running)
    assert held["reason"].startswith("software_check: revoked: test_firmware 2.3.1 is revoked")
    assert [report["sn"] for report in running.reports()] == ["UNIT-1", "UNIT-3"]


def test_an_update_is_followed_in_log_and_tag(running: Line) -> None:
    """Each state once, whatever is sent twice or late; what cannot be is in quarantine and holds nothing up."""
    assert running.emulator is not None
    running.emulator.fault("drop_after", method="POST", path="/api/Asset/Message", times=2)
    steps = [("downloading", 1), ("downloading", 2), ("installing", 3), ("downloading", 2), ("rebooting", 4)]
    for status, sequence in [*steps, ("succeeded", 5), ("failed", 6), ("rolled_back", 7)]:
        said = {"package": "test_firmware", "version": "2.4.0", "status": status, "sequence": sequence}
        publish(running, "updates", {**said, "timestamp": f"2026-01-26T10:3{sequence}:00Z"})
    await_tag(running, "update_test_firmware", "rolled back 2.4.0")
    states = ["downloading", "installing", "rebooting", "succeeded", "rolled back"]
    block_until(lambda: len(log(running)) == len(states), bound_s=BOUND_S, what="all states in the log")
    assert log(running) == [f"update of test_firmware: {state} 2.4.0" for state in states]
    (held,) = quarantined(running)
    assert held["reason"].startswith("an update that has succeeded cannot be failed")


def test_a_verdict_that_the_broker_lost_is_told_again(running: Line) -> None:
    """At the next connection, though nothing changed."""
    publish(running, "software", PROPOSAL)
    block_until(lambda: kept(running).get("verdict") == "unknown", bound_s=BOUND_S, what="the verdict is told")
    words = ["mosquitto_pub", "-h", HOST, "-p", str(running.mosquitto.port), "-q", "1", "-r", "-n"]
    subprocess.run([*words, "-t", f"wats/software/{STATION}"], check=True)
    running.mosquitto.stop()
    running.mosquitto.start()
    block_until(lambda: kept(running).get("verdict") == "unknown", bound_s=BOUND_S, what="it is told again")
