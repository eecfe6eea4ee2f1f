"""Every asset call of the real client, and what it gets: a success, or the failure that its own mistakes bring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.core.exceptions import ErrorMode
from pywats.core.retry import RetryConfig
from pywats.domains.asset import Asset, AssetLogType, AssetState, AssetType

from pywats_mqtt.emulator import Running, Settings, serve
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import REPORT_ID

LAST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NEXT = LAST + timedelta(days=365)
SPECIAL = ["F 1", "it's", "F#1", "F?1", "F/1", "100%", "a+b&c=d", "Säge"]
"""Serial numbers with what means something in a URL or a filter."""


async def fixture(pywats: AsyncWATS, serial: str = "A", **limits: float) -> Asset:
    """A new asset of a new type with these limits."""
    kind = await pywats.asset.create_asset_type(f"Type of {serial}", **limits)  # type: ignore[arg-type] # counts are whole here
    assert kind is not None
    assert kind.type_id is not None
    made = await pywats.asset.create_asset(serial, kind.type_id)
    assert made is not None
    return made


async def read(pywats: AsyncWATS, serial: str = "A") -> Asset:
    """An asset as it is now, whatever its serial number."""
    (found,) = await pywats.asset.get_assets(filter_str=f"serialNumber eq '{serial.replace(chr(39), chr(39) * 2)}'")
    return found


async def test_get_asset_by_id_and_serial_number(pywats: AsyncWATS) -> None:
    """One route serves both keys, `get_asset_by_serial` too; nobody is a NotFoundError, no key a ValueError."""
    made = await fixture(pywats)
    by_id, by_serial = await pywats.asset.get_asset(asset_id="1"), await pywats.asset.get_asset(serial_number="A")
    assert by_id == by_serial == made == await pywats.asset.get_asset_by_serial("A")
    assert await pywats.asset.get_asset_state("1") == AssetState.IN_OPERATION
    with pytest.raises(exceptions.NotFoundError, match="no asset with id or serial number 'B'"):
        await pywats.asset.get_asset(serial_number="B")
    with pytest.raises(ValueError, match="required"):
        await pywats.asset.get_asset()


async def test_get_assets(pywats: AsyncWATS) -> None:
    """Filtered, ordered and in pages; without tags, which a list does not have."""
    for serial in ("A", "B", "C"):
        made = await fixture(pywats, serial)
        made.tags = [{"key": "Lot", "value": serial}]  # type: ignore[list-item] # as an application may write it
        await pywats.asset.update_asset(made)
    assert [asset.serial_number for asset in await pywats.asset.get_assets()] == ["A", "B", "C"]
    found = await pywats.asset.get_assets(filter_str="serialNumber ne 'A'", orderby="assetId desc", top=1, skip=1)
    assert [(asset.serial_number, asset.tags) for asset in found] == [("B", [])]
    assert len(await pywats.asset.get_assets(filter_str="xmldata eq '//Lot'")) == 3
    with pytest.raises(exceptions.ValidationError, match="unknown field 'nothing'"):
        await pywats.asset.get_assets(filter_str="nothing eq 1")


async def test_create_asset_with_everything(pywats: AsyncWATS) -> None:
    """All that a save takes is there afterwards; counts and the dates of the past have calls of their own."""
    parent = await fixture(pywats, "P")
    assert parent.type_id is not None
    made = await pywats.asset.create_asset(
        "A",
        parent.type_id,
        "Jig",
        "of steel",
        "Hall 1",
        parent_serial_number="P",
        part_number="PN",
        revision="B",
        state=AssetState.IN_TRANSIT,
        client_id=7,
        next_calibration_date=NEXT,
        last_calibration_date=LAST,
        total_count=5,
        running_count=5,
    )
    assert made is not None
    assert (made.asset_name, made.description, made.location) == ("Jig", "of steel", "Hall 1")
    assert (made.part_number, made.revision, made.state, made.client_id) == ("PN", "B", AssetState.IN_TRANSIT, 7)
    assert (made.parent_asset_id, made.parent_serial_number) == ("1", "P")
    assert (made.next_calibration_date, made.last_calibration_date) == (NEXT, None)
    assert (made.total_count, made.running_count) == (0, 0)
    with pytest.raises(exceptions.ValidationError, match="no parent asset 'nobody'"):
        await pywats.asset.create_asset("B", parent.type_id, parent_serial_number="nobody")
    with pytest.raises(exceptions.ValidationError, match="there is no asset type"):
        await pywats.asset.create_asset("B", UUID(REPORT_ID))


async def test_update_asset(pywats: AsyncWATS) -> None:
    """What was read and changed is saved; a save that names little sets the state to 1, the client's default."""
    made = await fixture(pywats)
    await pywats.asset.set_asset_state(AssetState.IN_STORAGE, asset_id="1")
    await pywats.asset.increment_count(asset_id="1", amount=3)
    current = await pywats.asset.get_asset(asset_id="1")
    assert current is not None
    current.location, current.running_count, current.total_count = "Hall 1", 99, 99
    saved = await pywats.asset.update_asset(current)
    assert saved is not None
    assert (saved.location, saved.state) == ("Hall 1", AssetState.IN_STORAGE)
    assert (saved.running_count, saved.total_count) == (3, 3)
    saved = await pywats.asset.update_asset(Asset(serial_number="A", type_id=made.type_id))
    assert saved is not None
    assert (saved.location, saved.state) == ("Hall 1", AssetState.IN_OPERATION)


