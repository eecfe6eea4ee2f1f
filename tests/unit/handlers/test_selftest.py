"""Self-tests: what a failed or overdue one leads to, in WATS, at the broker and on the reports of units."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import AssetAlert, AssetState, AssetUse
from pywats_mqtt.handlers.selftest import AGAIN_S, CALL
from pywats_mqtt.handlers.selftests import PREFIX, decode
from tests.unit.handlers.selftest_bench import (
    FIXTURE,
    FORBIDDEN,
    IN_MAINTENANCE,
    IN_OPERATION,
    IN_STORAGE,
    IN_TRANSIT,
    LOST,
    SIX_US,
    Bench,
    self_test,
    unit,
)


async def test_off_does_nothing() -> None:
    """As by default: no call but the report's, and nothing is kept."""
    bench = Bench("off", every_h=1)
    assert await bench.handle(self_test(0, "F"), unit(1)) == ["submit_report", "submit_report"]
    assert await bench.look(9) == []
    assert (bench.checks(), bench.said, bench.notes.kept) == ({}, [], {})
    assert BridgeConfig().assets.selftest_failed == "off"


async def test_a_failed_self_test_names_the_units_since_the_last_good_one() -> None:
    """In the log of the asset and in an alarm; those tested before, or elsewhere, are not among them."""
    bench = Bench()
    await bench.handle(self_test(0), unit(1), self_test(2), unit(3), unit(4), unit(5, assets=(AssetUse("OTHER"),)))
    assert bench.log() == []
    calls = await bench.handle(self_test(6, "F"))

    assert calls == ["submit_report", "set_tags", "log_message", "log_message"]
    first, units = bench.log()
    assert first == (
        f"Self-test failed at 2026-01-26T12:00:00+00:00 (report {self_test(6).report_id}); "
        "2 reports of units since the last good one at 2026-01-26T08:00:00+00:00"
    )
    assert units == "Suspect units by the self-test of 2026-01-26T12:00:00+00:00, 1: U3, U4"
    assert bench.wats.assets[FIXTURE].tags == {"selftest": "failed 2026-01-26T12:00:00+00:00"}
    ((topic, alarm),) = bench.alarms()
    assert (topic, alarm["asset"], alarm["active"]) == ("wats/alarms/selftest_failed", FIXTURE, True)
    assert (alarm["suspects"], alarm["serial_numbers"]) == (2, "U3, U4")
    assert alarm["report_ids"] == f"{unit(3).report_id}, {unit(4).report_id}"


@pytest.mark.parametrize(
    "used", [{"device": FIXTURE, "kind": "results"}, {"fixture": FIXTURE}, {"assets": (AssetUse(FIXTURE),)}]
)
async def test_units_tested_on_a_bad_fixture_say_so_until_it_passes(used: dict[str, Any]) -> None:
    """Whether it is the tester, the fixture or an asset of the test; judged by its start, also when it comes late."""
    bench = Bench()
    await bench.handle(self_test(0), unit(1, **used), self_test(2, "E"), unit(3, **used), self_test(4))
    await bench.handle(unit(5, **used))
    assert bench.checks() == {"U3": [f"failed 2026-01-26T08:00:00+00:00: {FIXTURE}"]}

    await bench.handle(unit(1.5, **used), unit(3.5, **used), unit(-1, **used))
    assert bench.checks() == {
        "U1.5": [f"suspect, failed 2026-01-26T08:00:00+00:00: {FIXTURE}"],
        "U3": [f"failed 2026-01-26T08:00:00+00:00: {FIXTURE}"],
        "U3.5": [f"failed 2026-01-26T08:00:00+00:00: {FIXTURE}"],
    }
    assert (
        bench.log()[-1] == "Self-test passed at 2026-01-26T10:00:00+00:00; it had failed at 2026-01-26T08:00:00+00:00"
    )
    assert [(topic, alarm["active"]) for topic, alarm in bench.alarms()] == [
        ("wats/alarms/selftest_failed", True),
        ("wats/alarms/selftest_failed", False),
    ]


