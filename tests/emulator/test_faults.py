from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions

from pywats_mqtt.emulator import Running, Settings, serve
from pywats_mqtt.emulator.fault import Fault, Kind
from pywats_mqtt.emulator.faults import Faults
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import REPORT_ID, make_type, report, save
from tests.emulator.test_reports import WSJF, stored
from tests.waiting import wait_until

LIMIT_S = 20


async def order(http: httpx.AsyncClient, kind: str, **options: object) -> None:
    """Put a fault in force."""
    answer = await http.post("/_emulator/faults", json={"kind": kind, **options})
    assert answer.status_code == 201, answer.text


async def logged(http: httpx.AsyncClient) -> list[tuple[int | None, str | None]]:
    """Status and fault of each request."""
    return [(row["status"], row["fault"]) for row in (await http.get("/_emulator/requests")).json()]


async def until_logged(http: httpx.AsyncClient, count: int) -> list[tuple[int | None, str | None]]:
    """The log, once it has that many requests."""
    await wait_until(lambda: _has(http, count), what=f"{count} requests in the log")
    return await logged(http)


async def _has(http: httpx.AsyncClient, count: int) -> bool:
    return len(await logged(http)) >= count


def test_the_first_fault_that_matches_hits_until_it_is_used_up() -> None:
    """Method, path and both limits decide; a used-up fault lets the next one hit."""
    faults = Faults()
    faults.add(Fault(kind=Kind.STATUS, method="post", path="/API/report", times=2), 0)
    faults.add(Fault(kind=Kind.THROTTLE, path="/api", seconds=10), 0)

    def hit(method: str, path: str, now_s: float) -> Kind | None:
        fault = faults.take(method, path, now_s)
        return fault.kind if fault else None

    assert hit("POST", "/api/Report/WSJF", 1) is Kind.STATUS
    assert hit("GET", "/api/Report/Query/Header", 1) is Kind.THROTTLE
    assert hit("POST", "/api/report/wsjf", 9.9) is Kind.STATUS
    assert hit("POST", "/api/report/wsjf", 9.9) is Kind.THROTTLE
    assert hit("POST", "/api/report/wsjf", 10) is None
    assert hit("GET", "/other", 1) is None
    assert [(row["hits"], row["over"]) for row in faults.listed(10)] == [(2, True), (2, True)]
    faults.clear()
    assert faults.listed(0) == []


@pytest.mark.parametrize(
    ("options", "status", "header"),
    [
        ({"kind": "status"}, 503, None),
        ({"kind": "status", "status": 401}, 401, None),
        ({"kind": "status", "status": 429, "retry_after": "7"}, 429, ("Retry-After", "7")),
        ({"kind": "throttle"}, 429, ("Retry-After", "1")),
        ({"kind": "throttle", "retry_after": "5"}, 429, ("Retry-After", "5")),
        ({"kind": "redirect"}, 302, ("Location", "/login")),
    ],
)
async def test_refusals_leave_the_request_undone(
    http: httpx.AsyncClient, options: dict[str, Any], status: int, header: tuple[str, str] | None
) -> None:
    """The answer is the fault's, the report is not stored, and the log has both."""
    await order(http, **options, times=1)
    answer = await http.post(WSJF, json=report())
    assert answer.status_code == status
    if header:
        assert answer.headers[header[0]] == header[1]
    assert await stored(http) == []
    assert await logged(http) == [(status, options["kind"])]
    assert (await http.post(WSJF, json=report())).status_code == 200


