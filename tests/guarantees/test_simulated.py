"""The fleet that the demo shows, on Mosquitto: repairs, streams, scans and batches, too, each as it was sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.simulator.held import read_held
from pywats_mqtt.simulator.journal_file import load_record
from pywats_mqtt.simulator.reconcile import Comparison, compare
from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import BOUND_S, Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

KILLS = 3
MESSAGES = 900
CODES = "default_operation_code = 100\nasset_type = 'MQTT device'\nlocation = 'Line'\n"


def await_stored(made: Line, count: int) -> None:
    """Wait until the bridge has stored so many messages."""
    block_until(lambda: made.bridge.status().get("stored", 0) >= count, bound_s=BOUND_S, what=f"{count} are stored")


@pytest.mark.parametrize("kills", [0, KILLS])
def test_all_kinds_of_messages_are_in_wats_once_and_with_the_times_that_were_sent(tmp_path: Path, kills: int) -> None:
    """Also through kill -9; the comparison is that of the demo, by device, serial number and start."""
    journal = tmp_path / "journal.jsonl"
    with line(tmp_path) as made:
        made.write_at_once()
        made.set_wats(CODES)
        made.mosquitto.start()
        made.start_wats()
        assert made.emulator is not None
        made.bridge.start()
        made.await_session()
        broker = f"{HOST}:{made.mosquitto.port}"
        words = ["simulate", "--broker", broker, "--rate", "100", "--seconds", str(MESSAGES // 100), "--json"]
        fleet = subprocess.Popen(
            [sys.executable, "-m", "pywats_mqtt", *words, "--journal", str(journal)], stdout=subprocess.PIPE
        )
        for kill in range(1, kills + 1):
            await_stored(made, kill * MESSAGES // (kills + 2))
            made.bridge.kill()
            made.bridge.start()
        said, _ = fleet.communicate(timeout=BOUND_S)
        summary = msgspec.json.decode(said)
        await_stored(made, summary["acknowledged"])
        block_until(lambda: made.bridge.status().get("waiting") == 0, bound_s=BOUND_S, what="nothing waits")
        state = msgspec.json.encode(made.emulator.state())
        assert made.bridge.status()["quarantined"] == 0
        streams = made.bridge.status()["streams"]
        assert streams["ended"].keys() == {"result"}
        assert kills or streams["opened"] == streams["ended"]["result"], "none is left for a report of its own"

    assert compare(load_record(journal), read_held(state)) == Comparison()
    assert {"repair", "measurements", "scan", "batch", "updates"} <= summary["by_kind"].keys()