async def test_a_good_fixture_costs_a_tag_and_nothing_else() -> None:
    """Each self-test shows its time; results of units on it are sent as they came."""
    bench = Bench()
    assert await bench.handle(self_test(0)) == ["submit_report", "set_tags"]
    assert await bench.handle(unit(1)) == ["submit_report"]
    assert await bench.look(1) == []
    assert bench.wats.assets[FIXTURE].tags == {"selftest": "passed 2026-01-26T06:00:00+00:00"}
    assert bench.wats.reports[str(unit(1).report_id)] == [unit(1)]


async def test_histories_of_a_fixture_are_no_units() -> None:
    """A report of its environment or of a shift has its serial number, and is neither suspect nor marked."""
    bench = Bench()
    await bench.handle(
        self_test(0), unit(1, FIXTURE, kind="environment"), unit(2, kind="measurements", fixture=FIXTURE)
    )
    await bench.handle(self_test(3, "F"), unit(4, FIXTURE, kind="environment"))
    assert bench.alarms()[0][1]["serial_numbers"] == "U2"
    assert bench.checks() == {}


async def test_a_terminated_or_older_self_test_says_nothing() -> None:
    """Nor does one that comes before any other."""
    bench = Bench()
    await bench.handle(self_test(1, "T"))
    assert bench.notes.kept == {}
    await bench.handle(self_test(5), self_test(3, "F"), self_test(6, "T"), unit(7))
    assert (bench.log(), bench.checks()) == ([], {})


async def test_an_overdue_self_test_is_noticed_without_a_message_and_after_a_restart() -> None:
    """The tag, the log and an alarm say so, reports of units too; the next one that passes ends it."""
    bench = Bench(every_h=8)
    await bench.handle(self_test(0), unit(1))
    assert await bench.look(8) == []
    bench.restart()
    assert await bench.look(8.05) == []
    assert await bench.look(9) == ["set_tags", "log_message"]
    bench.restart()
    assert await bench.look(10) == []
    await bench.handle(unit(9), unit(7))
    since = "overdue since 2026-01-26T14:00:00+00:00"
    assert bench.checks() == {"U9": [f"{since}: {FIXTURE}"]}
    assert bench.log() == [f"Self-test {since}: the last one passed at 2026-01-26T06:00:00+00:00"]
    tag = bench.wats.assets[FIXTURE].tags["selftest"]
    assert tag == f"{since}, passed 2026-01-26T06:00:00+00:00"

    await bench.handle(self_test(11))
    assert "it was overdue since 2026-01-26T14:00:00" in bench.log()[-1]
    assert [(topic, alarm["active"]) for topic, alarm in bench.alarms()] == [
        ("wats/alarms/selftest_overdue", True),
        ("wats/alarms/selftest_overdue", False),
    ]


async def test_nothing_is_overdue_before_what_was_sent_while_we_were_away_could_be_read() -> None:
    """After a start, and after the broker was away: else each weekend would put the fixtures in maintenance."""
    bench = Bench("block", every_h=8)
    await bench.handle(self_test(0))
    bench.clock.seconds = 9 * 3_600
    bench.restart()
    assert await bench.look(9.05) == []
    await bench.handle(self_test(7))
    assert await bench.look(9.5) == []
    bench.clock.seconds = 16 * 3_600
    bench.handlers.tell_again()
    assert await bench.look(16.05) == []
    await bench.handle(self_test(14))
    assert await bench.look(17) == []
    assert bench.alarms() == []
    assert bench.state == IN_OPERATION


async def test_lines_that_a_log_never_takes_are_bounded() -> None:
    """The newest are kept, and what is being sent."""
    bench = Bench()
    for hour in range(300):
        bench.wats.fail_next("log_message", FORBIDDEN)
        await bench.handle(self_test(hour, "F" if hour % 2 else "P"))
    known = decode(bench.notes.kept[PREFIX + FIXTURE])
    assert len(known.owed) == 200
    assert "failed at 2026-02-07T17:00" in known.owed[-1]


