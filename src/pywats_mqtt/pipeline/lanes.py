"""Who may call WATS next: lanes that share the calls of a minute.

Calls are what is scarce, so each one is on the account of the kind of event it serves, and the kinds share four lanes:
results and repairs, units, all else that is delivered one by one (alerts, updates of software …), and telemetry. Of the
calls in any minute

- a share is kept for each lane but telemetry, whether it wants it or not: what is below its share goes at once. So
  neither a backlog of telemetry nor one of results makes an alert wait;
- telemetry has a share that the others leave to it while it wants it, so that no backlog starves it;
- the rest goes to who comes first in the order above. Telemetry takes of it evenly over the minute, since after a burst
  no call would come free for a minute, and leaves so much that the other lanes can go on as they did in the last
  seconds, and a part of their share besides.

Of kinds of telemetry that wait, the one with the fewest calls in the last minute goes first.

Pure: what is used up and the time come in as arguments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final, get_args

from pywats_mqtt.events import Event, Latest, Repair, TestResult, UnitEvent, kind_of_type


class Lane(Enum):
    """Deliveries that have a share in common; the first one goes first."""

    REPORTS = "reports"
    UNITS = "units"
    OTHERS = "others"
    TELEMETRY = "telemetry"


KEPT: Final = MappingProxyType({Lane.REPORTS: 4, Lane.UNITS: 1, Lane.OTHERS: 1})
"""How what telemetry may not have is kept for the other lanes, in parts: most calls besides telemetry are results."""

LEAST_TELEMETRY: Final = 0.1
"""Of a minute's calls, what is telemetry's while it wants it: a thousand values are then an hour old at most."""

LEFT_OVER: Final = 2
"""Telemetry leaves free one part in so many of a kept share, also when that is used up: what then comes goes at once,
too."""

LATELY_S: Final = 10.0
"""By the calls of these last seconds is foreseen what another lane will make in a window."""

LOOK_S: Final = 1.0
"""What telemetry leaves to others gets less as their calls are longer ago; it looks that often whether it may go on."""

AT_ONCE: Final = 5
"""One part in so many of telemetry's calls of a minute may go at once: the first values of a small site are there in
seconds, and of a thousand fixtures' none has to wait longer for it."""

_LANES: Final = MappingProxyType(
    {
        kind_of_type(TestResult): Lane.REPORTS,
        kind_of_type(Repair): Lane.REPORTS,
        kind_of_type(UnitEvent): Lane.UNITS,
        **{kind_of_type(event_type): Lane.TELEMETRY for event_type in get_args(Latest)},
    }
)


def lane_of(kind: str) -> Lane:
    """Name the lane of a kind of event; what serves no event, as a look at the server, has kind ``."""
    return _LANES.get(kind, Lane.OTHERS)


KINDS_OF: Final = MappingProxyType(
    {
        lane: frozenset(kind for each in get_args(Event) if lane_of(kind := kind_of_type(each)) is lane)
        for lane in Lane
        if lane is not Lane.TELEMETRY
    }
)
"""The lanes of what is delivered one by one, and the kinds of event of each."""


