from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.simulator.fixtures import MAINTENANCE_AFTER, Fixture
from pywats_mqtt.simulator.fleet import seeded
from pywats_mqtt.simulator.jigs import Jig
from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Entry, Outgoing
from pywats_mqtt.simulator.products import PRODUCTS, StepPlan, can_find_defect, measure
from pywats_mqtt.simulator.stations import UPDATE, Station
from pywats_mqtt.simulator.testers import BATCH_SIZE, Tester

NOW = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)
seeds = st.integers(0, 2**31).map(Random)


class Step(msgspec.Struct):
    """A step as it is on the wire."""

    name: str
    status: str
    value: float
    low: float | None = None
    high: float | None = None


class Result(msgspec.Struct):
    """A result as it is on the wire."""

    result: str
    duration_ms: int
    timestamp: datetime
    steps: list[Step]


@given(rng=seeds, defective=st.booleans(), plan=st.sampled_from([s for p in PRODUCTS for s in p.steps]))
def test_a_step_fails_exactly_when_its_shown_value_is_outside_its_limits(
    rng: Random, plan: StepPlan, *, defective: bool
) -> None:
    """The verdict goes by the rounded value that is sent, so that nobody finds a contradiction in it."""
    step = measure(plan, rng, defective=defective)
    inside = (plan.low is None or step.value >= plan.low) and (plan.high is None or step.value <= plan.high)
    assert step.passed is (inside if plan.unit != "bool" else step.value == 1)
    if defective and can_find_defect(plan):
        assert not step.passed


@given(rng=seeds)
def test_a_result_is_the_sum_of_its_steps(rng: Random) -> None:
    """Passed when all steps passed; the test ended before it was published."""
    tester = Tester(numbers=Numbers("SIM-7-T1", "r"), rng=rng, product=PRODUCTS[0])
    for tick in range(40):
        now = NOW + timedelta(seconds=tick)
        result = msgspec.json.decode(tester.next(now).payload, type=Result)
        assert result.result == ("Passed" if all(step.status == "P" for step in result.steps) else "Failed")
        assert result.timestamp + timedelta(milliseconds=result.duration_ms) <= now


@given(rng=seeds)
def test_only_a_failed_unit_is_tested_again(rng: Random) -> None:
    """A passed unit is followed by a new one; a failed one gets at most two more tries, one after the other."""
    tester = Tester(numbers=Numbers("SIM-7-T1", "r"), rng=rng, product=PRODUCTS[1])
    entries = [tester.next(NOW).entry for _ in range(200)]
    tries = 1
    for before, after in pairwise(entries):
        if after.serial_number == before.serial_number:
            tries += 1
            assert not before.passed
            assert tries <= 3
        else:
            assert before.passed or tries == 3
            assert after.serial_number == f"SIM-7-T1-{after.number:06d}"
            tries = 1


@given(rng=seeds)
def test_two_results_never_have_the_same_start(rng: Random) -> None:
    """Serial number and start name one result, also where the fleet runs faster than any real tester."""
    tester, jig = Tester(numbers=Numbers("T", "r"), rng=rng, product=PRODUCTS[2]), Jig(device="J", run="r", rng=rng)
    for device in (tester, jig):
        starts = [device.next(NOW).entry.start for _ in range(50)]
        assert starts == sorted(set(starts))


def counts(entries: list[Entry]) -> list[tuple[int, int, str]]:
    """Total, running count and status word of each message that states counts."""
    return [(e.total, e.running, e.status) for e in entries if e.total is not None and e.running is not None]


@given(rng=seeds)
def test_totals_only_grow_and_running_begins_anew_after_maintenance(rng: Random) -> None:
    """As a real counter: the running count goes back only in the heartbeat after a maintenance."""
    fixture = Fixture(device="F", run="r", rng=rng, now=NOW)
    stated = counts([fixture.next(NOW + timedelta(seconds=tick)).entry for tick in range(3_000)])
    for (total, running, _), (next_total, next_running, next_word) in pairwise(stated):
        assert next_total >= total
        assert next_running >= running or (next_running == 0 and next_word == "running")
    assert min(running for _, running, _ in stated) == 0
    assert max(running for _, running, _ in stated) < 2 * MAINTENANCE_AFTER


