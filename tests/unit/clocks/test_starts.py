"""A start is moved only where it is known to be wrong, and what the device sent can always be read on the report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.clocks.starts import CORRECTION, SENT, SKEW, correction, moved, not_after, sent_us, settled
from pywats_mqtt.clocks.table import MOST, SHOWN, ClockTable
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import AssetUpdate, Identified, Repair, Stamp, Step, TestResult
from pywats_mqtt.folding.updates import Gathering
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, from_us, to_us
from pywats_mqtt.ports import Rejection

S = 1_000_000
TOLERANCE_US = 10 * S
NOW_US = to_us(datetime(2026, 1, 26, 12, 0, tzinfo=UTC))
ROUTES = RouteTable(TopicConfig())


def report(start_us: int, shift_us: int | None = 0, ahead_us: int | None = None, **fields: object) -> TestResult:
    """Give a stamped result that took a minute, as it arrived at `NOW_US`."""
    misc = (("a", "b"), *(correction(start_us - shift_us, shift_us) if shift_us else ()))
    bare = TestResult(
        report_id=UUID(int=1),
        device="T",
        kind="results",
        serial_number="S",
        result="P",
        start=from_us(start_us),
        duration_s=60.0,
        misc=misc,
        shift_us=shift_us,
        stamp=Stamp(NOW_US, ahead_us),
        steps=(Step(name="outer", status="P", steps=(Step(name="inner", status="P", start=from_us(start_us)),)),),
    )
    return msgspec.structs.replace(bare, **fields)


def settle(result: TestResult, *, ahead_s: float = 0.0, moves: bool = True) -> TestResult:
    """Decide its start."""
    return settled(result, server_us=round(ahead_s * S), tolerance_us=TOLERANCE_US, moves=moves)


def test_a_device_that_is_behind_is_corrected_or_flagged() -> None:
    """Its steps move with it; the misc infos tell what was sent, what was added, and why."""
    sent = NOW_US - 3_660 * S
    late = report(sent, ahead_us=-3_600 * S)

    right = settle(late)
    assert to_us(right.start) == NOW_US - 60 * S
    assert right.steps[0].steps[0].start == right.start
    assert right.misc == (
        ("a", "b"),
        (SENT, "2026-01-26T10:59:00+00:00"),
        (CORRECTION, "3600.000"),
        (SKEW, "-3600.0"),
    )
    assert right.report_id == late.report_id

    flagged = settle(late, moves=False)
    assert (flagged.start, flagged.misc) == (late.start, (("a", "b"), (SKEW, "-3600.0")))


def test_within_the_tolerance_nothing_is_done() -> None:
    """A clock that is nine seconds off is right."""
    for ahead_s in (-9, 0, 9):
        fine = report(NOW_US - 100 * S, ahead_us=ahead_s * S)
        assert settle(fine) == fine


def test_a_queued_result_of_a_device_that_is_ahead_is_put_where_it_was() -> None:
    """Its start looks possible, since it waited for longer than the skew; only many messages tell that it is wrong."""
    queued = report(NOW_US - 1_800 * S, ahead_us=3_600 * S)
    assert to_us(settle(queued).start) == NOW_US - 5_400 * S
    assert settle(queued, moves=False).start == queued.start


def test_what_looked_ahead_since_our_own_clock_is_behind_is_put_back() -> None:
    """The server is an hour ahead of us and agrees with the device: the start is right, and nothing else is said."""
    latest_us = NOW_US - 60 * S
    sent = NOW_US + 3_500 * S
    clamped = report(latest_us, shift_us=latest_us - sent)
    back = settle(clamped, ahead_s=3_600)
    assert (to_us(back.start), back.shift_us, back.misc) == (sent, 0, (("a", "b"),))
    assert settle(clamped) == clamped

    unsent = report(latest_us, shift_us=None)
    assert to_us(settle(unsent, ahead_s=3_600).start) == latest_us + 3_600 * S


def test_a_device_that_is_right_is_not_called_wrong_by_a_bridge_that_is() -> None:
    """It is judged by the server's clock: seen from ours, which is an hour behind, it is an hour ahead."""
    sent = NOW_US + 3_500 * S
    latest_us = NOW_US - 60 * S
    back = settle(report(latest_us, shift_us=latest_us - sent, ahead_us=3_600 * S), ahead_s=3_600)
    assert (to_us(back.start), back.misc) == (sent, (("a", "b"),))


