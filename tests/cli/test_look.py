"""What is done by the way, without a message, ends nothing where it fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.config.model import BridgeConfig, SoftwareConfig, SpoolConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from tests.cli.test_sessions import nowhere


@pytest.mark.parametrize(
    "failure", [Reject("400"), ValueError("a defect"), Retry("500", scope=Scope.DELIVERY, cause="500")]
)
async def test_a_look_that_fails_is_tried_again_and_the_bridge_runs_on(failure: Exception, tmp_path: Path) -> None:
    """Whatever it raises: the next look comes."""
    config = BridgeConfig(spool=SpoolConfig(path=str(tmp_path / "spool.db")), software=SoftwareConfig(refresh_s=0.01))
    bridge = Bridge(config, deliver_to=nowhere, connect=False)
    stopping, looks = asyncio.Event(), 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            stopping.set()
        raise failure

    bridge.look = look
    async with asyncio.timeout(20):
        assert await bridge.run(stopping) == 0
    assert looks >= 3
