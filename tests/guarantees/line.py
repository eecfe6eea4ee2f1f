"""A production line in small: Mosquitto, the emulator, the bridge as a process, and testers with numbered results.

Both ends are compared at the end: what the testers published, and what the emulator received first of each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pywats_mqtt.app.local_socket import Silent, ask
from pywats_mqtt.cli.parent import WITH_PARENT
from pywats_mqtt.spool import SpoolReader
from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.emulator.server import RunningEmulator, start_emulator
from tests.guarantees.stores import SQLITE, Store
from tests.ports import free_port
from tests.waiting import block_until

TESTERS = 7
"""An odd number: an even one can hide disorder when work is dealt in turns."""

BOUND_S = 180.0
"""Seconds a scenario may take to deliver everything; it costs nothing where all is well."""

STOP_S = 30.0

BEGINS = datetime(2026, 1, 26, tzinfo=UTC)
"""When devices say their first messages."""


class Bridge:
    """The bridge as a process, ended as the scenario wants.

    Attributes:
        environment: what its environment has beside that of the test.
        kills: how often it was killed.
    """

    def __init__(self, config: Path, *options: str) -> None:
        self.config = config
        self.options = options
        self.environment: dict[str, str] = {}
        self.kills = 0
        self.log = config.with_name("bridge.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended since."""
        return self._process is not None

    def start(self) -> None:
        """Start it; it may still be connecting when this returns."""
        if self._process is not None:
            self._ended()  # by itself, or by a signal of the scenario
        with self.log.open("ab") as log:
            words = [sys.executable, "-m", "pywats_mqtt", "run", "-c", str(self.config), WITH_PARENT, *self.options]
            environment = os.environ | self.environment
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=log, env=environment)

    def kill(self) -> None:
        """Kill it with -9."""
        if self._process is not None:
            self.kills += 1
            self._process.kill()
            self._ended()

    def stop(self) -> int:
        """Stop it with SIGTERM; gives its exit code."""
        self.process.terminate()
        return self._ended()

    def _ended(self) -> int:
        process, self._process = self.process, None
        code = process.wait(STOP_S)
        if process.stdin is not None:
            process.stdin.close()
        return code

    def pause(self) -> None:
        """Let it stand still (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def status(self) -> dict[str, Any]:
        """Ask the running bridge what it knows; empty while it does not answer."""
        try:
            answer = ask(self.config.with_name("spool.db"))
        except Silent:
            return {}
        found: dict[str, Any] = json.loads(answer) if answer else {}
        return found

    def peak_kb(self) -> int:
        """Tell how much memory it has held at most since it was started (VmHWM of proc(5))."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def note(self, name: str) -> bytes | None:
        """Read a note of its spool."""
        with SpoolReader(self.config.parent / "spool.db") as reader:
            return reader.note(name)

    def lines(self) -> list[str]:
        """Give what it logged, without the time."""
        return [line.split(" ", 1)[1].strip() for line in self.log.read_text().splitlines() if " " in line]


class Testers:
    """Several testers on one connection that publish numbered results at QoS 1, through reconnects."""

    __test__ = False

    def __init__(self, port: int) -> None:
        self.published: dict[str, int] = defaultdict(int)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="testers", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(200)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
        properties.SessionExpiryInterval = 3600
        self._client.connect_async(HOST, port, clean_start=False, properties=properties)
        self._sent = 0
        self._acknowledged = 0
        self._resending = False
        self._client.on_publish = self._note_acknowledged
        self._client.on_connect = self._note_connected
        self._client.loop_start()
        block_until(self._client.is_connected, bound_s=BOUND_S, what="the testers connected")

    def _note_acknowledged(self, *_: object) -> None:
        self._acknowledged += 1

    def _note_connected(self, *_: object) -> None:
        self._resending = True

    def _is_in_order(self) -> bool:
        """Tell whether paho would send what is published now behind what it has queued.

        It would not between its CONNECT and the answer, nor while it sends again what was not acknowledged.
        """
        if self._client.socket() is None:
            return True
        if self._client.is_connected() and self._acknowledged >= self._sent:
            self._resending = False
        return self._client.is_connected() and not self._resending

    def publish(self, count: int) -> None:
        """Publish the next `count` results of each tester, in turn; the client keeps them through reconnects."""
        for _ in range(count):
            for tester in range(TESTERS):
                name = f"T{tester}"
                number = self.published[name]
                self.published[name] += 1
                self.send(f"testers/{name}/results", result(name, number))

    def send(self, topic: str, payload: dict[str, object]) -> None:
        """Publish one message at QoS 1; the client keeps it through reconnects."""
        block_until(self._is_in_order, bound_s=BOUND_S, what="the testers have sent what they had")
        self._sent += 1
        self._client.publish(topic, json.dumps(payload), qos=1)

    def wait(self) -> None:
        """Wait until the broker has acknowledged them all."""
        block_until(lambda: self._acknowledged >= self._sent, bound_s=BOUND_S, what="all acknowledged by the broker")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def said_at(number: int) -> str:
    """Tell when a device said its message of that number: each a second after the one before."""
    return f"{BEGINS + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"


def result(tester: str, number: int) -> dict[str, object]:
    """Make a result; testers with an even number name no message_id, so the content has to tell."""
    facts: dict[str, object] = {
        "serial_number": f"{tester}-{number:06d}",
        "part_number": "GUARANTEE",
        "timestamp": said_at(number),
        "result": "Passed",
        "steps": [{"name": "Supply", "status": "P", "value": 5.0, "unit": "V", "low": 4.5, "high": 5.5}],
    }
    if int(tester[1:]) % 2:
        facts["message_id"] = f"{tester}/{number}"
    return facts


