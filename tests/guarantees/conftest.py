"""What most scenarios begin with: a line on every store, and devices that number what they send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarantees.fleet import Fleet
from tests.guarantees.line import Line, begun
from tests.guarantees.stores import STORES


@pytest.fixture(params=STORES, ids=lambda store: store.name)
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A line with broker and WATS, that writes at once; its bridge is to be started."""
    with begun(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def fleet(made: Line) -> Iterator[Fleet]:
    """Devices, on the broker itself; the bridge has a session, and is started where no fixture before this did."""
    if not made.bridge.runs:
        made.bridge.start()
    made.await_session()
    fleet = Fleet(made.mosquitto.port)
    yield fleet
    fleet.close()
