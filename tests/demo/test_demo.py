from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import block_until

KEYS = ("published", "stored", "acknowledged", "delivered", "quarantined", "reports", "assets", "lost", "duplicates")
START_S = 60.0
END_S = 60.0

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("iotcore", "httptools")),
    reason="the demo needs its extras; install them with: pip install 'pywats-mqtt[broker,emulator]'",
)


class Demo:
    """A demo in a process of its own, with a temporary folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._out = folder.parent / "out"
        self._err = folder.parent / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pywats_mqtt", "demo", *options],
                stdout=out,
                stderr=err,
                env=os.environ | {"TMPDIR": str(folder), "COLUMNS": "80"},
            )

    @property
    def out(self) -> str:
        """Its standard output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Its standard error so far."""
        return self._err.read_text()

    def publishing(self) -> None:
        """Wait until the fleet publishes."""
        block_until(
            lambda: "the fleet publishes" in self.out or self.process.poll() is not None,
            bound_s=START_S,
            what="a fleet",
        )
        assert self.process.poll() is None, self.err

    def child(self, command: str) -> int:
        """Give the pid of its child that runs a command of ours."""
        (pid,) = [pid for pid in self.children() if command.encode() in arguments_of(pid)]
        return pid

    def children(self) -> list[int]:
        """Give the pids of all its children."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    def end(self) -> int:
        """Wait for its end, and give its exit code."""
        return self.process.wait(END_S)


def arguments_of(pid: int) -> list[bytes]:
    """The command line of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


@contextmanager
def demonstrating(tmp_path: Path, *options: str) -> Iterator[Demo]:
    """Run a demo; whatever happens no file of it is left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    demo = Demo(folder, *options)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()
    assert list(folder.iterdir()) == []


def test_a_demo_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """From nothing to the comparison: everything published is stored, delivered and in WATS once; JSON and no more."""
    with demonstrating(tmp_path, "--seconds", "5", "--json") as demo:
        code = demo.end()
    outcome = json.loads(demo.out)
    assert list(outcome)[:10] == [*KEYS, "seconds"]
    assert (code, outcome["problems"], demo.err) == (0, [], "")
    assert outcome["published"] == outcome["acknowledged"] == outcome["stored"] == outcome["delivered"] > 50
    assert outcome["quarantined"] == outcome["lost"] == outcome["duplicates"] == 0
    tests = outcome["by_kind"]["result"] + outcome["by_kind"]["selftest"]
    assert outcome["reports"] == tests + outcome["by_kind"].get("batch", 0) > 10
    assert outcome["repairs"] == outcome["by_kind"].get("repair", 0)
    assert outcome["alerts"] == outcome["by_kind"].get("alerts", 0)
    fixtures, stations = 3, 4
    assert (outcome["assets"], outcome["software"]) == (fixtures + stations, stations)
    assert outcome["units"] >= outcome["by_kind"]["unit"] / 2
    assert 5 <= outcome["seconds"] < 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """The fleet stops, the bridge drains, both ends are compared, and the exit code is 0."""
    with demonstrating(tmp_path, "--rate", "200", "--devices", "5") as demo:
        demo.publishing()
        demo.process.send_signal(number)
        assert demo.end() == 0
    assert "Nothing was lost and nothing doubled" in demo.out
    assert demo.err == ""


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """No comparison, but all its programs and its folder are gone."""
    with demonstrating(tmp_path) as demo:
        demo.publishing()
        bridge = demo.child("run")
        os.kill(bridge, signal.SIGSTOP)  # it will not drain
        demo.process.send_signal(signal.SIGINT)
        block_until(lambda: "drains" in demo.out, what="the drain")
        children = demo.children()
        demo.process.send_signal(signal.SIGINT)
        assert demo.end() == 130
        block_until(lambda: not any(arguments_of(pid) for pid in children), what="the end of its programs")
    assert "lost" not in demo.out


@pytest.mark.parametrize(("command", "name"), [("run", "bridge"), ("emulate", "WATS emulator")])
def test_a_program_that_dies_is_named(tmp_path: Path, command: str, name: str) -> None:
    """The demo says which and how, ends the others, and fails."""
    with demonstrating(tmp_path) as demo:
        demo.publishing()
        children = demo.children()
        os.kill(demo.child(command), signal.SIGKILL)
        assert demo.end() == 1
        block_until(lambda: not any(arguments_of(pid) for pid in children), what="the end of its programs")
    assert f"the {name} was ended by signal 9" in demo.err
    assert "Traceback" not in demo.err


def test_it_ends_in_order_where_nobody_reads_it(tmp_path: Path) -> None:
    """As with `| head -2`: no traceback, its programs and its folder are gone."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = os.environ | {"TMPDIR": str(folder)}
    words = [sys.executable, "-m", "pywats_mqtt", "demo", "--rate", "200"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        shown = demo.stdout.readline(), demo.stdout.readline()
        demo.stdout.close()
        said = demo.stderr.read()
        assert demo.wait(END_S) == 1
    assert b"the fleet publishes" in shown[1]
    assert said == b""
    assert list(folder.iterdir()) == []


def test_its_programs_end_where_it_is_killed(tmp_path: Path) -> None:
    """Nobody is left to end them in order: broker, bridge and WATS see it by the end of their standard input."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    demo = Demo(folder)
    demo.publishing()
    children = [(pid, arguments_of(pid)) for pid in demo.children()]
    assert len(children) == 3
    demo.process.kill()
    demo.end()
    try:
        block_until(lambda: all(arguments_of(pid) != words for pid, words in children), what="the end of its programs")
    finally:
        for pid, words in children:
            if arguments_of(pid) == words:
                os.kill(pid, signal.SIGKILL)
