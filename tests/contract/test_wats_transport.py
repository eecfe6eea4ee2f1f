"""How requests reach the server: over aiohttp, each once, or as httpx goes where the environment names a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.errors import Fatal, Retry, Scope
from pywats_mqtt.wats.outcomes import Call
from pywats_mqtt.wats.quota import Quota
from pywats_mqtt.wats.session import Session
from pywats_mqtt.wats.transport import AiohttpTransport, http_client
from tests.contract.wats_servers import SystemClock, configure
from tests.emulator.server import RunningEmulator

COUNT = Call("PUT", "/api/Asset/Count")
VERSION = Call("GET", "/api/App/Version")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine needs to reach the world."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def session(config: WatsConfig) -> AsyncIterator[Session]:
    """Give a session without a quota."""
    async with Session(config, Quota(0, None, SystemClock()), SystemClock()) as opened:
        yield opened


@asynccontextmanager
async def scripted(
    answers: list[bytes], trust: ssl.SSLContext | None = None, *, closes: bool = False
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answer in turn, close at a request that has no answer, or after each. Gives the port and the requests' heads."""
    heads: list[bytes] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                heads.append(head := await reader.readuntil(b"\r\n\r\n"))
                lines = (line.split(b":") for line in head.lower().split(b"\r\n"))
                await reader.readexactly(next((int(line[1]) for line in lines if line[0] == b"content-length"), 0))
                if len(heads) > len(answers):
                    break
                writer.write(answers[len(heads) - 1])
                await writer.drain()
                if closes:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=trust) as server:
        yield server.sockets[0].getsockname()[1], heads
    await asyncio.gather(*filter(None, serving))


async def test_pywats_takes_the_client_it_is_given(emulator: RunningEmulator) -> None:
    """The second private name of pywats that we touch: what is there is used, and no other made."""
    async with session(configure(emulator)) as opened:
        await opened.call(VERSION)

        used = vars(vars(opened)["_api"].http_client)["_client"]
        assert isinstance(used, httpx.AsyncClient)
        assert isinstance(vars(used)["_transport"], AiohttpTransport)


@pytest.mark.parametrize("call", [COUNT, VERSION], ids=str)
async def test_a_connection_lost_under_a_request_is_told_and_nothing_sent_again(call: Call) -> None:
    """The client below would repeat what HTTP calls idempotent, on a connection that was used before: a count, say."""
    async with scripted([ANSWER + b"null"]) as (port, heads), session(_config(f"http://127.0.0.1:{port}")) as opened:
        await opened.call(call)
        with pytest.raises(Retry) as failed:
            await opened.call(call)

    assert failed.value.cause == "dropped"
    assert len(heads) == 2


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 200", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ids=["half a body", "half a head", "no HTTP"],
)
async def test_an_answer_that_breaks_off_leaves_the_outcome_unknown(answer: bytes) -> None:
    """The server may have done what was asked."""
    async with scripted([answer], closes=True) as (port, _), session(_config(f"http://127.0.0.1:{port}")) as opened:
        with pytest.raises(Retry) as failed:
            await opened.call(COUNT)

    assert failed.value.cause == "dropped"


async def test_nobody_there_is_told_apart_from_a_lost_answer() -> None:
    """Nothing was sent."""
    async with scripted([]) as (port, _):
        pass
    async with session(_config(f"http://127.0.0.1:{port}")) as opened:
        with pytest.raises(Retry) as failed:
            await opened.call(VERSION)

    assert failed.value.cause == "unreachable"


async def test_an_answer_is_read_as_it_was_compressed() -> None:
    """The request asks for gzip, and httpx undoes it."""
    body = gzip.compress(b'"26.1"')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with scripted([head + body]) as (port, heads), session(_config(f"http://127.0.0.1:{port}")) as opened:
        answer = await opened.call(VERSION)

    assert answer.data == "26.1"
    assert b"gzip" in heads[0].lower()


async def test_an_answer_may_have_long_headers_and_many() -> None:
    """A portal in front of WATS adds its own; they are no reason to take the server for broken."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Policy: " + b"p" * 30_000 + b"\r\n" + b"X-More: y\r\n" * 300
    async with scripted([head + b"\r\nnull"]) as (port, _), session(_config(f"http://127.0.0.1:{port}")) as opened:
        answer = await opened.call(VERSION)

    assert len(answer.headers["x-policy"]) == 30_000


async def test_an_address_with_a_user_ends_the_start() -> None:
    """Every call would fail before it was sent, and what it carries be taken for refused."""
    with pytest.raises(Fatal, match=r"wats\.url: .*token") as failed:
        async with session(_config("http://somebody:hush@wats.example")):
            pass

    assert "hush" not in str(failed.value)


async def test_the_query_arrives_as_pywats_wrote_it() -> None:
    """Serial numbers hold what a URL must escape; escaping twice would ask for another asset."""
    async with scripted([ANSWER + b"null"]) as (port, heads), session(_config(f"http://127.0.0.1:{port}")) as opened:
        await opened.call(Call("GET", "/api/Asset/A%2FB%20C"), {"$filter": "serialNumber eq 'Ä&+%'"})

    line = heads[0].split(b"\r\n")[0].decode()
    assert line.startswith("GET /api/Asset/A%2FB%20C?")
    assert httpx.URL("http://x" + line.split(" ")[1]).params["$filter"] == "serialNumber eq 'Ä&+%'"


async def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown one is refused before anything is sent; the environment can name its authority."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with scripted([ANSWER + b"null"], context) as (port, heads):
        config = _config(f"https://127.0.0.1:{port}")
        async with session(config) as opened:
            with pytest.raises(Retry) as failed:
                await opened.call(VERSION)
        assert failed.value.cause == "unreachable"
        assert not heads

        known = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(known)
        monkeypatch.setenv("SSL_CERT_FILE", str(known))
        async with session(config) as opened:
            await opened.call(VERSION)
        assert len(heads) == 1


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request goes to the proxy, with the whole address."""
    async with scripted([ANSWER + b"null"]) as (port, heads):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with session(_config("http://wats.example")) as opened:
            await opened.call(VERSION)

    assert heads[0].startswith(b"GET http://wats.example/api/App/Version")


@pytest.mark.parametrize("proxied", [False, True])
async def test_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch, *, proxied: bool) -> None:
    """A login page would be a second call, and what was posted be asked for instead."""
    if proxied:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async with http_client("http://wats.example", 1.0) as made:
        assert made.follow_redirects is False


def _config(url: str) -> WatsConfig:
    return WatsConfig(url=url, token=Secret("x"), timeout_s=20.0)


@pytest.mark.parametrize("charset", ["utf-16", "undefined", "idna"])
async def test_an_answer_that_is_no_text_of_its_charset_refuses_nothing(charset: str) -> None:
    """It is a gateway's: what was sent is sent again, and not put aside as what WATS does not take."""
    kind = f"Content-Type: text/plain; charset={charset}\r\n"
    head = f"HTTP/1.1 502 Bad Gateway\r\n{kind}Content-Length: 3\r\n\r\n".encode()
    async with scripted([head + b"a\xffc"]) as (port, _), session(_config(f"http://127.0.0.1:{port}")) as opened:
        with pytest.raises(Retry) as failed:
            await opened.call(COUNT)
    assert (failed.value.scope, failed.value.cause) == (Scope.SERVER, "unreadable answer")


async def test_certificates_that_are_not_there_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the name of the setting."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(Fatal, match=r"No such file or directory.*SSL_CERT_FILE"):
        async with session(_config("https://127.0.0.1:9")):
            pass
