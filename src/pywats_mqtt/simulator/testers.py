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
BATCH_SIZE = 20
"""Units of a batch."""


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
        self._units = 0
        self.failed_steps: tuple[str, ...] = ()

    @property
    def batch(self) -> str:
        """The batch of the unit that is in, or was last."""
        name = self.device.rpartition("-")[2]
        return f"{self._product.part_number}-{self._numbers.run}-{name}-{1 + max(0, self._units - 1) // BATCH_SIZE}"

    @property
    def is_last_of_batch(self) -> bool:
        """Whether the next unit begins a new batch."""
        return self._units > 0 and self._units % BATCH_SIZE == 0

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
        self._units += 1
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
        steps = [measure(plan, self._rng, defective=plan.name == self._defect) for plan in self._product.steps]
        self.failed_steps = tuple(step.plan.name for step in steps if not step.passed)
        self._failed = bool(self.failed_steps)
        if self._failed and self._rng.random() < CONTACT_SHARE:
            self._defect = ""
        return self._book.write(
            now=now,
            duration_ms=round(self._product.duration_ms * self._rng.uniform(0.93, 1.12)),
            serial_number=self.serial_number,
            facts={**self._same, "batch": self.batch},
            steps=steps,
        )