async def test_delete_asset(pywats: AsyncWATS) -> None:
    """By id or serial number; its log goes, its children stay."""
    parent = await fixture(pywats, "P")
    assert parent.type_id is not None
    await pywats.asset.create_asset("A", parent.type_id, parent_serial_number="P")
    assert await pywats.asset.delete_asset(serial_number="P")
    assert (await read(pywats)).parent_asset_id is None
    assert await pywats.asset.get_asset_log(filter_str="assetId eq '1'") == []
    assert await pywats.asset.delete_asset(asset_id="2")
    with pytest.raises(exceptions.NotFoundError):
        await pywats.asset.delete_asset(asset_id="2")


async def test_get_status(pywats: AsyncWATS) -> None:
    """The dictionary as it came: `alarmState` as pywats counts it, `status` as the C# client does."""
    await fixture(pywats, running_count_limit=5, warning_threshold=60, alarm_threshold=100)
    found = []
    for _ in range(5):
        await pywats.asset.increment_count(serial_number="A")
        status = await pywats.asset.get_status(asset_id="1")
        assert status == await pywats.asset.get_status(serial_number="A")
        assert status is not None
        found.append((status["runningCount"], status["alarmState"], status["status"]))
    assert found == [(1, 0, 0), (2, 0, 0), (3, 1, 2), (4, 1, 2), (5, 2, 3)]
    with pytest.raises(exceptions.NotFoundError):
        await pywats.asset.get_status(asset_id="2")
    repository = pywats.asset._repository  # noqa: SLF001 - the service gives no way to name a language
    assert await repository.get_status(asset_id="1", translate=False, culture_code="nb-NO") == status


async def test_set_asset_state(pywats: AsyncWATS) -> None:
    """Every state by name or number; another one is a ValidationError."""
    await fixture(pywats)
    for state in AssetState:
        assert await pywats.asset.set_asset_state(state, serial_number="A")
        assert await pywats.asset.get_asset_state("1") == state
    assert await pywats.asset.set_asset_state(2, asset_id="1")
    assert [asset.asset_id for asset in await pywats.asset.get_assets_by_alarm_state(2)] == ["1"]
    with pytest.raises(exceptions.ValidationError, match="state"):
        await pywats.asset.set_asset_state(7, asset_id="1")


