"""The bridge as a user meets it: check, run, publish, look, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import STOP_S, Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

PAYLOADS = Path(__file__).parents[2] / "examples"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line of which everything runs."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pywats_mqtt", *words], capture_output=True, text=True, check=False, env=environment
    )


def publish(made: Line, topic: str, payload: bytes | str) -> None:
    """Publish as a user would, with mosquitto_pub."""
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-t", topic, "-s"]
    subprocess.run(words, input=payload.encode() if isinstance(payload, str) else payload, check=True)


def wats(made: Line, path: str) -> Any:
    """Ask the WATS server itself."""
    assert made.emulator is not None
    answer = httpx.get(made.emulator.url + path, headers={"Authorization": f"Basic {made.emulator.token}"})
    answer.raise_for_status()
    return answer.json()


def delivered(made: Line, count: int) -> None:
    """Wait until the bridge says so many messages are in WATS."""
    block_until(lambda: made.bridge.status()["delivered"] >= count, what=f"{count} delivered")


def test_the_proposals_self_test_stands_in_wats_with_steps_limits_units_and_statuses(running: Line) -> None:
    """One publish with the proposal's payload; the report is read back from the server."""
    publish(running, "testers/T1/results", (PAYLOADS / "result.json").read_bytes())
    delivered(running, 1)
    (known,) = running.reports()
    report = wats(running, f"/api/Report/Wsjf/{known['id']}")
    assert (report["sn"], report["pn"], report["result"]) == ("FIXTURE-001", "TEST-FIXTURE-A", "P")
    assert (report["machineName"], report["processCode"], report["uut"]["execTime"]) == ("T1", 10, 5.23)
    steps = report["root"]["steps"]
    assert [step["name"] for step in steps] == ["Power Supply Check", "Communication Test", "Sensor Calibration"]
    measured = [step["numericMeas"][0] for step in steps]
    assert [(m["value"], m["unit"], m["status"], m["compOp"]) for m in measured] == [
        (5.02, "V", "P", "GELE"),
        (1, "bool", "P", "LOG"),
        (0.02, "offset", "P", "LOG"),
    ]
    assert (measured[0]["lowLimit"], measured[0]["highLimit"]) == (4.9, 5.1)


@pytest.mark.parametrize("block", ["status", "counters"])
def test_the_proposals_asset_payload_leaves_state_and_both_counts(running: Line, block: str) -> None:
    """In operation, running 1523, total 45000, on whichever asset topic it comes."""
    publish(running, f"assets/FIXTURE-001/{block}", (PAYLOADS / "status.json").read_bytes())
    delivered(running, 1)
    asset = wats(running, "/api/Asset/FIXTURE-001")
    assert (asset["state"], asset["runningCount"], asset["totalCount"]) == (1, 1523, 45_000)
    assert {tag["key"]: tag["value"] for tag in asset["tags"]}["temperature_c"] == "23.5"


def test_the_heartbeat_of_the_proposals_flow_sets_the_running_count(running: Line) -> None:
    """`{"status":"running","count":1523}` leaves a running count of 1523."""
    publish(running, "assets/FIXTURE-001/status", '{"status":"running","count":1523}')
    delivered(running, 1)
    asset = wats(running, "/api/Asset/FIXTURE-001")
    assert (asset["state"], asset["runningCount"]) == (1, 1523)


