"""The fuzz targets run where no fuzzer is installed, and find what does not hold."""

from __future__ import annotations

import random
import subprocess
import sys

import mqtt5
import pytest

from fuzz import driving, packets, payloads, sessions
from pywats_mqtt.transport.codec import Malformed
from pywats_mqtt.transport.connection import Connection
from pywats_mqtt.transport.session import MqttSession
from tools.bootstrap import ROOT

SECONDS = 300


@pytest.mark.parametrize(("name", "runs"), [("payloads", 300), ("packets", 300), ("sessions", 60)])
def test_a_target_runs_without_a_fuzzer(name: str, runs: int) -> None:
    """From its corpus, by a seed; it says what it did."""
    words = [sys.executable, "-m", f"fuzz.{name}", "--plain", "--runs", str(runs), "--seed", "7"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert f"{runs} inputs, nothing found" in done.stdout


def test_the_target_of_sessions_finds_a_session_that_acknowledges_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells a broken session from a sound one; the message is acknowledged, and nobody had stored it."""
    check = sessions.load()

    def check_all() -> None:
        for events in sessions.corpus():
            check(events)

    def take(session: MqttSession, connection: Connection, packet: mqtt5.Packet) -> Malformed | None:
        if isinstance(packet, mqtt5.PingRespPacket):
            connection.write(mqtt5.PubAckPacket(1).write())
        return on_packet(session, connection, packet)

    on_packet = MqttSession._on_packet  # noqa: SLF001 - to break it
    monkeypatch.setattr(MqttSession, "_on_packet", take)
    with pytest.raises(AssertionError, match="is acknowledged"):
        check_all()


def test_what_is_found_can_be_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The input stands in a file that the target takes."""

    def target(data: bytes) -> None:
        if b"NaN" in data:
            raise ValueError("found")

    with pytest.raises(SystemExit) as ended:
        driving.mutate(target, [b"x"], runs=100_000, seconds=0, seed=1)
    found = str(ended.value).rpartition(" ")[2]
    with open(found, "rb") as file, pytest.raises(ValueError, match="found"):  # noqa: PTH123 - as it was told
        target(file.read())
    assert "seed 1" in capsys.readouterr().out


def test_mutation_repeats_itself_by_its_seed() -> None:
    """So that a find can be looked into on another machine."""
    inputs = list(payloads.corpus())[:20]
    first, again = ([driving.mutated(i, random.Random(3), inputs) for i in inputs] for _ in range(2))  # noqa: S311 - no secret
    assert first == again != inputs


def test_the_corpora_say_what_the_targets_read() -> None:
    """The cases' messages as they are, and as packets of all kinds."""
    assert len(payloads.corpus()) > 100
    kinds = {data[1] >> 4 for data in packets.corpus()}
    assert {2, 3, 4, 5, 6, 7, 9, 13, 14} <= kinds
