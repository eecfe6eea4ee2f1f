"""What a bench starts besides the bridge: Mosquitto with a backlog, and the emulator."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mqtt5 import ConnectPacket, PublishPacket, QoS, SubscribePacket, TopicFilter

from pywats_mqtt.errors import Fatal
from pywats_mqtt.transport.loopback import HOST, port_of, reserve

PROGRAM = (sys.executable, "-m", "pywats_mqtt")
START_S = 60.0
HEADER_BYTES = 2
"""Of a PUBACK: its type, and the length of what follows (MQTT 5, 3.4.1)."""

WINDOW = 200
"""Publications under way while the backlog is laid; small against the broker's buffers."""


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """Run a Mosquitto that keeps whatever it gets in memory; gives its port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise Fatal("the reference needs Mosquitto: apt-get install mosquitto mosquitto-clients")
    settings = folder / "mosquitto.conf"
    with contextlib.ExitStack() as stack:
        with reserve() as reserved:
            port = port_of(reserved)
            settings.write_text(
                f"listener {port} {HOST}\nallow_anonymous true\n"
                "max_queued_messages 0\npersistence false\nlog_type error\n"
            )
            stack.enter_context(running([program, "-c", str(settings)]))
            _await_port(port)
        yield port


class Emulator(NamedTuple):
    """An emulator in a process of its own."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://{HOST}:{self.port}"


@contextlib.contextmanager
def emulator(*options: str) -> Iterator[Emulator]:
    """Run the emulator in a process of its own, without a rate limit unless an option names one."""
    with contextlib.ExitStack() as stack:
        with reserve() as reserved:
            port = port_of(reserved)
            words = [*PROGRAM, "emulate", "--port", str(port), "--rate-limit", "0", *options]
            pid = stack.enter_context(running(words))
            _await_port(port)
        yield Emulator(port, pid)


def make_session(port: int, client_id: str, topic_filter: str, receive_maximum: int) -> None:
    """Subscribe a persistent session at QoS 1 and leave it, so that the broker queues for it."""
    with socket.create_connection((HOST, port)) as link:
        link.sendall(
            ConnectPacket(
                client_id, clean_start=True, session_expiry_interval=3600, receive_max=receive_maximum, keep_alive=60
            ).write()
        )
        link.recv(1024)
        link.sendall(SubscribePacket(1, [TopicFilter(topic_filter, max_qos=QoS.AT_LEAST_ONCE)]).write())
        link.recv(1024)
        link.sendall(b"\xe0\x00")


def lay_backlog(port: int, publications: Iterator[tuple[str, bytes]]) -> int:
    """Publish at QoS 1 as fast as the broker acknowledges; gives the number."""
    count = 0
    with socket.create_connection((HOST, port)) as link:
        link.sendall(ConnectPacket("bench-publisher", clean_start=True, keep_alive=60).write())
        link.recv(1024)
        # Two windows are under way: with one, each would wait for the delayed acknowledgement of TCP, some 40 ms.
        acknowledged, rest = 0, b""
        for window in _windows(publications):
            count += len(window)
            link.sendall(b"".join(window))
            while acknowledged < count - WINDOW:
                acknowledged, rest = count_acks(link, acknowledged, rest)
        while acknowledged < count:
            acknowledged, rest = count_acks(link, acknowledged, rest)
        link.sendall(b"\xe0\x00")
    return count


def _windows(publications: Iterator[tuple[str, bytes]]) -> Iterator[list[bytes]]:
    packets = (
        PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, packet_id=number % 60_000 + 1).write()
        for number, (topic, payload) in enumerate(publications)
    )
    while window := list(islice(packets, WINDOW)):
        yield window


def count_acks(link: socket.socket, acknowledged: int, rest: bytes) -> tuple[int, bytes]:
    """Read once; gives the PUBACKs read so far, and what is left of a broken-off one."""
    read = link.recv(65_536)
    if not read:
        raise Fatal("the broker closed the connection while the backlog was laid")
    rest += read
    at = 0
    while len(rest) >= at + HEADER_BYTES and len(rest) >= at + rest[at + 1] + HEADER_BYTES:
        at += rest[at + 1] + HEADER_BYTES
        acknowledged += 1
    return acknowledged, rest[at:]


@contextlib.contextmanager
def running(words: list[str]) -> Iterator[int]:
    """Run a program while the block runs, unheard; gives its pid."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our peers
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
            return
        if time.monotonic() > deadline:
            raise Fatal(f"nothing listens on port {port} after {START_S:g} s")
        time.sleep(0.02)
