"""What `spool retry` of a bridge that does not run makes of a message is what the bridge makes of it."""

from __future__ import annotations

from typing import Any

import msgspec

from pywats_mqtt.app.quarantine import judge
from pywats_mqtt.cli.quarantine import routes_of
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.interpret import interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Kept

EXIT = b'{"serial_number": "U1", "event": "unit_exited", "timestamp": "2026-01-26T10:00:00Z"}'
PRODUCTION: dict[str, Any] = {"testers": {"T1": "S1"}}


def test_the_stream_that_an_exit_ends_is_tried_again_as_it_was_refused() -> None:
    """Its identity is forgotten, or the bridge would take it for a repeat; that of the station as a tester, too."""
    config = msgspec.convert({"production": PRODUCTION}, BridgeConfig)
    message = RawMessage("stations/S1/unit", EXIT, 1_769_500_000_000_000, 1)
    kept = Kept(1, "T1", "unit_at_tester", "no part number", message)
    judgement, release = judge(kept, lambda message: interpret(message, routes_of(config)))
    assert "unit_at_tester of T1" in judgement.now
    assert release is not None
    assert len(release.forget) == 2