class Line:
    """All of it; `mosquitto`, `emulator`, `bridge` and `testers` are ended and started by the scenario."""

    def __init__(self, folder: Path, store: Store = SQLITE) -> None:
        self.folder = folder
        self.store = store
        self.mosquitto = Mosquitto(folder / "mosquitto")
        self.wats_port = free_port()
        self.emulator: RunningEmulator | None = None
        self.bridge = Bridge(folder / "bridge.toml")
        self.bridge.config.write_text(
            f'[mqtt]\nbroker = "{HOST}"\nport = {self.mosquitto.port}\nclient_id = "bridge"\n'
            "reconnect_delay = 0.2\nmax_reconnect_delay = 1.0\n"
            f'[wats]\nurl = "http://{HOST}:{self.wats_port}"\ntoken = "c2VjcmV0"\n'
            "requests_per_minute = 0\n[wats.operation_codes]\nself_test = 10\n"
            f"[spool]\n{store.settings}"
        )

    def write_at_once(self) -> None:
        """Let the bridge write counts and tags as they come."""
        text = self.bridge.config.read_text()
        at_once = "requests_per_minute = 0\nupdate_interval_s = 0\ntags_interval_s = 0\n"
        self.bridge.config.write_text(text.replace("requests_per_minute = 0\n", at_once))

    def set_spool(self, settings: str) -> None:
        """Set more of `[spool]`, which ends the configuration, from the next start on."""
        self.bridge.config.write_text(self.bridge.config.read_text() + settings)

    def broker_at(self, port: int) -> None:
        """Let the bridge reach the broker at another port, from its next start on."""
        text = self.bridge.config.read_text()
        self.bridge.config.write_text(text.replace(f"\nport = {self.mosquitto.port}\n", f"\nport = {port}\n"))

    def wats_at(self, port: int) -> None:
        """Let the bridge reach WATS at another port, from its next start on."""
        text = self.bridge.config.read_text()
        self.bridge.config.write_text(text.replace(f'{HOST}:{self.wats_port}"\n', f'{HOST}:{port}"\n'))

    def set_mqtt(self, settings: str) -> None:
        """Set more of `[mqtt]`, from the next start on."""
        self.bridge.config.write_text(self.bridge.config.read_text().replace("[mqtt]\n", f"[mqtt]\n{settings}"))

    def set_wats(self, settings: str) -> None:
        """Set more of `[wats]`, from the next start on."""
        self.bridge.config.write_text(self.bridge.config.read_text().replace("[wats]\n", f"[wats]\n{settings}"))

    def faults(self) -> list[dict[str, Any]]:
        """Give the faults of WATS with how often each hit."""
        assert self.emulator is not None
        return self.emulator.faults()

    def status_of_the_dead(self) -> dict[str, Any]:
        """Read from the spool what a bridge left that does not run."""
        words = [sys.executable, "-m", "pywats_mqtt", "status", "-c", str(self.bridge.config), "--json"]
        done = subprocess.run(words, capture_output=True, check=False)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def start_wats(self, *options: str) -> RunningEmulator:
        """Start the emulator at its port, with what it knew before."""
        self.emulator = start_emulator(*options, port=self.wats_port, state=self.folder / "wats.db")
        return self.emulator

    def kill_wats(self) -> None:
        """Take WATS away."""
        if self.emulator is not None:
            self.emulator.kill()
            self.emulator = None

    def reports(self) -> list[dict[str, Any]]:
        """Give what WATS has, in order of first reception."""
        assert self.emulator is not None
        found: list[dict[str, Any]] = self.emulator.state()["reports"]
        return found

    def await_wats(self) -> None:
        """Wait until WATS can be connected to."""

        def answers() -> bool:
            try:
                self.faults()
            except httpx.TransportError:
                return False
            return True

        block_until(answers, bound_s=BOUND_S, what="WATS is there")

    def await_reports(self, count: int) -> None:
        """Wait until WATS has at least so many."""
        block_until(lambda: len(self.reports()) >= count, bound_s=BOUND_S, what=f"{count} reports in WATS")

    def await_serial(self, serial_number: str) -> None:
        """Wait until WATS has a report of this unit."""
        block_until(
            lambda: any(report["sn"] == serial_number for report in self.reports()),
            bound_s=BOUND_S,
            what=f"a report of {serial_number}",
        )

    def await_session(self) -> None:
        """Wait until the bridge is connected, so that the broker keeps for it from now on."""
        block_until(lambda: self.bridge.status().get("connected"), bound_s=BOUND_S, what="the bridge connected")

    def assert_complete(self, published: dict[str, int]) -> None:
        """Wait for everything, then: every number exactly once, in order per tester, and nothing else."""
        self.await_reports(sum(published.values()))
        arrived: dict[str, list[str]] = defaultdict(list)
        for report in self.reports():
            arrived[report["machineName"]].append(report["sn"])
        assert set(arrived) == set(published)
        for tester, count in published.items():
            assert arrived[tester] == [f"{tester}-{number:06d}" for number in range(count)]
        block_until(lambda: self.bridge.status().get("waiting") == 0, bound_s=BOUND_S, what="nothing waits")
        assert self.bridge.status()["quarantined"] == 0


@contextmanager
def line(folder: Path, store: Store = SQLITE) -> Iterator[Line]:
    """A line of which nothing runs yet; whatever the scenario started is ended."""
    made = Line(folder, store)
    with ExitStack() as ends:
        ends.callback(made.mosquitto.kill)
        ends.callback(made.kill_wats)
        ends.callback(made.bridge.kill)
        yield made


@contextmanager
def begun(folder: Path, store: Store) -> Iterator[Line]:
    """A line with broker and WATS, that writes at once; its bridge is to be started."""
    with line(folder, store) as made:
        made.write_at_once()
        made.mosquitto.start()
        made.start_wats()
        yield made
