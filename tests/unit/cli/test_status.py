"""What `status` says in words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.app.quarantine import Answer
from pywats_mqtt.cli import status
from pywats_mqtt.cli.status import explain
from pywats_mqtt.errors import Fatal
from pywats_mqtt.observe import Health, status_of
from pywats_mqtt.ports import Figures


@pytest.mark.parametrize(
    ("reachable", "problem", "said"),
    [
        (True, "", "reachable"),
        (True, "429 wait", "reachable, asks for patience: 429 wait"),
        (False, "401 no", "not reached: 401 no"),
        (None, "", "not reached: no call made yet"),
    ],
)
def test_a_server_that_asks_for_patience_is_told_with_its_reason(
    *, reachable: bool | None, problem: str, said: str
) -> None:
    """It is there, and nothing is delivered for as long as it asked for."""
    found = status_of(Figures(), Health(wats_reachable=reachable, wats_problem=problem))
    assert dict(explain(found))["WATS"] == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (msgspec.json.encode(Answer(error="the disk failed")), "the disk failed"),
        (b'{"running": true}', "is of another version"),
    ],
)
def test_a_bridge_that_cannot_tell_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str
) -> None:
    """In words, and not by a traceback."""
    config = tmp_path / "bridge.toml"
    config.write_text(f'[spool]\npath = "{tmp_path / "spool.db"}"\n')
    monkeypatch.setattr(status, "ask", lambda _path: answer)
    with pytest.raises(Fatal, match=said):
        status.read_status(config)
