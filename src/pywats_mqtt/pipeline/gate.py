"""Whether deliveries may go out now: what a failure concerns decides what waits.

Pure: the clock's reading and the jitter come in as arguments, and the loop does the waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.retry import Backoff, next_attempt

SERVER_AWAY = Backoff(first_s=1.0, longest_s=30.0)
"""An absent server is asked again after about a second at first, and twice a minute later on."""

CALL_REFUSED = Backoff(first_s=30.0, longest_s=900.0)
"""A missing permission is given by a person: looked at again within minutes."""

TOKEN_REFUSED = "401"  # noqa: S105 - a status
"""The one cause worth a line of its own while the server is away already: someone has to mend it."""

TOO_MANY = frozenset({"429"})
"""Causes that say that the server is there, and wants to be asked later."""

FAILURES_OF_A_KIND = 5
"""So many different deliveries of a kind answered with 500, and none that got through, mean the server and not them."""


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
    """Something that is closed until a time; `failures` in a row made it so. Then one tries it: `is_tried`."""

    cause: str
    bounds: Backoff
    until_s: float = 0.0
    failures: int = 0
    is_tried: bool = False

    def extend(self, error: Retry, now_s: float, jitter: float) -> None:
        """Close for longer. Failures that were under way when it closed do not count, but what they ask for does."""
        if now_s < self.until_s:
            self.until_s = max(self.until_s, now_s + (error.after_s or 0.0))
            return
        self.until_s = now_s + next_attempt(error, self.bounds, self.failures, jitter)
        self.failures += 1


class Gate:
    """Keeps what is closed and until when. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._server: _Pause | None = None
        self._calls: dict[str, _Pause] = {}
        self._failing: dict[str, set[int]] = {}
        self._successes: Counter[str] = Counter()

    @property
    def server_away(self) -> bool:
        """Whether the server as a whole is taken to be away, a try being due or not."""
        return self._server is not None

    def refused_kinds(self, now_s: float) -> frozenset[str]:
        """Name the kinds of delivery whose call is refused and not due for another look, or being looked at."""
        return frozenset(kind for kind, pause in self._calls.items() if now_s < pause.until_s or pause.is_tried)

    def width(self, now_s: float, slots: int) -> int:
        """Tell how many deliveries may go out: none while the server is away, one to try it, else all free slots."""
        if self._server is None:
            return slots
        return min(slots, 1) if now_s >= self._server.until_s and not self._server.is_tried else 0

    @contextmanager
    def trying(self, kind: str, now_s: float, wanted: int) -> Iterator[int]:
        """Tell how many deliveries of a kind may be tried in this block: none, all that are wanted, or one.

        What is closed is tried by one at a time, when it is due.
        """
        closed = [pause for pause in (self._server, self._calls.get(kind)) if pause is not None]
        if any(now_s < pause.until_s or pause.is_tried for pause in closed):
            yield 0
            return
        for pause in closed:
            pause.is_tried = True
        try:
            yield min(wanted, 1) if closed else wanted
        finally:
            for pause in closed:
                pause.is_tried = False

    def opens_in_s(self, now_s: float, looked_s: float = float("-inf")) -> float | None:
        """Tell when something that is closed opens, in seconds from now; None where nothing will by time alone.

        What is being tried opens by what becomes of that. What could be tried at `looked_s` already had its turn then.
        """
        pauses = [*self._calls.values(), *([self._server] if self._server else [])]
        opening = [pause.until_s for pause in pauses if not pause.is_tried and pause.until_s > looked_s]
        return max(0.0, min(opening) - now_s) if opening else None

    def successes(self, kind: str) -> int:
        """Tell how many deliveries of a kind got through so far."""
        return self._successes[kind]

    def reached(self) -> list[Change]:
        """Take note that the server answers, whatever was asked."""
        if self._server is None:
            return []
        change = Change(better=True, cause=self._server.cause)
        self._server = None
        return [change]

    def succeeded(self, kind: str) -> list[Change]:
        """Take note that a delivery of this kind got through."""
        self._successes[kind] += 1
        self._failing.pop(kind, None)
        changes = self.reached()
        refused = self._calls.pop(kind, None)
        if refused is not None:
            changes.append(Change(better=True, cause=refused.cause, call=kind))
        return changes

    def failed(self, error: Retry, kind: str, delivery_id: int, now_s: float, jitter: float) -> list[Change]:
        """Take note of a failure, and close what it concerns."""
        if error.scope is Scope.SERVER:
            return self._server_failed(error, now_s, jitter)
        if error.scope is Scope.CALL:
            return [*self.reached(), *self._call_failed(error, kind, _Pause(error.cause, CALL_REFUSED), now_s, jitter)]
        failing = self._failing.setdefault(kind, set())
        failing.add(delivery_id)
        if len(failing) < FAILURES_OF_A_KIND:
            return []
        return self._call_failed(error, kind, _Pause(error.cause, SERVER_AWAY), now_s, jitter)

    def _call_failed(self, error: Retry, kind: str, fresh: _Pause, now_s: float, jitter: float) -> list[Change]:
        known = self._calls.setdefault(kind, fresh)
        known.extend(error, now_s, jitter)
        return [Change(better=False, cause=error.cause, call=kind)] if known is fresh else []

    def _server_failed(self, error: Retry, now_s: float, jitter: float) -> list[Change]:
        fresh = self._server is None
        pause = self._server = self._server or _Pause(error.cause, SERVER_AWAY)
        other = TOO_MANY & {pause.cause} and not TOO_MANY & {error.cause}
        news = fresh or other or (error.cause == TOKEN_REFUSED != pause.cause)
        pause.cause = error.cause
        pause.extend(error, now_s, jitter)
        return [Change(better=False, cause=error.cause)] if news else []
