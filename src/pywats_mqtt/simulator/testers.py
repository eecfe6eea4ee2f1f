"""A tester: it tests unit after unit, and tests again what failed."""

from __future__ import annotations

from datetime import datetime
from random import Random

from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Outgoing
from pywats_mqtt.simulator.products import Product, can_find_defect, measure
from pywats_mqtt.simulator.results import ResultBook

DEFECT_RATE = 0.05
"""Units with a defect: a first pass yield about 95 %, usual for a running product."""
CONTACT_SHARE = 0.3
"""Defects that are only a bad contact and pass when tested again."""
RETESTS = 2
"""How often a unit that failed is put in again before it goes to repair."""
BATCH_SIZE = 50


class Tester:
    """One tester with the product it is set up for.

    Args:
        numbers: of the device's messages; units get serial numbers that begin with its id, the level in the topic.
        rng: where all chance comes from.
        product: what it tests.
        fixture: id of the fixture it tests in, or empty.
    """

    __test__ = False  # not a pytest class

    def __init__(self, *, numbers: Numbers, rng: Random, product: Product, fixture: str = "") -> None:
        self.device = numbers.device
        self._numbers = numbers
        self._rng = rng
        self._product = product
        self._book = ResultBook(numbers=numbers, kind="result", topic=f"testers/{numbers.device}/results")
        self._same: dict[str, object] = {
            "part_number": product.part_number,
            "revision": product.revision,
            "test_type": product.test_type,
            "operator": f"op-{rng.randint(11, 39)}",
        }
        self.operator = str(self._same["operator"])
        if fixture:
            self._same["fixture"] = fixture
        self.serial_number = ""
        self._defect = ""
        self._failed = False
        self._retests_left = 0
        self._waits = False

    @property
    def is_done(self) -> bool:
        """Whether the unit needs no further test: it passed, or failed so often that it is mended."""
        return not self._waits and not (self._failed and self._retests_left)

    @property
    def has_failed(self) -> bool:
        """Whether the last test of the unit failed."""
        return self._failed

    def take_unit(self) -> None:
        """Put in a new unit; its serial number carries the number of the tester's next message."""
        self.serial_number = f"{self.device}-{self._numbers.coming:06d}"
        self._retests_left = RETESTS
        self._waits, self._failed = True, False
        self._defect = ""
        if self._rng.random() < DEFECT_RATE:
            self._defect = self._rng.choice([plan.name for plan in self._product.steps if can_find_defect(plan)])

    def next(self, now: datetime) -> Outgoing:
        """Finish a test at `now`: of the unit that is put in, of a new one, or again of the one that just failed."""
        if self.is_done:
            self.take_unit()
        elif not self._waits:
            self._retests_left -= 1
        self._waits = False
        number = self._numbers.coming
        steps = [measure(plan, self._rng, defective=plan.name == self._defect) for plan in self._product.steps]
        self._failed = not all(step.passed for step in steps)
        if self._failed and self._rng.random() < CONTACT_SHARE:
            self._defect = ""
        batch = f"{self._product.part_number}-{self._numbers.run}-{1 + (number - 1) // BATCH_SIZE}"
        return self._book.write(
            now=now,
            duration_ms=round(self._product.duration_ms * self._rng.uniform(0.93, 1.12)),
            serial_number=self.serial_number,
            facts={**self._same, "batch": batch},
            steps=steps,
        )
