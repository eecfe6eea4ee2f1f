"""Whether deliveries may go out now: what a failure concerns decides what waits.

Pure: the clock's reading and the jitter come in as arguments, and the loop does the waiting.
"""

from __future__ import annotations

import msgspec

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.retry import Backoff, next_attempt

SERVER_AWAY = Backoff(first_s=1.0, longest_s=30.0)
"""An absent server is asked again after about a second at first, and twice a minute later on."""

CALL_REFUSED = Backoff(first_s=30.0, longest_s=900.0)
"""A missing permission is given by a person: looked at again within minutes."""

FAILURES_OF_A_SERVER = 5
"""So many different deliveries answered with 500 in a row, and none that got through, mean the server and not them."""


class Change(msgspec.Struct, frozen=True):
    """A turn worth a line in the log.

    Attributes:
        better: it works again, or it stopped working.
        cause: the short name of what is or was wrong.
        call: the kind of delivery concerned; empty for the whole server.
    """

    better: bool
    cause: str
    call: str = ""


class _Pause(msgspec.Struct):
    cause: str
    until_s: float
    failures: int = 0


class Gate:
    """Keeps what is closed and until when. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._server: _Pause | None = None
        self._calls: dict[str, _Pause] = {}
        self._failing: set[int] = set()
        self.successes = 0

    @property
    def server_away(self) -> bool:
        """Whether the server as a whole is taken to be away, a try being due or not."""
        return self._server is not None

    def refused_kinds(self, now_s: float) -> frozenset[str]:
        """Name the kinds of delivery whose call is refused and not due for another look."""
        return frozenset(kind for kind, pause in self._calls.items() if now_s < pause.until_s)

    def width(self, now_s: float, slots: int) -> int:
        """Tell how many deliveries may go out: none while the server is away, one to try it, else all free slots."""
        if self._server is None:
            return slots
        return min(slots, 1) if now_s >= self._server.until_s else 0

    def opens_in_s(self, now_s: float) -> float | None:
        """Tell when something that is closed opens, in seconds from now; None where nothing is."""
        pauses = [*self._calls.values(), *([self._server] if self._server else [])]
        return max(0.0, min(pause.until_s for pause in pauses) - now_s) if pauses else None

    def succeeded(self, kind: str) -> list[Change]:
        """Take note that a delivery of this kind got through."""
        self.successes += 1
        self._failing.clear()
        changes = []
        if self._server is not None:
            changes.append(Change(better=True, cause=self._server.cause))
            self._server = None
        refused = self._calls.pop(kind, None)
        if refused is not None:
            changes.append(Change(better=True, cause=refused.cause, call=kind))
        return changes

    def answered(self) -> list[Change]:
        """Take note that the server is there, though it refused a delivery."""
        if self._server is None:
            return []
        change = Change(better=True, cause=self._server.cause)
        self._server = None
        return [change]

    def failed(self, error: Retry, kind: str, delivery_id: int, now_s: float, jitter: float) -> list[Change]:
        """Take note of a failure, and close what it concerns."""
        if error.scope is Scope.CALL:
            changes = self.answered()
            known = self._calls.get(kind)
            failures = known.failures + 1 if known else 0
            until_s = now_s + next_attempt(error, CALL_REFUSED, failures, jitter)
            self._calls[kind] = _Pause(error.cause, until_s, failures)
            return changes if known else [*changes, Change(better=False, cause=error.cause, call=kind)]
        if error.scope is Scope.DELIVERY:
            self._failing.add(delivery_id)
            if len(self._failing) < FAILURES_OF_A_SERVER:
                return []
        return self._server_failed(error, now_s, jitter)

    def _server_failed(self, error: Retry, now_s: float, jitter: float) -> list[Change]:
        known = self._server
        if known is None:
            self._server = _Pause(error.cause, now_s + next_attempt(error, SERVER_AWAY, 0, jitter))
            return [Change(better=False, cause=error.cause)]
        if now_s < known.until_s and error.after_s is None:
            return []  # one of those that were under way when it went away
        known.failures += 1
        known.until_s = now_s + next_attempt(error, SERVER_AWAY, known.failures, jitter)
        if error.cause != known.cause:
            known.cause = error.cause
            return [Change(better=False, cause=error.cause)]
        return []
