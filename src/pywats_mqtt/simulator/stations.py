"""A test station: a tester with its operator, its scanner and its software, and what becomes of units that fail."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Entry, Outgoing, iso, json_bytes
from pywats_mqtt.simulator.products import Product
from pywats_mqtt.simulator.testers import Tester

Part: TypeAlias = Callable[[datetime], Outgoing]
"""One message that is due; gives it at its time."""

SCAN_RATE = 0.25
"""Units that the scanner of the line reads before the station says that they entered."""
STREAM_RATE = 0.2
"""Units whose temperature is published while they are tested, for the first time."""
STREAM_MESSAGES = 2
SAMPLES = 5
SAMPLE_INTERVAL_MS = 1
UPDATE_RATE = 0.02
"""Units before which the station updates its software."""
SHIFT_RATE = 0.01
"""Units before which the shift changes."""
SHIFTS = ("early", "late", "night")
PACKAGE = "test_sequence"
UPDATE = ("downloading", "installing", "succeeded")
FAILURES = (
    ("Component", "Defect Component", "C12"),
    ("Solder Process", "Cold Solder", "U3"),
    ("Assembly Process", "Missing Part", "J1"),
    ("Other", "No Fault Found", ""),
)
"""Category, code and component of what repair finds; those of the emulator, as a site's are those of its server."""