async def test_counts(pywats: AsyncWATS) -> None:
    """Increments add, also to children; a total adds its difference once; set and reset touch one count."""
    parent = await fixture(pywats)
    assert parent.type_id is not None
    await pywats.asset.create_asset("B", parent.type_id, parent_asset_id="1")
    repository = pywats.asset._repository  # noqa: SLF001 - the service has no call with an absolute total

    async def counts() -> list[tuple[int | None, int | None]]:
        return [(asset.running_count, asset.total_count) for asset in await pywats.asset.get_assets()]

    assert await pywats.asset.increment_count(serial_number="A", amount=3)
    assert await pywats.asset.increment_count(asset_id="1", increment_children=True)
    assert await counts() == [(4, 4), (1, 1)]
    for _ in range(2):
        assert await repository.update_count(serial_number="A", total_count=10)
    assert await counts() == [(10, 10), (1, 1)]
    assert await pywats.asset.set_running_count(2, serial_number="A")
    assert await pywats.asset.set_total_count(45_000, asset_id="1")
    assert await counts() == [(2, 45_000), (1, 1)]
    assert await pywats.asset.reset_running_count(asset_id="1", comment="new tip")
    assert await pywats.asset.reset_running_count(serial_number="B")
    assert await counts() == [(0, 45_000), (0, 1)]
    (row,) = await pywats.asset.get_asset_log(filter_str="type eq 3 and assetId eq '1'")
    assert (row.log_type, row.comment) == (AssetLogType.RESET_COUNT, "new tip")


async def test_record_calibration_and_maintenance(pywats: AsyncWATS) -> None:
    """The dates are those that were given, the next ones follow from the type; without one it is now."""
    await fixture(pywats, calibration_interval=365.0, maintenance_interval=30.0)
    before = datetime.now(UTC)  # noqa: TID251 - the emulator's own clock
    assert await pywats.asset.record_calibration(serial_number="A", date_time=LAST, comment="lab 7")
    assert await pywats.asset.record_maintenance(asset_id="1")
    found = await read(pywats)
    assert (found.last_calibration_date, found.next_calibration_date) == (LAST, NEXT)
    assert found.last_maintenance_date is not None
    assert found.last_maintenance_date >= before
    assert found.next_maintenance_date == found.last_maintenance_date + timedelta(days=30)
    log = await pywats.asset.get_asset_log(filter_str="type eq 4 or type eq 5")
    assert [row.log_type for row in log] == [AssetLogType.MAINTENANCE, AssetLogType.CALIBRATION]
    assert log[1].comment == "lab 7"


async def test_record_calibration_and_maintenance_external(pywats: AsyncWATS) -> None:
    """Both dates are those of the other system; a type that is not left to one refuses them."""
    await fixture(pywats, calibration_interval=-2.0, maintenance_interval=-2.0)
    calibrated, maintained = pywats.asset.record_calibration_external, pywats.asset.record_maintenance_external
    assert await calibrated(serial_number="A", from_date=LAST, to_date=NEXT, comment="lab 7")
    assert await maintained(asset_id="1", from_date=LAST, to_date=NEXT)
    found = await read(pywats)
    assert (found.last_calibration_date, found.next_calibration_date) == (LAST, NEXT)
    assert (found.last_maintenance_date, found.next_maintenance_date) == (LAST, NEXT)
    await fixture(pywats, "B", calibration_interval=365.0, maintenance_interval=-1.0)
    for record in (calibrated, maintained):
        with pytest.raises(exceptions.ValidationError, match=r"does not leave (calibration|maintenance) to others"):
            await record(serial_number="B", from_date=LAST, to_date=NEXT)


async def test_get_asset_log(pywats: AsyncWATS) -> None:
    """Newest first, filtered, ordered and cut; every type of row is one that the client knows."""
    await fixture(pywats)
    await pywats.asset.set_asset_state(AssetState.IN_CALIBRATION, asset_id="1")
    await pywats.asset.set_running_count(3, asset_id="1")
    await pywats.asset.reset_running_count(asset_id="1")
    log = await pywats.asset.get_asset_log()
    assert [row.log_type for row in log] == [
        AssetLogType.RESET_COUNT,
        AssetLogType.UPDATE,
        AssetLogType.STATE_CHANGE,
        AssetLogType.REGISTER,
    ]
    assert [(row.asset_id, row.serial_number, row.user) for row in log] == [("1", "A", "api")] * 4
    assert log[0].date is not None
    assert log[0].date.utcoffset() == timedelta(0)
    assert [row.log_id for row in await pywats.asset.get_asset_log(orderby="logId asc", top=2)] == [1, 2]
    (row,) = await pywats.asset.get_asset_log(filter_str="assetId eq '1' and type eq 2")
    assert row.comment == "runningCount: 3"


