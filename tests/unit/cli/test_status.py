"""What `status` says in words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.app.quarantine import Answer
from pywats_mqtt.cli import status
from pywats_mqtt.cli.status import explain
from pywats_mqtt.errors import Fatal
from pywats_mqtt.guarantees import Guarantee
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


def test_what_is_not_known_is_told_beside_what_is_not_guaranteed() -> None:
    """And of a bridge that does not run, of which nothing else is said."""
    broken = Guarantee(route="a/b", promise="true times", holds=False, reason="late", fix="set it")
    unknown = Guarantee(route="all routes", promise="true times", holds=None, reason="the broker", fix="look")
    found = status_of(Figures(), Health())
    for running, guarantees, said in (
        (True, (unknown,), [("guaranteed", "all routes: exactly once, in order; but the broker (look)")]),
        (
            True,
            (broken, unknown),
            [("not guaranteed: true times", "a/b: late; set it"), ("not known", "the broker (look)")],
        ),
        (False, (unknown,), [("not known", "the broker (look)")]),
    ):
        shown = msgspec.structs.replace(found, running=running, guarantees=guarantees)
        assert [line for line in explain(shown) if "guaranteed" in line[0] or line[0] == "not known"] == said


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
