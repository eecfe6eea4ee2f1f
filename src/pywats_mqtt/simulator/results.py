"""The test results of one device: numbered, with times that only grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Entry, Outgoing, iso, json_bytes
from pywats_mqtt.simulator.products import Measured

MILLISECOND = timedelta(milliseconds=1)
SHORTEST_GAP = timedelta(microseconds=1)
"""Two tests of one device never have the same start, so that serial number and start name one result."""


class ResultBook:
    """Writes the results of one device.

    Args:
        numbers: of the device's messages.
        kind: `result` or `selftest`.
        topic: where they are published.
    """

    def __init__(self, *, numbers: Numbers, kind: str, topic: str) -> None:
        self._numbers = numbers
        self._kind = kind
        self._topic = topic
        self._last_start: datetime | None = None

    def write(
        self,
        *,
        now: datetime,
        duration_ms: int,
        serial_number: str,
        facts: Mapping[str, object],
        steps: Sequence[Measured],
    ) -> Outgoing:
        """Write the result of a test that ends at `now`; it passed when all its steps did.

        Args:
            now: aware UTC.
            duration_ms: how long the test took; less where the test before began later, in a fleet that runs too fast.
            serial_number: of the tested unit.
            facts: what else the device sends, such as its part number.
            steps: in their order.
        """
        number, message_id = self._numbers.take()
        start = now - duration_ms * MILLISECOND
        if self._last_start is not None:
            start = max(start, self._last_start + SHORTEST_GAP)
        self._last_start = start
        duration_ms = (now - start) // MILLISECOND
        passed = all(step.passed for step in steps)
        payload: dict[str, object] = {
            "device_id": self._numbers.device,
            "message_id": message_id,
            "sequence": number,
            "timestamp": iso(start),
            "serial_number": serial_number,
            **facts,
            "result": "Passed" if passed else "Failed",
            "duration_ms": duration_ms,
            "steps": [step.as_json() for step in steps],
        }
        entry = Entry(
            message_id=message_id,
            device=self._numbers.device,
            number=number,
            kind=self._kind,
            serial_number=serial_number,
            start=iso(start),
            passed=passed,
        )
        return Outgoing(self._topic, json_bytes(payload), entry)
