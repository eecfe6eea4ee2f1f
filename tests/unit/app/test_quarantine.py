"""What would become of a refused message that is tried again."""

from __future__ import annotations

from pywats_mqtt.adapters.sizes import Sizes
from pywats_mqtt.app.quarantine import MESSAGE, judge
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Kept, Outcome


def accept(_: RawMessage) -> Outcome:
    """Take whatever comes."""
    return ()


def test_what_was_cut_is_never_tried() -> None:
    """Also where what is left of it would be read as something; it says what was cut, and what to do."""
    kept, said = Sizes(LimitsConfig(quarantine_bytes=10)).kept(b"x" * 100_000)
    assert kept is not None
    row = Kept(7, "T", MESSAGE, f"the payload has 100 bytes{said}", RawMessage("t", kept, 1))
    judgement, release = judge(row, accept)
    assert (judgement.accepted, release) == (False, None)
    assert "of its 100000 bytes only the first were kept (limits.quarantine_bytes)" in judgement.now
    assert "let the device send it again" in judgement.now


def test_what_was_refused_as_a_delivery_is_whole() -> None:
    """Its message was taken, so it was not too large, whatever stands in it."""
    kept, said = Sizes(LimitsConfig(quarantine_bytes=10)).kept(b"x" * 100_000)
    assert kept is not None
    judgement, release = judge(Kept(7, "T", "result", said, RawMessage("t", kept, 1)), accept)
    assert judgement.accepted
    assert release is not None
