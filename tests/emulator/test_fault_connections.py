"""Faults that a client sees on its socket: refused, reset, cut and slow."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from pywats_mqtt.emulator import Running, Settings, serve
from pywats_mqtt.emulator.fault import Fault, Kind
from tests.emulator.conftest import TOKEN, client_of
from tests.emulator.examples import REPORT_ID, report
from tests.emulator.test_faults import logged, order, until_logged
from tests.emulator.test_reports import WSJF, stored
from tests.waiting import wait_until

LIMIT_S = 20
GET = f"GET /api/App/Version HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {TOKEN}\r\n\r\n".encode()


async def connect(running: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the emulator."""
    url = httpx.URL(running.url)
    return await asyncio.open_connection(url.host, url.port)


async def close(writer: asyncio.StreamWriter) -> None:
    """Let go of a connection, in whatever state it is."""
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def connects(running: Running) -> bool:
    """Whether a connection is accepted; nothing but a refusal may keep it from it."""
    try:
        _, writer = await connect(running)
    except ConnectionRefusedError:
        return False
    await close(writer)
    return True


async def test_refuse_closes_connections_and_refuses_new_ones_for_a_time(
    running: Running, http: httpx.AsyncClient
) -> None:
    """Idle and busy connections end at once, new ones get ECONNREFUSED, and later all is as it was."""
    await http.post(WSJF, json=report())
    await order(http, "hang", path="/api/App", times=1)
    idle, idle_writer = await connect(running)
    busy, busy_writer = await connect(running)
    busy_writer.write(GET)
    await until_logged(http, 2)
    began_s = time.monotonic()
    await order(http, "refuse", seconds=0.5)
    async with asyncio.timeout(LIMIT_S):
        assert await idle.read() == b""
        assert await busy.read() == b""
    assert not await connects(running)
    await wait_until(lambda: connects(running), what="the emulator to be back")
    assert time.monotonic() - began_s >= 0.5
    assert [row["id"] for row in await stored(http)] == [REPORT_ID]
    listed = (await http.get("/_emulator/faults")).json()
    assert [(row["kind"], row["hits"], row["over"]) for row in listed] == [("hang", 1, True), ("refuse", 1, True)]
    for writer in (idle_writer, busy_writer):
        await close(writer)


async def test_who_comes_while_the_emulator_goes_down_is_not_left_waiting(running: Running) -> None:
    """Connections of that very moment are closed as well, also where several ask for an outage; then all is well."""
    url = httpx.URL(running.url)
    body = b'{"kind":"refuse","seconds":0.3}'
    outage = b"POST /_emulator/faults HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    early = [await connect(running) for _ in range(3)]
    # The system completes these while the loop of the emulator, which is also ours, does not turn.
    late = [socket.create_connection((url.host, url.port)) for _ in range(10)]
    for link in late:
        link.settimeout(0)
        link.send(outage)
    for _, writer in early:
        writer.write(outage)
    async with asyncio.timeout(LIMIT_S):
        for link in late:
            reader, writer = await asyncio.open_connection(sock=link)
            early.append((reader, writer))
        ends = await asyncio.gather(*(reader.read() for reader, _ in early), return_exceptions=True)
    for end in ends:
        assert isinstance(end, OSError) or (isinstance(end, bytes) and end[:12] in {b"", b"HTTP/1.1 201"})
    await wait_until(lambda: connects(running), what="the emulator to be back")
    async with client_of(running, TOKEN) as http:
        assert (await http.get("/api/App/Version")).status_code == 200
    for _, writer in early:
        await close(writer)


async def test_who_comes_while_the_emulator_ends_is_not_left_waiting() -> None:
    """The last connections see their end, also those that are made in the moment in which the block is left."""
    async with serve(Settings(port=0)) as running:
        url = httpx.URL(running.url)
        await close((await connect(running))[1])
        late = [socket.create_connection((url.host, url.port)) for _ in range(10)]
        await asyncio.sleep(0)
    for link in late:
        link.settimeout(0)
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(sock=link)
            (end,) = await asyncio.gather(reader.read(), return_exceptions=True)
        assert end == b"" or isinstance(end, ConnectionError)
        await close(writer)


async def test_an_emulator_may_come_late() -> None:
    """`refuse` among the settings refuses from the start."""
    settings = Settings(port=0, faults=[Fault(kind=Kind.REFUSE, seconds=0.3)])
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        assert not await connects(running)
        await wait_until(lambda: connects(running), what="the emulator to come")
        assert (await http.get("/api/App/Version")).status_code == 200


