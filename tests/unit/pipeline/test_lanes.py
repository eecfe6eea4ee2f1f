"""Who calls next: shares hold in every window, reports go first, and nobody starves."""

from __future__ import annotations

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.pipeline.lanes import AT_ONCE, LEAST_TELEMETRY, Lane, Lanes, lane_of

WINDOW_S = 60.0
REPORT, UNIT, ALERT, COUNTS, STATE, TAGS = (
    "test_result",
    "unit_event",
    "asset_alert",
    "asset_counts",
    "asset_state",
    "asset_environment",
)
KINDS = (REPORT, "repair", UNIT, ALERT, "", COUNTS, STATE, TAGS)


class Server:
    """Calls on a clock of its own: who made them, and in which window they still count."""

    def __init__(self, limit: int, telemetry_share: float = 0.7) -> None:
        self.limit = limit
        self.lanes = Lanes(limit, WINDOW_S, telemetry_share)
        self.now_s = 0.0
        self.made: list[tuple[float, str]] = []
        self.taken: Counter[str] = Counter()
        self._counting: deque[tuple[float, str]] = deque()

    @property
    def free(self) -> int:
        """Calls that are left in the window."""
        while self._counting and self._counting[0][0] + WINDOW_S <= self.now_s:
            self.taken[self._counting.popleft()[1]] -= 1
        return self.limit - len(self._counting)

    def call(self, *waiting: str) -> str | None:
        """Let one of those who wait make a call, and tell who did."""
        chosen = self.lanes.choose(waiting, self.taken, self.free, self.now_s)
        if chosen is not None:
            self.made.append((self.now_s, chosen))
            self._counting.append((self.now_s, chosen))
            self.taken[chosen] += 1
        return chosen

    def burst(self, *waiting: str) -> int:
        """Let those who wait make as many calls as they may at this moment; tell how many."""
        count = 0
        while self.call(*waiting) is not None:
            count += 1
        return count

    def run(self, seconds: float, *waiting: str, every_s: float = 0.25) -> None:
        """Let those who wait call whenever they may."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.burst(*waiting)
            self.now_s += every_s

    def used(self, lane: Lane) -> int:
        """Count a lane's calls in the window."""
        assert self.free >= 0
        return sum(count for kind, count in self.taken.items() if lane_of(kind) is lane)

    def rate(self, kind: str, since_s: float) -> float:
        """Give a kind's calls a window since a moment."""
        return sum(WINDOW_S for at_s, who in self.made if who == kind and at_s >= since_s) / (self.now_s - since_s)


@pytest.mark.parametrize(
    ("kind", "lane"),
    [
        (REPORT, Lane.REPORTS),
        ("repair", Lane.REPORTS),
        (UNIT, Lane.UNITS),
        (ALERT, Lane.OTHERS),
        ("software_reported", Lane.OTHERS),
        ("", Lane.OTHERS),
        (COUNTS, Lane.TELEMETRY),
        ("asset_software", Lane.TELEMETRY),
    ],
)
def test_each_kind_has_its_lane(kind: str, lane: Lane) -> None:
    """What is folded is telemetry; what serves no event is none of the first three."""
    assert lane_of(kind) is lane


STEP = st.tuples(st.floats(0, 20), st.lists(st.sampled_from(KINDS), min_size=1, max_size=6), st.integers(1, 400))


@given(
    limit=st.sampled_from((10, 60, 90, 450)),
    share=st.sampled_from((0.1, 0.5, 0.7, 1.0)),
    steps=st.lists(STEP, max_size=20),
)
def test_what_is_kept_for_a_lane_is_there_at_once(
    limit: int, share: float, steps: list[tuple[float, list[str], int]]
) -> None:
    """Whoever called before: a lane that has not used its share of the window gets a call at once."""
    server = Server(limit, share)
    for pause_s, waiting, calls in steps:
        server.now_s += pause_s
        for _ in range(calls):
            if server.call(*waiting) is None:
                break
        assert server.free >= 0
        for kind, lane in ((REPORT, Lane.REPORTS), (UNIT, Lane.UNITS), (ALERT, Lane.OTHERS)):
            if server.used(lane) < server.lanes.share(lane):
                tried = Lanes(limit, WINDOW_S, share)
                assert tried.choose([*waiting, kind], server.taken, server.free, server.now_s) is not None
                assert tried.choose([kind], server.taken, server.free, server.now_s) == kind


@given(limit=st.sampled_from((60, 90, 450)), share=st.sampled_from((0.2, 0.5, 0.7)), steps=st.lists(STEP, max_size=20))
def test_telemetry_never_uses_what_is_kept_for_others(
    limit: int, share: float, steps: list[tuple[float, list[str], int]]
) -> None:
    """In no window does it make more calls than its share allows."""
    server = Server(limit, share)
    kept = sum(server.lanes.share(lane) for lane in Lane if lane is not Lane.TELEMETRY)
    for pause_s, waiting, calls in steps:
        server.now_s += pause_s
        for _ in range(calls):
            if server.call(*waiting) is None:
                break
        assert server.used(Lane.TELEMETRY) <= limit - kept


