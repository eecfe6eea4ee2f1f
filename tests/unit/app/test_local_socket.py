"""What a second process is told of a bridge that answers, one that is gone, and one that stands still."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from pywats_mqtt.app.local_socket import Silent, answering, ask, socket_path


async def _echo(line: bytes) -> bytes:
    return line.strip()


async def test_who_answers_is_heard(tmp_path: Path) -> None:
    """One line there, one line back."""
    async with answering(tmp_path / "spool.db", _echo):
        assert await asyncio.to_thread(ask, tmp_path / "spool.db", b"{}") == b"{}\n"


def test_a_socket_that_nobody_holds_is_of_a_bridge_that_is_gone(tmp_path: Path) -> None:
    """A kill leaves the file, and nobody behind it."""
    assert ask(tmp_path / "spool.db") is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path(tmp_path / "spool.db")))
    assert ask(tmp_path / "spool.db") is None


def test_who_stands_still_is_not_taken_for_gone(tmp_path: Path) -> None:
    """It may do what it was asked as soon as it goes on: to say that it does not run would be wrong."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path(tmp_path / "spool.db")))
        listener.listen(1)
        with pytest.raises(Silent, match="runs and gave no answer"):
            ask(tmp_path / "spool.db", patience_s=0.01)
