"""A tester: it tests unit after unit, and tests again what failed."""

from __future__ import annotations

from datetime import datetime
from random import Random

from pywats_mqtt.simulator.outgoing import Outgoing
from pywats_mqtt.simulator.products import Product, can_find_defect, measure
from pywats_mqtt.simulator.results import ResultBook

DEFECT_RATE = 0.05
"""Units with a defect: a first pass yield about 95 %, usual for a running product."""
CONTACT_SHARE = 0.6
"""Defects that are only a bad contact and pass when tested again."""
RETESTS = 2
"""How often a unit that failed is put in again before it goes to repair."""
BATCH_SIZE = 50


class Tester:
    """One tester with the product it is set up for.

    Args:
        device: its id, the level in the topic; units get serial numbers that begin with it.
        run: makes message ids unique over runs with the same seed.
        rng: where all chance comes from.
        product: what it tests.
        fixture: id of the fixture it tests in, or empty.
    """

    __test__ = False  # not a pytest class

    def __init__(self, *, device: str, run: str, rng: Random, product: Product, fixture: str = "") -> None:
        self.device = device
        self._run = run
        self._rng = rng
        self._product = product
        self._book = ResultBook(device=device, run=run, kind="result", topic=f"testers/{device}/results")
        self._same: dict[str, object] = {
            "part_number": product.part_number,
            "revision": product.revision,
            "test_type": product.test_type,
            "operator": f"op-{rng.randint(11, 39)}",
        }
        if fixture:
            self._same["fixture"] = fixture
        self._serial_number = ""
        self._defect = ""
        self._failed = False
        self._retests_left = 0

    def next(self, now: datetime) -> Outgoing:
        """Finish a test at `now`: of a new unit, or once more of the one that just failed.

        A new unit's serial number carries the number of its first result: `SIM-7-T3-000042`.
        """
        number = self._book.next_number
        if self._failed and self._retests_left:
            self._retests_left -= 1
        else:
            self._take_unit(number)
        steps = [measure(plan, self._rng, defective=plan.name == self._defect) for plan in self._product.steps]
        self._failed = not all(step.passed for step in steps)
        if self._failed and self._rng.random() < CONTACT_SHARE:
            self._defect = ""
        batch = f"{self._product.part_number}-{self._run}-{1 + (number - 1) // BATCH_SIZE}"
        return self._book.write(
            now=now,
            duration_ms=round(self._product.duration_ms * self._rng.uniform(0.93, 1.12)),
            serial_number=self._serial_number,
            facts={**self._same, "batch": batch},
            steps=steps,
        )

    def _take_unit(self, number: int) -> None:
        self._serial_number = f"{self.device}-{number:06d}"
        self._retests_left = RETESTS
        self._defect = ""
        if self._rng.random() < DEFECT_RATE:
            self._defect = self._rng.choice([plan.name for plan in self._product.steps if can_find_defect(plan)])
