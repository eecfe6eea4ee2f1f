from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from pywats_mqtt.cli.simulate import parse_broker
from pywats_mqtt.simulator.journal_file import load_record
from tests.contract.brokers.mosquitto import Mosquitto
from tests.ports import free_port
from tests.simulator.subscriber import Subscriber
from tests.waiting import block_until

PROGRAM = [sys.executable, "-m", "pywats_mqtt", "simulate"]
END_S = 60.0


class Simulation:
    """`simulate` in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._out = folder / "out"
        self._err = folder / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen([*PROGRAM, *options], stdout=out, stderr=err)

    @property
    def out(self) -> str:
        """Its standard output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Its standard error so far."""
        return self._err.read_text()

    def end(self) -> int:
        """Wait for its end, and give its exit code."""
        return self.process.wait(END_S)


@contextmanager
def simulating(folder: Path, *options: str) -> Iterator[Simulation]:
    """Run a simulation, and kill it where it does not end."""
    simulation = Simulation(folder, *options)
    try:
        yield simulation
    finally:
        simulation.process.kill()
        simulation.process.wait()


def test_a_fleet_on_a_fast_clock_goes_by_it(broker: Mosquitto, tmp_path: Path) -> None:
    """Its minute is a second, its rate is as much higher, and its times are those of that clock."""
    journal = tmp_path / "journal.jsonl"
    clock = ("--clock-rate", "60", "--clock-offset", "86400")
    options = ("--broker", f"127.0.0.1:{broker.port}", "--devices", "3", "--rate", "2", "--seconds", "60", *clock)
    before = datetime.fromtimestamp(time.time(), UTC)
    with simulating(tmp_path, *options, "--journal", str(journal), "--json") as simulation:
        assert simulation.end() == 0
    summary = json.loads(simulation.out)
    assert summary["seconds"] >= 60
    assert summary["published"] > 10
    starts = [datetime.fromisoformat(entry.start) for entry in load_record(journal).entries if entry.start]
    assert min(starts) > before + timedelta(hours=23)


@pytest.mark.parametrize("devices", [5, 70])
def test_a_run_ends_with_its_summary(broker: Mosquitto, subscriber: Subscriber, tmp_path: Path, devices: int) -> None:
    """`--json` is one object; each message of the journal arrived, also where devices share connections."""
    journal = tmp_path / "journal.jsonl"
    options = ("--broker", f"127.0.0.1:{broker.port}", "--devices", str(devices), "--rate", "200", "--seconds", "1.5")
    with simulating(tmp_path, *options, "--seed", "7", "--journal", str(journal), "--json") as simulation:
        assert simulation.end() == 0
    summary = json.loads(simulation.out)
    record = load_record(journal)
    assert summary["published"] == summary["acknowledged"] == len(record.entries) > 200
    always = {"result", "selftest", "counters", "status", "environment", "unit", "operator", "software", "config"}
    assert summary["by_kind"].keys() >= always
    assert sum(summary["by_kind"].values()) == summary["published"]
    assert (summary["devices"], summary["connections"]) == (devices, min(devices, 50))
    assert (summary["refused"], summary["unanswered"], record.open) == (0, 0, ())
    assert simulation.err == ""
    block_until(lambda: all(subscriber.has(entry) for entry in record.entries), what="all messages")
    for device in {entry.device for entry in record.entries}:
        numbers = subscriber.first_numbers(device)
        assert numbers == sorted(numbers)


def test_a_broker_that_is_absent_is_waited_for_in_one_line(tmp_path: Path) -> None:
    """The fleet may be started first: it says once that it waits, and once that the broker is there."""
    port = free_port()
    with simulating(tmp_path, "--broker", f"localhost:{port}", "--seconds", "0.5", "--rate", "50") as simulation:
        block_until(lambda: "waiting for the broker" in simulation.err, what="its line")
        with Mosquitto(tmp_path / "mosquitto", port=port):
            assert simulation.end() == 0
    away, back = simulation.err.splitlines()
    assert away.startswith(f"waiting for the broker localhost:{port}: ")
    assert back == f"the broker localhost:{port} is there"
    assert "messages acknowledged" in simulation.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_everything_acknowledged(
    broker: Mosquitto, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM stop the fleet, not what it still has on the way; exit code 0."""
    journal = tmp_path / "journal.jsonl"
    options = ("--broker", f"127.0.0.1:{broker.port}", "--rate", "300", "--journal", str(journal), "--json")
    with simulating(tmp_path, *options) as simulation:
        block_until(lambda: journal.exists() and journal.stat().st_size > 10_000, what="a running fleet")
        simulation.process.send_signal(number)
        assert simulation.end() == 0
    summary = json.loads(simulation.out)
    assert summary["published"] == summary["acknowledged"] == len(load_record(journal).acknowledged) > 0


def test_a_signal_ends_it_also_without_a_broker(tmp_path: Path) -> None:
    """A fleet that waits for its broker does not hang on it."""
    with simulating(tmp_path, "--broker", f"127.0.0.1:{free_port()}", "--json") as simulation:
        block_until(lambda: "waiting for the broker" in simulation.err, what="its line")
        simulation.process.send_signal(signal.SIGTERM)
        assert simulation.end() == 0
    assert json.loads(simulation.out)["acknowledged"] == 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("broker.example", ("broker.example", 1883)),
        ("10.0.0.1:8883", ("10.0.0.1", 8883)),
        ("[::1]", ("::1", 1883)),
        ("[::1]:1884", ("::1", 1884)),
    ],
)
def test_a_broker_is_named_by_host_and_port(text: str, place: tuple[str, int]) -> None:
    """The port may be left out; an IPv6 address stands in brackets."""
    assert parse_broker(text) == place


@pytest.mark.parametrize("text", ["", ":1883", "host:", "host:abc", "host:0", "host:65536", "::1:1883"])
def test_a_wrong_broker_is_refused(text: str) -> None:
    """A typing error is said at once, before anything waits for it."""
    with pytest.raises(typer.BadParameter):
        parse_broker(text)


@pytest.mark.parametrize(
    "options", [("--broker", "host:abc"), ("--devices", "0"), ("--rate", "0"), ("--journal", "/nowhere/at/all")]
)
def test_wrong_usage_is_exit_code_2_without_a_traceback(options: tuple[str, str]) -> None:
    """The user gets a line that names the option and the fix."""
    done = subprocess.run([*PROGRAM, *options], capture_output=True, text=True, timeout=END_S, check=False)
    assert done.returncode == 2
    assert options[0].removeprefix("--") in done.stderr
    assert "Traceback" not in done.stderr
