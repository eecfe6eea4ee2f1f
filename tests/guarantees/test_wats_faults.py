"""Every fault of WATS that the emulator knows, in the middle of a stream: both ends agree after each.

One line goes through them all, one after the other, so what one breaks is wrong for those after it. Its clock goes
fast, as WATS' does, since some waits are long: what was refused for the lack of a permission is asked again in half a
minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from pywats_mqtt.emulator.fault import Kind
from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import BOUND_S, Line, line
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.stores import STORES, Store
from tests.waiting import block_until

pytestmark = pytest.mark.slow

RATE = 50
TIMEOUT_S = 1.0
"""What a call may take, by the machine's clock."""
LONGER_S = 2.0 * RATE
"""Longer than that, by WATS' clock."""

FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": "status", "status": status, "times": 5} for status in (401, 403, 404, 500, 502, 503)),
    {"kind": "throttle", "retry_after": "20", "times": 5},
    {"kind": "throttle", "retry_after": "20", "retry_after_as": "date", "times": 5},
    {"kind": "flapping", "status": 503, "up": 3, "down": 2},
    {"kind": "flapping", "status": 500, "up_s": 10, "down_s": 10},
    {"kind": "redirect", "times": 3},
    {"kind": "hang", "times": 5},
    {"kind": "refuse", "seconds": 60},
    {"kind": "reset", "times": 5},
    {"kind": "drop_before", "times": 5},
    {"kind": "delay", "delay_s": LONGER_S, "times": 5},
    {"kind": "drop_after", "times": 5},
    {"kind": "delay_after", "delay_s": LONGER_S, "times": 5},
    {"kind": "empty", "times": 5},
    {"kind": "malformed", "times": 5},
    {"kind": "truncated", "times": 5},
    {"kind": "slow_body", "byte_s": 1.0, "longest_s": LONGER_S, "times": 5},
)


def words(fault: dict[str, Any]) -> str:
    """Name a fault."""
    return "-".join(str(value) for name, value in fault.items() if name != "times")


@pytest.fixture(scope="module", params=STORES, ids=lambda store: store.name)
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A running line on a fast clock, that writes at once and is impatient."""
    store: Store = request.param
    with line(tmp_path_factory.mktemp("line"), store) as made:
        clock = ("--clock-rate", str(RATE), "--clock-since", str(time.time()))
        made.write_at_once()
        made.set_wats(f"timeout_s = {TIMEOUT_S}\n")
        made.mosquitto.start()
        made.start_wats(*clock)
        made.bridge.options = clock
        made.bridge.start()
        made.await_session()
        yield made


@pytest.fixture(scope="module")
def fleet(made: Line) -> Iterator[Fleet]:
    """Devices, the same for all faults."""
    fleet = Fleet(made.mosquitto.port)
    yield fleet
    fleet.close()


def test_no_kind_of_fault_is_left_out() -> None:
    """A new one joins the list."""
    assert {fault["kind"] for fault in FAULTS} == {kind.value for kind in Kind}


@pytest.mark.parametrize("fault", FAULTS, ids=words)
def test_fault(made: Line, fleet: Fleet, fault: dict[str, Any]) -> None:
    """It hits results, counts and tags; what is unknown is asked again, and nothing goes to quarantine for it."""
    assert made.emulator is not None
    fleet.publish(1)
    made.emulator.fault(**fault, **({} if fault["kind"] == "refuse" else {"path": "/api"}))
    before = made.bridge.status()["retried"]
    fleet.publish(2)
    if fault["kind"] == "refuse":
        block_until(lambda: made.bridge.status()["retried"] > before, bound_s=BOUND_S, what="the bridge notices")
        made.await_wats()
    else:
        block_until(lambda: made.faults()[0]["hits"], bound_s=BOUND_S, what="it hits")
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    made.emulator.clear_faults()


def test_what_wats_refuses_for_itself_leaves_its_line_alone(made: Line, fleet: Fleet) -> None:
    """400 is an answer about these reports: they stand in quarantine, all others are in WATS, in order."""
    assert made.emulator is not None
    made.emulator.fault("status", status=400, path="/api/Report/WSJF", times=3)
    fleet.publish(3)
    held = settle(made, fleet.sent)
    refused = {request["body"]["sn"] for request in made.emulator.requests() if request["status"] == 400}
    assert len(refused) == 3
    assert [text for text in held.refused if "400" in text] == ["POST /api/Report/WSJF: 400 Fault: status 400."] * 3
    found = compare(fleet.sent, held)
    assert (set(found.missing), found.doubled, found.disordered, found.inexact) == (refused, (), (), ())