def test_a_later_run_counts_on_above_an_earlier_one() -> None:
    """WATS ignores a lower total, so a second run must not begin below, also where the first ran very fast."""
    earlier = Fixture(device="F", run="r", rng=seeded("F"), now=NOW)
    later = Fixture(device="F", run="r", rng=seeded("F"), now=NOW + timedelta(seconds=6))
    first = counts([earlier.next(NOW + timedelta(milliseconds=tick)).entry for tick in range(5_000)])
    ((second, _, _),) = counts([later.next(NOW + timedelta(seconds=6)).entry])
    assert second >= max(total for total, _, _ in first)


def story(rng: Random, count: int) -> list[Outgoing]:
    """The first messages of a station, a second apart."""
    station = Station(device="S", line="L", run="r", rng=rng, product=PRODUCTS[0])
    return [station.next(NOW + timedelta(seconds=tick)) for tick in range(count)]


def said(message: Outgoing) -> dict[str, object]:
    """A payload."""
    return msgspec.json.decode(message.payload, type=dict[str, object])


@given(rng=seeds)
def test_a_station_says_who_it_is_before_it_tests(rng: Random) -> None:
    """Operator, software and configuration come first."""
    assert [message.entry.kind for message in story(rng, 3)] == ["operator", "software", "config"]


@given(rng=seeds)
def test_each_unit_enters_is_tested_and_leaves(rng: Random) -> None:
    """Perhaps scanned before; and repaired after that where its last test failed, under the id of that test."""
    units: dict[str, list[Outgoing]] = {}
    for message in story(rng, 120):
        if message.entry.serial_number and message.entry.kind != "batch":
            units.setdefault(message.entry.serial_number, []).append(message)
    *finished, _ = units.values()
    for messages in finished:
        kinds = [message.entry.kind for message in messages if message.entry.kind not in {"scan", "measurements"}]
        tests = [message.entry for message in messages if message.entry.kind == "result"]
        mended = ["repair"] if not tests[-1].passed else []
        assert kinds == ["unit", *["result"] * len(tests), "unit", *mended]
        stays = [said(message)["event"] for message in messages if message.entry.kind == "unit"]
        assert stays == ["unit_entered", "unit_exited"]
        if mended:
            assert said(messages[-1])["test_message_id"] == tests[-1].message_id


def test_a_batch_is_summed_up_when_its_last_unit_is_done() -> None:
    """As many units as the results of the batch are of, those that failed in the end apart."""
    messages = story(Random(5), 2_000)  # noqa: S311 - simulated values
    batches = [said(message) for message in messages if message.entry.kind == "batch"]
    assert len(batches) > 3
    for batch in batches:
        last: dict[object, bool] = {}
        failures: Counter[str] = Counter()
        for message in messages:
            payload = said(message)
            if message.entry.kind == "result" and payload["batch"] == batch["batch_id"]:
                result = msgspec.json.decode(message.payload, type=Result)
                last[payload["serial_number"]] = result.result == "Passed"
                failures.update(step.name for step in result.steps if step.status == "F")
        assert (batch["good"], batch["failed"]) == (sum(last.values()), BATCH_SIZE - sum(last.values()))
        assert batch["failures"] == dict(failures)


def test_an_update_goes_through_its_states_and_the_new_version_follows() -> None:
    """The inventory after it names the version that the update named."""
    messages = story(Random(3), 4_000)  # noqa: S311 - simulated values
    *places, last = [place for place, message in enumerate(messages) if message.entry.kind == "software"]
    versions = [messages[place].entry.tags["sw_test_sequence"] for place in (*places, last)]
    assert len(set(versions)) == len(versions) > 3
    for place in (*places[1:], last):
        *steps, inventory = messages[place - len(UPDATE) : place + 1]
        assert [said(step)["status"] for step in steps] == list(UPDATE)
        assert inventory.entry.tags["sw_test_sequence"] == said(steps[0])["version"]


@given(rng=seeds)
def test_alerts_of_a_fixture_are_raised_and_cleared_in_turn(rng: Random) -> None:
    """One stands at a time, under a code of its run, and each message names itself in its text."""
    fixture = Fixture(device="F", run="r", rng=rng, now=NOW)
    messages = [fixture.next(NOW + timedelta(seconds=tick)) for tick in range(200)]
    alerts = [(said(message), message.entry) for message in messages if message.entry.kind == "alerts"]
    assert [alert["active"] for alert, _ in alerts] == [place % 2 == 0 for place in range(len(alerts))]
    for (raised, _), (cleared, _) in zip(alerts[::2], alerts[1::2], strict=False):
        assert raised["code"] == cleared["code"]
    assert all(f"[{entry.message_id}]" in str(alert["text"]) and entry.logged for alert, entry in alerts)
