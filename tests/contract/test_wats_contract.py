"""What every implementation of the port `Wats` does; run over the one in memory, and over pywats and the emulator."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import msgspec
import pytest

from pywats_mqtt.config.model import AssetConfig, BridgeConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import NAMESPACE, AssetCounts, Failure, Measurement, Repair, Step, TestResult
from pywats_mqtt.handlers.asset import AssetHandlers
from pywats_mqtt.handlers.presence import Presence
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.ports import KnownTest
from tests.contract.wats_memory import HandClock, MemoryNotes
from tests.contract.wats_servers import Server


def asset_handlers() -> AssetHandlers:
    """Give handlers around which nothing listens."""
    around = quiet(HandClock())
    return AssetHandlers(AssetConfig(), around, Presence(BridgeConfig(), around))


def result(number: int) -> TestResult:
    """Give one of many results."""
    return TestResult(
        report_id=uuid5(NAMESPACE, str(number)),
        device="TESTER-1",
        kind="results",
        test_type="self_test",
        serial_number=f"SN-{number}",
        result="F",
        start=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
        steps=(Step(name="Power", status="F", measurement=Measurement(value=5.2, unit="V", high=5.1, status="F")),),
    )


async def test_reports_are_stored_in_the_order_sent(server: Server) -> None:
    """Each under its derived id."""
    async with server.client() as wats:
        for number in range(5):
            await wats.submit_report(result(number))

    assert server.reports() == {str(uuid5(NAMESPACE, str(number))): 1 for number in range(5)}


async def test_a_report_sent_twice_overwrites_itself(server: Server) -> None:
    """One report, received twice."""
    async with server.client() as wats:
        await wats.submit_report(result(1))
        await wats.submit_report(result(1))

    assert list(server.reports().values()) == [2]


def repair(**fields: object) -> Repair:
    """Give a repair of the first unit."""
    bare = Repair(
        report_id=uuid5(NAMESPACE, "repair"),
        device="REPAIR-1",
        serial_number="SN-0",
        part_number="PN-1",
        start=datetime(2026, 1, 26, 7, 0, tzinfo=UTC),
        failures=(Failure(category="Component", code="Defect Component", path="$.failures[0]"),),
        failed_test=uuid5(NAMESPACE, "0"),
        operation_code=10,
    )
    return msgspec.structs.replace(bare, **fields)


async def test_a_repair_sent_twice_overwrites_itself(server: Server) -> None:
    """Beside the test it belongs to."""
    async with server.client() as wats:
        await wats.submit_report(result(0))
        await wats.submit_repair(repair())
        await wats.submit_repair(repair())

    assert server.reports() == {str(uuid5(NAMESPACE, "0")): 1, str(uuid5(NAMESPACE, "repair")): 2}


async def test_a_test_is_known_once_its_report_is_there(server: Server) -> None:
    """With its operation; reports of other tests are not taken for it."""
    report_id = uuid5(NAMESPACE, "0")
    async with server.client() as wats:
        before = await wats.known_test(report_id)
        await wats.submit_report(msgspec.structs.replace(result(1), operation_code=50))
        before_it = await wats.known_test(report_id)
        await wats.submit_report(result(0))
        await wats.submit_report(msgspec.structs.replace(result(2), operation_code=50))
        after = await wats.known_test(report_id)

    assert before is None
    assert before_it is None
    assert after == KnownTest(report_id, 10)


async def test_the_newest_failed_test_of_a_unit_is_found(server: Server) -> None:
    """Before a time, of its part number or of any, whatever was sent first; not one that passed, no other unit's."""
    six = datetime(2026, 1, 26, 6, 0, tzinfo=UTC)
    tests = [(2, "F"), (1, "E"), (3, "P"), (9, "F")]
    async with server.client() as wats:
        for hours, letter in tests:
            one = msgspec.structs.replace(result(0), report_id=UUID(int=hours), result=letter, part_number="PN-1")
            await wats.submit_report(msgspec.structs.replace(one, start=six + timedelta(hours=hours)))
        await wats.submit_report(msgspec.structs.replace(result(1), part_number="PN-1"))
        noon = six + timedelta(hours=6)
        found = [
            await wats.failed_test("SN-0", "PN-1", noon),
            await wats.failed_test("SN-0", "", six + timedelta(hours=1)),
            await wats.failed_test("SN-0", "PN-2", noon),
            await wats.failed_test("SN'0", "", noon),
        ]

    assert found == [KnownTest(UUID(int=2), 10), KnownTest(UUID(int=1), 10), None, None]


