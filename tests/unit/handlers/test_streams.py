"""Streams are opened, added to and ended once, whatever comes late, twice, out of order or to an end in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import UnitAtTester
from pywats_mqtt.handlers import stream_notes
from tests.unit.handlers.streams_bench import TESTER, UNIT, Bench, channel

LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing."""
    return Bench(wats={"default_part_number": "PN"})


async def test_a_result_takes_the_stream_of_its_unit_with_it(bench: Bench) -> None:
    """One report, with the steps of both, and one call; what is measured then is another stream."""
    await bench.measure(40.0, part_number="OF-STREAM")
    await bench.measure(42.0, 44.0)
    assert not bench.wats.calls
    await bench.result()

    report = bench.report()
    assert [step.name for step in report.steps] == ["Final", "T"]
    assert channel(report) == {"min": 40.0, "mean": 42.0, "max": 44.0, "samples": 3.0, "y": [42.0, 40.0, 44.0]}
    assert (report.result, report.part_number, report.kind) == ("P", "OF-STREAM", "results")
    assert [name for name, _, _ in bench.wats.calls] == ["submit_report"]
    bench.clock.seconds += 10
    await bench.measure(1.0)
    await bench.leaves()
    assert sorted(report.kind for report in bench.reports()) == ["measurements", "results"]


async def test_other_units_and_other_testers_are_left_alone(bench: Bench) -> None:
    """A result without a stream is a result."""
    await bench.measure(40.0)
    await bench.result(serial_number="U2")
    assert [step.name for step in bench.report().steps] == ["Final"]
    await bench.result()

    assert {report.serial_number: len(report.steps) for report in bench.reports()} == {"U2": 1, UNIT: 2}


async def test_the_verdict_that_follows_from_the_steps_follows_from_the_stream_too(bench: Bench) -> None:
    """A device's own verdict stands, and the contradiction is noted."""
    await bench.measure(60.0)
    await bench.result(None)
    assert bench.report().result == "F"

    other = Bench()
    await other.measure(60.0)
    await other.result("Passed")
    assert other.report().result == "P"
    assert dict(other.report().misc)["verdict_conflict"] == "result P, samples F: T/DUT"


@pytest.mark.parametrize(("value", "verdict"), [(40.0, "P"), (60.0, "F")])
async def test_a_unit_that_leaves_ends_its_stream(bench: Bench, value: float, verdict: str) -> None:
    """The report covers its visit, from the entry to the exit; the exit told again changes nothing."""
    await bench.unit("unit_entered")
    bench.clock.seconds += 5
    await bench.measure(value)
    bench.clock.seconds += 10
    await bench.unit("unit_exited")
    await bench.unit("unit_exited")
    assert not bench.reports()
    bench.clock.seconds += 10
    await bench.look()
    await bench.unit("unit_exited")
    await bench.look()

    report = bench.report()
    assert (report.result, report.duration_s, report.device) == (verdict, 15.0, TESTER)
    assert bench.versions() == 1
    assert bench.figures.ended == {"unit_exited": 1}


async def test_a_result_that_comes_after_its_unit_left_takes_the_stream_with_it(bench: Bench) -> None:
    """A tester and a station are two clients: their messages come in any order; through a restart."""
    await bench.measure(40.0)
    await bench.unit("unit_exited")
    bench.clock.seconds += 4
    await bench.measure(41.0, at=-4.0)
    bench.clock.seconds += 5
    await bench.look()
    bench.restart()
    await bench.result()
    bench.clock.seconds += 60
    await bench.look()

    report = bench.report()
    assert (report.kind, len(report.steps), channel(report)["samples"], bench.versions()) == ("results", 2, 2.0, 1)
    assert bench.figures.ended == {"result": 1}


async def test_while_the_broker_is_away_a_unit_that_left_keeps_its_stream(bench: Bench) -> None:
    """Its result waits at the broker."""
    await bench.measure(40.0)
    await bench.unit("unit_exited")
    bench.clock.seconds += 600
    bench.tell_again()
    await bench.look()
    assert not bench.reports()
    bench.clock.seconds += 10
    await bench.look()

    assert bench.report().kind == "measurements"


