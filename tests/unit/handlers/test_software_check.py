"""Stations are judged and told so, and the verdict acts on their results."""

from __future__ import annotations

import json

import msgspec
import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetSoftware, Software
from pywats_mqtt.software.packages import Package
from tests.unit.handlers.software_bench import (
    FAILED,
    FORBIDDEN,
    LOST,
    NEW,
    OLD,
    RELEASED,
    T1,
    Bench,
    misc,
    report,
    result,
)


async def test_the_verdict_is_kept_on_the_stations_topic() -> None:
    """Retained, with each piece of software and the configuration."""
    bench = Bench(wanted_configs={T1: "prod-v5"}, wanted_config="other")
    await bench.handle(report(1_000_000, OLD, config_version="prod-v5"))
    (said,) = bench.said
    assert (said.topic, said.retain) == ("wats/software/TESTER-1", True)
    assert bench.told() == {
        "device": T1,
        "verdict": "outdated",
        "reason": "fw 2.3.0 is not the released 2.3.1",
        "software": [
            {
                "name": "fw",
                "version": "2.3.0",
                "hash": "aa",
                "verdict": "outdated",
                "released": "2.3.1",
                "reason": "fw 2.3.0 is not the released 2.3.1",
            }
        ],
        "config": {"verdict": "match", "reported": "prod-v5", "wanted": "prod-v5"},
        "as_of": "1970-01-01T00:00:01+00:00",
    }


async def test_who_asks_is_answered_for_what_is_to_be_tested() -> None:
    """A question without an inventory is about the last one; packages for one product apply to it."""
    bench = Bench()
    bench.wats.software.append(
        Package(name="fw", number=3, status="Released", tags={"SwVersion": "3.0", "PartNumber": "WIDGET"})
    )
    await bench.handle(report(1, NEW), report(2, request_id="r-1"))
    assert bench.said[-1].topic == "wats/responses/r-1"
    assert not bench.said[-1].retain
    answered = bench.told()
    assert (answered["request_id"], answered["status"], answered["verdict"]) == ("r-1", "checked", "match")
    await bench.handle(report(3, request_id="r-2", part_number="WIDGET"))
    assert (bench.told()["verdict"], bench.told()["part_number"]) == ("outdated", "WIDGET")
    assert json.loads(bench.said[-2].payload)["verdict"] == "match"  # the one that is kept is for no product


async def test_packages_are_read_once_for_all_and_again_when_they_are_old() -> None:
    """A station whose package was revoked meanwhile is told by the next look; an unchanged list tells nothing."""
    bench = Bench(refresh_s=300)
    for device in ("A", "B", "C"):
        await bench.handle(msgspec.structs.replace(report(1, NEW), device=device))
    assert [name for name, _, _ in bench.wats.calls].count("packages") == 1
    await bench.look()
    said = len(bench.said)
    assert await bench.look() == []
    bench.clock.seconds += 301
    assert await bench.look() == ["packages"]
    assert len(bench.said) == said
    bench.wats.software = [msgspec.structs.replace(RELEASED, status="Revoked")]
    bench.clock.seconds += 301
    await bench.look()
    assert [json.loads(one.payload)["verdict"] for one in bench.said[said:]] == ["revoked"] * 3


async def test_a_look_brings_the_tag_in_step_with_the_verdict() -> None:
    """Once there are tags; it is one write."""
    bench = Bench(refresh_s=300)
    await bench.handle(report(1, NEW), AssetSoftware(asset=T1, software=(NEW,), as_of_us=1))
    assert await bench.look() == []
    bench.wats.software = []
    bench.clock.seconds += 301
    assert await bench.look() == ["packages", "set_tags"]
    assert bench.wats.assets[T1].tags["software_check"].startswith("unknown: ")
    assert await bench.look() == []


async def test_after_a_restart_or_a_lost_broker_verdicts_are_told_again() -> None:
    """By the next look, from what the notes hold; what finds no room is told by the one after."""
    bench = Bench()
    await bench.handle(report(1, NEW))
    bench.restart()
    bench.has_room = False
    await bench.look()
    bench.has_room = True
    before = len(bench.said)
    await bench.look()
    assert len(bench.said) == before + 1
    bench.handlers.tell_again()
    await bench.look()
    await bench.look()
    assert len(bench.said) == before + 2


