"""What the simulated testers test: products with their steps and limits, and how a step is measured."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

DEFECT_STEPS_OFF = 4.0
"""How far a defect throws a value off, in half widths of its limits: far enough that no spread hides it."""


class StepPlan(msgspec.Struct, frozen=True):
    """One step of a test.

    Attributes:
        name: as the report shows it.
        unit: of the value; `bool` makes it 1 or 0.
        nominal: the middle of the values of good units.
        spread: standard deviation over good units, in the step's unit.
        low: the lower limit, or None.
        high: the upper limit, or None.
        digits: decimals the instrument shows.
    """

    name: str
    unit: str
    nominal: float
    spread: float
    low: float | None = None
    high: float | None = None
    digits: int = 3


class Product(msgspec.Struct, frozen=True):
    """A product and its test.

    Attributes:
        part_number: of the product.
        revision: of the product.
        test_type: names the test; the bridge's configuration may map it to an operation code.
        duration_ms: usual length of the test.
        steps: in their order.
    """

    part_number: str
    revision: str
    test_type: str
    duration_ms: int
    steps: tuple[StepPlan, ...]


class Measured(msgspec.Struct, frozen=True):
    """A step as measured: `value` with the instrument's decimals, and the verdict that its limits give."""

    plan: StepPlan
    value: float
    passed: bool

    def as_json(self) -> dict[str, object]:
        """The step as testers send it; without limits or unit where it has none."""
        wire: dict[str, object] = {"name": self.plan.name, "status": "P" if self.passed else "F", "value": self.value}
        if self.plan.unit:
            wire["unit"] = self.plan.unit
        if self.plan.low is not None:
            wire["low"] = self.plan.low
        if self.plan.high is not None:
            wire["high"] = self.plan.high
        return wire


def measure(plan: StepPlan, rng: Random, *, defective: bool) -> Measured:
    """Measure one step of a unit, good or with a defect that this step finds."""
    if plan.unit == "bool":
        return Measured(plan, 0 if defective else 1, not defective)
    value = rng.gauss(plan.nominal, plan.spread)
    if defective:
        value = _thrown_off(plan, rng)
    value = round(value, plan.digits)
    too_low = plan.low is not None and value < plan.low
    too_high = plan.high is not None and value > plan.high
    return Measured(plan, value, not (too_low or too_high))


def can_find_defect(plan: StepPlan) -> bool:
    """Tell whether a step can fail at all; one without limits only logs."""
    return plan.unit == "bool" or plan.low is not None or plan.high is not None


def _thrown_off(plan: StepPlan, rng: Random) -> float:
    far = rng.uniform(1.0, DEFECT_STEPS_OFF)
    if plan.high is not None and (plan.low is None or rng.random() < 0.5):  # noqa: PLR2004 - either side alike
        return plan.high + far * (plan.high - plan.nominal)
    low = plan.nominal if plan.low is None else plan.low
    return low - far * (plan.nominal - low)


PRODUCTS: Sequence[Product] = (
    Product(
        "PSU-24V-150",
        "C",
        "functional",
        9_500,
        (
            StepPlan("Insulation Resistance", "MOhm", 740, 45, low=100, digits=0),
            StepPlan("Output Voltage, No Load", "V", 24.02, 0.03, low=23.76, high=24.24),
            StepPlan("Output Voltage, Full Load", "V", 23.91, 0.04, low=23.52, high=24.48),
            StepPlan("Ripple", "mV", 38, 6, high=120, digits=1),
            StepPlan("Efficiency", "%", 91.4, 0.4, low=88, digits=1),
            StepPlan("Over-current Trip", "A", 7.4, 0.08, low=6.9, high=7.9, digits=2),
            StepPlan("Power Good Signal", "bool", 1, 0),
            StepPlan("Heat Sink Temperature", "degC", 41, 1.8, digits=1),
        ),
    ),
    Product(
        "CTRL-BOARD-8",
        "B2",
        "pcba",
        6_200,
        (
            StepPlan("Supply Current", "A", 0.214, 0.006, low=0.18, high=0.26, digits=4),
            StepPlan("3V3 Rail", "V", 3.301, 0.008, low=3.234, high=3.366),
            StepPlan("1V8 Rail", "V", 1.802, 0.004, low=1.764, high=1.836),
            StepPlan("Crystal Offset", "ppm", 2.1, 2.4, low=-20, high=20, digits=1),
            StepPlan("Flash Programming", "bool", 1, 0),
            StepPlan("CAN Loopback", "bool", 1, 0),
            StepPlan("ADC Reference", "V", 2.4998, 0.0006, low=2.495, high=2.505, digits=4),
        ),
    ),
    Product(
        "SENSOR-NODE-L",
        "A",
        "end_of_line",
        14_000,
        (
            StepPlan("Sleep Current", "uA", 3.1, 0.25, high=5, digits=2),
            StepPlan("Transmit Power", "dBm", 13.8, 0.2, low=13, high=14.5, digits=2),
            StepPlan("Receiver Sensitivity", "dBm", -121.5, 0.5, high=-118, digits=1),
            StepPlan("Temperature Offset", "degC", 0.04, 0.06, low=-0.3, high=0.3, digits=2),
            StepPlan("Humidity Offset", "%RH", 0.3, 0.5, low=-3, high=3, digits=2),
            StepPlan("Housing Leak Rate", "Pa/s", 1.6, 0.4, high=8, digits=2),
        ),
    ),
)
