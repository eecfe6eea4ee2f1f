"""The local socket beside the spool file, over which a running bridge tells a second process what it knows.

A client sends one line of JSON, and gets one. The socket is the owner's alone (mode 0600).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from pywats_mqtt.errors import Fatal

PATIENCE_S = 5.0
"""Seconds a client waits for an answer: a busy bridge answers within a second."""

WORK_PATIENCE_S = 60.0
"""The same for work on many rows: it stands behind what is received, and may wait for the disk."""

LONGEST_LINE = 256 * 1024 * 1024
"""Bytes of a question: a row of an import with the largest message MQTT knows fits; only the owner can ask."""

STATUS = b'{"ask":"status"}'
"""The question that `status` asks."""

LONGEST_PATH = 100
"""sockaddr_un holds 108 bytes on Linux, 104 on others; longer paths are reached through the folder's descriptor."""


def socket_path(spool_path: Path) -> Path:
    """Name the socket of a spool file."""
    return spool_path.with_name(spool_path.name + ".sock")


class Silent(Fatal):
    """A bridge holds the socket, and gave no answer in time: it stands still, or has too much to do.

    It may still do what it was asked.
    """


@contextlib.asynccontextmanager
async def answering(spool_path: Path, answer_to: Callable[[bytes], Awaitable[bytes]]) -> AsyncIterator[None]:
    """Answer each client's line while the block runs; the caller owns the spool, a stale socket is replaced."""
    path = socket_path(spool_path)
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = b""
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError):  # ValueError: the line does not end
            async with asyncio.timeout(PATIENCE_S):
                line = await reader.readline()
        try:
            said = await answer_to(line) + b"\n" if line else b""
            with contextlib.suppress(ConnectionError, TimeoutError):
                writer.write(said)
                async with asyncio.timeout(PATIENCE_S):
                    await writer.drain()
        finally:
            writer.close()

    with _address(path) as address, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        path.chmod(0o600)
        server = await asyncio.start_unix_server(answer, sock=listener, limit=LONGEST_LINE)
        async with server:
            try:
                yield
            finally:
                path.unlink(missing_ok=True)


def ask(spool_path: Path, question: bytes = STATUS, patience_s: float = PATIENCE_S) -> bytes | None:
    """Ask the bridge that owns a spool; None where none runs.

    Args:
        spool_path: the spool's file.
        question: one line of JSON, without its end.
        patience_s: seconds to wait for each part of the answer.

    Raises:
        Silent: one runs, and does not answer.
    """
    path = socket_path(spool_path)
    if not path.exists():
        return None
    with _address(path) as address, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(patience_s)
        try:
            client.connect(address)
            client.sendall(question + b"\n")
            answer = b""
            while part := client.recv(65_536):
                answer += part
        except (TimeoutError, BlockingIOError) as error:  # the latter: more wait to be let in than the kernel keeps
            raise Silent(
                f"the bridge of {spool_path} runs and gave no answer in {patience_s:g} s; it may still do what it was"
                " asked: look at it with `status` and `spool list` before you ask again"
            ) from error
        except OSError:
            return None
    return answer if answer.endswith(b"\n") else None


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give an address short enough to bind or connect to, valid within the block."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
