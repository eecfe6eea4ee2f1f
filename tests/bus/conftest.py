"""The real parts of the bus tests: a broker, a WATS emulator, and a handler that notes what a bus brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.brokers.mosquitto import Mosquitto
from tests.emulator.server import RunningEmulator, running_emulator


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto."""
    with Mosquitto(tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    """A running WATS emulator that keeps its state in a file, so that it can come back."""
    with running_emulator(state=tmp_path / "emulator.db") as wats:
        yield wats
