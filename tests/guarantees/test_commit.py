"""Nothing is acknowledged before the commit that stores it is on the disk: seen on the wire, and after a kill there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import BOUND_S, Line, begun
from tests.guarantees.power import Power
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.stores import STORES
from tests.guarantees.tap import PINGREQ, PUBACK, PUBREC, Tap
from tests.waiting import block_until

pytestmark = pytest.mark.slow


@pytest.fixture(params=[store for store in STORES if store.files], ids=lambda store: store.name)
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A line with broker and WATS, that writes at once, whose store is in files; its bridge is to be started."""
    with begun(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def tap(made: Line) -> Iterator[Tap]:
    """The way between bridge and broker; a bridge that has nothing to say pings each second."""
    tap = Tap(made.mosquitto.port)
    made.broker_at(tap.port)
    made.bridge.config.write_text(made.bridge.config.read_text().replace("[mqtt]\n", "[mqtt]\nkeepalive = 1\n"))
    yield tap
    tap.close()


def publish_with_the_sync_held(made: Line, fleet: Fleet, tap: Tap, power: Power) -> None:
    """Let the commit of what the broker sends wait for the disk, until the bridge has had its say."""
    fleet.publish(1)
    fleet.wait()
    everything = len(fleet.sent.numbers())
    block_until(
        lambda: made.bridge.status().get("waiting") == 0 and tap.said(PUBACK, PUBREC) >= everything,
        bound_s=BOUND_S,
        what="all acknowledged and delivered",
    )
    power.hold()
    acknowledged = tap.said(PUBACK, PUBREC)
    fleet.publish(2)
    fleet.wait()
    block_until(lambda: power.is_holding, bound_s=BOUND_S, what="a commit waits for the disk")
    number = fleet.sent.results["T0"][-1].encode()
    block_until(lambda: number in tap.passed(), bound_s=BOUND_S, what="the broker sent it")
    # What the bridge says goes out in order, so an acknowledgement would be before the second ping from now on.
    pings = tap.said(PINGREQ)
    block_until(lambda: tap.said(PINGREQ) >= pings + 2, bound_s=BOUND_S, what="the bridge had its say")
    assert tap.said(PUBACK, PUBREC) == acknowledged


def start(made: Line, tmp_path: Path) -> Power:
    """Start the bridge on a disk that can be held."""
    power = Power(made.folder / made.store.files[0], tmp_path / "power")
    made.bridge.environment = power.environment
    made.bridge.start()
    made.await_session()
    return power


def test_acknowledgements_follow_the_sync(made: Line, tap: Tap, tmp_path: Path) -> None:
    """While the disk has not answered, no acknowledgement leaves; when it has, all of them do."""
    power = start(made, tmp_path)
    fleet = Fleet(made.mosquitto.port)
    publish_with_the_sync_held(made, fleet, tap, power)
    acknowledged = tap.said(PUBACK, PUBREC)
    power.go_on()
    everything = len(fleet.sent.numbers())
    block_until(lambda: tap.said(PUBACK, PUBREC) >= everything, bound_s=BOUND_S, what="all acknowledged")
    assert acknowledged < everything
    held = settle(made, fleet.sent)
    fleet.close()
    assert compare(fleet.sent, held) == EXACT


@pytest.mark.parametrize("power_goes", [False, True], ids=["killed", "killed and without power"])
def test_killed_while_its_commit_waits_for_the_disk(made: Line, tap: Tap, tmp_path: Path, *, power_goes: bool) -> None:
    """With and without what the disk had not answered for: it comes again, and arrives once."""
    power = start(made, tmp_path)
    fleet = Fleet(made.mosquitto.port)
    publish_with_the_sync_held(made, fleet, tap, power)
    made.bridge.kill()
    power.go_on()
    if power_goes:
        power.cut(seed=1)  # by which nothing of it is there
    made.bridge.start()
    made.await_session()
    fleet.publish(1)
    held = settle(made, fleet.sent)
    fleet.close()
    assert compare(fleet.sent, held) == EXACT