@given(
    st.integers(-(10**6), 10**6),
    st.none() | st.integers(-(10**6), 10**6),
    st.integers(-(10**5), 10**5),
    st.booleans(),
)
def test_whatever_is_wrong_no_start_is_after_its_reception(
    sent_s: int,
    ahead_s: int | None,
    server_s: int,
    moves: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    """By the server's clock; and what was sent is what is told, and what both correction and start come back to."""
    sent = NOW_US + sent_s * S
    shift_us = 0 if sent <= NOW_US else NOW_US - 60 * S - sent
    late = report(sent + shift_us, shift_us, None if ahead_s is None else ahead_s * S)

    done = settle(late, ahead_s=server_s, moves=moves)

    assert to_us(done.start) <= NOW_US + server_s * S
    assert sent_us(done) == sent
    misc = dict(done.misc)
    if done.shift_us:
        assert misc[SENT] == from_us(sent).isoformat()
        assert float(misc[CORRECTION]) * S == done.shift_us
    else:
        assert SENT not in misc
    assert settle(msgspec.structs.replace(late), ahead_s=server_s, moves=moves) == done


def test_what_was_known_of_the_servers_clock_at_reception_counts() -> None:
    """Ours may have been set since, and the time of reception is still by the old one."""
    latest_us = NOW_US - 60 * S
    sent = NOW_US + 3_500 * S
    clamped = report(latest_us, latest_us - sent, stamp=Stamp(NOW_US, None, 3_600 * S))
    assert to_us(settle(clamped).start) == sent
    clamped = report(latest_us, latest_us - sent, stamp=Stamp(NOW_US, None, 0))
    assert settle(clamped, ahead_s=3_600) == clamped


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_moving_twice_is_moving_once(first_s: int, second_s: int) -> None:
    """Only the last one stands on the report."""
    start = report(NOW_US)
    once = moved(start, NOW_US + second_s * S)
    assert moved(moved(start, NOW_US + first_s * S), NOW_US + second_s * S) == once
    assert not_after(once, NOW_US) == moved(start, min(NOW_US, NOW_US + second_s * S))


def test_a_start_beyond_the_calendar_is_told_in_seconds() -> None:
    """A device may send the year 9999 with a zone that makes it 10,000."""
    assert correction(253_402_300_800 * S, 0)[0] == (SENT, "253402300800.000 s since 1970")


def hear(
    table: ClockTable, outcome: tuple[Identified, ...] | AssetUpdate, message: RawMessage
) -> tuple[Identified, ...]:
    """Hear a message as the bridge does; gives its events."""
    if not isinstance(outcome, AssetUpdate):
        return table.hear(outcome, message)
    gathering = Gathering()
    gathering.take(message, outcome)
    for updates in gathering.made:
        if updates.ahead_us:
            table.hear_together(outcome.asset, updates.ahead_us, message.received_at_us)
    return tuple(outcome)


class Fleet:
    """Devices that send, and the table that hears them."""

    def __init__(self) -> None:
        self.table = ClockTable(TOLERANCE_US, 20)
        self.now_us = NOW_US

    def hear(self, topic: str, payload: dict[str, object], *, retain: bool = False) -> TestResult | None:
        """Hear a message ten seconds after the last one; gives the result that it is."""
        self.now_us += 10 * S
        message = RawMessage(topic, msgspec.json.encode(payload), self.now_us, qos=1, retain=retain)
        outcome = interpret(message, ROUTES)
        assert not isinstance(outcome, Rejection)
        events = hear(self.table, outcome, message)
        assert [found.identity for found in events] == [found.identity for found in outcome]
        found = next(iter(events)).event
        return found if isinstance(found, TestResult) else None

    def time(self, ahead_s: float) -> str:
        """Tell the time of the next message by a clock that is ahead."""
        return from_us(self.now_us + round((10 + ahead_s) * S)).isoformat()

    def result(self, ahead_s: float, device: str = "T", **fields: object) -> TestResult:
        """Hear a result of a test that ended just now."""
        payload = {"serial_number": "S", "result": "P", "timestamp": self.time(ahead_s), **fields}
        found = self.hear(f"testers/{device}/results", payload)
        assert found is not None
        return found


def test_telemetry_tells_the_clock_of_the_results() -> None:
    """Forty messages in seven minutes; then a result carries what is known, and another bridge goes on from there."""
    fleet = Fleet()
    assert fleet.result(-600.0).stamp is None
    for _ in range(40):
        fleet.hear("assets/T/counters", {"total_count": 5, "timestamp": fleet.time(-600.0)})

    stamp = fleet.result(-600.0).stamp
    assert stamp == Stamp(fleet.now_us, -600 * S)
    assert fleet.table.off()["T"].ahead_s == -600.0
    assert fleet.table.off(-600 * S) == {}
    assert fleet.table.changed

    fleet.table = ClockTable(TOLERANCE_US, 20, fleet.table.pack())
    assert not fleet.table.changed
    assert fleet.result(-600.0).stamp == Stamp(fleet.now_us, -600 * S)


def test_every_kind_of_telemetry_tells_it() -> None:
    """States and increments beside them, too; what the broker retained tells nothing, nor what has no time."""
    for payload in (
        {"status": "running"},
        {"increment": 1, "sequence": 7, "status": "idle"},
        {"environment": {"temperature_c": 5}},
    ):
        fleet = Fleet()
        for _ in range(40):
            fleet.hear("assets/T/status", {**payload, "timestamp": fleet.time(-600.0)})
        assert list(fleet.table.off()) == ["T"], payload

    fleet = Fleet()
    for _ in range(60):
        fleet.hear("assets/T/status", {"status": "running", "timestamp": fleet.time(-600.0)}, retain=True)
        fleet.hear("assets/T/status", {"status": "running"})
        fleet.hear("assets/T/status", {"increment": 1, "timestamp": fleet.time(-600.0)})
    assert fleet.table.off() == {}
    assert not fleet.table.changed


def test_a_result_of_unknown_duration_tells_only_what_is_ahead() -> None:
    """Its test may have taken ten minutes; but nobody sends what will be."""
    behind, ahead, timed = Fleet(), Fleet(), Fleet()
    for _ in range(40):
        behind.result(-600.0)
        ahead.result(600.0)
        timed.result(-600.0, duration_ms=600_000)
    assert (behind.table.off(), timed.table.off()) == ({}, {})
    assert ahead.table.off()["T"].ahead_s == 600.0
    assert ahead.result(600.0).stamp == Stamp(ahead.now_us, 600 * S)


def test_the_duration_of_a_repair_tells_no_clock() -> None:
    """A person says it, as the repair begins or when it is over; only a start that is to come tells."""
    right, ahead = Fleet(), Fleet()
    repair = {"serial_number": "S", "duration_s": 900, "failures": [{"category": "Component", "code": "C"}]}
    for _ in range(40):
        right.hear("testers/T/repairs", {**repair, "timestamp": right.time(0)})
        ahead.hear("testers/T/repairs", {**repair, "timestamp": ahead.time(600.0)})
    assert right.table.off() == {}
    assert right.result(0.0).stamp is None
    assert ahead.table.off()["T"].ahead_s == 600.0


def test_a_repair_that_begins_as_it_is_sent_is_not_put_back_by_the_duration_that_was_entered() -> None:
    """Its device is a moment ahead; it begins at reception."""
    sent = {"serial_number": "S", "duration_s": 900, "failures": [{"category": "Component", "code": "C"}]}
    payload = msgspec.json.encode({**sent, "timestamp": from_us(NOW_US + S).isoformat()})
    read = interpret(RawMessage("testers/T/repairs", payload, NOW_US), ROUTES)
    assert isinstance(read, tuple)
    repair = read[0].event
    assert isinstance(repair, Repair)
    assert to_us(repair.start) == NOW_US
    stamped = msgspec.structs.replace(repair, stamp=Stamp(NOW_US, None))
    assert to_us(settled(stamped, server_us=0, tolerance_us=TOLERANCE_US, moves=True).start) == NOW_US


def test_what_was_corrected_for_lack_of_truth_is_stamped_at_once() -> None:
    """It is not known yet whose clock is wrong."""
    assert Fleet().result(600.0).stamp == Stamp(NOW_US + 10 * S, None)


def test_many_devices_stay_few() -> None:
    """The quarter that was silent longest is forgotten; `status` shows the worst."""
    fleet = Fleet()
    start = from_us(NOW_US)
    for turn in range(40):
        for number in range(SHOWN + 20):
            at_us = NOW_US + turn * 10 * S + number
            payload = {"total_count": 1, "timestamp": (from_us(at_us) - timedelta(seconds=100 + number)).isoformat()}
            message = RawMessage(f"assets/D{number}/counters", msgspec.json.encode(payload), at_us)
            outcome = interpret(message, ROUTES)
            assert not isinstance(outcome, Rejection)
            hear(fleet.table, outcome, message)
    off = fleet.table.off()
    assert (len(off), next(iter(off))) == (SHOWN, f"D{SHOWN + 19}")

    later = start + timedelta(hours=1)
    for number in range(MOST):
        payload = {"total_count": 1, "timestamp": later.isoformat()}
        message = RawMessage(f"assets/E{number}/counters", msgspec.json.encode(payload), to_us(later) + 1 + number)
        outcome = interpret(message, ROUTES)
        assert not isinstance(outcome, Rejection)
        hear(fleet.table, outcome, message)
    assert fleet.table.off() == {}
    assert len(msgspec.msgpack.decode(fleet.table.pack())) <= MOST
