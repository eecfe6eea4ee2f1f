"""What stations say of their software and updates reaches the tags and the log of their assets, in few calls."""

from __future__ import annotations

import msgspec
import pytest

from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import AssetSoftware, Software
from tests.unit.handlers.software_bench import (
    FAILED,
    FORBIDDEN,
    LOST,
    NEW,
    OLD,
    T1,
    Bench,
    progress,
    report,
    result,
)


async def test_a_change_is_one_entry_in_the_log_and_the_same_again_costs_nothing() -> None:
    """After a restart, too."""
    bench = Bench()
    assert await bench.handle(report(1, OLD)) == ["packages", "asset", "log_message"]
    assert await bench.handle(report(2, OLD)) == []
    assert await bench.handle(report(3, NEW)) == ["log_message"]
    bench.restart()
    assert await bench.handle(report(4, NEW)) == ["packages"]
    assert [text.partition(" software: ")[2] for text in bench.log()] == [
        "fw 2.3.0;aa",
        "fw 2.3.0;aa -> 2.3.1;bb",
    ]


@pytest.mark.parametrize("after", [False, True], ids=["lost before it was done", "lost after it was done"])
@pytest.mark.parametrize("restart", [False, True], ids=["running on", "after a restart"])
async def test_a_lost_answer_doubles_no_entry(*, after: bool, restart: bool) -> None:
    """That it is being written was kept before, so the log is looked at first."""
    bench = Bench()
    bench.wats.fail_next("log_message", LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(report(1, OLD))
    if restart:
        bench.restart()
    await bench.handle(report(1, OLD))
    assert len(bench.log()) == 1


@pytest.mark.parametrize("failure", [FORBIDDEN, FAILED], ids=["no permission", "500"])
async def test_a_log_that_cannot_be_written_holds_up_no_result_and_is_made_up_for(failure: Retry) -> None:
    """The entry stays owed; a missing permission is told once, and looked at again after an hour."""
    bench = Bench()
    bench.wats.fail_next("log_message", failure)
    await bench.handle(report(1, OLD), result())
    assert bench.log() == []
    if failure is FORBIDDEN:
        assert [call for call, _ in bench.refused] == ["Asset/Message"]
        assert "log_message" not in await bench.look()
        bench.clock.seconds += 3_601
    else:
        assert "log_message" not in await bench.look()
        bench.clock.seconds += 61
    assert "log_message" in await bench.look()
    assert len(bench.log()) == 1
    assert failure is not FORBIDDEN or bench.refused[-1] == ("Asset/Message", "")


async def test_a_log_that_goes_on_failing_is_asked_ever_more_seldom() -> None:
    """Within a day fewer than forty times, though it is looked at each half minute; once it works it is prompt."""
    bench = Bench()
    bench.wats.fail_next("log_message", FAILED)
    calls = (await bench.handle(report(1, OLD))).count("log_message")
    for _ in range(24 * 60 * 2):
        bench.clock.seconds += 30
        bench.wats.fail_next("log_message", FAILED)
        calls += (await bench.look()).count("log_message")
    assert 24 <= calls < 40
    bench.wats.forgive()
    bench.clock.seconds += 3_601
    assert "log_message" in await bench.look()
    assert len(bench.log()) == 1
    bench.clock.seconds += 1
    assert "log_message" in await bench.handle(report(2, NEW))


async def test_an_asset_that_may_not_be_made_refuses_the_inventory_and_still_judges() -> None:
    """The reason goes to quarantine; the verdict was told before."""
    bench = Bench()
    bench.wats.create_assets = False
    with pytest.raises(Reject, match="create_assets is off"):
        await bench.handle(report(1, NEW))
    assert bench.told()["verdict"] == "match"


async def test_tags_say_all_there_is_and_what_is_gone() -> None:
    """One write for a change, none where nothing changed, also after a restart."""
    bench = Bench(wanted_config="prod-v5")
    event = AssetSoftware(asset=T1, software=(OLD, Software("os", "1")), config_version="prod-v4", as_of_us=1)
    assert await bench.handle(event) == ["packages", "set_tags"]
    assert bench.wats.assets[T1].tags == {
        "sw_fw": "2.3.0;aa",
        "sw_os": "1",
        "config_version": "prod-v4",
        "config_check": "differs: wanted prod-v5",
        "software_check": bench.wats.assets[T1].tags["software_check"],
    }
    assert bench.wats.assets[T1].tags["software_check"].startswith("outdated: fw 2.3.0 is not the released 2.3.1")
    bench.restart()
    assert await bench.handle(event) == ["packages"]
    assert await bench.handle(msgspec.structs.replace(event, software=(NEW,), config_version="prod-v5")) == ["set_tags"]
    tags = bench.wats.assets[T1].tags
    assert (tags["sw_fw"], tags["sw_os"], tags["config_check"]) == ("2.3.1;bb", "removed", "match")
    assert tags["software_check"] == "match"


async def test_only_tags_of_software_are_taken_for_what_is_gone() -> None:
    """Whatever the prefix is: our other tags stay."""
    bench = Bench(tag_prefix="update", wanted_config="a")
    updates = {"p": "failed 1"}
    await bench.handle(
        AssetSoftware(asset=T1, software=(OLD,), config_version="a", updates=updates, updates_us={"p": 1}, as_of_us=1)
    )
    await bench.handle(AssetSoftware(asset=T1, software=(), as_of_us=2))
    tags = bench.wats.assets[T1].tags
    assert (tags["updatefw"], tags["update_p"], tags["config_version"]) == ("removed", "failed 1", "a")


async def test_each_state_of_an_update_is_an_entry_in_the_log() -> None:
    """Progress within a state is none."""
    bench = Bench()
    for state in ("downloading", "downloading", "installing", "rebooting", "succeeded"):
        bench.clock.seconds += 60
        await bench.handle(progress(bench, state))
    assert [text.partition("fw: ")[2] for text in bench.log()] == [
        "downloading 2",
        "installing 2",
        "rebooting 2",
        "succeeded 2",
    ]


async def test_what_cannot_follow_is_refused_and_changes_nothing() -> None:
    """The next message goes on from where the update was."""
    bench = Bench()
    await bench.handle(progress(bench, "succeeded"))
    bench.clock.seconds += 60
    with pytest.raises(Reject, match="has succeeded cannot be failed"):
        await bench.handle(progress(bench, "failed"))
    await bench.handle(progress(bench, "rolled back"))
    assert len(bench.log()) == 2


async def test_a_silent_update_times_out_at_a_look_and_its_tag_says_so() -> None:
    """What was folded for the tag meanwhile does not bring back what was before."""
    bench = Bench(update_timeout_s=600)
    said = progress(bench, "installing")
    tags = AssetSoftware(asset=T1, updates={"fw": "installing 2"}, updates_us={"fw": said.as_of_us})
    await bench.handle(said, tags)
    await bench.look()
    assert bench.wats.assets[T1].tags["update_fw"] == "installing 2"
    bench.clock.seconds += 601
    assert await bench.look() == ["packages", "log_message", "set_tags"]
    assert bench.wats.assets[T1].tags["update_fw"] == "timed out 2: nothing was heard while installing"
    assert await bench.handle(tags) == []
    assert await bench.look() == []


async def test_a_silent_update_times_out_when_the_device_speaks_again() -> None:
    """Both stand in the log, and what it says now counts."""
    bench = Bench(update_timeout_s=600)
    await bench.handle(progress(bench, "installing"))
    bench.clock.seconds += 601
    await bench.handle(progress(bench, "succeeded"))
    assert [text.partition("fw: ")[2].partition(" 2")[0] for text in bench.log()] == [
        "installing",
        "timed out",
        "succeeded",
    ]


async def test_a_look_that_finds_wats_away_leaves_the_rest_to_the_next() -> None:
    """Nothing is lost, and nothing is written twice."""
    bench = Bench(update_timeout_s=600)
    await bench.handle(progress(bench, "installing"))
    bench.clock.seconds += 601
    bench.wats.fail_next("log_message", LOST, after=True)
    await bench.look()
    await bench.look()
    assert len(bench.log()) == 2


async def test_an_asset_that_was_deleted_is_made_again_for_its_log() -> None:
    """The refusal of what was built on memory is no reason for quarantine; that of a fresh asset is."""
    bench = Bench()
    await bench.handle(report(1, OLD))
    del bench.wats.assets[T1]
    await bench.handle(report(2, NEW))
    assert len(bench.log()) == 2
    bench.restart()
    bench.wats.fail_next("log_message", Reject("400"))
    with pytest.raises(Reject, match="400"):
        await bench.handle(report(3, OLD))
    await bench.handle(report(4, NEW))
    assert len(bench.log()) == 3
