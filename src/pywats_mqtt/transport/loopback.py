"""Ports of this machine for programs that we start and that cannot choose one themselves."""

from __future__ import annotations

import errno
import socket
from typing import Final

from pywats_mqtt.errors import Fatal

HOST: Final = "127.0.0.1"


def reserve(port: int = 0) -> socket.socket:
    """Bind a port, 0 for any that is free, and keep it until the program listens there; then close it.

    A port that is free and let go again may be another program's by the time that ours has started: the kernel deals it
    out to any that asks for one, or as the near end of a connection. While this socket is open it does not; those alone
    may bind it that say SO_REUSEADDR, as brokers and web servers do, and the first of them that listens keeps it.

    Raises:
        Fatal: somebody listens there, or this user may not.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reserved.bind((HOST, port))
    except OSError as exc:
        reserved.close()
        why = "is taken" if exc.errno == errno.EADDRINUSE else f"cannot be had ({exc.strerror})"
        raise Fatal(f"{HOST}:{port} {why}; choose another port") from exc
    return reserved


def port_of(reserved: socket.socket) -> int:
    """Tell which port was reserved."""
    port: int = reserved.getsockname()[1]
    return port
