"""A test jig: it tests itself and reports how it is."""

from __future__ import annotations

from datetime import datetime
from random import Random

from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Outgoing
from pywats_mqtt.simulator.products import StepPlan, measure
from pywats_mqtt.simulator.results import ResultBook

WORN_RATE = 0.03
"""Self-tests that find a worn contact."""
USUAL_DURATION_MS = 5_200

CONTACT = StepPlan("Probe Contact Resistance", "mOhm", 38, 4, high=80, digits=1)
STEPS = (
    StepPlan("Power Supply Check", "V", 5.01, 0.015, low=4.9, high=5.1),
    StepPlan("Communication Test", "bool", 1, 0),
    CONTACT,
    StepPlan("Sensor Calibration", "offset", 0.0, 0.008, low=-0.05, high=0.05),
)


class Jig:
    """One jig; the unit under test is the jig itself, so its serial number is its id."""

    def __init__(self, *, device: str, run: str, rng: Random) -> None:
        self.device = device
        self._rng = rng
        self._book = ResultBook(numbers=Numbers(device, run), kind="selftest", topic=f"devices/{device}/selftest")

    def next(self, now: datetime) -> Outgoing:
        """Finish a self-test at `now`."""
        worn = self._rng.random() < WORN_RATE
        return self._book.write(
            now=now,
            duration_ms=round(USUAL_DURATION_MS * self._rng.uniform(0.97, 1.05)),
            serial_number=self.device,
            facts={"part_number": "TEST-JIG-A", "revision": "A", "test_type": "self_test"},
            steps=[measure(plan, self._rng, defective=worn and plan is CONTACT) for plan in STEPS],
        )
