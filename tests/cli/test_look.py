"""What is done by the way, without a message, ends nothing where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.destination import Destination
from pywats_mqtt.config.model import BridgeConfig, SpoolConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from tests.cli.test_sessions import nowhere


@pytest.mark.parametrize(
    "failure", [Reject("400"), ValueError("a defect"), Retry("500", scope=Scope.DELIVERY, cause="500")]
)
async def test_a_look_that_fails_is_tried_again_and_the_bridge_runs_on(failure: Exception, tmp_path: Path) -> None:
    """Whatever it raises: the next look comes."""
    config = BridgeConfig(spool=SpoolConfig(path=str(tmp_path / "spool.db")))
    stopping, looks = asyncio.Event(), 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            stopping.set()
        raise failure

    @asynccontextmanager
    async def looking(bridge: Bridge) -> AsyncIterator[Destination]:
        async with nowhere(bridge) as destination:
            yield msgspec.structs.replace(destination, looks=(look,), look_s=0.01)

    async with asyncio.timeout(20):
        assert await Bridge(config, deliver_to=looking, connect=False).run(stopping) == 0
    assert looks >= 3
