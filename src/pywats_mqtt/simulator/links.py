"""The connections of a fleet: which device speaks over which, and one line when the broker goes or comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.ports import Clock, Link
from pywats_mqtt.simulator.outgoing import Outgoing
from pywats_mqtt.transport.session import MqttSession

MOST_CONNECTIONS = 50
"""Above it devices share connections. A real device has its own, but a thousand tasks and sockets of one process would
measure this process, and a broker that restarts would see a thousand CONNECTs in one instant from one machine."""
WINDOW = 20
"""Messages a connection publishes before the first is acknowledged: what small brokers take as Receive Maximum."""


class Line:
    """One connection with its window; the devices on it keep their order, since it publishes in the order asked."""

    def __init__(self, session: MqttSession) -> None:
        self.session = session
        self.window = asyncio.Semaphore(WINDOW)


class Links:
    """All connections of a fleet.

    Args:
        config: how to reach the broker; client ids are made here.
        devices: ids of the fleet's devices. Up to `MOST_CONNECTIONS` each is a client of its own under its id, which
            the seed made; above, the clients are `<first device of the group>-group`.
        clock: the time.
        say: gets one line when the broker is away and one when it is there.
    """

    def __init__(self, config: MQTTConfig, devices: list[str], *, clock: Clock, say: Callable[[str], None]) -> None:
        self._broker = f"{config.broker}:{config.port}"
        self._say = say
        self._up: set[str] = set()
        self._told_away = False
        self.connected = asyncio.Event()
        count = min(len(devices), MOST_CONNECTIONS)
        names = devices if len(devices) == count else [f"{device}-group" for device in devices[:count]]
        self._names = frozenset(names)
        self.lines = [
            Line(MqttSession(config, client_id=name, on_link=partial(self._changed, name), clock=clock))
            for name in names
        ]
        self._line_of = {device: self.lines[place % count] for place, device in enumerate(devices)}

    def line_of(self, message: Outgoing) -> Line:
        """Give the connection of a message's device: always the same one."""
        return self._line_of[message.entry.device]

    def _changed(self, name: str, link: Link) -> None:
        if not link.connected:
            self._up.discard(name)
            self.connected.clear()
            if not self._told_away and link.reason != "stopped":
                self._told_away = True
                self._say(f"waiting for the broker {self._broker}: {link.reason}")
            return
        self._up.add(name)
        if self._up == self._names:
            self.connected.set()
            if self._told_away:
                self._told_away = False
                self._say(f"the broker {self._broker} is there")
