"""The broker and the subscriber of the fleet's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.brokers.mosquitto import Mosquitto
from tests.simulator.subscriber import Subscriber, subscribing

# Saved after each change, so that a kill -9 leaves the sessions; all that may be in flight to a subscriber is, so that
# what the broker acknowledged is on its way to the subscriber's socket.
SAVED_AT_ONCE = ("autosave_on_changes true", "autosave_interval 1", "max_inflight_messages 0")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto."""
    with Mosquitto(tmp_path / "mosquitto", extra=SAVED_AT_ONCE) as mosquitto:
        yield mosquitto


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    """A subscriber to everything."""
    with subscribing(broker.port) as found:
        yield found