def test_an_alert_stands_once_in_the_assets_log_and_a_grave_one_puts_it_in_maintenance_meanwhile(running: Line) -> None:
    """Raised twice and cleared, with answers of WATS lost on the way: two lines, and the asset is as before."""
    assert running.emulator is not None
    publish(running, "assets/PRESS-7/status", '{"status":"running"}')
    delivered(running, 1)
    running.emulator.fault("drop_after", path="/api/Asset/Message", times=1)
    raised = '{"severity":"critical","code":"bearing_wear","text":"Bearing 2 is worn","timestamp":"%s"}'
    publish(running, "assets/PRESS-7/alerts", raised % "2026-01-26T10:30:00Z")
    publish(running, "assets/PRESS-7/alerts", raised % "2026-01-26T10:31:00Z")
    delivered(running, 3)
    assert wats(running, "/api/Asset/PRESS-7")["state"] == 3
    running.emulator.fault("drop_after", path="/api/Asset/State", times=1)
    publish(running, "assets/PRESS-7/alerts", '{"code":"bearing_wear","state":"cleared","timestamp":1769423580}')
    delivered(running, 4)
    log = [row["comment"] for row in running.emulator.state()["asset_log"] if row["type"] == 0]
    first = "2026-01-26T10:30:00.000+00:00"
    assert log == [
        f"Alert bearing_wear (critical) at {first}: Bearing 2 is worn",
        f"Alert bearing_wear (cleared, came 2 times since {first}) at 2026-01-26T10:33:00.000+00:00",
    ]
    assert wats(running, "/api/Asset/PRESS-7")["state"] == 1


def test_a_device_that_asks_hears_what_became_of_its_result(running: Line) -> None:
    """A result with a `request_id` is answered on `wats/responses/{request_id}`: delivered, or refused and why."""
    words = [
        "stdbuf",
        "-oL",
        "mosquitto_sub",
        "-V",
        "5",
        "-h",
        HOST,
        "-p",
        str(running.mosquitto.port),
        "-t",
        "wats/responses/#",
    ]
    listener = subprocess.Popen([*words, "-C", "2", "-d"], stdout=subprocess.PIPE, text=True)
    assert listener.stdout is not None
    for text in listener.stdout:
        if "Subscribed" in text:
            break
    facts = json.loads((PAYLOADS / "result.json").read_bytes())
    publish(running, "testers/T1/results", json.dumps({**facts, "request_id": "r-1"}))
    publish(running, "testers/T1/results", json.dumps({**facts, "result": "perhaps", "request_id": "r-2"}))
    answers = [text for text in listener.stdout if text.startswith("{")]
    listener.wait(STOP_S)
    listener.stdout.close()
    by_id = {answer["request_id"]: answer for answer in map(json.loads, answers)}
    assert by_id["r-1"]["status"] == "delivered"
    assert by_id["r-1"]["report_id"] == running.reports()[0]["id"]
    assert (by_id["r-2"]["status"], by_id["r-2"]["path"]) == ("refused", "$.result")


def test_what_does_not_fit_is_in_quarantine_with_its_path_and_holds_nobody_up(running: Line) -> None:
    """`spool list` and `spool show` tell, from a second process, while the bridge runs and after it was killed."""
    facts = json.loads((PAYLOADS / "result.json").read_bytes())
    facts["steps"][0]["value"] = "five"
    publish(running, "testers/T1/results", json.dumps(facts))
    publish(running, "testers/T1/results", (PAYLOADS / "result.json").read_bytes())
    delivered(running, 1)
    for _ in ("running", "dead"):
        listed = command("spool", "list", "-c", str(running.bridge.config), "--json")
        assert listed.returncode == 0
        (row,) = json.loads(listed.stdout)
        assert set(row) == {"id", "topic", "reason", "path", "received_at", "device"}
        assert (row["topic"], row["path"], row["device"]) == ("testers/T1/results", "$.steps[0].value", "T1")
        assert row["reason"] == "expected float, got str"
        shown = command("spool", "show", str(row["id"]), "-c", str(running.bridge.config), "--json")
        assert json.loads(shown.stdout)["payload"] == facts
        in_words = command("spool", "list", "-c", str(running.bridge.config))
        assert "expected float, got str" in in_words.stdout
        running.bridge.kill()


