"""Loopback ports for the real programs tests start."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nobody listens on.

    Nobody holds it either: a program that finds it taken after all should be started again on another one. The kernel
    deals its ports in turn, so two calls one after the other give two ports.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
