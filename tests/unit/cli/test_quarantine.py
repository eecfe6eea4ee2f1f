"""What `spool retry` of a bridge that does not run makes of a message is what the bridge makes of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from pywats_mqtt.app.foresight import Foresight
from pywats_mqtt.app.quarantine import judge
from pywats_mqtt.cli.commands import app
from pywats_mqtt.cli.quarantine import details, opened, routes_of
from pywats_mqtt.config.model import BridgeConfig, SpoolConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.interpret import interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Kept, Quarantined

EXIT = b'{"serial_number": "U1", "event": "unit_exited", "timestamp": "2026-01-26T10:00:00Z"}'
PRODUCTION: dict[str, Any] = {"testers": {"T1": "S1"}}


def test_the_stream_that_an_exit_ends_is_tried_again_as_it_was_refused() -> None:
    """Its identity is forgotten, or the bridge would take it for a repeat; that of the station as a tester, too."""
    config = msgspec.convert({"production": PRODUCTION}, BridgeConfig)
    message = RawMessage("stations/S1/unit", EXIT, 1_769_500_000_000_000, 1)
    kept = Kept(1, "T1", "unit_at_tester", "no part number", message)
    judgement, release = judge(kept, lambda message: interpret(message, routes_of(config)), Foresight(config))
    assert "unit_at_tester of T1" in judgement.now
    assert release is not None
    assert len(release.forget) == 2


async def test_a_command_says_of_a_full_disk_that_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for room, as the bridge would."""

    def fill(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", fill)
    with pytest.raises(Fatal, match="No space left on device"):
        async with opened(BridgeConfig(spool=SpoolConfig(path=str(tmp_path / "spool.db")))):
            pass


def test_a_payload_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    """What is wrong with it is why it is looked at."""
    config = tmp_path / "bridge.toml"
    config.write_text("[spool]\n")
    row = Quarantined(
        id=1, topic="t", device="", reason="no UTF-8", path="$", received_at_us=0, payload=b'{"a": "\xff"}'
    )
    assert details(config, row)["payload"] == '{"a": "\\xff"}'


@pytest.mark.parametrize(
    "command", [["list"], ["retry", "--all"], ["discard", "--all"], ["export", "--all", "--to", "x"]]
)
@pytest.mark.parametrize("bad", ["a/#/b", "a+/b"])
def test_a_filter_that_no_topic_is_in_is_refused(command: list[str], bad: str) -> None:
    """It would leave nothing, as one that is merely another topic's."""
    done = CliRunner().invoke(app, ["spool", *command, "--topic", bad, "-c", "bridge.toml"])
    assert done.exit_code == 2
    assert "no topic filter" in done.stderr


@pytest.mark.parametrize("command", [["list"], ["retry", "--all"], ["discard", "--all", "--yes"]])
@pytest.mark.parametrize("option", ["--topic", "--reason", "--device"])
def test_an_empty_filter_does_not_mean_all(command: list[str], option: str) -> None:
    """A script whose variable is not set would throw all of the quarantine away."""
    done = CliRunner().invoke(app, ["spool", *command, option, "", "-c", "bridge.toml"])
    assert done.exit_code == 2
    assert "it is empty" in done.stderr
