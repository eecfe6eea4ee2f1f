"""The measuring process of `bench emulator`: sends prepared requests on several connections, and reads the answers."""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pywats_mqtt.cli.bench.emulator import requests
from pywats_mqtt.cli.bench.rounds import Measured
from pywats_mqtt.errors import Fatal

CONNECTIONS = 8
WARM_UP = 200
"""Reports before the measured ones: the first fill SQLite's cache of statements."""

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


class _Settings(msgspec.Struct):
    port: int
    pid: int
    core: int
    reports: int
    steps: int


def _measure(settings: _Settings) -> Measured:
    os.sched_setaffinity(0, {settings.core})
    prepared = list(requests(settings.reports + WARM_UP, settings.steps))
    links = [socket.create_connection(("127.0.0.1", settings.port)) for _ in range(CONNECTIONS)]
    for link in links:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _send_all(links, prepared[:WARM_UP])
    cpu_s, started = _cpu_s(settings.pid), time.perf_counter()
    _send_all(links, prepared[WARM_UP:])
    seconds = time.perf_counter() - started
    cpu_s = _cpu_s(settings.pid) - cpu_s
    for link in links:
        link.close()
    return Measured(count=settings.reports, seconds=seconds, cpu_s=cpu_s, rss_mb=_peak_rss_mb(settings.pid))


def _send_all(links: list[socket.socket], prepared: list[bytes]) -> None:
    """Keep a request under way on each connection until all are answered."""
    waiting: Iterator[bytes] = iter(prepared)
    with selectors.DefaultSelector() as ready:
        for link, request in zip(links, waiting, strict=False):
            link.sendall(request)
            ready.register(link, selectors.EVENT_READ, link)
        left = len(prepared)
        while left:
            for key, _ in ready.select():
                link = key.data
                _read_answer(link)
                left -= 1
                if (following := next(waiting, None)) is not None:
                    link.sendall(following)


def _read_answer(link: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _received(link)
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise Fatal(f"the emulator refused a report: {received[:200]!r}")
    missing = int(length[1]) - len(body)
    while missing > 0:
        missing -= len(_received(link))


def _received(link: socket.socket) -> bytes:
    chunk = link.recv(65_536)
    if not chunk:
        raise Fatal("the emulator closed a connection")
    return chunk


def _cpu_s(pid: int) -> float:
    """User and system time of a process: fields 14 and 15 of proc_pid_stat(5), counted behind the name."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_rss_mb(pid: int) -> float:
    found = re.search(r"^VmHWM:\s+([0-9]+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    figures = _measure(msgspec.convert(json.loads(sys.argv[1]), _Settings))
    sys.stdout.write(msgspec.json.encode(figures).decode())