async def test_codes_of_a_repair_operation(server: Server) -> None:
    """Of the configured one where none is named; of one that does not repair the server says nothing."""
    async with server.client() as wats:
        codes = await wats.repair_codes(None)
        same = await wats.repair_codes(500)
        none = await wats.repair_codes(10)

    assert codes is not None
    assert "Defect Component" in codes["Component"]
    assert (same, none) == (codes, None)


async def test_an_asset_is_made_when_missing(server: Server) -> None:
    """In operation, without counts; read again it is the same one."""
    async with server.client() as wats:
        made = await wats.asset("FIXTURE-001")
        again = await wats.asset("FIXTURE-001")

    assert (made.serial_number, made.state, made.running, made.total, made.tags) == ("FIXTURE-001", 1, 0, 0, {})
    assert again == made
    assert server.assets() == {"FIXTURE-001": made}


async def test_a_reset_leaves_the_total(server: Server) -> None:
    """Running is 0, also where it was; the permission to set counts is not asked for."""
    async with server.client(may_set_counts=False) as wats:
        await wats.asset("FIXTURE-001")
        await wats.set_total_count("FIXTURE-001", 5)
        await wats.reset_running_count("FIXTURE-001", "Reset by the device")
        after = await wats.asset("FIXTURE-001")
        await wats.reset_running_count("FIXTURE-001", "Reset by the device")
        with pytest.raises(Reject):
            await wats.reset_running_count("NOBODY", "Reset by the device")

    assert (after.running, after.total) == (0, 5)
    assert (server.assets()["FIXTURE-001"].running, server.assets()["FIXTURE-001"].total) == (0, 5)


async def test_an_asset_that_may_not_be_made_is_refused(server: Server) -> None:
    """The reason names the setting; nothing is made."""
    async with server.client(create_assets=False) as wats:
        with pytest.raises(Reject, match=r"create_assets is off"):
            await wats.asset("FIXTURE-001")
        with pytest.raises(Reject, match=r"create_assets is off"):
            await wats.set_tags("FIXTURE-001", {"a": "b"})

    assert server.assets() == {}


async def test_many_at_once_make_one_asset(server: Server) -> None:
    """All kinds of telemetry of a new device arrive together."""
    async with server.client() as wats:
        assets = await asyncio.gather(*(wats.asset(f"JIG-{number % 2}") for number in range(8)))

    assert {asset.id for asset in assets} == {asset.id for asset in server.assets().values()}
    assert sorted(server.assets()) == ["JIG-0", "JIG-1"]


async def test_a_total_raises_both_counts_and_never_lowers_them(server: Server) -> None:
    """Absolute: the same total again changes nothing, nor does a lower one."""
    async with server.client() as wats:
        await wats.asset("F1")
        for total in (10, 10, 7, 12):
            await wats.set_total_count("F1", total)

    assert (server.assets()["F1"].running, server.assets()["F1"].total) == (12, 12)


async def test_the_running_count_is_set_alone(server: Server) -> None:
    """To more or to less; the total stays."""
    async with server.client() as wats:
        await wats.asset("F1")
        await wats.set_total_count("F1", 45_000)
        await wats.set_running_count("F1", 1_523)

    assert (server.assets()["F1"].running, server.assets()["F1"].total) == (1_523, 45_000)


async def test_the_running_count_needs_a_permission(server: Server) -> None:
    """Without it this call is refused, and the total still goes."""
    async with server.client(may_set_counts=False) as wats:
        await wats.asset("F1")
        with pytest.raises(Retry) as refused:
            await wats.set_running_count("F1", 1_523)
        await wats.set_total_count("F1", 45_000)

    assert (refused.value.scope, refused.value.cause) == (Scope.CALL, "403")
    assert server.assets()["F1"].total == 45_000


async def test_counts_of_others_are_seen(server: Server) -> None:
    """An asset is read fresh each time."""
    async with server.client() as wats:
        await wats.asset("F1")
        await server.count("F1", 5)

        assert (await wats.asset("F1")).total == 5


async def test_a_state_is_set(server: Server) -> None:
    """And read back."""
    async with server.client() as wats:
        await wats.asset("F1")
        await wats.set_state("F1", 3)

        assert (await wats.asset("F1")).state == 3


async def test_tags_are_merged(server: Server) -> None:
    """Those of others stay, and so do state and counts; keys become XML names."""
    async with server.client() as wats:
        await wats.set_tags("F1", {"owner": "me", "temperature_c": "23.5"})
        await wats.set_state("F1", 3)
        await wats.set_total_count("F1", 7)
        await wats.set_tags("F1", {"temperature_c": "24", "rel. humidity %": "45"})

        asset = await wats.asset("F1")

    assert asset.tags == {"owner": "me", "temperature_c": "24", "rel._humidity__": "45"}
    assert (asset.state, asset.total) == (3, 7)


