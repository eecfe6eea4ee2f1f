"""`pywats-mqtt emulate` as a process: what it says, how it ends, what survives it."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pywats_mqtt.emulator.store import APPLICATION_ID, SCHEMA_VERSION
from tests.emulator.examples import REPORT_ID, report
from tests.emulator.server import RunningEmulator, running_emulator, start_emulator
from tests.emulator.test_reports import WSJF
from tests.waiting import wait_until

LIMIT_S = 30
EMULATE = [sys.executable, "-m", "pywats_mqtt", "emulate"]


def send(emulator: RunningEmulator, token: str | None = None) -> int:
    """The status of a report that is sent."""
    headers = {"Authorization": f"Basic {token or emulator.token}"}
    return httpx.post(emulator.url + WSJF, json=report(), headers=headers, trust_env=False).status_code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_at_once_also_with_requests_under_way(number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end it with 0, whatever hangs, and it said one line in its life."""
    with (
        running_emulator() as emulator,
        socket.create_connection(("127.0.0.1", emulator.port)) as hanging,
        socket.create_connection(("127.0.0.1", emulator.port)),  # idle
    ):
        emulator.fault("hang")
        hanging.sendall(b"GET /api/App/Version HTTP/1.1\r\nHost: x\r\n\r\n")
        await wait_until(emulator.requests, what="the hanging request in the log")
        emulator.process.send_signal(number)
        rest, _ = emulator.process.communicate(timeout=LIMIT_S)
        assert (emulator.process.returncode, rest) == (0, "")
        assert hanging.recv(1) == b""


def test_a_port_in_use_is_one_line_and_exit_2() -> None:
    """The second emulator on a port says which and what to do."""
    with running_emulator() as emulator:
        second = subprocess.run(
            [*EMULATE, "--port", str(emulator.port)], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert (second.returncode, second.stdout) == (2, "")
        (line,) = second.stderr.splitlines()
        assert f"cannot listen on 127.0.0.1:{emulator.port}: Address already in use; choose another --port" in line


@pytest.mark.parametrize("end", [RunningEmulator.stop, RunningEmulator.kill])
def test_a_state_file_survives(tmp_path: Path, end: object) -> None:
    """After SIGTERM and after kill -9, reports, numbers and the log go on where they were, on the same port."""
    state = tmp_path / "wats.db"
    first = start_emulator(state=state)
    assert send(first) == 200
    assert callable(end)
    end(first)
    with running_emulator(port=first.port, state=state) as again:
        assert again.url == first.url
        assert [row["id"] for row in again.state()["reports"]] == [REPORT_ID]
        assert send(again) == 200
        assert [(row["seq"], row["body"]["id"]) for row in again.requests()] == [(1, REPORT_ID), (2, REPORT_ID)]
        assert [row["receiveCount"] for row in again.state()["reports"]] == [2]


def test_a_state_file_that_cannot_be_used_is_one_line_and_exit_2(tmp_path: Path) -> None:
    """A file in use, no database, of another version or program, or nowhere: each says so, none is touched."""
    used, text, other = tmp_path / "used.db", tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("This is no database. " * 100)
    for pragma in (f"application_id = {APPLICATION_ID}", "user_version = 99"):
        with sqlite3.connect(other) as database:
            database.execute(f"PRAGMA {pragma}")
        database.close()
    foreign = [tmp_path / "tables.db", tmp_path / "version.db"]
    for file, statement in zip(
        foreign, ("CREATE TABLE mine (x)", f"PRAGMA user_version = {SCHEMA_VERSION}"), strict=True
    ):
        with sqlite3.connect(file) as database:
            database.execute(statement)
        database.close()
    before = [file.read_bytes() for file in (text, other, *foreign)]
    with running_emulator(state=used):
        for state, reason in (
            (used, "another process uses it"),
            (text, "file is not a database"),
            (other, "it has version 99"),
            *((file, "it is another program's database") for file in foreign),
            (tmp_path / "nowhere" / "x.db", "unable to open database file"),
        ):
            run = subprocess.run(
                [*EMULATE, "--port", "0", "--state", str(state)],
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            assert (run.returncode, run.stdout) == (2, "")
            (line,) = run.stderr.splitlines()
            assert str(state) in line
            assert reason in line
    assert [file.read_bytes() for file in (text, other, *foreign)] == before


def test_tokens_and_the_rate_limit_are_options() -> None:
    """Each kind of token may be given several times; given any, the default token is none."""
    options = ["--token", "YQ==", "--no-counts-token", "Yg==", "--read-only-token", "Yw=="]
    with running_emulator(*options, rate_limit=2) as emulator:
        assert emulator.token == "YQ=="
        statuses = [send(emulator, token) for token in ("YQ==", "YQ==", "YQ==", "Yg==", "Yw==", "c2VjcmV0")]
        assert statuses == [200, 200, 429, 200, 403, 401]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--token", ""], "'': a token is what stands behind 'Basic '"),
        (["--token", "a b"], "'a b': a token is what"),
        (["--read-only-token", "ä"], "'ä': a token is what"),
        (["--token", "YQ==", "--read-only-token", "YQ=="], "'YQ==' is given twice"),
    ],
)
def test_a_token_that_nobody_could_use_is_one_line_and_exit_2(options: list[str], message: str) -> None:
    """An empty one would let everybody in, and one of two kinds would be of the last."""
    run = subprocess.run(
        [*EMULATE, "--port", "0", *options], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"pywats-mqtt emulate: token {message}")
    assert len(run.stderr.splitlines()) == 1


