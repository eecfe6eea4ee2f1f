"""The embedded broker as a child process: how it starts, how it ends, and what it does with what is too large."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.errors import Fatal
from pywats_mqtt.ports import Link
from pywats_mqtt.transport import embedded
from pywats_mqtt.transport.embedded import EmbeddedBroker
from pywats_mqtt.transport.loopback import HOST
from pywats_mqtt.transport.session import MqttSession
from tests.contract.brokers.bed import Client, alive, quick
from tests.ports import free_port
from tests.waiting import block_until, wait_until

# Starts a broker, says its port, and hangs until it is killed.
PARENT = """
import sys
from pywats_mqtt.transport.embedded import EmbeddedBroker
print(EmbeddedBroker().start().port, flush=True)
sys.stdin.read()
"""


def listens(port: int) -> bool:
    """Tell whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


async def test_it_serves_a_block_and_frees_its_port() -> None:
    """Within the block it listens on a free port of this machine, after it no more; to stop it twice is fine."""
    async with EmbeddedBroker() as broker:
        assert listens(broker.port)
    assert not listens(broker.port)
    broker.stop()


def test_a_taken_port_is_said() -> None:
    """The message names the port."""
    with EmbeddedBroker(port=free_port()) as broker:
        with pytest.raises(Fatal, match=f"{broker.port} is taken"):
            EmbeddedBroker(port=broker.port).start()
        assert listens(broker.port)


def test_its_port_is_nobody_elses_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the choice of a free port and the first listen no other program gets it."""
    real, refused = subprocess.Popen, list[int]()

    def another_wants_it(words: list[str], **options: Any) -> subprocess.Popen[bytes]:
        [port] = (int(found) for found in re.findall(rf'"{HOST}:(\d+)"', Path(words[-1]).read_text()))
        with socket.socket() as another, contextlib.suppress(OSError):
            refused.append(port)
            another.bind((HOST, port))
            refused.clear()
        return real(words, **options)

    monkeypatch.setattr(subprocess, "Popen", another_wants_it)
    with EmbeddedBroker() as broker:
        assert listens(broker.port)
        assert refused == [broker.port]


def test_a_port_it_cannot_have_is_said_in_one_line(tmp_path: Path) -> None:
    """What the process of the broker says last is what its parent tells, so it is the reason and no traceback."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        config = tmp_path / "broker.toml"
        config.write_text(embedded.configuration(port, max_packet_bytes=1_000))
        with subprocess.Popen(
            [sys.executable, "-m", "pywats_mqtt.transport.embedded_child", str(config)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.wait(20) == 1
            assert child.stderr is not None
            [line] = child.stderr.readlines()
    assert line.startswith(f"cannot listen on {HOST}:{port}: Address already in use")


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message holds the line that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Fatal, match=r"pip install 'pywats-mqtt\[broker\]'"):
        EmbeddedBroker().start()


def test_it_ends_with_its_parent_and_not_with_ctrl_c() -> None:
    """Ctrl-C reaches the whole group of processes: the broker stays for the drain. A killed parent takes it along."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        child = _child_of(parent.pid)
        assert _ignored_signals(child) & 1 << (signal.SIGINT - 1)
        os.kill(child, signal.SIGINT)
        assert listens(port)
        parent.kill()
        parent.wait(20)
        block_until(lambda: not listens(port), what="the broker ended with its parent")


def _ignored_signals(pid: int) -> int:
    [mask] = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigIgn" in line]
    return int(mask, 16)


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


async def test_it_drops_a_connection_above_its_maximum() -> None:
    """Known limit: no reason code, no PUBACK. So its maximum is ours, and devices learn nothing better."""
    links: list[Link] = []
    async with EmbeddedBroker(max_packet_bytes=2_000) as broker:
        session = MqttSession(
            quick(broker=HOST, port=broker.port), client_id="s", on_link=links.append, clock=SystemClock()
        )
        async with alive(Client(session, lambda: None, links), connected=True) as publisher:
            await publisher.publish("t/1", b"x" * 1_500)
            async with asyncio.TaskGroup() as group:
                task = group.create_task(publisher.publish("t/1", b"x" * 3_000))
                await wait_until(lambda: sum(not link.connected for link in links) >= 2, what="it was dropped twice")
                task.cancel()
    assert "closed" in next(link.reason for link in links if not link.connected)
