"""The real client on `/api/App`: version, connection and operations, and what its caches do not notice.

It runs with pywats 0.5 and 0.6.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions

from pywats_mqtt.emulator import Running, Settings, serve
from pywats_mqtt.emulator.processes import parse_processes
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import make_type, save


def client_of(url: str, token: str = TOKEN, *, enable_cache: bool = False) -> AsyncWATS:
    """A client without retry and throttle."""
    return AsyncWATS(base_url=url, token=token, enable_cache=enable_cache, enable_throttling=False, retry_enabled=False)


async def asked(http: httpx.AsyncClient, path: str) -> int:
    """How often the emulator was asked for a path."""
    return sum(entry["path"] == path for entry in (await http.get("/_emulator/requests")).json())


async def test_a_connection_with_a_wrong_token_is_none(running: Running) -> None:
    """`test_connection` is False without a reason; `get_version` says that it is the token."""
    async with client_of(running.url, "d3Jvbmc=") as pywats:
        assert not await pywats.test_connection()
        with pytest.raises(exceptions.AuthenticationError, match="denied"):
            await pywats.get_version()
    async with client_of(running.url) as pywats:
        assert await pywats.test_connection()


@pytest.mark.parametrize("enable_cache", [True, False])
async def test_a_cached_connection_outlives_its_server(*, enable_cache: bool) -> None:
    """With the client's cache, which is its default, a server that has gone is still connected."""
    async with serve(Settings(port=0)) as running:
        pywats = client_of(running.url, enable_cache=enable_cache)
        assert await pywats.test_connection()
    assert await pywats.test_connection() is enable_cache
    await pywats.close()


@pytest.mark.parametrize("enable_cache", [True, False])
async def test_a_cached_counter_is_stale(running: Running, http: httpx.AsyncClient, *, enable_cache: bool) -> None:
    """With the client's cache, a count that it raised itself is not seen when the asset is read again."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    async with client_of(running.url, enable_cache=enable_cache) as pywats:
        await pywats.asset.get_asset(serial_number="A")
        await pywats.asset.increment_count(serial_number="A", amount=3)
        read = await pywats.asset.get_asset(serial_number="A")
        assert read is not None
        assert read.total_count == (0 if enable_cache else 3)
    assert (await http.get("/api/Asset/A")).json()["totalCount"] == 3


async def test_operations_are_found_by_code_name_and_kind() -> None:
    """Every look-up of the service agrees with what the emulator was started with."""
    processes = parse_processes(["7=Burn In", "8=Fix:repair", "9=Ship:wip"])
    async with serve(Settings(port=0, processes=processes)) as running, client_of(running.url) as pywats:
        service = pywats.process
        assert [process.code for process in await service.get_processes()] == [7, 8, 9]
        assert [process.code for process in await service.get_test_operations()] == [7]
        assert [process.code for process in await service.get_wip_operations()] == [9]
        assert [await service.is_valid_test_operation(code) for code in (7, 8, 100)] == [True, False, False]
        assert [await service.is_valid_repair_operation(code) for code in (7, 8)] == [False, True]
        assert [await service.is_valid_wip_operation(code) for code in (8, 9)] == [False, True]
        assert (await service.get_default_test_code(), await service.get_default_repair_code()) == (7, 8)
        found = await service.get_process("burn in")
        assert found is not None
        assert (found.code, found.process_index, found.state, found.description) == (7, 0, 1, "")
        for look_up, key in (
            (service.get_test_operation, 8),
            (service.get_repair_operation, "Burn In"),
            (service.get_wip_operation, 7),
            (service.get_process, 100),
        ):
            assert await look_up(key) is None


async def test_operations_are_asked_for_once(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The service keeps them, also in a client without cache, until it is told to refresh."""
    for _ in range(2):
        await pywats.process.get_processes()
    assert await asked(http, "/api/App/Processes") == 1
    await pywats.process.refresh()
    assert await asked(http, "/api/App/Processes") == 2


async def test_operations_are_filtered_by_the_newer_client(pywats: AsyncWATS) -> None:
    """What 0.6 asks for with flags comes filtered; 0.5 has no such call, so it is made by hand."""
    service: Any = pywats.process
    if not hasattr(service, "get_processes_filtered"):
        answer = await pywats.http_client.get("/api/App/Processes", params={"includeTestOperations": False})
        assert [process["code"] for process in answer.data] == [500, 510]
        return
    shown = await service.get_processes_filtered(include_test_operations=False)
    assert [process.code for process in shown] == [500, 510]
    none = {"include_test_operations": False, "include_repair_operations": False, "include_wip_operations": False}
    assert await service.get_processes_filtered(**none) == []
    assert len(await service.get_processes_filtered(include_inactive_processes=True)) == 9