async def test_an_emulator_that_is_down_can_be_ended() -> None:
    """Its end waits for no outage."""
    async with asyncio.timeout(LIMIT_S):
        async with serve(Settings(port=0)) as running, client_of(running, TOKEN) as http:
            await order(http, "refuse", seconds=3600)
            assert not await connects(running)


@pytest.mark.parametrize(
    ("kind", "error"), [("reset", ConnectionResetError), ("drop_before", None), ("drop_after", None)]
)
async def test_reset_is_a_rst_and_a_drop_is_a_fin(
    running: Running, http: httpx.AsyncClient, kind: str, error: type[Exception] | None
) -> None:
    """The socket tells a reset from an end; both leave a request without an answer in the log."""
    await order(http, kind, times=1)
    reader, writer = await connect(running)
    writer.write(GET)
    async with asyncio.timeout(LIMIT_S):
        if error:
            with pytest.raises(error):
                await reader.read()
        else:
            assert await reader.read() == b""
    await close(writer)
    assert await logged(http) == [(None, kind)]


async def test_a_reset_report_is_not_stored(http: httpx.AsyncClient) -> None:
    """It happens before anything else."""
    await order(http, "reset", times=1)
    with pytest.raises(httpx.ReadError):
        await http.post(WSJF, json=report())
    assert await stored(http) == []


async def test_truncated_says_more_than_it_sends(running: Running, http: httpx.AsyncClient) -> None:
    """The report is stored; half of what `Content-Length` announces comes, then the end."""
    await order(http, "truncated", times=2)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        await http.post(WSJF, json=report())
    assert [row["id"] for row in await stored(http)] == [REPORT_ID]
    reader, writer = await connect(running)
    writer.write(GET)
    async with asyncio.timeout(LIMIT_S):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    await close(writer)
    assert b"content-length: 14" in head.lower()
    assert body == b'"2025.3'
    assert await logged(http) == [(200, "truncated"), (200, "truncated")]


async def test_a_slow_body_comes_byte_by_byte(http: httpx.AsyncClient) -> None:
    """All of it comes at last, no faster than ordered; the connection is good for more."""
    await order(http, "slow_body", byte_s=0.01, times=1)
    began_s = time.monotonic()
    answer = await http.get("/api/App/Version")
    assert time.monotonic() - began_s >= 13 * 0.01
    assert answer.json() == "2025.3.9.824"
    assert (await http.get("/api/App/Version")).status_code == 200


async def test_a_slow_body_is_bounded(http: httpx.AsyncClient) -> None:
    """What is left after `longest_s` comes at once: an hour for a byte here, and the answer is there."""
    await order(http, "slow_body", byte_s=3600, longest_s=0.2, times=1)
    async with asyncio.timeout(LIMIT_S):
        assert (await http.get("/api/App/Version")).json() == "2025.3.9.824"


async def test_a_slow_body_begins_at_once(running: Running, http: httpx.AsyncClient) -> None:
    """Headers and the first byte are there while the rest takes its hour; the log has the answer already."""
    await order(http, "slow_body", byte_s=3600, longest_s=3600)
    reader, writer = await connect(running)
    writer.write(GET)
    async with asyncio.timeout(LIMIT_S):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(1) == b'"'
    await close(writer)
    assert await logged(http) == [(200, "slow_body")]


async def test_flapping_works_and_fails_in_turn(http: httpx.AsyncClient) -> None:
    """Two pass, one fails."""
    await order(http, "flapping", up=2, down=1, status=502)
    statuses = [(await http.get("/api/App/Version")).status_code for _ in range(6)]
    assert statuses == [200, 200, 502, 200, 200, 502]
    assert (await logged(http))[2] == (502, "flapping")


async def test_retry_after_is_absent_or_a_date(http: httpx.AsyncClient) -> None:
    """Both forms of RFC 9110 10.2.3 besides plain seconds, and none at all."""
    await order(http, "throttle", retry_after_as="absent", times=1)
    answer = await http.get("/api/App/Version")
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    await order(http, "status", retry_after="120", retry_after_as="date", times=1)
    until = parsedate_to_datetime((await http.get("/api/App/Version")).headers["Retry-After"])
    ahead = until - datetime.now(UTC)  # noqa: TID251 - what the emulator counts from
    assert timedelta(seconds=100) < ahead <= timedelta(seconds=120)
    await order(http, "throttle", retry_after="9" * 30, retry_after_as="date", times=1)
    assert "9999" in (await http.get("/api/App/Version")).headers["Retry-After"]