@given(
    others=st.lists(st.sampled_from((REPORT, UNIT, ALERT)), min_size=1, max_size=3, unique=True),
    limit=st.sampled_from((10, 60, 200)),
    before_s=st.floats(0, 100),
)
def test_telemetry_has_its_share_of_a_minute_whatever_else_there_is_to_do(
    others: list[str], limit: int, before_s: float
) -> None:
    """A backlog of results, units and alerts that never ends does not starve it, however long that was alone before."""
    server = Server(limit)
    server.run(before_s, *others, every_s=1.0)
    began_s = server.now_s
    server.run(3.1 * WINDOW_S, *others, COUNTS, every_s=0.5)

    assert sum(kind == COUNTS for at_s, kind in server.made if at_s >= began_s + WINDOW_S) >= 2 * max(
        1, int(limit * LEAST_TELEMETRY)
    )


def test_a_backlog_of_telemetry_leaves_room_for_reports_at_any_time() -> None:
    """As fast as telemetry may go for three minutes, a report never finds the window full."""
    server = Server(450)
    for _ in range(3 * 60 * 4):
        server.burst(COUNTS, TAGS)
        assert server.call(REPORT, COUNTS, TAGS) == REPORT  # four a second: 240 a minute
        server.now_s += 0.25
    assert server.rate(REPORT, WINDOW_S) == pytest.approx(240, abs=2)
    assert server.rate(COUNTS, WINDOW_S) + server.rate(TAGS, WINDOW_S) > 100


def test_reports_that_come_alone_may_use_nearly_all() -> None:
    """Only what is kept for units and alerts is left."""
    server = Server(450)

    assert server.burst(REPORT) == 450 - server.lanes.share(Lane.UNITS) - server.lanes.share(Lane.OTHERS)
    assert server.burst(UNIT) == server.lanes.share(Lane.UNITS)
    assert server.burst(ALERT) == server.lanes.share(Lane.OTHERS)


def test_telemetry_goes_evenly() -> None:
    """The first go at once, the next ones one by one: slots that come free one by one serve whoever comes."""
    server = Server(450)
    most = 450 - sum(server.lanes.share(lane) for lane in Lane if lane is not Lane.TELEMETRY)

    assert server.burst(COUNTS) == most // AT_ONCE + 1
    server.now_s += server.lanes.opens_in_s(server.now_s)
    assert server.burst(COUNTS) == 1
    server.run(5 * WINDOW_S, COUNTS)
    for second in range(240, 300):
        assert sum(second <= at_s < second + 1 for at_s, _ in server.made) <= 7
    assert server.rate(COUNTS, 60.0) == pytest.approx(most, rel=0.05)


def test_kinds_of_telemetry_share_its_calls_alike() -> None:
    """One that needs fewer gets all it needs."""
    server = Server(450)
    for number in range(3 * 60 * 4):
        server.burst(COUNTS, TAGS, *([STATE] if number % 8 == 0 and server.call(STATE, COUNTS, TAGS) else []))
        server.now_s += 0.25

    assert server.rate(COUNTS, WINDOW_S) == pytest.approx(server.rate(TAGS, WINDOW_S), rel=0.05)


@given(limit=st.integers(1, 20))
def test_however_small_the_limit_everybody_gets_on(limit: int) -> None:
    """A limit of a few calls leaves nothing to keep, and still nobody waits for ever."""
    server = Server(limit)
    server.run(12 * WINDOW_S, REPORT, UNIT, COUNTS, every_s=1.0)

    assert server.rate(REPORT, 0.0) > 0
    assert limit == 1 or server.rate(COUNTS, 0.0) > 0


@given(limit=st.integers(4, 60), share=st.sampled_from((0.1, 0.5, 0.7, 0.9, 1.0)), slowed=st.booleans())
def test_a_backlog_of_reports_starves_nobody_where_there_is_a_call_for_each_lane(
    limit: int, share: float, *, slowed: bool
) -> None:
    """Also where the server accepts that few of many calls, or telemetry may have all."""
    server = Server(450 if slowed else limit, share)
    server.lanes.adapt(limit)
    server.limit = limit
    server.run(4 * WINDOW_S, REPORT, UNIT, ALERT, COUNTS, every_s=1.0)

    for kind in (REPORT, UNIT, ALERT, COUNTS):
        assert server.rate(kind, WINDOW_S) > 0


def test_calls_are_forgotten_also_where_no_telemetry_waits() -> None:
    """A bridge that reports for months keeps the last seconds, and nothing before."""
    server = Server(450)
    kept: list[int] = []
    for _ in range(2_000):
        assert server.call(REPORT) == REPORT
        server.now_s += 1.0
        kept.append(sum(map(len, server.lanes._lately.values())))  # noqa: SLF001 - nothing else shows what is kept
    assert max(kept) <= 20


def test_telemetry_that_was_held_up_by_a_burst_goes_on_when_that_is_over() -> None:
    """Seconds after it, and not when the calls of the burst come free, a window later."""
    server = Server(20)
    server.run(6, COUNTS)
    assert [server.call(REPORT) for _ in range(4)] == [REPORT] * 4
    burst_s = server.now_s
    while server.call(COUNTS) is None:
        wait_s = server.lanes.opens_in_s(server.now_s)
        assert wait_s > 0, "nobody would look before a call comes free"
        server.now_s += wait_s
    assert server.now_s - burst_s < 15
