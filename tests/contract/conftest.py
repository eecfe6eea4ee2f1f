"""The WATS servers that the suites of the port `Wats` run over, and the spools of those of the port `Spool`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pywats_mqtt.ports import Spool, Wats
from pywats_mqtt.wats.client import PywatsClient
from tests.contract.spool_parts import SetClock, open_spool
from tests.contract.wats_memory import MemoryNotes
from tests.contract.wats_servers import EMULATOR_OPTIONS, EmulatedServer, MemoryServer, Server, SystemClock, configure
from tests.emulator.server import RunningEmulator, running_emulator


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEmulator]:
    """Run one emulator for all tests of a module."""
    with running_emulator(*EMULATOR_OPTIONS) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: RunningEmulator) -> RunningEmulator:
    """Give it empty and well-behaved."""
    running.clear_faults()
    running.reset()
    return running


@pytest.fixture
async def wats(emulator: RunningEmulator) -> AsyncIterator[Wats]:
    """Give a client of the emulator that knows nothing yet."""
    async with PywatsClient(configure(emulator), MemoryNotes(), SystemClock()) as client:
        yield client


@pytest.fixture(params=["memory", "emulator"])
def server(request: pytest.FixtureRequest) -> Server:
    """Give an empty server: the one in memory, and the emulator."""
    if request.param == "memory":
        return MemoryServer()
    return EmulatedServer(request.getfixturevalue("emulator"))


@pytest.fixture
def clock() -> SetClock:
    """Give a clock to set."""
    return SetClock()


@pytest.fixture(params=["memory", "sqlite"])
async def spool(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> AsyncIterator[Spool]:
    """Open one spool after the other."""
    async with open_spool(str(request.param), tmp_path, clock) as opened:
        yield opened