async def test_a_redirected_client_lands_on_html(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The real client follows to the log-in page and takes its HTML for a report id: what a bridge must notice."""
    await order(http, "redirect")
    assert "<!doctype html>" in str(await pywats.report.submit_report(report()))
    assert await stored(http) == []


async def test_dropped_before_is_undone_and_dropped_after_is_done(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """Both ways the client sees its connection end without an answer; only the second request has an effect."""
    type_id = await make_type(http)
    await save(http, serialNumber="A", typeId=type_id)
    for kind, total in (("drop_before", 0), ("drop_after", 2)):
        await order(http, kind, method="PUT", path="/api/Asset/Count", times=1)
        with pytest.raises(exceptions.PyWATSError, match="HTTP request failed"):
            await pywats.asset.increment_count(serial_number="A", amount=2)
        assert (await http.get("/api/Asset/A")).json()["totalCount"] == total
    await order(http, "drop_after", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(WSJF, json=report())
    assert [row["id"] for row in await stored(http)] == [REPORT_ID]
    assert [fault for status, fault in await logged(http) if status is None] == [
        "drop_before",
        "drop_after",
        "drop_after",
    ]


async def test_a_dropped_connection_ends_without_a_byte(running: Running, http: httpx.AsyncClient) -> None:
    """On the socket there is an end and nothing before it."""
    await order(http, "drop_after", times=1)
    url = httpx.URL(running.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET /api/App/Version HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {TOKEN}\r\n\r\n".encode())
    async with asyncio.timeout(LIMIT_S):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_empty_and_malformed_spoil_successes_only(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The report is stored, its answer says nothing; an error keeps its text."""
    await order(http, "empty", times=2)
    assert await pywats.report.submit_report(report()) is None
    assert (await http.post(WSJF, json={})).status_code == 400
    await order(http, "malformed", times=1)
    answer = await http.post(WSJF, json=report())
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()
    assert [row["receiveCount"] for row in await stored(http)] == [2]


@pytest.mark.parametrize("kind", ["delay", "delay_after"])
async def test_delayed_answers_come(http: httpx.AsyncClient, kind: str) -> None:
    """A delay keeps the answer back, not away."""
    await order(http, kind, delay_s=0.01, times=1)
    assert (await http.post(WSJF, json=report())).status_code == 200
    assert await logged(http) == [(200, kind)]


async def test_what_waits_ends_with_the_server() -> None:
    """A hanging or delayed request stays undone; all that wait lose their connection when the server ends."""
    headers = {"Authorization": f"Basic {TOKEN}"}
    async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(headers=headers, trust_env=False, timeout=LIMIT_S) as client:
        async with serve(Settings(port=0)) as running:
            client.base_url = httpx.URL(running.url)
            await order(client, "hang", times=1)
            await order(client, "delay_after", delay_s=3600, times=1)
            await order(client, "delay", delay_s=3600, times=1)
            waiting = []
            for count in (1, 2, 3):
                waiting.append(asyncio.create_task(client.post(WSJF, json=report())))
                await until_logged(client, count)
            assert await logged(client) == [(None, "hang"), (200, "delay_after"), (None, "delay")]
            assert [row["receiveCount"] for row in await stored(client)] == [1]
        ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(end, httpx.RemoteProtocolError | httpx.ReadError) for end in ends)


async def test_a_hanging_request_ends_when_its_client_leaves(http: httpx.AsyncClient) -> None:
    """A client that gives up is let go; the emulator goes on."""
    await order(http, "hang", times=1)
    waiting = asyncio.create_task(http.get("/api/App/Version"))
    await until_logged(http, 1)
    waiting.cancel()
    assert (await http.get("/api/App/Version")).status_code == 200
    assert await logged(http) == [(None, "hang"), (200, None)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "missing required field `kind`"),
        (b'{"kind":"burn"}', "Invalid enum value 'burn'"),
        (b'{"kind":"hang","tmies":1}', "unknown field `tmies`"),
        (b'{"kind":"hang","times":0}', "$.times"),
        (b'{"kind":"status","status":200}', "$.status"),
        (b'{"kind":"throttle","retry_after":"5\\r\\nX: y"}', "$.retry_after"),
        (b"{", "truncated"),
    ],
)
async def test_a_wrong_fault_is_refused(http: httpx.AsyncClient, body: bytes, message: str) -> None:
    """A typo in a fault would make a test pass for nothing, so it is 400 with its place."""
    answer = await http.post("/_emulator/faults", content=body)
    assert answer.status_code == 400
    assert message in answer.json()["Message"]
    assert (await http.get("/_emulator/faults")).json() == []


async def test_faults_end_when_they_are_deleted(http: httpx.AsyncClient) -> None:
    """Inspection is never hit, so that a fault on everything can be taken away again."""
    await order(http, "status")
    assert (await http.get("/api/App/Version")).status_code == 503
    (listed,) = (await http.get("/_emulator/faults")).json()
    assert (listed["kind"], listed["hits"], listed["over"]) == ("status", 1, False)
    assert (await http.delete("/_emulator/faults")).status_code == 204
    assert (await http.get("/api/App/Version")).status_code == 200