def test_what_makes_products_units_and_changes_are_options() -> None:
    """Named on the command line, each of the three switches is the opposite of what it is without."""
    unit = {"serialNumber": "SN-9", "partNumber": "PN-9", "revision": "A"}
    switched = ["--auto-products", "--no-unit-changes", "--no-report-units"]
    for options, units, changes in ((switched, ["SN-9"], []), ([], ["SN-1"], ["SN-1"])):
        with running_emulator(*options) as emulator:
            assert send(emulator) == 200
            headers = {"Authorization": f"Basic {emulator.token}"}
            with httpx.Client(base_url=emulator.url, headers=headers, trust_env=False) as http:
                http.put("/api/Production/Units", json=[unit])
                for number in "19":
                    moved: dict[str, str | int] = {
                        "serialNumber": f"SN-{number}",
                        "partNumber": f"PN-{number}",
                        "phase": 16,
                    }
                    http.put("/api/Production/SetUnitPhase", params=moved)
            state = emulator.state()
            assert [unit["serialNumber"] for unit in state["units"]] == units
            assert [change["unitSerialNumber"] for change in state["unit_changes"]] == changes


def test_faults_are_options() -> None:
    """Each `--fault` is in force from the start; they hit in the order in which they were given."""
    options = ["--fault", "status=502,path=/api/Report,times=1", "--fault", "throttle=9,times=1"]
    with running_emulator(*options) as emulator:
        assert [send(emulator) for _ in range(3)] == [502, 429, 200]
        assert [(row["kind"], row["hits"]) for row in emulator.faults()] == [("status", 1), ("throttle", 1)]


def test_a_wrong_fault_is_one_line_and_exit_2() -> None:
    """The line has the option as it was given, and what is wrong with it."""
    run = subprocess.run(
        [*EMULATE, "--port", "0", "--fault", "hang", "--fault", "status=503,tmies=3"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert "--fault 'status=503,tmies=3': " in line
    assert "unknown field `tmies`" in line


def test_the_log_is_read_whole(tmp_path: Path) -> None:
    """The helper that other tests use gives all requests, or a page, and resets."""
    with running_emulator(state=tmp_path / "x.db") as emulator:
        for _ in range(3):
            send(emulator)
        assert [row["seq"] for row in emulator.requests()] == [1, 2, 3]
        assert [row["seq"] for row in emulator.requests(after=1, limit=1)] == [2]
        emulator.reset()
        assert emulator.requests() == []


def test_without_its_extra_it_says_what_to_install() -> None:
    """Where httptools is missing, one line names it and the extra."""
    code = (
        "import sys, typer; sys.modules['httptools'] = None;"
        "from pywats_mqtt.cli.emulate import emulate; typer.run(emulate)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert run.returncode == 1
    assert run.stderr == "pywats-mqtt emulate needs httptools: pip install 'pywats-mqtt[emulator]'\n"


def test_guesses_about_assets_are_options() -> None:
    """Each switch reaches the routes that it changes; without any, the defaults hold."""
    options = ["--alarm-shape", "csharp", "--count-reply", "object", "--lower-total", "refuse", "--tags", "merge"]
    seen = [assets_seen(), assets_seen(*options, "--calibration-resets", "--lenient-messages")]
    assert seen == [
        {"tags": 0, "count": 0, "lower": 200, "status": {"alarmState", "status"}, "running": 3, "message": 400},
        {"tags": 1, "count": {"status"}, "lower": 400, "status": {"status"}, "running": 0, "message": 200},
    ]


def assets_seen(*options: str) -> dict[str, object]:
    """What an emulator with these options makes of the same requests."""
    with running_emulator(*options) as emulator:
        headers = {"Authorization": f"Basic {emulator.token}"}
        with httpx.Client(base_url=f"{emulator.url}/api/Asset", headers=headers, trust_env=False) as http:
            type_id = http.put("/Types", json={"typeName": "Fixture"}).json()["typeId"]
            asset = {"serialNumber": "A", "typeId": type_id}
            http.put("", json={**asset, "tags": [{"key": "Lot", "value": "1"}]})
            tags = http.put("", json={**asset, "tags": []}).json()["tags"]
            count = http.put("/Count?id=1&totalCount=3").json()
            lower = http.put("/Count?id=1&totalCount=2").status_code
            http.post("/Calibration?id=1")
            running = http.get("/1").json()["runningCount"]
            message = http.post("/Message", json={"assetId": "1", "comment": "x"}).status_code
            shape = {"alarmState", "status"}
            return {
                "tags": len(tags),
                "count": shape & count.keys() if isinstance(count, dict) else count,
                "lower": lower,
                "status": shape & http.get("/Status?id=1").json().keys(),
                "running": running,
                "message": message,
            }