async def test_a_fixture_that_fails_when_it_is_overdue_has_all_units_since_it_was_good() -> None:
    """Those before the self-test was due, and those after."""
    bench = Bench(every_h=8)
    await bench.handle(self_test(0), unit(1))
    await bench.look(9)
    await bench.handle(unit(10), self_test(11, "F"))

    assert bench.log()[-1].endswith(": U1, U10")
    assert [(topic.rpartition("/")[2], alarm["active"]) for topic, alarm in bench.alarms()] == [
        ("selftest_overdue", True),
        ("selftest_overdue", False),
        ("selftest_failed", True),
    ]


async def test_a_failed_fixture_is_not_overdue_besides() -> None:
    """It is not good as it is; and what was tested before its first self-test was known is not suspect."""
    bench = Bench(every_h=8)
    await bench.handle(self_test(0, "F"), unit(-1))
    assert await bench.look(20) == []
    assert [topic for topic, _ in bench.alarms()] == ["wats/alarms/selftest_failed"]
    assert bench.checks() == {}


async def test_an_asset_that_was_deleted_is_made_anew() -> None:
    """A line was refused, and an hour later the asset is gone."""
    bench = Bench()
    bench.wats.fail_next("log_message", Reject("there is no such asset"))
    await bench.handle(self_test(0, "F"))
    del bench.wats.assets[FIXTURE]
    await bench.look(1)
    assert len(bench.log()) == 1


async def test_block_holds_the_asset_in_maintenance_until_a_self_test_passes() -> None:
    """Whatever it says of itself meanwhile; then it has the state that it had said."""
    bench = Bench("block")
    running = AssetState(asset=FIXTURE, status="running", state=IN_OPERATION)
    await bench.handle(running, self_test(0))
    assert await bench.handle(self_test(1, "F")) == [
        "submit_report", "set_tags", "asset", "set_state", "log_message",
    ]  # fmt: skip
    assert bench.state == IN_MAINTENANCE
    await bench.handle(running)
    bench.restart()
    await bench.handle(running)
    await bench.look(1)
    assert bench.state == IN_MAINTENANCE

    assert await bench.handle(self_test(2)) == ["submit_report", "set_tags", "asset", "set_state", "log_message"]
    assert bench.state == IN_OPERATION
    await bench.handle(running)
    assert bench.state == IN_OPERATION


async def test_an_overdue_self_test_blocks_too() -> None:
    """And a passed one lets go."""
    bench = Bench("block", every_h=8)
    await bench.handle(self_test(0))
    await bench.look(9)
    assert bench.state == IN_MAINTENANCE
    await bench.handle(self_test(10))
    assert bench.state == IN_OPERATION


@pytest.mark.parametrize("state", [IN_MAINTENANCE, IN_STORAGE])
async def test_a_state_that_a_person_set_stays(state: int) -> None:
    """Neither does a failed self-test change it, nor does a good one end it."""
    bench = Bench("block")
    await bench.handle(self_test(0))
    await bench.wats.set_state(FIXTURE, state)
    await bench.handle(self_test(1, "F"))
    assert bench.state == state
    await bench.handle(self_test(2))
    assert bench.state == state


@pytest.mark.parametrize("state", [IN_TRANSIT, IN_STORAGE])
async def test_a_state_that_a_person_set_meanwhile_stays(state: int) -> None:
    """The fixture was sent away, or put in storage, while it was held."""
    bench = Bench("block")
    await bench.handle(self_test(0, "F"))
    await bench.wats.set_state(FIXTURE, state)
    await bench.handle(self_test(1))
    assert bench.state == state


async def test_what_else_keeps_it_in_maintenance_does_so_after_a_good_self_test() -> None:
    """Its own word said meanwhile, or a grave alert."""
    bench = Bench("block")
    broken = AssetState(asset=FIXTURE, status="error", state=IN_MAINTENANCE)
    await bench.handle(self_test(0), self_test(1, "F"), broken, self_test(2))
    assert bench.state == IN_MAINTENANCE

    bench = Bench("block")
    grave = AssetAlert(asset=FIXTURE, code="E42", severity="critical", at_us=SIX_US)
    await bench.handle(self_test(0), self_test(1, "F"), grave, self_test(2))
    assert bench.state == IN_MAINTENANCE
    await bench.handle(msgspec.structs.replace(grave, active=False))
    assert bench.state == IN_OPERATION

    bench = Bench("block")
    await bench.handle(self_test(0), grave, self_test(1, "F"), msgspec.structs.replace(grave, active=False))
    assert bench.state == IN_MAINTENANCE
    await bench.handle(self_test(2))
    assert bench.state == IN_OPERATION


