"""What a bridge remembers belongs to one session at one broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.app.destination import Destination
from pywats_mqtt.config.model import BridgeConfig, MQTTConfig, SpoolConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.events import Event
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool.sqlite import SqliteSpool
from tests.cli.test_by_hand import command
from tests.contract.brokers.mosquitto import HOST, Mosquitto, mosquitto
from tests.unit.app.test_session_name import die

__all__ = ["mosquitto"]  # the fixture

EXACTLY_ONCE = RawMessage("testers/T1/results", b"{}", 0, 2, packet_id=5)


@asynccontextmanager
async def nowhere(_bridge: Bridge) -> AsyncIterator[Destination]:
    """Owe nothing to anybody."""

    async def settle(_event: Event) -> None:
        """Take it."""

    yield Destination(handle=settle)


async def run_once(broker: Mosquitto, spool: Path, client_id: str) -> None:
    """Connect a bridge once, and stop it."""
    mqtt = MQTTConfig(broker=HOST, port=broker.port, client_id=client_id)
    bridge = Bridge(BridgeConfig(mqtt=mqtt, spool=SpoolConfig(path=str(spool))), deliver_to=nowhere)
    stopping = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(bridge.run(stopping))
        await bridge.connected.wait()
        stopping.set()


@pytest.mark.parametrize(("second", "kept"), [("bridge", True), ("another", False)])
async def test_packet_ids_of_another_session_are_void(
    mosquitto: Mosquitto,
    tmp_path: Path,
    second: str,
    kept: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A QoS 2 packet id remembered for one client id says nothing about the messages of another's session."""
    path = tmp_path / "spool.db"
    await run_once(mosquitto, path, "another")
    await run_once(mosquitto, path, "bridge")
    async with SqliteSpool.open(path, clock=SystemClock()) as spool:
        assert await spool.put(Receipt((EXACTLY_ONCE,))) is not None
    await run_once(mosquitto, path, second)
    async with SqliteSpool.open(path, clock=SystemClock()) as spool:
        stored = await spool.put(Receipt((EXACTLY_ONCE,)))
    assert (stored is None) is kept


async def test_a_new_spool_names_the_session_that_the_one_beside_it_leaves(
    mosquitto: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The start warns once, and `check` before it: what the broker keeps for that one reaches nobody."""
    former, new = tmp_path / "former.db", tmp_path / "new.db"
    await run_once(mosquitto, former, "")
    assert not caplog.records
    async with SqliteSpool.open(former, clock=SystemClock()) as spool:
        name = await spool.note("client_id")
    assert name is not None
    die(former)
    config = tmp_path / "bridge.toml"
    config.write_text(f'[mqtt]\nbroker = "{HOST}"\nport = {mosquitto.port}\n[spool]\npath = "new.db"\n')
    checked = await asyncio.to_thread(command, "check", "-c", str(config))
    await run_once(mosquitto, new, "")
    (warning,) = caplog.messages
    for said in (warning, checked.stdout):
        assert f"another session at the broker than that of {former}" in said
        assert f'set mqtt.client_id = "{name.decode()}"' in said
    caplog.clear()
    await run_once(mosquitto, new, "")
    assert not caplog.records
    again = await asyncio.to_thread(command, "check", "-c", str(config))
    assert "session at the broker" not in again.stdout


async def test_a_certificate_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    """A wrong set-up ends the start; it is not retried for ever."""
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    mqtt = MQTTConfig(broker=HOST, use_tls=True, ca_cert=str(wrong))
    config = BridgeConfig(mqtt=mqtt, spool=SpoolConfig(path=str(tmp_path / "spool.db")))
    with pytest.raises(Fatal, match=r"mqtt.ca_cert: .*ca.pem"):
        await Bridge(config, deliver_to=nowhere).run(asyncio.Event())