@pytest.mark.parametrize("refused", [False, True])
async def test_a_unit_that_comes_again_ends_the_stream_of_its_visit(bench: Bench, *, refused: bool) -> None:
    """At once, with the time of its exit; where WATS refuses the report, what it enters for goes on all the same."""
    await bench.measure(40.0)
    bench.clock.seconds += 3
    await bench.unit("unit_exited")
    bench.clock.seconds += 2
    if refused:
        bench.wats.fail_next("submit_report", Reject("no such process"))
    await bench.unit("unit_entered")
    await bench.unit("unit_entered")
    bench.clock.seconds += 1
    await bench.measure(41.0)
    bench.clock.seconds += 1
    await bench.result()

    assert len(bench.refused) == refused
    kinds = {report.kind: channel(report).get("samples", 1.0) for report in bench.reports()}
    assert kinds == ({"results": 2.0} if refused else {"measurements": 1.0, "results": 1.0})
    assert refused or [report.duration_s for report in bench.reports() if report.kind == "measurements"] == [3.0]


async def test_each_visit_has_its_own_times(bench: Bench) -> None:
    """From the entry to the exit, or to the result that came after it."""
    await visits(bench)

    assert [report.duration_s for report in bench.reports()] == [None, 3.0, 5.0, 0.0]
    assert {channel(report)["value"] for report in bench.reports()} == {1.0, 2.0, 3.0, 4.0}