class Station:
    """One station. What it does for a unit comes in the order in which it happens.

    It begins with its software, its configuration and its operator. Each unit enters, is tested until it passes or
    failed too often, and leaves; a unit that failed goes to repair. Of each batch its line says what became of it.

    Args:
        device: its id: that of its tester, of the station and of its asset.
        line: id of the line it stands in.
        run: makes message ids unique over runs with the same seed.
        rng: where all chance comes from.
        product: what it tests.
        fixture: id of the fixture it tests in, or empty.
    """

    def __init__(self, *, device: str, line: str, run: str, rng: Random, product: Product, fixture: str = "") -> None:
        self.device = device
        self._line = line
        self._numbers = Numbers(device, run)
        self._rng = rng
        self._product = product
        self._tester = Tester(numbers=self._numbers, rng=rng, product=product, fixture=fixture)
        self._version = rng.randint(1, 9)
        self._shift = rng.randrange(len(SHIFTS))
        self._due: deque[Part] = deque((self._operator, self._software, self._config))
        self._tested = ""
        self._batch_since: datetime | None = None
        self._good = self._failed = 0
        self._failures: Counter[str] = Counter()

    def next(self, now: datetime) -> Outgoing:
        """Give what comes next."""
        if not self._due:
            if self._tester.is_done:
                self._take_unit()
            else:
                self._due.append(self._test)
        return self._due.popleft()(now)

    def _take_unit(self) -> None:
        """Plan what comes before the first test of a new unit."""
        if self._rng.random() < UPDATE_RATE:
            self._version += 1
            self._due.extend(self._update(number, state) for number, state in enumerate(UPDATE, 1))
            self._due.append(self._software)
        if self._rng.random() < SHIFT_RATE:
            self._shift = (self._shift + 1) % len(SHIFTS)
            self._due.append(self._operator)
        if self._rng.random() < SCAN_RATE:
            self._due.append(self._scan)
        self._due.append(self._enter)

    def _test(self, now: datetime) -> Outgoing:
        result = self._tester.next(now)
        self._tested = result.entry.message_id
        self._failures.update(self._tester.failed_steps)
        if self._tester.is_done:
            self._good += not self._tester.has_failed
            self._failed += self._tester.has_failed
            self._due.append(self._leave)
            if self._tester.has_failed:
                self._due.append(self._repair)
            if self._tester.is_last_of_batch:
                self._due.append(self._batch)
        return result

    def _scan(self, now: datetime) -> Outgoing:
        self._begin_unit(now)
        return self._unit("scan", f"lines/{self._line}/scan", {"line_id": self._line}, now)

    def _enter(self, now: datetime) -> Outgoing:
        self._begin_unit(now)
        return self._unit("unit", f"stations/{self.device}/unit", {"event": "unit_entered"}, now)

    def _leave(self, now: datetime) -> Outgoing:
        return self._unit("unit", f"stations/{self.device}/unit", {"event": "unit_exited"}, now)

    def _begin_unit(self, now: datetime) -> None:
        """Put the unit in, with the first message about it."""
        if self._tester.is_done:
            self._tester.take_unit()
            self._batch_since = self._batch_since or now
            if self._rng.random() < STREAM_RATE:
                self._due.extend([self._measure] * STREAM_MESSAGES)
            self._due.append(self._test)

    def _unit(self, kind: str, topic: str, facts: dict[str, str], now: datetime) -> Outgoing:
        facts |= {
            "station_id": self.device,
            "serial_number": self._tester.serial_number,
            "part_number": self._product.part_number,
            "revision": self._product.revision,
        }
        return self._outgoing(kind, topic, facts, now, unit=self._tester.serial_number, is_here=True)

    def _repair(self, now: datetime) -> Outgoing:
        category, code, component = self._rng.choice(FAILURES)
        failure = {"category": category, "code": code} | ({"com_ref": component} if component else {})
        number, message_id = self._numbers.take()
        payload = {
            "device_id": self.device,
            "message_id": message_id,
            "timestamp": iso(now),
            "duration_s": self._rng.randint(60, 900),
            "serial_number": self._tester.serial_number,
            "part_number": self._product.part_number,
            "revision": self._product.revision,
            "test_message_id": self._tested,
            "failures": [failure],
        }
        entry = Entry(
            message_id=message_id,
            device=self.device,
            number=number,
            kind="repair",
            serial_number=self._tester.serial_number,
            start=iso(now),
            passed=True,
        )
        return Outgoing(f"testers/{self.device}/repairs", json_bytes(payload), entry)

    def _measure(self, now: datetime) -> Outgoing:
        """Publish what is measured before the test ends; it goes into the report of its result."""
        samples = [round(self._rng.gauss(41.0, 0.5), 2) for _ in range(SAMPLES)]
        channel = {"path": "Temperature/Heat Sink", "unit": "degC", "high": 85}
        facts = {
            "serial_number": self._tester.serial_number,
            "part_number": self._product.part_number,
            "measurements": [channel | {"samples": samples, "interval_ms": SAMPLE_INTERVAL_MS}],
            "timestamp": iso(now - timedelta(milliseconds=SAMPLES * SAMPLE_INTERVAL_MS)),
        }
        topic = f"testers/{self.device}/measurements"
        return self._outgoing("measurements", topic, facts, now, unit=self._tester.serial_number)

    def _batch(self, now: datetime) -> Outgoing:
        """Sum up the batch that ends, as its line."""
        began = iso(self._batch_since or now)
        number, message_id = self._numbers.take()
        payload = {
            "line_id": self._line,
            "message_id": message_id,
            "sequence": number,
            "batch_id": self._tester.batch,
            "part_number": self._product.part_number,
            "revision": self._product.revision,
            "started": began,
            "ended": iso(now),
            "good": self._good,
            "failed": self._failed,
            "failures": dict(self._failures),
        }
        entry = Entry(
            message_id=message_id,
            device=self.device,
            number=number,
            kind="batch",
            machine=self._line,
            serial_number=self._tester.batch,
            start=began,
            passed=True,
        )
        self._batch_since, self._good, self._failed = None, 0, 0
        self._failures.clear()
        return Outgoing(f"lines/{self._line}/batch", json_bytes(payload), entry)

    def _operator(self, now: datetime) -> Outgoing:
        facts = {"event": "login", "operator": self._tester.operator, "shift": SHIFTS[self._shift]}
        return self._outgoing("operator", f"stations/{self.device}/operator", facts, now)

    def _software(self, now: datetime) -> Outgoing:
        versions = {PACKAGE: f"{self._product.revision}.{self._version}", "operating_system": "12.4"}
        facts = {"software": [{"name": name, "version": version} for name, version in versions.items()]}
        tags = {f"sw_{name}": version for name, version in versions.items()}
        return self._outgoing("software", f"devices/{self.device}/software", facts, now, numbered=False, tags=tags)

    def _config(self, now: datetime) -> Outgoing:
        version = f"{self._product.test_type}-v{self._version}"
        tags = {"config_version": version}
        facts = {"config_version": version}
        return self._outgoing("config", f"devices/{self.device}/config", facts, now, numbered=False, tags=tags)

    def _update(self, step: int, state: str) -> Part:
        def said(now: datetime) -> Outgoing:
            facts = {
                "package": PACKAGE,
                "version": f"{self._product.revision}.{self._version}",
                "status": state,
                "progress_pct": round(100 * step / len(UPDATE)),
                "message": f"step {step} [{self._numbers.coming_id}]",
            }
            return self._outgoing("updates", f"devices/{self.device}/updates", facts, now, logged=True)

        return said

    def _outgoing(
        self,
        kind: str,
        topic: str,
        facts: Mapping[str, object],
        now: datetime,
        *,
        numbered: bool = True,
        unit: str = "",
        is_here: bool = False,
        logged: bool = False,
        tags: dict[str, str] | None = None,
    ) -> Outgoing:
        number, message_id = self._numbers.take()
        payload = {"message_id": message_id, "timestamp": iso(now), **facts}
        if numbered:
            payload["sequence"] = number
        entry = Entry(
            message_id=message_id,
            device=self.device,
            number=number,
            kind=kind,
            serial_number=unit,
            place=self.device if is_here else "",
            logged=logged,
            tags=tags or {},
        )
        return Outgoing(topic, json_bytes(payload), entry)
