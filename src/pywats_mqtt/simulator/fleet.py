"""A fleet of fixtures, test stations and jigs, and who of them speaks next."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Protocol

from pywats_mqtt.simulator.fixtures import Fixture
from pywats_mqtt.simulator.jigs import Jig
from pywats_mqtt.simulator.outgoing import Outgoing
from pywats_mqtt.simulator.products import PRODUCTS
from pywats_mqtt.simulator.stations import Station

DEVICES_PER_JIG = 8
"""One jig for seven others; any fleet of three or more has one."""
LEAST_WITH_JIG = 3
WEIGHTS = {"F": 3.0, "T": 4.0, "J": 0.25}
"""How often a fixture, a station, a jig speaks in relation to each other: a unit takes three messages or more."""


class Device(Protocol):
    """One simulated device."""

    device: str

    def next(self, now: datetime) -> Outgoing:
        """Give its next message."""
        ...


class Fleet:
    """Devices `SIM-<seed>-F1 …`, `-T1 …` and `-J1 …` in line `-L1`; the same arguments give the same messages.

    Args:
        size: number of devices, 1 or more: one is a tester, two are a tester and a fixture.
        seed: where all chance begins.
        now: the begin of the run, aware UTC; it makes the message ids of two runs differ.
    """

    def __init__(self, *, size: int, seed: int, now: datetime) -> None:
        if size < 1:
            raise ValueError(f"a fleet has at least 1 device, not {size}")
        run = f"{int(now.timestamp() * 1000):x}"
        jigs = max(1, size // DEVICES_PER_JIG) if size >= LEAST_WITH_JIG else 0
        testers = (size - jigs + 1) // 2
        fixtures = size - jigs - testers
        self.devices: list[Device] = []
        for number in range(1, max(fixtures, testers, jigs) + 1):
            if number <= testers:
                name = f"SIM-{seed}-T{number}"
                product = PRODUCTS[(number - 1) % len(PRODUCTS)]
                fixture = f"SIM-{seed}-F{number}" if number <= fixtures else ""
                station = Station(
                    device=name, line=f"SIM-{seed}-L1", run=run, rng=seeded(name), product=product, fixture=fixture
                )
                self.devices.append(station)
            if number <= fixtures:
                name = f"SIM-{seed}-F{number}"
                self.devices.append(Fixture(device=name, run=run, rng=seeded(name), now=now))
            if number <= jigs:
                name = f"SIM-{seed}-J{number}"
                self.devices.append(Jig(device=name, run=run, rng=seeded(name)))
        self._rng = seeded(f"SIM-{seed}")
        self._weights = [WEIGHTS[device.device.rpartition("-")[2][0]] for device in self.devices]
        self._spoken = 0

    def next(self, now: datetime) -> Outgoing:
        """Give the next message of the fleet: first one of each device, then by chance and weight."""
        if self._spoken < len(self.devices):
            device = self.devices[self._spoken]
        else:
            (device,) = self._rng.choices(self.devices, self._weights)
        self._spoken += 1
        return device.next(now)


def seeded(name: str) -> Random:
    """Give the chance of one device, independent of all others."""
    return Random(name)  # noqa: S311 - simulated values, no secret
