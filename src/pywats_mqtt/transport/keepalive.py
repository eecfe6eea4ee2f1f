"""When to send PINGREQ and when to give a connection up; pure (MQTT 5, 3.1.2.10 and 3.12)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import msgspec

_SHARE: Final = 0.75
"""Of the keep alive time: pinging that early leaves a slow network the rest of it, and the server waits 1.5 times."""


class Beat(Enum):
    """What to do now."""

    WAIT = auto()
    PING = auto()
    GIVE_UP = auto()


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a connection, in seconds of the loop's clock.

    Attributes:
        sent: when something was written last.
        received: when something came last, or reading went on.
        reading: whether we read at all; while reading is paused by us, silence says nothing of the server.
    """

    sent: float
    received: float
    reading: bool


class Keepalive:
    """The keep alive of one connection.

    Something has to be *sent* in each interval so that the server keeps us, and to come in so that we know it is there:
    a client that only publishes QoS 0 would never notice a dead network otherwise.
    """

    def __init__(self, *, keepalive_s: int) -> None:
        self._interval_s = keepalive_s * _SHARE
        self._asked: float | None = None

    def beat(self, now: float, pulse: Pulse) -> tuple[Beat, float | None]:
        """Decide.

        Returns:
            What to do, and the seconds until this is to be asked again (None: never, keep alive is off).
        """
        if not self._interval_s:
            return Beat.WAIT, None
        if self._asked is not None:
            if pulse.received > self._asked:
                self._asked = None
            elif not pulse.reading:
                self._asked = now
            elif now - self._asked >= self._interval_s:
                return Beat.GIVE_UP, None
        due = min(pulse.sent, pulse.received) + self._interval_s
        if self._asked is None and now >= due:
            self._asked = now
            return Beat.PING, self._interval_s
        if self._asked is not None:
            # Whatever we still write, the server has to hear of us in each interval also while it owes an answer.
            if now - pulse.sent >= self._interval_s:
                return Beat.PING, self._interval_s
            return Beat.WAIT, max(min(self._asked, pulse.sent) + self._interval_s - now, 0.0)
        return Beat.WAIT, due - now
