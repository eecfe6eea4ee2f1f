"""A test fixture: it counts its cycles, tells its state, measures its surroundings and asks for attention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Entry, Outgoing, iso, json_bytes

IN_SERVICE_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
CYCLE_S = (0.6, 1.2)
"""How long a cycle takes, from the fastest fixture to the slowest."""
MAINTENANCE_AFTER = 500
"""Cycles between two maintenances, at each of which the running count begins anew: some minutes, to be seen."""
WORDS_AT_WORK = ("running", "running", "running", "idle")
ALERTS = (
    ("needle_wear", "warning", "Contact resistance of the needles grows"),
    ("air_pressure", "error", "Air pressure is below 4 bar"),
    ("door_open", "info", "The door was opened while a test ran"),
    ("over_temperature", "critical", "The heater does not switch off"),
)
"""Code, severity and text of what can happen; one at a time, each cleared before the next."""
WEIGHTS = {"counters": 60, "environment": 30, "status": 10, "alerts": 4, "utilization": 5, "calibration": 3}
"""How often a fixture says which."""
FORCE_LIMIT_N = 0.5
"""How far the force of its probes may be off."""
CALIBRATED_AT_N = 0.45
"""How far it is off when someone calibrates it."""
REJECTS_ONE_IN = 40
"""Cycles of which one is for nothing."""
SHORTEST_GAP = timedelta(microseconds=1)
"""The times of one fixture only grow, so that the newest message is the one that counts."""


class Fixture:
    """One fixture.

    Its total goes by the clock, so that a second run with the same seed goes on above the first, however fast either
    publishes; a server ignores a lower total. The running count grows with it, but for a maintenance.

    Args:
        device: its id, the level in the topic.
        run: makes message ids unique over runs with the same seed.
        rng: where all chance comes from.
        now: the begin of the run, aware UTC.
        maintenance: how long one takes; it ends with the first heartbeat after that.
    """

    def __init__(
        self, *, device: str, run: str, rng: Random, now: datetime, maintenance: timedelta = timedelta()
    ) -> None:
        self.device = device
        self._numbers = Numbers(device, run)
        self._rng = rng
        self._alert: tuple[str, str, str] | None = None
        self._cycle_s = rng.uniform(*CYCLE_S)
        self._total = self._total_at(now)
        self._running = self._total % MAINTENANCE_AFTER
        self._status = "running"
        self._temperature_c = rng.uniform(21.0, 26.0)
        self._humidity_pct = rng.uniform(32.0, 52.0)
        self._last_at: datetime | None = None
        self._spent_until = now
        self._off_n = rng.uniform(0.0, 0.3)
        self._maintenance = maintenance
        self._back_at = now

    def next(self, now: datetime) -> Outgoing:
        """Say what there is to say at `now`: mostly counters, now and then a heartbeat, the environment or an alert."""
        if self._numbers.coming == 1:
            return self.heartbeat(now)
        (kind,) = self._rng.choices(tuple(WEIGHTS), weights=tuple(WEIGHTS.values()))
        says = {
            "counters": self._counters,
            "environment": self._surroundings,
            "status": self.heartbeat,
            "alerts": self._alarm,
            "utilization": self._utilization,
            "calibration": self._calibration,
        }
        return says[kind](now)

    def _surroundings(self, now: datetime) -> Outgoing:
        return self._outgoing("environment", {"environment": self._environment()}, now)

    def _counters(self, now: datetime) -> Outgoing:
        self._count(now)
        counters = {"running_count": self._running, "total_count": self._total}
        return self._outgoing("counters", {"counters": counters}, now, counted=True)

    def heartbeat(self, now: datetime) -> Outgoing:
        """Say all there is to say at `now`: counters, environment and state."""
        self._count(now)
        if self._status == "maintenance":
            if now >= self._back_at:
                self._status, self._running, self._total = "running", 0, max(self._total, self._total_at(now))
        elif self._running >= MAINTENANCE_AFTER:
            self._status, self._back_at = "maintenance", now + self._maintenance
        else:
            self._status = self._rng.choice(WORDS_AT_WORK)
        blocks = {
            "counters": {"running_count": self._running, "total_count": self._total},
            "environment": self._environment(),
            "status": self._status,
        }
        return self._outgoing("status", blocks, now, counted=True, status=self._status)

    def _alarm(self, now: datetime) -> Outgoing:
        """Raise an alert, or clear the one that stands; under codes of this run, since an earlier one may stand yet."""
        number, message_id = self._numbers.take()
        raised = self._alert is None
        code, severity, text = self._alert or self._rng.choice(ALERTS)
        self._alert = (code, severity, text) if raised else None
        payload = {
            "asset_id": self.device,
            "message_id": message_id,
            "sequence": number,
            "timestamp": iso(self._at(now)),
            "code": f"{code}/{self._numbers.run}",
            "severity": severity,
            "text": f"{text} [{message_id}]",
            "active": raised,
        }
        entry = Entry(message_id=message_id, device=self.device, number=number, kind="alerts", logged=True)
        return Outgoing(f"assets/{self.device}/alerts", json_bytes(payload), entry)

    def _utilization(self, now: datetime) -> Outgoing:
        """Tell how the time since the last such message was spent, and what was made by then."""
        self._count(now)
        since_s = (now - self._spent_until).total_seconds()
        self._spent_until = now
        idle_s = round(since_s * self._rng.uniform(0.02, 0.3), 3)
        blocks: dict[str, object] = {
            "states": {"running": round(since_s - idle_s, 3), "idle": idle_s},
            "total_count": self._total,
            "good_count": self._total - self._total // REJECTS_ONE_IN,
            "ideal_cycle_s": round(self._cycle_s * 0.9, 3),
        }
        return self._outgoing("utilization", blocks, now)

    def _calibration(self, now: datetime) -> Outgoing:
        """Tell how far the fixture is off, which grows; where that is too far, it was calibrated."""
        self._off_n += abs(self._rng.gauss(0, 0.02))
        calibrated = self._off_n > CALIBRATED_AT_N
        if calibrated:
            self._off_n = 0.0
        measured = {"deviation": round(self._off_n, 3), "limit": FORCE_LIMIT_N, "unit": "N"}
        blocks: dict[str, object] = {"parameters": {"force": measured}}
        if calibrated:
            blocks |= {"calibrated": True, "comment": "Probes adjusted"}
        return self._outgoing("calibration", blocks, now)

    def _at(self, now: datetime) -> datetime:
        self._last_at = now if self._last_at is None else max(now, self._last_at + SHORTEST_GAP)
        return self._last_at

    def _count(self, now: datetime) -> None:
        if self._status != "maintenance":
            cycles = max(0, self._total_at(now) - self._total)  # the clock may have been set back
            self._total += cycles
            self._running += cycles

    def _total_at(self, now: datetime) -> int:
        return max(0, int((now - IN_SERVICE_SINCE).total_seconds() / self._cycle_s))

    def _environment(self) -> dict[str, float]:
        self._temperature_c += self._rng.gauss(0, 0.08) + (23.5 - self._temperature_c) * 0.01
        self._humidity_pct += self._rng.gauss(0, 0.2) + (42.0 - self._humidity_pct) * 0.01
        return {
            "temperature_c": round(self._temperature_c, 1),
            "humidity_pct": round(self._humidity_pct, 1),
            "vibration_g": round(abs(self._rng.gauss(0.02, 0.006)), 3),
        }

    def _outgoing(
        self, kind: str, blocks: dict[str, object], now: datetime, *, counted: bool = False, status: str = ""
    ) -> Outgoing:
        number, message_id = self._numbers.take()
        payload = {"asset_id": self.device, "timestamp": iso(self._at(now)), "sequence": number, **blocks}
        entry = Entry(
            message_id=message_id,
            device=self.device,
            number=number,
            kind=kind,
            total=self._total if counted else None,
            running=self._running if counted else None,
            status=status,
        )
        return Outgoing(f"assets/{self.device}/{kind}", json_bytes(payload), entry)