def test_status_works_while_it_runs_and_after_it_died(running: Line) -> None:
    """The same keys and figures either way; of a dead one `connected` is false."""
    publish(running, "testers/T1/results", (PAYLOADS / "result.json").read_bytes())
    delivered(running, 1)
    alive = json.loads(command("status", "-c", str(running.bridge.config), "--json").stdout)
    assert (alive["connected"], alive["wats_reachable"], alive["running"]) == (True, True, True)
    running.bridge.kill()
    dead = json.loads(command("status", "-c", str(running.bridge.config), "--json").stdout)
    assert (dead["connected"], dead["wats_reachable"], dead["running"]) == (False, False, False)
    for name in ("received", "stored", "delivered", "retried", "waiting", "quarantined"):
        assert dead[name] == alive[name]
    assert alive.keys() == dead.keys()
    assert "does not run" in command("status", "-c", str(running.bridge.config)).stdout


def test_check_tells_line_by_line_what_works_and_what_to_do(running: Line, tmp_path: Path) -> None:
    """All ok beside a running bridge that is not disturbed; then a wrong token, code and port, each with its fix."""
    good = command("check", "-c", str(running.bridge.config))
    assert good.returncode == 0, good.stdout
    for part in ("accepts the login", "subscription testers/+/results: QoS 1", "token is accepted", "MQTT device"):
        assert part in good.stdout
    assert running.bridge.status()["connected"]
    wrong = tmp_path / "wrong.toml"
    text = running.bridge.config.read_text()
    wrong.write_text(text.replace("c2VjcmV0", "bm90IGl0").replace(str(running.mosquitto.port), "1"))
    found = command("check", "-c", str(wrong), "--json")
    assert found.returncode == 1
    failed = [finding for finding in json.loads(found.stdout) if not finding["ok"]]
    assert any("broker" in finding["what"] and finding["fix"] for finding in failed)
    assert any("token" in finding["what"] and finding["fix"] for finding in failed)
    assert "bm90IGl0" not in found.stdout + found.stderr
    unknown = tmp_path / "unknown.toml"
    unknown.write_text(text.replace("[spool]", "default_operation_code = 4711\n[spool]"))
    assert "4711" in command("check", "-c", str(unknown)).stdout


def test_a_healthy_bridge_says_nothing(running: Line) -> None:
    """Not a line at INFO from start to stop, messages and a refused one included."""
    publish(running, "testers/T1/results", (PAYLOADS / "result.json").read_bytes())
    publish(running, "testers/T1/results", b"no json")
    delivered(running, 1)
    assert running.bridge.stop() == 0
    assert running.bridge.log.read_text() == ""


def test_a_second_signal_ends_at_once(running: Line) -> None:
    """While it drains towards a server that hangs, a second SIGINT ends it; nothing is lost by that."""
    assert running.emulator is not None
    running.emulator.fault("hang", path="/api/Report")
    publish(running, "testers/T1/results", (PAYLOADS / "result.json").read_bytes())
    block_until(lambda: running.bridge.status()["stored"] == 1, what="stored")
    process = running.bridge.process
    process.send_signal(signal.SIGINT)
    block_until(lambda: running.bridge.status().get("draining"), what="draining")
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_S) == 130
    running.emulator.clear_faults()
    running.bridge.start()
    running.await_serial("FIXTURE-001")


def test_one_bridge_owns_a_spool(running: Line) -> None:
    """A second one ends with exit code 2 and one line that names the owner."""
    second = command("run", "-c", str(running.bridge.config))
    assert second.returncode == 2
    (text,) = second.stderr.splitlines()
    assert str(running.bridge.process.pid) in text


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("[mqtt]\nprot = 1883\n", "port"),
        ('[mqtt]\nport = "1883"\n', "[mqtt] port"),
        ("[mqtt\n", "line 1"),
        ('[wats]\nurl = "http://127.0.0.1:1"\n', "token"),
        (None, "bridge.toml"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_exit_2(tmp_path: Path, config: str | None, told: str) -> None:
    """Whatever is wrong with it: no traceback, the file named, the place, the fix."""
    file = tmp_path / "bridge.toml"
    if config is not None:
        file.write_text(config)
    ended = command("run", "-c", str(file))
    assert ended.returncode == 2
    (text,) = ended.stderr.splitlines()
    assert told in text
    assert ended.stdout == ""