class Lanes:
    """Decides for one server; remembers telemetry's pace, and the last calls of the others."""

    def __init__(self, limit: int, window_s: float, telemetry_share: float) -> None:
        """Divide the calls.

        Args:
            limit: calls in any window, 1 or more.
            window_s: how long a call counts.
            telemetry_share: of them, what telemetry may have at most; from `LEAST_TELEMETRY` to 1.
        """
        self._telemetry_share = telemetry_share
        self._window_s = window_s
        self._even_s = float("-inf")
        self._held_up = False
        self._lately: dict[Lane, deque[float]] = {lane: deque() for lane in KEPT}
        self.adapt(limit)

    def adapt(self, limit: int) -> None:
        """Divide fewer calls, or more again: `limit` in any window, 1 or more. Each lane keeps its part.

        Where there is a call for each lane, none has less, however few they are and whatever telemetry may have.
        """
        kept = int(limit * (1 - self._telemetry_share))
        parts = sum(KEPT.values())
        least = int(limit >= len(Lane))  # with none, a lane would wait until those before it have nothing left
        self._shares = {lane: max(least, kept * part // parts) for lane, part in KEPT.items()}
        self._shares[Lane.TELEMETRY] = min(limit - 1, max(1, int(limit * LEAST_TELEMETRY)))
        self._shares[Lane.REPORTS] -= max(0, sum(self._shares.values()) - limit)
        most = limit - sum(share for lane, share in self._shares.items() if lane is not Lane.TELEMETRY)
        self._gap_s = self._window_s / most
        self._ahead_s = most // AT_ONCE * self._gap_s

    def share(self, lane: Lane) -> int:
        """Tell how many calls of a window are a lane's own."""
        return self._shares[lane]

    def choose(self, waiting: Sequence[str], taken: Mapping[str, int], free: int, now_s: float) -> str | None:
        """Choose the kind that makes a call now.

        Args:
            waiting: kinds that want to, who waits longest first.
            taken: kind to the calls of the window it made; calls that nobody knows the kind of are on no account.
            free: calls that are left.
            now_s: the time, in seconds that never go back.

        Returns:
            The kind, whose call is taken to begin now; None where nobody may.
        """
        wanted: dict[Lane, list[str]] = {}
        for kind in waiting:
            wanted.setdefault(lane_of(kind), []).append(kind)
        used = dict.fromkeys(Lane, 0)
        for kind, calls in taken.items():
            used[lane_of(kind)] += calls
        owed = {lane: max(0, share - used[lane]) for lane, share in self._shares.items()}
        for lane in sorted((lane for lane in Lane if lane in wanted), key=lambda lane: not owed[lane]):
            if lane is Lane.TELEMETRY:
                kept = owed if owed[lane] else self._owed_beyond(owed, used, now_s)
                left = sum(kept[other] for other in KEPT)
                if self._goes_on(now_s, has_room=free > left):
                    return min(wanted[lane], key=lambda kind: taken.get(kind, 0))
                continue
            left = sum(owed[other] for other in KEPT if other is not lane)
            if not owed[lane] and Lane.TELEMETRY in wanted:
                left += owed[Lane.TELEMETRY]
            if free > left:
                self._made_lately(lane, now_s).append(now_s)
                return wanted[lane][0]
        return None

    def opens_in_s(self, now_s: float) -> float:
        """Tell how long until telemetry's pace lets it go on, or what was foreseen for others may be less; else 0."""
        if now_s < self._even_s:
            return self._even_s - now_s
        first_s = min((lately[0] for lately in self._lately.values() if lately), default=None)
        if not self._held_up or first_s is None:
            return 0.0
        return max(LOOK_S, first_s + LATELY_S - now_s)

    def _goes_on(self, now_s: float, *, has_room: bool) -> bool:
        """Tell whether telemetry makes a call now, and if so, when it may make the next one."""
        if not has_room:
            self._held_up = True
            return False
        if now_s < self._even_s:
            return False
        # What it was held up is not caught up on: all of it would be made, and come free again, at once.
        credit_s = 0.0 if self._held_up else self._ahead_s
        self._held_up = False
        self._even_s = max(self._even_s, now_s - credit_s) + self._gap_s
        return True

    def _owed_beyond(self, owed: Mapping[Lane, int], used: Mapping[Lane, int], now_s: float) -> dict[Lane, int]:
        """Tell how many calls telemetry leaves to each other lane once it has had its own share."""
        beyond = {}
        for lane in KEPT:
            foreseen = int(len(self._made_lately(lane, now_s)) * self._window_s / LATELY_S)
            beyond[lane] = max(owed[lane], max(0, foreseen - used[lane]) + self._shares[lane] // LEFT_OVER)
        return beyond

    def _made_lately(self, lane: Lane, now_s: float) -> deque[float]:
        """Give when a lane's calls of the last seconds were made; what is older is forgotten, whoever waits."""
        lately = self._lately[lane]
        while lately and lately[0] < now_s - LATELY_S:
            lately.popleft()
        return lately