async def test_add_log_message_is_refused(pywats: AsyncWATS) -> None:
    """The client names the asset in the body only, where the API description does not look for it."""
    await fixture(pywats)
    with pytest.raises(exceptions.ValidationError, match="query parameter id or serialNumber is required"):
        await pywats.asset.add_log_message("1", "hello", user="me")
    assert await pywats.asset.get_asset_log(filter_str="type eq 0") == []


async def test_add_log_message_is_taken_where_asked() -> None:
    """With lenient messages the client's own body is taken, its user too."""
    async with serve(Settings(port=0, rate_limit=0, lenient_messages=True)) as running, client(running) as pywats:
        await fixture(pywats)
        assert await pywats.asset.add_log_message("1", "hello", user="me")
        assert await pywats.asset.add_log_message("1", "again")
        log = await pywats.asset.get_asset_log(filter_str="type eq 0")
        assert [(row.comment, row.user) for row in log] == [("again", "api"), ("hello", "me")]


async def test_asset_types(pywats: AsyncWATS) -> None:
    """A type has what it was made with, and limits that fit each other; the list is by name."""
    kind = await pywats.asset.create_asset_type(
        "Station", 10, 5, 365.0, 30.0, warning_threshold=90.0, alarm_threshold=80.0, icon="tool"
    )
    assert kind is not None
    assert (kind.running_count_limit, kind.total_count_limit) == (10, 10)
    assert (kind.calibration_interval, kind.maintenance_interval) == (365.0, 30.0)
    assert (kind.warning_threshold, kind.alarm_threshold, kind.icon) == (90.0, 90.0, "tool")
    await pywats.asset.create_asset_type("Jig")
    assert [known.type_name for known in await pywats.asset.get_asset_types()] == ["Jig", "Station"]
    repository = pywats.asset._repository  # noqa: SLF001 - the service lists without options and cannot save a known type
    found = await repository.get_types(filter_str="typeName eq 'Station'", top=1)
    assert found == [kind]
    with pytest.raises(exceptions.ValidationError, match="an asset type 'Jig' exists"):
        await pywats.asset.create_asset_type("Jig")