@pytest.mark.parametrize("exit_s", [0.0, 2_000.0])
async def test_the_time_for_a_result_is_bounded_by_the_timeout(exit_s: float) -> None:
    """And may be none: then the next look ends the stream."""
    bench = Bench(streams={"exit_s": exit_s, "timeout_s": 900.0})
    await bench.measure(40.0)
    bench.clock.seconds += 50
    await bench.send(
        f"stations/{TESTER}/unit",
        {"event": "unit_exited", "serial_number": UNIT, "timestamp": bench.now_us() // 1_000 - 45_000},
    )
    bench.clock.seconds += min(exit_s, 899.9)
    await bench.look()
    assert len(bench.reports()) == (not exit_s)
    bench.clock.seconds += 0.1
    await bench.look()

    assert (bench.report().result, bench.report().duration_s) == ("P", 5.0)


async def test_units_of_a_backlog_that_left_are_no_open_streams() -> None:
    """Their exits and what is measured next come within a moment; `max_open` is for units that are there."""
    bench = Bench(streams={"max_open": 1})
    for number in range(3):
        await bench.measure(1.0, serial_number=f"U{number}")
        left = {"event": "unit_exited", "serial_number": f"U{number}", "timestamp": bench.now_us() // 1_000}
        await bench.send(f"stations/{TESTER}/unit", left)
    bench.clock.seconds += 10
    await bench.look()

    assert (len(bench.reports()), bench.refused) == (3, [])


async def test_what_is_measured_long_after_the_exit_is_of_another_visit(bench: Bench) -> None:
    """In a backlog it comes at once, and where the station does not say that units enter."""
    await bench.measure(1.0, at=-3_600.0)
    left = {"event": "unit_exited", "serial_number": UNIT, "timestamp": bench.now_us() // 1_000 - 3_595_000}
    await bench.send(f"stations/{TESTER}/unit", left)
    await bench.measure(2.0)
    await bench.result()

    assert {report.kind: channel(report)["value"] for report in bench.reports()} == {
        "measurements": 1.0,
        "results": 2.0,
    }


@pytest.mark.parametrize("timestamp", [None, 0], ids=["none", "never set"])
async def test_a_result_of_a_backlog_takes_its_stream_whatever_it_says_of_its_time(
    bench: Bench, timestamp: int | None
) -> None:
    """Its start is that of its reception then, which is long after the exit; two reports would be of one test."""
    await bench.measure(1.0, at=-3_600.0)
    left = {"event": "unit_exited", "serial_number": UNIT, "timestamp": bench.now_us() // 1_000 - 3_595_000}
    await bench.send(f"stations/{TESTER}/unit", left)
    await bench.result(timestamp=timestamp, message_id="R1")

    assert channel(bench.report())["value"] == 1.0
    bench.clock.seconds += 5
    await bench.measure(2.0)
    await bench.unit("unit_exited")
    bench.clock.seconds += 90
    await bench.result(timestamp=timestamp, message_id="R2")
    assert len(bench.reports()) == 3


async def test_a_stream_that_wats_refused_goes_on_with_its_unit(bench: Bench) -> None:
    """What left is here again: nothing ends the stream in the middle of its next visit."""
    await bench.measure(40.0)
    bench.wats.fail_next("submit_report", Reject("no such process"))
    await bench.leaves()
    await bench.measure(41.0)
    bench.clock.seconds += 60
    await bench.look()
    assert not bench.reports()
    await bench.result()

    assert channel(bench.report())["samples"] == 2.0


async def test_a_refused_entry_that_is_tried_again_ends_the_stream_of_the_visit_before(bench: Bench) -> None:
    """A person mended what WATS refused; the station tells whole seconds."""
    await bench.measure(40.0)
    await bench.unit("unit_exited")
    entered = UnitAtTester(device=TESTER, serial_number=UNIT, action="entered", at_us=bench.now_us() // 1_000 * 1_000)
    bench.wats.fail_next("submit_report", Reject("no such process"))
    for _ in range(2):
        await bench.deliver(entered)
    bench.clock.seconds += 5
    await bench.measure(41.0)
    await bench.leaves()

    assert [report.duration_s for report in bench.reports()] == [0.0, 5.0]


async def test_the_station_of_a_tester_is_configured() -> None:
    """The station of the tester's own id is then another one."""
    bench = Bench(production={"testers": {TESTER: "S3"}})
    await bench.measure(1.0)
    await bench.unit("unit_exited", station=TESTER)
    bench.clock.seconds += 10
    await bench.look()
    assert not bench.reports()
    await bench.unit("unit_exited", station="S3")
    bench.clock.seconds += 10
    await bench.look()

    assert len(bench.reports()) == 1


async def test_a_unit_that_comes_and_goes_without_a_sample_is_no_report(bench: Bench) -> None:
    """And leaves nothing in the notes."""
    await bench.unit("unit_entered")
    await bench.unit("unit_exited")
    await bench.look()

    assert not bench.reports()
    assert not [name for name in bench.notes.kept if name.startswith("stream")]


async def test_an_earlier_exit_that_comes_late_ends_nothing(bench: Bench) -> None:
    """It belongs to the visit before."""
    left = {"event": "unit_exited", "serial_number": UNIT, "timestamp": bench.now_us() // 1_000 - 61_000}
    await bench.measure(1.0)
    await bench.send(f"stations/{TESTER}/unit", left)
    bench.clock.seconds += 10
    await bench.look()

    assert not bench.reports()


async def test_the_clocks_of_a_tester_and_a_station_may_differ(bench: Bench) -> None:
    """By less than a minute; the exit is no earlier one for that."""
    left = {"event": "unit_exited", "serial_number": UNIT, "timestamp": bench.now_us() // 1_000 - 50_000}
    await bench.measure(1.0)
    await bench.send(f"stations/{TESTER}/unit", left)
    bench.clock.seconds += 10
    await bench.look()

    assert bench.report().duration_s == 0.0


async def test_a_tester_ends_its_stream_itself(bench: Bench) -> None:
    """With its last samples, and its own verdict."""
    await bench.measure(40.0)
    await bench.measure(41.0, end=True, result="Error")
    await bench.send(f"testers/{TESTER}/measurements", {"serial_number": UNIT, "end": True})  # nothing is open

    report = bench.report()
    assert (report.result, channel(report)["samples"], bench.versions()) == ("E", 2.0, 1)


async def test_silence_ends_a_stream_as_terminated_once(bench: Bench) -> None:
    """Through a restart; a stream that is heard meanwhile goes on."""
    await bench.measure(40.0)
    bench.clock.seconds += 800
    await bench.measure(41.0)
    bench.clock.seconds += 800
    await bench.look()
    assert not bench.reports()
    bench.restart()
    bench.clock.seconds += 901
    await bench.look()
    await bench.look()

    assert (bench.report().result, bench.versions()) == ("T", 1)
    assert channel(bench.report())["samples"] == 2.0


async def test_silence_says_nothing_while_the_broker_is_away(bench: Bench) -> None:
    """And counts anew once it is back: what testers said meanwhile is still to come."""
    await bench.measure(40.0)
    bench.listening = False
    bench.clock.seconds += 2_000
    await bench.look()
    bench.listening = True
    bench.tell_again()
    await bench.look()
    assert not bench.reports()
    bench.clock.seconds += 901
    await bench.look()

    assert bench.report().result == "T"


async def test_silence_says_nothing_while_the_spool_is_full(bench: Bench) -> None:
    """Nothing is read from the broker then, and nothing may be put in the inbox: that would wait for room."""
    await bench.measure(40.0)
    bench.room = False
    bench.clock.seconds += 2_000
    await bench.look()
    bench.room = True
    await bench.look()
    assert not bench.reports()
    bench.clock.seconds += 901
    await bench.look()

    assert bench.report().result == "T"


async def test_what_is_due_is_put_in_the_inbox_once(bench: Bench) -> None:
    """However often the look finds it, while the line of the tester waits."""
    await bench.measure(40.0)
    bench.clock.seconds += 901
    for _ in range(3):
        await bench.find_due()

    assert len(bench.inbox) == 1


async def test_a_sample_that_overtakes_the_timeout_keeps_the_stream_open(bench: Bench) -> None:
    """The look found it silent, but in the line of the tester a sample came first."""
    await bench.measure(40.0)
    bench.clock.seconds += 901
    await bench.find_due()
    await bench.measure(41.0)
    await bench.look()

    assert not bench.reports()


async def test_late_samples_go_into_the_report_in_one_more_call(bench: Bench) -> None:
    """Several of them, at their places; under the same id; the newer stream of the unit is left alone."""
    await bench.measure(40.0, 44.0)
    await bench.result()
    bench.clock.seconds += 20
    await bench.measure(1.0, path="T/Next")
    await bench.measure(42.0, at=-20.5)
    await bench.measure(43.0, at=-20.2)
    await bench.look()
    assert bench.versions() == 1
    bench.clock.seconds += 11
    await bench.look()
    await bench.look()

    report = bench.report()
    assert bench.versions() == 2
    assert channel(report)["y"] == [40.0, 42.0, 43.0, 44.0]
    assert [step.name for step in report.steps] == ["Final", "T"]
    assert not channel(report, "Next")
    assert bench.figures.late_messages == 2


async def test_samples_that_come_too_late_begin_a_stream(bench: Bench) -> None:
    """After `late_s` the report is as it is; what was measured for it is no longer kept."""
    await bench.measure(40.0)
    await bench.leaves()
    bench.clock.seconds += 301
    await bench.look()
    assert not [name for name in bench.notes.kept if name.startswith("stream/")]
    await bench.measure(41.0, at=-311.0)
    await bench.leaves()
    bench.clock.seconds += 301
    await bench.unit("unit_exited")

    assert [channel(report)["value"] for report in bench.reports()] == [40.0, 41.0]
    (left,) = [name for name in bench.notes.kept if name.startswith("stream")]
    assert left.startswith("streams/")  # that the last one has ended


async def test_a_report_that_counts_assets_is_not_sent_again() -> None:
    """WATS might count them twice; late samples then begin a stream of their own."""
    bench = Bench(wats={"count_from": "reports"})
    await bench.measure(40.0)
    await bench.result(assets=[{"asset": "FIX"}])
    await bench.measure(41.0, at=-1.0)
    bench.clock.seconds += 30
    await bench.look()

    assert bench.versions() == 1
    assert bench.figures.opened == 2
    assert not [name for name in bench.notes.kept if name.endswith("/result")]


async def test_the_lines_of_a_stream_are_out_of_order(bench: Bench) -> None:
    """Samples stand by their time."""
    await bench.measure(3.0)
    await bench.measure(1.0, at=-2.0)
    await bench.measure(2.0, at=-1.0)
    await bench.leaves()

    assert channel(bench.report())["y"] == [1.0, 2.0, 3.0]
    assert bench.report().duration_s == 2.0


async def test_a_message_that_does_not_fit_is_refused_and_leaves_the_stream_as_it_is() -> None:
    """Another unit, too many channels, too many streams."""
    bench = Bench(streams={"max_channels": 1, "max_open": 1})
    await bench.send(
        f"testers/{TESTER}/measurements",
        {"serial_number": "U0", "measurements": [{"path": "A", "value": 1}, {"path": "B", "value": 1}]},
    )
    await bench.measure(40.0, unit="x")
    await bench.measure(40.0, path="T/Other")
    await bench.measure(40.0, serial_number="U2")
    await bench.leaves()

    assert bench.figures.opened == 1
    assert [refused.path for refused in bench.refused] == [
        "$.measurements[1].path",
        "$.measurements[0].path",
        "$.serial_number",
    ]
    assert channel(bench.report())["value"] == 40.0


async def test_a_report_that_wats_refuses_keeps_its_samples_and_is_tried_at_the_next_start(bench: Bench) -> None:
    """The refused event is in quarantine; the look does not ask again and again."""
    await bench.measure(40.0)
    bench.wats.fail_next("submit_report", Reject("no such process"))
    await bench.leaves()
    for _ in range(3):
        bench.clock.seconds += 901
        await bench.look()
    assert [refused.reason for refused in bench.refused] == ["no such process"]
    assert not bench.reports()
    bench.restart()
    bench.clock.seconds += 901
    await bench.look()

    assert (bench.report().result, channel(bench.report())["value"]) == ("P", 40.0)


async def test_a_lost_answer_leaves_one_report(bench: Bench) -> None:
    """Sent again, it overwrites itself."""
    await bench.measure(40.0)
    bench.wats.fail_next("submit_report", LOST, after=True)
    await bench.result()

    assert bench.versions() == 2
    assert channel(bench.report())["value"] == 40.0


@pytest.mark.parametrize("ends", ["result", "end"])
async def test_what_ended_a_stream_may_be_delivered_again_long_after(bench: Bench, ends: str) -> None:
    """We died before it was written down that it is done, and were away for longer than streams are kept: no call."""
    await bench.measure(1.0)
    await bench.result()
    bench.clock.seconds += 1
    await bench.measure(40.0)
    bench.notes.away_s, bench.notes.dies_with = 1_000.0, b"\xa6closed"
    await (bench.result(message_id="R") if ends == "result" else bench.measure(41.0, end=True))

    assert bench.notes.deaths == 1
    assert [len(versions) for versions in bench.wats.reports.values()] == [1, 1]
    assert channel(bench.reports()[1])["samples" if ends == "end" else "value"] == (2.0 if ends == "end" else 40.0)
    assert bench.figures.late_messages == 0


async def story(bench: Bench) -> None:
    """Live through all that can happen to a stream."""
    await bench.unit("unit_entered")
    for number in range(12):
        bench.clock.seconds += 1
        await bench.measure(float(number), float(number) + 0.5)
    await bench.leaves()
    bench.clock.seconds += 5
    await bench.measure(99.0, at=-20.0)
    bench.clock.seconds += 11
    await bench.look()
    for number in range(4):
        bench.clock.seconds += 1
        await bench.measure(float(number))
    await bench.result(message_id="R")
    bench.clock.seconds += 1
    await bench.measure(50.0)
    bench.clock.seconds += 901
    await bench.look()
    bench.clock.seconds += 400
    await bench.look()


async def visits(bench: Bench) -> None:
    """Let a unit leave before its result, before it enters again, and long before it is measured again."""
    await bench.unit("unit_entered")
    await bench.measure(1.0)
    bench.clock.seconds += 2
    await bench.unit("unit_exited")
    bench.clock.seconds += 2
    await bench.result(message_id="R")
    bench.clock.seconds += 20
    await bench.unit("unit_entered")
    bench.clock.seconds += 1
    await bench.measure(2.0)
    bench.clock.seconds += 2
    await bench.unit("unit_exited")
    bench.clock.seconds += 2
    await bench.unit("unit_entered")
    bench.clock.seconds += 4
    await bench.measure(3.0)
    bench.clock.seconds += 1
    await bench.unit("unit_exited")
    bench.clock.seconds += 400
    await bench.measure(4.0)
    await bench.leaves()
    bench.clock.seconds += 901
    await bench.look()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(("lived", "verdicts"), [(story, ["F", "P", "T"]), (visits, ["P", "P", "P", "P"])])
async def test_killed_at_any_write_the_reports_are_the_same(
    monkeypatch: pytest.MonkeyPatch, lived: Callable[[Bench], Awaitable[None]], verdicts: list[str], *, again: bool
) -> None:
    """Before or after each note, and killed once more soon after: the same reports with the same samples."""
    monkeypatch.setattr(stream_notes, "WHOLE_FROM_BYTES", 400)
    whole = Bench()
    await lived(whole)
    expected = whole.reports()
    assert [report.result for report in expected] == verdicts
    assert whole.notes.written > 15

    for dies_at in range(2 * whole.notes.written):
        bench = Bench()
        bench.notes.dies_at = dies_at
        bench.notes.dies_again = 3 if again else None
        await lived(bench)
        assert bench.notes.deaths
        assert bench.reports() == expected, f"killed at {dies_at}"
        assert bench.notes.kept.keys() == whole.notes.kept.keys(), f"killed at {dies_at}"


async def test_streams_that_are_not_used_leave_the_memory_and_come_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything that was measured."""
    monkeypatch.setattr(stream_notes, "POINTS_IN_MEMORY", 20)
    for _ in range(5):
        bench.clock.seconds += 1
        for unit in range(30):
            await bench.measure(float(unit), serial_number=f"U{unit}")
    for unit in range(30):
        await bench.result(serial_number=f"U{unit}")

    assert len(bench.reports()) == 30
    assert {channel(report)["samples"] for report in bench.reports()} == {5.0}
    assert [channel(report)["max"] for report in bench.reports()] == [float(unit) for unit in range(30)]


async def test_what_is_kept_on_disk_is_bounded(bench: Bench) -> None:
    """A stream of twenty thousand samples in two thousand messages."""
    for _ in range(2_000):
        bench.clock.seconds += 10
        await bench.measure(*map(float, range(10)))
    kept = sum(len(value) for name, value in bench.notes.kept.items() if name.startswith("stream"))
    await bench.leaves()

    assert kept < 250_000
    assert channel(bench.report())["samples"] == 20_000.0
    assert len(channel(bench.report())["y"]) <= 2_000
