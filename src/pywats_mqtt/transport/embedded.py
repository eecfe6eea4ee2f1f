"""An MQTT 5 broker in a child process, for the demo, a single cell and tests: iotcore, which is rumqttd in a wheel.

It is no production broker: it keeps a log of bounded size, so a client that lags behind more than that loses messages;
nothing survives its stop; it knows no passwords here, so it is for this machine alone; it ignores session expiry and
Receive Maximum, and sends again under new packet ids. It keeps the order of a topic, as MQTT asks (section 4.6), but
not that of what a client published on topics of several subscriptions, where the client that receives them lags behind.
"""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.transport.loopback import HOST, port_of, reserve

SEGMENT_BYTES: Final = 100 * 1024 * 1024
SEGMENTS: Final = 10
"""Its log: with 3 x 1 MiB it lost 93 % of 30,000 messages for a client that was away, with this nothing."""
MAX_IN_FLIGHT: Final = 1_000
"""Messages it sends before the first is acknowledged; it does not heed our Receive Maximum."""
START_S: Final = 10.0
"""Seconds until it must listen; it takes 0.2."""
STOP_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.01

_TOML = """\
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = {segment_bytes}
max_segment_count = {segments}
[v5.1]
name = "v5-1"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {max_payload_bytes}
max_inflight_count = {max_in_flight}
dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker that lives as long as this context, or until `stop`.

    Args:
        port: to listen at; 0 takes a free one.
        max_packet_bytes: it drops a connection that sends more; our own sessions' maximum by default.

    Attributes:
        port: where it listens at 127.0.0.1, known once it is started.
    """

    def __init__(self, *, port: int = 0, max_packet_bytes: int = MQTTConfig().max_packet_bytes) -> None:
        self.port = port
        self._max_packet_bytes = max_packet_bytes
        self._folder: TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and return when it listens; blocks for about 0.2 s.

        Raises:
            Fatal: iotcore is not installed, the port is taken, or the broker does not start.
        """
        if importlib.util.find_spec("iotcore") is None:
            raise Fatal("the embedded broker is not installed: pip install 'pywats-mqtt[broker]'")
        try:
            reserved = reserve(self.port)
        except Fatal as exc:
            raise Fatal(f"cannot start the embedded broker: {exc}") from exc
        with reserved:
            self.port = port_of(reserved)
            self._serve()
        return self

    def _serve(self) -> None:
        self._folder = TemporaryDirectory(prefix="pywats-mqtt-broker-")
        folder = Path(self._folder.name)
        config = folder / "broker.toml"
        config.write_text(configuration(self.port, max_packet_bytes=self._max_packet_bytes))
        said = folder / "stderr"
        with said.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                [sys.executable, "-m", "pywats_mqtt.transport.embedded_child", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        deadline = time.monotonic() + START_S
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                why = said.read_text(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
                self.stop()
                raise Fatal(f"the embedded broker does not start at {HOST}:{self.port}: {why[0]}")
            time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        """End it; sessions, queues and retained messages are gone. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()  # its word to end
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start it without blocking the event loop."""
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *exc: object) -> None:
        """Stop it without blocking the event loop."""
        await asyncio.to_thread(self.stop)


def configuration(port: int, *, max_packet_bytes: int) -> str:
    """Write the TOML that rumqttd reads, for a broker at a port of this machine."""
    return _TOML.format(
        segment_bytes=SEGMENT_BYTES,
        segments=SEGMENTS,
        host=HOST,
        port=port,
        max_payload_bytes=max_packet_bytes,
        max_in_flight=MAX_IN_FLIGHT,
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
