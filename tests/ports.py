"""Loopback ports for the real programs tests start."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

HOST = "127.0.0.1"
FIRST = 10_000
"""Where ports begin that hardly any service of a machine has as its own."""

LAST = 65_535


def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nobody listens on, and that nobody else is given while this process lives.

    Several processes run tests at once, so a port that was looked at and let go is not enough. The kernel deals none of
    these ports itself, to what connects or asks for any port; and each that is given stays locked by this process, as
    one byte of a file that all processes of this user share.

    Raises:
        RuntimeError: all of them are taken.
    """
    for port in _candidates():
        if _is_ours(port) and _can_be_bound(port):
            return port
    raise RuntimeError(f"no port from {FIRST} to {LAST} is free")


@cache
def _candidates() -> Iterator[int]:
    """Go through the ports that the kernel does not deal, from another place in each process, and once at most."""
    low, high = (int(bound) for bound in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [port for port in range(FIRST, LAST + 1) if not low <= port <= high]
    begin = os.getpid() * 997 % len(ports)  # 997: neighbours begin far enough apart to seldom meet
    return iter(ports[begin:] + ports[:begin])


@cache
def _locks() -> BinaryIO:
    """Open the file of the locks for good: to close it anywhere in this process would give up all of them."""
    return (Path(tempfile.gettempdir()) / f"pywats-mqtt-ports-of-{os.geteuid()}").open("ab")


def _is_ours(port: int) -> bool:
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _can_be_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
