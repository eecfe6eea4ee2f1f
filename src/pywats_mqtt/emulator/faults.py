"""The faults in force: which requests they hit, and for how long."""

from random import Random

import msgspec

from pywats_mqtt.emulator.fault import Fault, Kind
from pywats_mqtt.emulator.wire import Refusal


def parse_fault(body: bytes) -> Fault:
    """A fault from the JSON that an operator posted.

    Raises:
        Refusal: 400, with the place of the mistake.
    """
    try:
        return msgspec.json.decode(body, type=Fault)
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise Refusal(400, f"not a fault: {exc}") from exc


class _Active:
    """A fault in force since `started_s`."""

    def __init__(self, fault: Fault, started_s: float) -> None:
        self.fault = fault
        self.hits = 0
        self._started_s = started_s
        self._seen = 0
        self._chance = Random(fault.seed)  # noqa: S311 - chance for tests, which must come out the same again

    def over(self, now_s: float) -> bool:
        """Whether it will never hit again."""
        fault = self.fault
        timed_out = fault.seconds is not None and now_s >= self._started_s + fault.seconds
        return timed_out or (fault.times is not None and self.hits >= fault.times)

    def hit(self, now_s: float) -> bool:
        """Whether a request that matches is hit."""
        self._seen += 1
        if self._seen <= self.fault.after or not self._is_down(now_s):
            return False
        if self._chance.random() >= self.fault.probability:
            return False
        self.hits += 1
        return True

    def _is_down(self, now_s: float) -> bool:
        fault = self.fault
        if fault.up is not None and fault.down is not None:
            return (self._seen - fault.after - 1) % (fault.up + fault.down) >= fault.up
        if fault.up_s is not None and fault.down_s is not None:
            return (now_s - self._started_s) % (fault.up_s + fault.down_s) >= fault.up_s
        return True


class Faults:
    """The faults in force, first posted first; the first that hits a request is its only one.

    A fault's count of requests (`after`, `up`, `down`) goes on with each request that matches it and that no earlier
    fault hit; its chance is taken for those of them that it would hit.
    """

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._outage_s = 0.0

    def add(self, fault: Fault, now_s: float) -> None:
        """Put `fault` in force at `now_s`, monotonic seconds."""
        active = _Active(fault, now_s)
        self._active.append(active)
        if fault.kind is Kind.REFUSE and fault.seconds:
            active.hits = 1
            self._outage_s = max(self._outage_s, fault.seconds)

    def take(self, method: str, path: str, now_s: float) -> Fault | None:
        """The fault that hits this request, which counts as one of its `times`; None when none does."""
        for active in self._active:
            if active.fault.matches(method, path) and not active.over(now_s) and active.hit(now_s):
                return active.fault
        return None

    def take_outage(self) -> float:
        """For how long connections are to be refused from now on, said once; 0 when they are not."""
        seconds, self._outage_s = self._outage_s, 0.0
        return seconds

    def listed(self, now_s: float) -> list[dict[str, object]]:
        """Every fault posted since the last `clear`, with how often it hit and whether it is over."""
        return [{**active.fault.shown(), "hits": active.hits, "over": active.over(now_s)} for active in self._active]

    def clear(self) -> None:
        """Behave."""
        self._active.clear()
