"""What a demo plays on: an embedded broker, a WATS emulator and a bridge, on loopback, in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec

from pywats_mqtt.cli.demo_children import Child, DemoError, running
from pywats_mqtt.cli.status import read_status
from pywats_mqtt.errors import Fatal
from pywats_mqtt.observe import Status
from pywats_mqtt.transport.embedded import EmbeddedBroker
from pywats_mqtt.transport.loopback import HOST

START_S = 30.0
"""Seconds a program gets to start: it takes one or two, ten on a busy machine with a cold disk."""
DRAIN_S = 8.0
"""Seconds the bridge may deliver what it has stored; with what surrounds it the end takes less than 10 s."""
LOOK_EVERY_S = 0.1
HTTP_S = 10.0
OBITUARY_S = 1.0
"""Seconds the watch of a program gets to notice that it died: its last words say more than that it does not answer."""


class Stage(msgspec.Struct, frozen=True):
    """A stage that is set.

    Attributes:
        folder: the temporary folder; gone when the demo ends.
        broker_port: where the broker listens, at `HOST`.
        config: the bridge's configuration file.
        bridge: the bridge's program.
        wats_url: of the emulator.
        http: a client for the emulator.
    """

    folder: Path
    broker_port: int
    config: Path
    bridge: Child
    wats_url: str
    http: httpx.AsyncClient

    async def bridge_status(self) -> Status | None:
        """Ask the bridge how it stands, or its spool where it has ended; None before it has one."""
        try:
            return await asyncio.to_thread(read_status, self.config)
        except Fatal:
            return None

    async def wats_state(self) -> bytes:
        """Give all that the emulator holds, as its JSON.

        Raises:
            DemoError: it does not answer.
        """
        try:
            answer = await self.http.get(f"{self.wats_url}/_emulator/state")
            answer.raise_for_status()
        except httpx.HTTPError as exc:
            await asyncio.sleep(OBITUARY_S)
            raise DemoError(f"the WATS emulator does not answer: {exc or type(exc).__name__}") from exc
        return answer.content


@contextlib.asynccontextmanager
async def set_stage(group: asyncio.TaskGroup) -> AsyncIterator[Stage]:
    """Start all three, wait until the bridge has subscribed, and take all down again whatever happens.

    Raises:
        DemoError: one of them does not start.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pywats-mqtt-demo-")))
        try:
            broker = await stack.enter_async_context(EmbeddedBroker())
        except Fatal as exc:
            raise DemoError(str(exc)) from exc
        emulator = await stack.enter_async_context(
            running("WATS emulator", "emulate", "--port", "0", "--rate-limit", "0", group=group)
        )
        wats_url = await emulator.said(r"listening on (http://\S+)", within_s=START_S)
        token = await emulator.said(r"\(token ([^\s,)]+)", within_s=START_S)
        config = folder / "bridge.toml"
        config.write_text(configuration(broker.port, wats_url, token, folder / "spool.db"))
        bridge = await stack.enter_async_context(running("bridge", "run", "-c", str(config), group=group))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=HTTP_S, trust_env=False))
        stage = Stage(folder, broker.port, config, bridge, wats_url, http)
        await _until_subscribed(stage)
        yield stage


def configuration(port: int, wats_url: str, token: str, spool: Path) -> str:
    """Write the bridge's configuration: no quota and frequent updates, so that nobody waits at the end."""
    return f"""\
[mqtt]
broker = "{HOST}"
port = {port}
reconnect_delay = 0.5
max_reconnect_delay = 5.0

[wats]
url = {json.dumps(wats_url)}
token = {json.dumps(token)}
location = "Demo"
asset_type = "MQTT device"
create_assets = true
default_operation_code = 100
requests_per_minute = 0
update_interval_s = 1.0
tags_interval_s = 5.0

[wats.operation_codes]
self_test = 10
pcba = 50
functional = 60
end_of_line = 100

[spool]
path = {json.dumps(str(spool))}
drain_s = {DRAIN_S}
"""


async def _until_subscribed(stage: Stage) -> None:
    """Wait until the broker keeps what is published for the bridge; before that it would be nobody's."""
    deadline = time.monotonic() + START_S
    while True:
        status = await stage.bridge_status()
        if status is not None and status.connected and status.granted:
            return
        if time.monotonic() > deadline:
            why = "it does not answer" if status is None else status.broker_problem or "not subscribed"
            raise DemoError(f"the bridge did not start within {START_S:g} s: {why}")
        await asyncio.sleep(LOOK_EVERY_S)