async def test_tags_written_at_once_lose_none(server: Server) -> None:
    """Reading and writing back is one turn per asset, and a state set meanwhile is kept."""
    async with server.client() as wats:
        await wats.asset("F1")
        await asyncio.gather(
            *(wats.set_tags("F1", {f"channel_{number}": "1"}) for number in range(6)), wats.set_state("F1", 4)
        )

    assert len(server.assets()["F1"].tags) == 6
    assert server.assets()["F1"].state == 4


@pytest.mark.parametrize(
    "serial", ["F 1", "F#1", "F?1=2", "F/1", "o'x", "100%", "41", "Ørsted", "Types", "a&b=c", "+1"]
)
async def test_any_serial_number_names_its_own_asset(server: Server, serial: str) -> None:
    """What a topic may carry addresses neither a part of it nor another asset."""
    async with server.client() as wats:
        await wats.asset("F")
        await wats.asset("other")
        made = await wats.asset(serial)
        await wats.set_total_count(serial, 3)
        await wats.set_running_count(serial, 2)
        await wats.set_state(serial, 3)
        await wats.set_tags(serial, {"a": "b"})
        read = await wats.asset(serial)

    assert (read.id, read.serial_number) == (made.id, serial)
    assert (read.running, read.total, read.state, read.tags) == (2, 3, 3, {"a": "b"})
    assert server.assets()["F"].total == 0
    assert len(server.assets()) == 3


@pytest.mark.parametrize("what", ["total", "running", "state"])
async def test_what_concerns_no_asset_is_refused(server: Server, what: str) -> None:
    """Such as one deleted meanwhile; the caller reads it again."""
    async with server.client() as wats:
        calls = {
            "total": lambda: wats.set_total_count("gone", 1),
            "running": lambda: wats.set_running_count("gone", 1),
            "state": lambda: wats.set_state("gone", 1),
            "message": lambda: wats.log_message("gone", "hello", perhaps_there=False),
        }
        with pytest.raises(Reject):
            await calls[what]()


async def test_all_packages_are_read_with_their_status_and_tags(server: Server) -> None:
    """Every version of every name; WATS counts them per name."""
    await server.distribute("fw", "Released", SwVersion="2.3.0", Hash="aa")
    await server.distribute("fw", "Revoked", SwVersion="2.3.1")
    await server.distribute("fw", "Draft")
    await server.distribute("data", "Pending")
    async with server.client() as wats:
        packages = await wats.packages()

    assert [(one.name, one.number, one.status, one.tags) for one in packages] == [
        ("fw", 1, "Released", {"SwVersion": "2.3.0", "Hash": "aa"}),
        ("fw", 2, "Revoked", {"SwVersion": "2.3.1"}),
        ("fw", 3, "Draft", {}),
        ("data", 1, "Pending", {}),
    ]


async def test_the_proposals_counters(server: Server) -> None:
    """Through the handler a fresh asset ends at running 1523 and total 45000, and steady counting goes on."""
    handlers, notes = asset_handlers(), MemoryNotes()
    async with server.client() as wats:
        await handlers.handle_counts(AssetCounts(asset="FIXTURE-001", running=1_523, total=45_000), wats, notes)
        after_first = server.assets()["FIXTURE-001"]
        await handlers.handle_counts(AssetCounts(asset="FIXTURE-001", running=1_524, total=45_001), wats, notes)

    assert (after_first.running, after_first.total) == (1_523, 45_000)
    assert (server.assets()["FIXTURE-001"].running, server.assets()["FIXTURE-001"].total) == (1_524, 45_001)


async def test_a_line_of_the_log_that_may_be_there_is_written_once(server: Server) -> None:
    """After a lost answer the log is looked into; another line, and the same of another asset, is written."""
    async with server.client() as wats:
        for asset in ("FIXTURE'1", "FIXTURE-2"):
            await wats.asset(asset)
            await wats.log_message(asset, "Alert E42", perhaps_there=False)
            await wats.log_message(asset, "Alert E42", perhaps_there=True)
            await wats.log_message(asset, "Alert E43", perhaps_there=True)

    assert server.messages() == [
        ("FIXTURE'1", "Alert E42"),
        ("FIXTURE'1", "Alert E43"),
        ("FIXTURE-2", "Alert E42"),
        ("FIXTURE-2", "Alert E43"),
    ]
