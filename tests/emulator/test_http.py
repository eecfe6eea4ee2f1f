"""HTTP as the emulator speaks it, whatever a client's library makes of it."""

from __future__ import annotations

import asyncio

import httpx
import msgspec

from pywats_mqtt.emulator import Running
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import report
from tests.emulator.test_reports import WSJF, stored

LIMIT_S = 20
AUTHORIZED = f"Host: x\r\nAuthorization: Basic {TOKEN}\r\n"
GET = f"GET /api/App/Version HTTP/1.1\r\n{AUTHORIZED}\r\n".encode()
CLOSING = f"GET /api/App/Version HTTP/1.1\r\n{AUTHORIZED}Connection: close\r\n\r\n".encode()


async def talk(running: Running, *sent: bytes, wait_for: bytes = b"") -> bytes:
    """All that comes back before the emulator closes; behind the first part sent, `wait_for` is waited for."""
    url = httpx.URL(running.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    received = b""
    async with asyncio.timeout(LIMIT_S):
        for part in sent:
            writer.write(part)
            if wait_for and not received:
                received = await reader.readuntil(wait_for)
        received += await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


async def test_requests_in_one_packet_are_answered_in_order(running: Running, http: httpx.AsyncClient) -> None:
    """Pipelining: each gets its own answer, and the log has all of them."""
    answer = await talk(running, GET + GET.replace(b"Version", b"Nothing") + CLOSING)
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200"]
    assert len((await http.get("/_emulator/requests")).json()) == 3


async def test_a_chunked_body_is_one_body(running: Running, http: httpx.AsyncClient) -> None:
    """A report in pieces is stored whole."""
    body = msgspec.json.encode(report())
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:100], body[100:]))
    head = f"POST {WSJF} HTTP/1.1\r\n{AUTHORIZED}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert (await talk(running, head + pieces + b"0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert len(await stored(http)) == 1


async def test_a_client_that_asks_first_is_told_to_go_on(running: Running, http: httpx.AsyncClient) -> None:
    """`Expect: 100-continue`, as curl and .NET send it with larger bodies."""
    body = msgspec.json.encode(report())
    head = f"POST {WSJF} HTTP/1.1\r\n{AUTHORIZED}Connection: close\r\nExpect: 100-continue\r\n"
    parts = f"{head}Content-Length: {len(body)}\r\n\r\n".encode(), body
    answer = await talk(running, *parts, wait_for=b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert len(await stored(http)) == 1


async def test_a_request_to_upgrade_is_answered_in_http_1(running: Running, http: httpx.AsyncClient) -> None:
    """A client that offers HTTP/2 over plain TCP gets its answer, and an end that it can see."""
    answer = await talk(running, GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer.lower()
    assert len((await http.get("/_emulator/requests")).json()) == 1


async def test_a_client_that_sends_too_much_can_read_why(running: Running, http: httpx.AsyncClient) -> None:
    """413 and an end, not a reset, also where far more is still under way; nothing of the body is logged."""
    head = f"POST {WSJF} HTTP/1.1\r\n{AUTHORIZED}Content-Length: 3000000\r\n\r\n".encode()
    answer = await talk(running, head + b" " * 3_000_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert b"longer than 100000 bytes" in answer
    log = (await http.get("/_emulator/requests")).json()
    assert [(row["status"], row["body"]) for row in log] == [(413, None)]


async def test_headers_have_an_end(running: Running, http: httpx.AsyncClient) -> None:
    """431 and an end for one header, many headers or a path that go on and on; many short requests are no long one."""
    for endless in (GET[:-2] + b"X: " + b"x" * 900_000, GET[:-2] + b"X: x\r\n" * 150_000, b"GET /" + b"x" * 900_000):
        answer = await talk(running, endless)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert answer.endswith(b"More than 65536 bytes of headers.")
    answer = await talk(running, GET * 9_000 + CLOSING)
    assert answer.count(b"HTTP/1.1 200 ") == 9_001
    assert (await http.get("/_emulator/summary")).json()["counts"]["requests"] == 9_001


async def test_who_reads_nothing_is_answered_no_more(running: Running, http: httpx.AsyncClient) -> None:
    """Answers wait until those before them are read, and do not pile up; then all of them come."""
    for _ in range(10):
        await http.put("/api/Asset", content=b"x" * 90_000)
    asked = 30
    url = httpx.URL(running.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    page, version = GET.replace(b"api/App/Version", b"_emulator/requests"), CLOSING
    async with asyncio.timeout(LIMIT_S):
        writer.write(page * asked + GET + version)
        await asyncio.sleep(0)
        await http.get("/api/App/Version")  # by now the emulator has all of them, and has answered what it will
        waiting = await http.get("/_emulator/summary")
        assert waiting.json()["counts"]["requests"] == 11
        answers = await reader.read()
    assert answers.count(b"HTTP/1.1 200 ") == asked + 2
    assert (await http.get("/_emulator/summary")).json()["counts"]["requests"] == 13
    writer.close()
    await writer.wait_closed()


async def test_http_1_0_is_answered_and_closed(running: Running) -> None:
    """No keep-alive is assumed."""
    answer = await talk(running, GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b" 200 " in answer.partition(b"\r\n")[0]
    assert answer.endswith(b'"2025.3.9.824"')


async def test_a_success_without_a_body_has_no_length(running: Running) -> None:
    """204 carries no `Content-Length` (RFC 9110 8.6)."""
    request = b"DELETE /_emulator/faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await talk(running, request)
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"content-length" not in answer.lower()
