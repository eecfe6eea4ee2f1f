"""Anything on the socket: every request gets an answer that is not 500, and the emulator goes on."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pywats_mqtt.emulator.routes import ROUTES
from tests.emulator.server import RunningEmulator, running_emulator

LIMIT_S = 20
STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ")

visible = "".join(map(chr, range(0x21, 0x7F)))
tokens = st.text(st.sampled_from("ABCxyz09-_.!#"), min_size=1, max_size=12)
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"])
segments = st.sampled_from(sorted(ROUTES)) | st.sampled_from(["/_emulator/state", "/_emulator/requests", "/login", "*"])
tails = (
    st.text(visible, max_size=12)
    | st.binary(max_size=6).map(quote)
    | st.sampled_from(["%", "%00", "%ud800", "?", "?a"])
)
header_values = st.text(visible + " ", max_size=30) | st.binary(max_size=10).map(lambda raw: raw.decode("latin-1"))
special = st.sampled_from(
    [
        ("Authorization", "Basic c2VjcmV0"),
        ("Authorization", "Basic"),
        ("Authorization", "\xff"),
        ("Expect", "100-continue"),
        ("Upgrade", "h2c"),
        ("Connection", "upgrade"),
        ("Referer", "http://"),
        ("Content-Type", "multipart/form-data"),
        ("Cookie", "x" * 5_000),
    ]
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    """One emulator for all examples."""
    with running_emulator() as found:
        yield found


def exchange(emulator: RunningEmulator, sent: bytes, *, half: bool = False) -> bytes:
    """All that comes back; `half` says to the emulator that nothing more will be sent."""
    with socket.create_connection(("127.0.0.1", emulator.port), LIMIT_S) as link:
        received = b""
        try:
            link.sendall(sent)
            if half:
                link.shutdown(socket.SHUT_WR)
            while chunk := link.recv(65_536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass  # the emulator closed without reading all of it
        return received


def goes_on(emulator: RunningEmulator) -> None:
    """An ordinary request is answered as ever."""
    headers = f"Host: x\r\nAuthorization: Basic {emulator.token}\r\nConnection: close"
    request = f"GET /api/App/Version HTTP/1.1\r\n{headers}\r\n\r\n"
    assert exchange(emulator, request.encode()).endswith(b'"2025.3.9.824"')


@given(
    methods, segments, tails, st.lists(st.tuples(tokens, header_values) | special, max_size=4), st.binary(max_size=60)
)
@example("GET", "/api/asset", "%", [], b"")
@example("GET", "*", "", [], b"")
@example("POST", "/api/report/wsjf", "", [("Authorization", "Basic c2VjcmV0")], b"\xff\xfe\x00")
@example("PUT", "/api/asset", "?a=%ff&%00=%00", [("Connection", "upgrade"), ("Upgrade", "h2c")], b"{}")
def test_any_request_is_answered(  # noqa: PLR0917 - hypothesis gives the parts in order
    emulator: RunningEmulator, method: str, path: str, tail: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    """Whatever its target, headers and body, a framed request has a status, and it is not 500."""
    lines = [f"{method} {path}{tail} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""])
    answer = exchange(emulator, head.encode("latin-1") + body)
    found = STATUS.findall(answer)
    assert found, (head, answer)
    assert b"500" not in found
    goes_on(emulator)


@given(st.binary(max_size=80) | st.text(visible + " \r\n:", max_size=80).map(str.encode))
@example(b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
@example(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
@example(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
def test_no_bytes_stop_the_emulator(emulator: RunningEmulator, sent: bytes) -> None:
    """What is no HTTP gets an error or an end, and the next client its answer."""
    assert b"500" not in STATUS.findall(exchange(emulator, sent, half=True))
    goes_on(emulator)
