"""What a second process is told of a bridge that answers, one that is gone, and one that stands still."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.local_socket import Silent, answering, ask, socket_path
from pywats_mqtt.config.model import BridgeConfig, SpoolConfig
from tests.waiting import wait_until


async def _echo(line: bytes) -> bytes:
    return line.strip()


async def _fail(*_asked: object) -> bytes:
    raise ValueError("a defect")


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


async def test_a_defect_is_told_to_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an answer he would take it that no bridge runs; and so is a question that is no text."""
    path = tmp_path / "spool.db"
    bridge = Bridge(BridgeConfig(spool=SpoolConfig(path=str(path))), connect=False)
    monkeypatch.setattr(bridge, "_tell_status", _fail)
    async with answering(path, bridge._answer):  # noqa: SLF001 - as it does itself
        assert b"cannot answer by a defect" in (await asyncio.to_thread(ask, path, b'{"ask": "status"}') or b"")
        assert b"not understood" in (await asyncio.to_thread(ask, path, b'{"ask": "\xff"}') or b"")
    assert "a question cannot be answered by a defect" in caplog.text


async def test_what_an_answer_raises_is_not_taken_for_a_line_without_end(tmp_path: Path) -> None:
    """A ValueError of whoever answers is a defect, and not lost."""
    raised: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    async with answering(tmp_path / "spool.db", _fail):
        assert await asyncio.to_thread(ask, tmp_path / "spool.db") is None
        await wait_until(lambda: raised)
    assert isinstance(raised[0]["exception"], ValueError)
