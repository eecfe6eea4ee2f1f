"""No room: reading stops, alarms say so, deliveries go on, and all goes on by itself when there is room again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit
from typing import Any, Protocol

import pytest

from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import BOUND_S, Bridge, Line, line
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.test_broker import listening
from tests.waiting import block_until

pytestmark = pytest.mark.slow

PART = 1 << 16


class Disk(Protocol):
    """Where the spool is."""

    def fill(self, *, leave: int = 0) -> None:
        """Leave so many bytes free."""
        ...

    def empty(self) -> None:
        """Make room again."""
        ...


class LimitedFiles:
    """No file of the bridge may grow, as under a quota (RLIMIT_FSIZE)."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def fill(self, *, leave: int = 0) -> None:
        """Let none grow beyond some pages, which the log of a running bridge has."""
        assert not leave
        prlimit(self._bridge.process.pid, RLIMIT_FSIZE, (PART, RLIM_INFINITY))

    def empty(self) -> None:
        """Let them grow again."""
        prlimit(self._bridge.process.pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Line]:
    """A line with broker and WATS, that writes at once; its bridge is to be started."""
    with line(tmp_path) as made:
        made.write_at_once()
        made.mosquitto.start()
        made.start_wats()
        yield made


def level(made: Line) -> str:
    """Tell how much room the bridge says it has."""
    return str(made.bridge.status().get("room", {}).get("level", "unknown"))


def await_level(made: Line, wanted: str) -> dict[str, Any]:
    """Wait until it has so much; gives what it says of it."""
    block_until(lambda: level(made) == wanted, bound_s=BOUND_S, what=f"room {wanted!r}")
    room: dict[str, Any] = made.bridge.status()["room"]
    return room


def told(heard: list[bytes]) -> list[tuple[str, bool]]:
    """Give which alarms were raised and cleared."""
    return [(message["alarm"], message["active"]) for message in map(json.loads, filter(None, heard))]


def fill_and_publish(made: Line, disk: Disk, fleet: Fleet, heard: list[bytes]) -> None:
    """Fill the disk, publish until it takes no more, and make room."""
    fleet.publish(2)
    fleet.wait()
    everything = len(fleet.sent.numbers())
    block_until(
        lambda: (found := made.bridge.status())["delivered"] + found["quarantined"] >= everything,
        bound_s=BOUND_S,
        what="all of it delivered, so that the next write is of a message",
    )
    disk.fill()
    while level(made) != "full":
        fleet.publish(2)
        fleet.wait()
    block_until(lambda: ("spool_full", True) in told(heard), bound_s=BOUND_S, what="the alarm")
    status = made.bridge.status()
    assert status["acknowledged"] < len(fleet.sent.numbers()), "something was acknowledged that is not stored"
    assert status["acknowledged"] <= status["stored"]
    assert "disk is full" in status["room"]["problem"]
    disk.empty()
    await_level(made, "")
    block_until(lambda: ("spool_full", False) in told(heard), bound_s=BOUND_S, what="the end of the alarm")
    fleet.publish(1)


def test_files_that_may_not_grow(made: Line) -> None:
    """The same where a quota stops the write."""
    made.set_spool("min_free_bytes = 0\n")
    made.bridge.start()
    made.await_session()
    fleet = Fleet(made.mosquitto.port)
    with listening(made.mosquitto.port, "wats/alarms/spool_full") as heard:
        fill_and_publish(made, LimitedFiles(made.bridge), fleet, heard)
        held = settle(made, fleet.sent)
    fleet.close()
    assert compare(fleet.sent, held) == EXACT


def test_when_only_results_are_left_reading_stops_and_none_is_dropped(made: Line) -> None:
    """WATS is away until the spool is at its bound: the alarm names what waits, and all of it arrives."""
    text = made.bridge.config.read_text().replace("[mqtt]\n", "[mqtt]\nmax_packet_bytes = 200_000\n")
    made.bridge.config.write_text(text)
    made.set_spool("max_bytes = 1_048_576\ntrace_rows = 100\n")
    made.bridge.start()
    made.await_session()
    made.kill_wats()
    fleet = Fleet(made.mosquitto.port)
    with listening(made.mosquitto.port, "wats/alarms/#") as heard:
        while level(made) != "full":
            fleet.publish(20)
            fleet.wait()
        block_until(lambda: ("spool_full", True) in told(heard), bound_s=BOUND_S, what="the alarm")
        assert told(heard)[0] == ("spool_filling", True)
        said = next(message for message in map(json.loads, heard) if message["alarm"] == "spool_full")
        assert "none of them is dropped" in said["problem"]
        assert made.bridge.stop() == 0
        made.bridge.start()
        made.await_session()
        while level(made) != "full":  # what its log held twice made a little room when it was stopped
            fleet.publish(20)
            fleet.wait()
        made.start_wats()
        await_level(made, "")
        block_until(
            lambda: {("spool_full", False), ("spool_filling", False)} <= set(told(heard)),
            bound_s=BOUND_S,
            what="the end of both",
        )
    fleet.publish(1)
    held = settle(made, fleet.sent)
    fleet.close()
    found = compare(fleet.sent, held)
    assert found == EXACT
    assert made.bridge.status()["dropped"]["quarantine"] == 0


def test_what_is_refused_is_told_of_before_it_is_dropped_for_its_age(made: Line) -> None:
    """On a clock that goes fast: the alarm names the lane and when; then it is gone, and counted."""
    made.bridge.options = ("--clock-rate", "600")
    made.set_spool("max_age_days = {quarantine = 0.05}\n")
    made.bridge.start()
    made.await_session()
    fleet = Fleet(made.mosquitto.port)
    with listening(made.mosquitto.port, "wats/alarms/spool_filling") as heard:
        fleet.send("testers/T1/results", {"serial_number": "MISFIT", "part_number": "GUARANTEE", "result": "B1-000001"})
        block_until(lambda: made.bridge.status().get("quarantined") == 1, bound_s=BOUND_S, what="it is refused")
        block_until(lambda: made.bridge.status()["dropped"]["quarantine"], bound_s=BOUND_S, what="it is dropped")
        block_until(lambda: len(heard) > 1, bound_s=BOUND_S, what="the alarm and its end")
    fleet.close()
    raised, cleared = map(json.loads, heard)
    assert list(raised["will_drop"]) == ["quarantine"]
    assert (raised["active"], cleared["active"], cleared["will_drop"]) == (True, False, {})
    assert raised["at"] < raised["will_drop"]["quarantine"] <= cleared["at"]
    status = made.bridge.status()
    assert (status["quarantined"], status["discarded"], status["dropped"]["quarantine"]) == (0, 0, 1)
