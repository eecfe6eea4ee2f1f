"""What is there after a crash: a process dies by kill -9, and another one takes its spool."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_events import AsyncEventBus, Event

from pywats_mqtt.bus import register_wats_handlers
from tests.bus.parts import SELF_TEST, SELF_TEST_TOPIC, send, transport, wats_of
from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.emulator.server import RunningEmulator
from tests.ports import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
DEATH_S = 30


@contextmanager
def dying(task: str, where: str, spool: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that will die."""
    command = [sys.executable, "-m", "tests.bus.dying_process", task, where, str(spool)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_crash_in_the_middle_of_a_hand_over_repeats_it(broker: Mosquitto, tmp_path: Path) -> None:
    """The message was stored before; who starts next on the spool and the session is handed its event."""
    spool = tmp_path / "events.db"
    with dying("transport", str(broker.port), spool) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "connected\n"
        await asyncio.to_thread(send, broker, SELF_TEST_TOPIC, SELF_TEST)
        assert await asyncio.to_thread(process.wait, DEATH_S) == -signal.SIGKILL

    taken: list[Event] = []
    again = transport(broker, spool, on_event=taken.append)
    await again.connect()
    await wait_until(lambda: taken, what="the event after the crash")
    await again.disconnect()
    assert [event.payload["unit_id"] for event in taken] == ["FIXTURE-001"]
    assert again.get_stats()["stored"] - again.get_stats()["duplicates"] == 1


async def test_a_crash_right_after_publish_loses_nothing(emulator: RunningEmulator, tmp_path: Path) -> None:
    """What `publish` returned for is stored: WATS was not there, the process is gone, and the report arrives."""
    spool = tmp_path / "wats.db"
    with dying("handler", f"http://{HOST}:{free_port()}", spool) as process:
        assert await asyncio.to_thread(process.wait, DEATH_S) == -signal.SIGKILL
    config = wats_of(emulator, default_part_number="PN")
    async with register_wats_handlers(AsyncEventBus(), config, spool=spool) as wats:
        await wait_until(lambda: wats.figures().delivered == 1, what="delivery")
    assert [(report["sn"], report["receiveCount"]) for report in emulator.state()["reports"]] == [("UNIT-1", 1)]
