"""What is larger than `[limits]` allows, from the broker to the quarantine, and back once the limit is raised."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.test_by_hand import PAYLOADS, command, publish
from tests.cli.test_quarantine import await_quarantined, spool
from tests.guarantees.line import Line, line

pytestmark = pytest.mark.slow

LOW = "[limits]\npayload_bytes = 20_000\nquarantine_bytes = 100_000\nnesting = 8\n"
HIGH = LOW.replace("20_000", "90_000")
DEEP = '{"serial_number":"SN","result":"P","x":' + "[" * 9 + "]" * 9 + "}"


def padded(number: int, size: int) -> bytes:
    """Make a result of so many bytes."""
    said = {"serial_number": f"SN-{number}", "part_number": "PN", "result": "P", "message_id": str(number), "pad": ""}
    said["pad"] = "x" * (size - len(json.dumps(said)))
    return json.dumps(said).encode()


def configure(made: Line, limits: str) -> None:
    """Write the limits into the configuration, in place of others."""
    config = made.bridge.config
    config.write_text(config.read_text().partition("[limits]")[0] + limits)


def test_what_is_too_large_holds_nobody_up_and_is_taken_where_the_limit_is_raised(tmp_path: Path) -> None:
    """Each stands in quarantine with its limit and place, whole or by its digest, and is in WATS once in the end."""
    large, huge = padded(1, 60_000), padded(2, 150_000)
    with line(tmp_path) as made:
        configure(made, LOW)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        assert made.emulator is not None
        made.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)
        publish(made, "testers/T1/results", DEEP)
        publish(made, "testers/T1/results", large)
        publish(made, "testers/T1/results", huge)
        publish(made, "testers/" + "T" * 1_000 + "/results", b"{}")
        publish(made, "testers/FIXTURE-001/results", (PAYLOADS / "result.json").read_bytes())
        made.await_reports(1)
        await_quarantined(made, 4)

        deep, whole, cut, far = spool(made, "list")
        assert (deep["reason"], deep["path"]) == ("nested deeper than 8 (limits.nesting)", "$.x" + "[0]" * 7)
        assert whole["reason"] == "the payload has 60000 bytes; limits.payload_bytes allows 20000"
        assert "limits.topic_bytes" in far["reason"]
        assert hashlib.sha256(huge).hexdigest() in cut["reason"]
        shown = spool(made, "show", str(cut["id"]))
        assert shown["payload"].startswith(huge[:65_536].decode())
        assert hashlib.sha256(huge).hexdigest() in shown["payload"]
        assert spool(made, "show", str(whole["id"]))["payload"] == json.loads(large)

        assert made.bridge.stop() == 0
        configure(made, HIGH)
        made.bridge.start()
        made.await_session()
        made.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)
        told = spool(made, "retry", str(whole["id"]), str(cut["id"]), code=1)
        assert [row["accepted"] for row in told] == [True, False]
        assert "of its 150000 bytes only the first were kept" in told[1]["now"]
        made.await_reports(2)
        await_quarantined(made, 3)
        assert sorted(report["sn"] for report in made.reports()) == ["FIXTURE-001", "SN-1"]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"\\u001b[2J": "\xc2\x9b2J\xe2\x80\xae", "result": "\\u009b2J\xc2\x9b2J"}',
        b"\x1b[2J\x07 \xc2\x9b2J\r1 fake\x7f",
    ],
    ids=["json", "text"],
)
def test_what_an_operator_prints_of_a_hostile_payload_cannot_steer_the_terminal(tmp_path: Path, payload: bytes) -> None:
    """Listed, shown, tried again, traced and counted, as tables and as JSON."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        publish(made, "testers/T\u202e\u2066/results", payload)
        await_quarantined(made, 1)
        for words in (
            ["spool", "list"],
            ["spool", "show", "1"],
            ["spool", "retry", "1"],
            ["trace", "T\u202e\u2066"],
            ["status"],
        ):
            for options in ([], ["--json"]):
                done = command(*words, "-c", str(made.bridge.config), *options)
                assert done.stdout
                assert (done.stdout + done.stderr).replace("\n", "").isprintable()
        assert made.bridge.stop() == 0
    assert made.bridge.log.read_text().replace("\n", "").isprintable()