@pytest.mark.parametrize("failure", [LOST, FORBIDDEN, FAILED], ids=["away", "refused", "500"])
async def test_what_is_known_of_packages_serves_while_wats_gives_none(failure: Retry) -> None:
    """The list is old then, and better than none."""
    bench = Bench(refresh_s=300)
    await bench.handle(report(1, NEW))
    bench.clock.seconds += 301
    bench.wats.fail_next("packages", failure)
    await bench.handle(report(2, NEW, request_id="r"))
    assert bench.told()["verdict"] == "match"


async def test_a_server_without_packages_leaves_all_unknown_and_says_so_once() -> None:
    """Until it has them: then that is told, too."""
    bench = Bench(refresh_s=300)
    bench.wats.fail_next("packages", FORBIDDEN)
    await bench.handle(report(1, NEW))
    assert bench.told()["reason"] == "WATS refuses the list of packages (403)"
    bench.clock.seconds += 301
    await bench.look()
    assert bench.told()["verdict"] == "match"
    assert bench.refused == [("Software/Packages", "403"), ("Software/Packages", "")]


async def test_without_any_list_the_inventory_waits_while_wats_is_away_and_not_on_a_500() -> None:
    """Away is away for all; a failure of this one call holds up no results of the station."""
    bench = Bench()
    bench.wats.fail_next("packages", LOST)
    with pytest.raises(Retry):
        await bench.handle(report(1, NEW))
    bench.wats.fail_next("packages", FAILED)
    await bench.handle(report(1, NEW))
    assert bench.told()["reason"] == "WATS gives no list of packages (500)"
    assert len(bench.log()) == 1


async def test_a_report_says_what_runs_on_its_station() -> None:
    """As misc infos beside its own, from the last inventory, also after a restart; it costs no call."""
    bench = Bench()
    await bench.handle(report(1, NEW, config_version="prod-v5"))
    bench.restart()
    assert await bench.handle(result()) == ["submit_report"]
    assert misc(bench) == {"lot": "7", "sw_fw": "2.3.1;bb", "config_version": "prod-v5"}


async def test_misc_infos_are_bounded_in_number_and_length() -> None:
    """What is left out is counted."""
    bench = Bench(on_reports=2)
    await bench.handle(report(1, *(Software(f"{number}" + "n" * 99, "v" * 200) for number in range(5))))
    await bench.handle(result())
    infos = misc(bench)
    assert [len(name) for name in infos if name.startswith("sw_")] == [100, 100]
    assert all(len(text) <= 100 for text in infos.values())
    assert infos["software_more"] == "3 more: see the tags of the asset"


async def test_nothing_is_written_where_that_is_off() -> None:
    """The report is as the device sent it."""
    bench = Bench(on_reports=0)
    await bench.handle(report(1, NEW), result())
    assert misc(bench) == {"lot": "7"}


async def test_block_keeps_a_result_back_with_the_verdict() -> None:
    """Decided at delivery: once the station is updated, the same result goes through."""
    bench = Bench(require_software="block")
    with pytest.raises(Reject, match="unknown: the station never said"):
        await bench.handle(result())
    await bench.handle(report(1, OLD))
    with pytest.raises(Reject) as refused:
        await bench.handle(result())
    assert refused.value.reason == (
        "software_check: outdated: fw 2.3.0 is not the released 2.3.1 (software.require_software is block)"
    )
    assert bench.wats.reports == {}
    await bench.handle(report(2, NEW), result())
    assert misc(bench) == {"lot": "7", "sw_fw": "2.3.1;bb"}