async def test_a_type_with_its_id_fails_in_the_client(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The client cannot write a UUID as JSON, so nothing is sent."""
    with pytest.raises(exceptions.PyWATSError, match="UUID is not JSON serializable"):
        await pywats.asset._repository.save_type(AssetType(type_name="Jig", type_id=UUID(REPORT_ID)))  # noqa: SLF001 - see above
    assert (await http.get("/_emulator/requests")).json() == []


async def test_child_assets(pywats: AsyncWATS) -> None:
    """Children are found by level, and an asset is put below another."""
    top = await fixture(pywats)
    assert top.type_id is not None
    for serial, parent in (("B", "A"), ("C", "B"), ("D", None)):
        await pywats.asset.create_asset(serial, top.type_id, parent_serial_number=parent)
    assert await pywats.asset.add_child_asset("1", "4")

    async def serials(
        parent_id: str | None = None, parent_serial: str | None = None, level: int | None = None
    ) -> list[str]:
        found = await pywats.asset.get_child_assets(parent_id, parent_serial, level)
        return [asset.serial_number for asset in found]

    assert await serials("1", level=1) == ["B", "D"]
    assert await serials(parent_serial="A", level=0) == ["B", "D", "C"]
    assert await serials("1") == ["B", "D", "C"]
    assert await serials("3") == []
    with pytest.raises(exceptions.NotFoundError):
        await serials("9")


async def test_alarm_helpers_of_the_client_fail(pywats: AsyncWATS) -> None:
    """They compare with states that the client does not have; GET Status is the way."""
    asset = await fixture(pywats)
    for ask in (pywats.asset.is_in_alarm, pywats.asset.is_in_warning):
        with pytest.raises(AttributeError, match="IN_"):
            ask(asset)
    for find in (pywats.asset.get_assets_in_alarm, pywats.asset.get_assets_in_warning):
        with pytest.raises(AttributeError, match="IN_"):
            await find()


async def test_files_of_assets_are_not_there(pywats: AsyncWATS) -> None:
    """The internal routes for files are left out: each call is a NotFoundError."""
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: pywats.asset.upload_file("1", "a.txt", b"x"),
        lambda: pywats.asset.download_file("1", "a.txt"),
        lambda: pywats.asset.list_files("1"),
        lambda: pywats.asset.delete_files("1", ["a.txt"]),
    ]
    for call in calls:
        with pytest.raises(exceptions.NotFoundError):
            await call()


@pytest.mark.parametrize("serial", SPECIAL)
async def test_special_serial_numbers_in_a_query(pywats: AsyncWATS, serial: str) -> None:
    """Where the serial number is a parameter, a filter or in a body, every character arrives."""
    assert (await fixture(pywats, serial)).serial_number == serial
    assert await pywats.asset.increment_count(serial_number=serial, amount=2)
    assert await pywats.asset.set_asset_state(AssetState.IN_STORAGE, serial_number=serial)
    assert await pywats.asset.record_calibration(serial_number=serial, comment=serial)
    status = await pywats.asset.get_status(serial_number=serial)
    assert status is not None
    assert status["totalCount"] == 2
    assert (await read(pywats, serial)).state == AssetState.IN_STORAGE
    (row,) = await pywats.asset.get_asset_log(filter_str="type eq 4")
    assert (row.serial_number, row.comment) == (serial, serial)


@pytest.mark.parametrize("serial", SPECIAL)
async def test_special_serial_numbers_in_a_path(pywats: AsyncWATS, serial: str) -> None:
    """The client does not encode them there: `#` and `?` cut them short and find another asset, `/` finds none."""
    await fixture(pywats, "F")
    await fixture(pywats, serial)
    if "/" in serial:
        with pytest.raises(exceptions.NotFoundError):
            await pywats.asset.get_asset(serial_number=serial)
        return
    found = await pywats.asset.get_asset(serial_number=serial)
    assert found is not None
    assert found.serial_number == ("F" if serial in {"F#1", "F?1"} else serial)


def client(
    running: Running, timeout: int = 30, retry: RetryConfig | None = None
) -> AbstractAsyncContextManager[AsyncWATS]:
    """The real client, without retries unless they are given."""
    return AsyncWATS(
        base_url=running.url,
        token=TOKEN,
        timeout=timeout,
        error_mode=ErrorMode.STRICT,
        enable_cache=False,
        enable_throttling=False,
        retry_enabled=retry is not None,
        retry_config=retry,
    )


async def increment(pywats: AsyncWATS) -> bool:
    """Count 5 uses."""
    return await pywats.asset.increment_count(serial_number="A", amount=5)


async def set_total(pywats: AsyncWATS) -> bool:
    """Count up to 5."""
    return await pywats.asset._repository.update_count(serial_number="A", total_count=5)  # noqa: SLF001 - see above


COUNTS = pytest.mark.parametrize(("count", "total"), [(increment, 10), (set_total, 5)], ids=["increment", "total"])
Count = Callable[[AsyncWATS], Awaitable[bool]]


@COUNTS
async def test_a_count_whose_answer_is_late(
    running: Running, pywats: AsyncWATS, http: httpx.AsyncClient, count: Count, total: int
) -> None:
    """The client's own retries, as they are but for the wait, count an increment twice, an absolute total once."""
    await fixture(pywats)
    fault = {"kind": "delay_after", "method": "PUT", "path": "/api/Asset/Count", "delay_s": 30, "times": 1}
    await http.post("/_emulator/faults", json=fault)
    async with client(running, timeout=1, retry=RetryConfig(base_delay=0.0)) as impatient:
        assert await count(impatient)
    found = await read(pywats)
    assert (found.running_count, found.total_count) == (total, total)


@COUNTS
async def test_a_count_whose_answer_is_lost(
    running: Running, http: httpx.AsyncClient, count: Count, total: int
) -> None:
    """A connection that drops is not retried by the client; whoever repeats the call counts an increment twice."""
    async with client(running, retry=RetryConfig()) as pywats:
        await fixture(pywats)
        fault = {"kind": "drop_after", "method": "PUT", "path": "/api/Asset/Count", "times": 1}
        await http.post("/_emulator/faults", json=fault)
        with pytest.raises(exceptions.PyWATSError, match="HTTP request failed"):
            await count(pywats)
        assert (await read(pywats)).total_count == 5
        assert await count(pywats)
        assert (await read(pywats)).total_count == total
