"""The network between bridge and broker, and between bridge and WATS: cut, half open, far and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import BOUND_S, Line
from tests.guarantees.proxy import FAR, NARROW, Proxy
from tests.guarantees.reconcile import EXACT, compare
from tests.waiting import block_until

pytestmark = pytest.mark.slow

CUTS = 3
KEEPALIVE_S = 1
"""After this the bridge asks whether the broker is there; a minute by default."""
TIMEOUT_S = 2.0
"""What a call to WATS may take; half a minute by default."""


@pytest.fixture
def to_broker(made: Line) -> Iterator[Proxy]:
    """The network between bridge and broker."""
    with closing(Proxy(made.mosquitto.port)) as proxy:
        made.broker_at(proxy.port)
        yield proxy


@pytest.fixture
def to_wats(made: Line) -> Iterator[Proxy]:
    """The network between bridge and WATS."""
    with closing(Proxy(made.wats_port)) as proxy:
        made.wats_at(proxy.port)
        yield proxy


@pytest.fixture
def impatient(made: Line) -> None:
    """Let the bridge notice within seconds that nothing comes back."""
    made.set_mqtt(f"keepalive = {KEEPALIVE_S}\n")
    made.set_wats(f"timeout_s = {TIMEOUT_S}\n")


def await_grown(figure: Callable[[], int], before: int, what: str) -> None:
    """Wait until a figure has grown."""
    block_until(lambda: figure() > before, bound_s=BOUND_S, what=what)


def stored(made: Line) -> int:
    """Tell how many messages the bridge has stored."""
    return int(made.bridge.status().get("stored", 0))


def test_cut_again_and_again(made: Line, to_broker: Proxy, to_wats: Proxy, fleet: Fleet) -> None:
    """Both networks at once, while messages are received and reports delivered."""
    for _ in range(CUTS):
        before = stored(made), len(made.reports())
        fleet.publish(4)
        await_grown(lambda: stored(made), before[0], "something is stored")
        connections = to_broker.connections
        to_broker.cut()
        await_grown(lambda: to_broker.connections, connections, "the bridge connects again")
        await_grown(lambda: len(made.reports()), before[1], "something is delivered")
        to_wats.cut()
    fleet.publish(1)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert made.bridge.status()["sessions_lost"] == 0


@pytest.mark.usefixtures("impatient")
def test_a_connection_to_the_broker_that_is_half_open(made: Line, to_broker: Proxy, fleet: Fleet) -> None:
    """Acknowledgements vanish, and no end is told: an unanswered ping ends it, and the session goes on elsewhere."""
    fleet.publish(2)
    await_grown(lambda: stored(made), 0, "something is stored")
    connections = to_broker.connections
    to_broker.lose()
    fleet.publish(4)
    await_grown(lambda: to_broker.connections, connections, "the bridge connects again")
    fleet.publish(1)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert to_broker.swallowed > 0
    assert [text for text in made.bridge.lines() if "does not answer a ping" in text]
    assert made.bridge.status()["sessions_lost"] == 0


@pytest.mark.usefixtures("impatient")
def test_connections_to_wats_that_are_half_open(made: Line, to_wats: Proxy, fleet: Fleet) -> None:
    """Questions, or their answers, vanish: what became of them is unknown, they are asked again on new connections."""
    fleet.publish(3)
    await_grown(lambda: len(made.reports()), 0, "something is delivered")
    to_wats.lose()
    fleet.publish(3)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert to_wats.swallowed > 0
    assert made.bridge.status()["retried"] > 0


def test_far_away(made: Line, to_broker: Proxy, to_wats: Proxy, fleet: Fleet) -> None:
    """Half a second for each question and its answer, on both ways."""
    to_broker.weather = to_wats.weather = FAR
    fleet.publish(4)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert to_broker.held_up > 0
    assert to_wats.held_up > 0
    assert made.bridge.status()["retried"] == 0, "what is far is not away"


def test_a_narrow_line(made: Line, to_broker: Proxy, to_wats: Proxy, fleet: Fleet) -> None:
    """64 kbit/s for all that goes to WATS, and as much from the broker; nothing is taken for lost."""
    to_broker.weather = to_wats.weather = NARROW
    fleet.publish(3)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert to_broker.held_up > 0
    assert to_wats.held_up > 0
    assert made.bridge.status()["retried"] == 0, "what is slow is not away"
