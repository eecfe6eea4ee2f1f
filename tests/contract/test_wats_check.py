"""`check` of the `[wats]` table: each line ok, or what to do."""

from __future__ import annotations

import httpx

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.wats.check import Finding, check_wats
from tests.contract.wats_servers import FULL, SystemClock, configure
from tests.emulator.server import RunningEmulator
from tests.ports import free_port


async def check(config: WatsConfig) -> list[Finding]:
    """Give all findings."""
    return [finding async for finding in check_wats(config, SystemClock())]


async def test_all_is_well(emulator: RunningEmulator) -> None:
    """Each line says what was found; nothing is changed."""
    findings = await check(configure(emulator))

    assert all(finding.ok and not finding.fix for finding in findings)
    assert [finding.what for finding in findings] == [
        f"WATS 2025.3.9.824 at {emulator.url} answers",
        "WATS token is accepted",
        "operation code 10 (wats.operation_codes.self_test) is SW Debug",
        "operation code 100 (wats.default_operation_code) is End of line test",
        "repair operation code 500 (wats.default_repair_code) is Repair",
        "asset type 'MQTT device' is not there; it is made with the first asset",
    ]
    assert emulator.state()["assets"] == []


async def test_wrong_operation_codes_are_named_with_the_right_ones(emulator: RunningEmulator) -> None:
    """One that WATS does not know, and one that is no test."""
    config = configure(emulator, operation_codes={"burn": 4711}, default_operation_code=500)

    unknown, repair = (await check(config))[2:4]

    assert not unknown.ok
    assert unknown.what == "operation code 4711 (wats.operation_codes.burn)"
    assert unknown.fix.startswith("WATS does not know it; use one of: 10 SW Debug, ")
    assert repair.fix.startswith("500 Repair is no test operation; use one of: ")


async def test_a_missing_repair_operation_is_no_mistake(emulator: RunningEmulator) -> None:
    """Where nobody repairs there may be none; the line says what becomes of a repair, and what there is."""
    repair = (await check(configure(emulator, default_repair_code=4711)))[4]

    assert repair.ok
    assert "4711 (wats.default_repair_code) is not there" in repair.what
    assert "500 Repair, 510 RMA Repair" in repair.what


async def test_operations_of_stations_are_looked_up_by_code_or_name(emulator: RunningEmulator) -> None:
    """A repair, too, is an operation that a unit may be in."""
    processes: dict[str, int | str] = {"S1": "ict", "S2": 500, "S3": "Painting"}

    found = [finding async for finding in check_wats(configure(emulator), SystemClock(), processes)][5:8]

    assert [finding.what for finding in found[:2]] == [
        "operation ict (production.processes.S1) is 30 ICT",
        "operation 500 (production.processes.S2) is 500 Repair",
    ]
    assert [finding.ok for finding in found] == [True, True, False]
    assert "30 ICT" in found[2].fix


async def test_a_refused_token(emulator: RunningEmulator) -> None:
    """The server answers, the token does not fit; the rest is not looked at."""
    findings = await check(configure(emulator, token=Secret("d3Jvbmc=")))

    assert [finding.ok for finding in findings] == [True, False]
    assert "check wats.token" in findings[1].fix


async def test_no_server_there() -> None:
    """One line, with the address and what to check."""
    port = free_port()

    (finding,) = await check(WatsConfig(url=f"http://127.0.0.1:{port}", token=Secret(FULL)))

    assert not finding.ok
    assert str(port) in finding.what
    assert "check wats.url" in finding.fix


async def test_no_token_at_all() -> None:
    """Found before anything is sent."""
    (finding,) = await check(WatsConfig(url="http://127.0.0.1:1"))

    assert not finding.ok
    assert "WATS_AUTH_TOKEN" in finding.fix


async def test_a_known_asset_type_and_one_that_is_not_needed(emulator: RunningEmulator) -> None:
    """Both are fine."""
    httpx.put(  # noqa: ASYNC210 - a test's one small request
        f"{emulator.url}/api/Asset/Types",
        json={"typeName": "Jig"},
        headers={"Authorization": f"Basic {FULL}"},
        trust_env=False,
    ).raise_for_status()

    known = (await check(configure(emulator, asset_type="Jig")))[-1]
    not_needed = (await check(configure(emulator, asset_type="Other", create_assets=False)))[-1]

    assert known == Finding(ok=True, what="asset type 'Jig' is there")
    assert not_needed.ok
    assert "not needed" in not_needed.what
