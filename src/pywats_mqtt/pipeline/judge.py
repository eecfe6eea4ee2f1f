"""What becomes of a delivery that was tried: it is done, refused, or put off; and what that says of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.messages import to_us
from pywats_mqtt.pipeline.gate import Change, Gate
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.ports import Delivery, Done, Refused, Rejection, RetryAt, Settlement, Timer
from pywats_mqtt.retry import LONGEST_PUT_OFF_S, Backoff, gives_up, next_attempt

FAILED_ONCE = Backoff(first_s=2.0, longest_s=60.0)
"""The wait of one delivery that the server failed on, others going on meanwhile."""

OUTCOME_UNKNOWN = frozenset({"timeout", "dropped"})
"""Causes that may lie in the delivery itself, such as a report too large for a proxy on the way."""


class Defect(Retry):
    """Ours: a handler raised what is no outcome. Nobody but what it was given can be the reason, so it counts."""

    def __init__(self, error: Exception) -> None:
        cause = type(error).__name__
        super().__init__(f"a defect of the bridge: {cause}: {error}", scope=Scope.DELIVERY, cause=cause)


class _Failures(msgspec.Struct):
    """What is known of a delivery that failed: how often, and the successes of its kind when it failed last."""

    successes: int
    count: int = 0


class Judge:
    """Decides on each try, and tells the gate; remembers the deliveries that failed.

    Attributes:
        successes: deliveries that got through so far.
    """

    def __init__(
        self,
        pace: Pace,
        gate: Gate,
        clock: Timer,
        jitter: Callable[[], float],
        on_change: Callable[[Change, str], None],
    ) -> None:
        self.successes = 0
        self._pace = pace
        self._gate = gate
        self._clock = clock
        self._jitter = jitter
        self._on_change = on_change
        self._failures: dict[int, _Failures] = {}

    def unasked(self, delivery: Delivery) -> Settlement:
        """Settle what was done without asking the server anything."""
        self._failures.pop(delivery.id, None)
        return Done(delivery)

    def settled(self, delivery: Delivery, problem: Retry | Reject | None, *, others: int) -> Settlement:
        """Decide what becomes of a delivery.

        Args:
            delivery: what was tried.
            problem: what stands against it; None for a success.
            others: how many got through while it was tried.
        """
        if isinstance(problem, Reject):  # perhaps ours, made without asking: it does not prove that the server is back
            self._failures.pop(delivery.id, None)
            return Refused(delivery, Rejection(problem.reason, problem.path))
        if isinstance(problem, Retry):
            return self._put_off(delivery, problem, others=others)
        self.successes += 1
        self._failures.pop(delivery.id, None)
        if delivery.kind not in self._pace.local:
            self._tell(self._gate.succeeded(delivery.kind), "")
        return Done(delivery)

    def reached(self, problem: str = "") -> None:
        """Take note that the server answered the probe."""
        self._tell(self._gate.reached(), problem)

    def failed(self, error: Retry, kind: str, delivery_id: int = 0) -> None:
        """Take note of a failure, and close what it concerns."""
        now_s = self._clock.monotonic()
        self._tell(self._gate.failed(error, kind, delivery_id, now_s, self._jitter()), str(error))

    def _put_off(self, delivery: Delivery, error: Retry, *, others: int) -> Settlement:
        known = self._failures.setdefault(delivery.id, _Failures(self._gate.successes(delivery.kind)))
        known.count += 1
        now_us = to_us(self._clock.now())
        wait_s = min(next_attempt(error, FAILED_ONCE, known.count - 1, self._jitter()), LONGEST_PUT_OFF_S)
        if error.scope is Scope.SERVER and error.cause in OUTCOME_UNKNOWN:
            # Perhaps the server, perhaps what is sent: another line is tried next, at once where others got through.
            if not others:
                self.failed(error, delivery.kind, delivery.id)
            return RetryAt(delivery, now_us + int(wait_s * 1e6), error.cause, uses_attempt=False)
        self.failed(error, delivery.kind, delivery.id)
        if error.scope is not Scope.DELIVERY:
            return RetryAt(delivery, 0, error.cause, uses_attempt=False)
        # An attempt is used up only when others of its kind got through since it failed last: else it is the server's.
        successes = self._gate.successes(delivery.kind)
        own_fault = isinstance(error, Defect) or (known.count > 1 and successes > known.successes)
        known.successes = successes
        attempts = delivery.attempts + own_fault
        if gives_up(error, attempts, self._pace.attempts):
            del self._failures[delivery.id]
            meanwhile = "" if isinstance(error, Defect) else " while others got through"
            return Refused(delivery, Rejection(f"{error} (tried {attempts} times{meanwhile})"))
        return RetryAt(delivery, now_us + int(wait_s * 1e6), error.cause, uses_attempt=own_fault)

    def _tell(self, changes: Sequence[Change], problem: str) -> None:
        for change in changes:
            self._on_change(change, problem)