async def test_block_turned_off_again_lets_go_at_the_next_look() -> None:
    """With `tag` the fixture is marked, and held no longer."""
    bench = Bench("block")
    await bench.handle(self_test(0, "F"))
    tag = msgspec.structs.replace(bench.config.assets, selftest_failed="tag")
    bench.config = msgspec.structs.replace(bench.config, assets=tag)
    bench.restart()
    await bench.look(1)
    assert bench.state == IN_OPERATION


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["submit_report", "set_tags", "set_state", "log_message"])
async def test_a_lost_answer_doubles_nothing_and_loses_nothing(call: str, *, after: bool) -> None:
    """Whether WATS did it or not; the bridge starts again in between."""
    bench, calm = Bench("block"), Bench("block")
    for one in (bench, calm):
        await one.handle(self_test(0), unit(1))
    await calm.handle(self_test(2, "F"), self_test(3))
    for event in (self_test(2, "F"), self_test(3)):
        bench.wats.fail_next(call, LOST, after=after)
        with pytest.raises(Retry):
            await bench.handle(event)
        bench.restart()
        await bench.handle(event)
    assert await bench.look(3) == await calm.look(3) == []

    assert bench.log() == calm.log()
    assert bench.wats.assets == calm.wats.assets
    assert (bench.state, set(bench.wats.reports)) == (IN_OPERATION, set(calm.wats.reports))
    assert ours(bench) == ours(calm)


def ours(bench: Bench) -> dict[str, bytes]:
    """Give what is kept, but for what was read of the limits of assets."""
    return {name: note for name, note in bench.notes.kept.items() if not name.startswith(("upkeep/", "asset_types"))}


@pytest.mark.parametrize("call", ["set_tags", "set_state", "log_message"])
@pytest.mark.parametrize("problem", [FORBIDDEN, Reject("there is no such asset")])
async def test_a_mark_that_is_refused_holds_up_no_result(call: str, problem: Retry | Reject) -> None:
    """It is shown, and tried again an hour later; the other marks are made."""
    bench = Bench("block")
    bench.wats.fail_next(call, problem)
    await bench.handle(self_test(0, "F"))
    assert [name for name, _ in bench.refused] == [CALL]
    assert await bench.look(0.5) == []
    assert call in await bench.look(AGAIN_S / 3_600)

    assert bench.refused[-1] == (CALL, "")
    assert (bench.state, len(bench.log())) == (IN_MAINTENANCE, 1)
    assert bench.wats.assets[FIXTURE].tags["selftest"].startswith("failed")


async def test_a_self_test_whose_report_is_refused_marks_all_the_same() -> None:
    """Such as one without a part number: what failed is not good to test with."""
    bench = Bench()
    await bench.handle(self_test(0))
    bench.wats.fail_next("submit_report", Reject("no part number"))
    with pytest.raises(Reject):
        await bench.handle(self_test(1, "F"))
    await bench.handle(unit(2))
    assert list(bench.checks()) == ["U2"]
    assert await bench.look(2) == ["set_tags", "log_message"]


async def test_a_result_that_is_tried_again_is_one_suspect() -> None:
    """Its answer was lost; also when several testers use the fixture at once."""
    bench = Bench()
    await bench.handle(self_test(0))
    bench.wats.fail_next("submit_report", LOST)
    with pytest.raises(Retry):
        await bench.handle(unit(1))
    await asyncio.gather(*(bench.handle(unit(1, f"T{number}", fixture=FIXTURE)) for number in range(9)))
    await bench.handle(unit(1), self_test(2, "F"))
    ((_, alarm),) = bench.alarms()
    assert alarm["suspects"] == 9  # T1's is the one that was tried before