async def test_tag_writes_the_verdict_on_the_report() -> None:
    """For the product that was tested."""
    bench = Bench(require_software="tag")
    bench.wats.software.append(
        Package(name="fw", number=3, status="Released", tags={"SwVersion": "3.0", "PartNumber": "WIDGET"})
    )
    await bench.handle(result())
    assert misc(bench)["software_check"] == "unknown: the station never said what runs on it"
    await bench.handle(report(1, NEW), result())
    assert misc(bench)["software_check"] == "match"
    await bench.handle(result("WIDGET"))
    assert misc(bench)["software_check"] == "outdated: fw 2.3.1 is not the released 3.0"


async def test_a_result_waits_where_packages_could_never_be_read() -> None:
    """To block it without having asked would be a guess."""
    bench = Bench(require_software="block")
    await bench.handle(msgspec.structs.replace(report(1, NEW), device="OTHER"))
    bench.restart()
    bench.wats.fail_next("packages", FAILED)
    with pytest.raises(Retry):
        await bench.handle(result())


async def test_a_list_of_packages_that_is_refused_for_good_is_no_result_and_no_stop() -> None:
    """A 400 says nothing of the station: its inventory, its results and the look go on, and the refusal is told."""
    bench = Bench(require_software="tag", refresh_s=300)
    for _ in range(2):
        bench.wats.fail_next("packages", Reject("400 bad request"))
        await bench.handle(report(1, NEW), result())
        await bench.look()
        bench.clock.seconds += 301
    assert misc(bench)["software_check"] == "unknown: WATS refuses the list of packages (refused)"
    assert bench.refused == [("Software/Packages", "400 bad request")]


async def test_a_result_that_is_only_tagged_does_not_wait_for_packages_nor_ask_each_time() -> None:
    """Its own way to WATS is open; the list that WATS fails on is asked for again after a while."""
    bench = Bench(require_software="tag")
    bench.wats.fail_next("packages", FAILED)
    assert await bench.handle(result()) == ["packages", "submit_report"]
    assert misc(bench)["software_check"] == "unknown: WATS gives no list of packages (500)"
    assert await bench.handle(result()) == ["submit_report"]
    bench.clock.seconds += 31
    assert await bench.handle(result()) == ["packages", "submit_report"]


async def test_software_without_version_and_hash_leaves_no_text_of_a_report_empty() -> None:
    """WATS refuses a report with an empty text, and so would all reports of the station."""
    bench = Bench()
    await bench.handle(report(1, Software("fw")), result())
    assert misc(bench)["sw_fw"] == "?"


async def test_names_that_change_all_the_time_do_not_fill_the_note() -> None:
    """What is gone is said once, and not remembered for ever; what is there is."""
    bench = Bench()
    for number in range(1_500):
        await bench.handle(AssetSoftware(asset=T1, software=(Software(f"build-{number}", "1"),), as_of_us=number))
    tags = bench.wats.assets[T1].tags
    assert (tags["sw_build-0"], tags["sw_build-1498"], tags["sw_build-1499"]) == ("removed", "removed", "1")
    assert len(await bench.notes.note(f"station/{T1}") or b"") < 20_000


async def test_a_result_waits_where_a_refused_list_would_block_it() -> None:
    """A permission that was taken away would else empty a whole line into the quarantine."""
    bench = Bench(require_software="block", refresh_s=300)
    await bench.handle(report(1, NEW))
    bench.restart()
    bench.wats.fail_next("packages", FORBIDDEN)
    with pytest.raises(Retry, match="results wait") as waits:
        await bench.handle(result())
    assert waits.value.scope is Scope.CALL
    bench.clock.seconds += 301
    assert await bench.handle(result()) == ["packages", "submit_report"]


async def test_an_asset_that_is_gone_is_not_looked_for_again_and_again() -> None:
    """Where assets are not made: its tags wait until the station or the packages say something new."""
    bench = Bench(refresh_s=300)
    await bench.handle(report(1, OLD), AssetSoftware(asset=T1, software=(OLD,), as_of_us=1))
    await bench.look()
    bench.wats.software.append(Package(name="fw", number=3, status="Revoked", tags={"SwVersion": "2.3.0"}))
    bench.clock.seconds += 301
    bench.wats.fail_next("set_tags", Reject("there is no asset"))
    assert await bench.look() == ["packages", "set_tags"]
    assert await bench.look() == []
