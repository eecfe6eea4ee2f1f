"""Where a bridge delivers to, and what it can do there besides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from pywats_mqtt.app.clocks import Clocks
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.pipeline.pace import Handle, HandleGroup
from pywats_mqtt.ports import Gathered


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """What is open for as long as a bridge runs.

    Attributes:
        handle: does what one event asks for.
        handle_units: does what unit events ask for together; None to handle each alone.
        probe: asks whether it is there; None where there is nothing to ask.
        looks: do what falls due without a message.
        look_s: seconds between two times these are called.
        hear: notes who was heard in a routed batch; must not raise. None where nobody asks.
        tell_again: says again what the broker keeps, at each connection to it; None where it keeps nothing.
        clocks: those of devices, which hear every message; None where nobody asks for them.
    """

    handle: Handle
    handle_units: HandleGroup | None = None
    probe: Callable[[], Awaitable[None]] | None = None
    looks: tuple[Callable[[], Awaitable[None]], ...] = ()
    look_s: float = 30.0
    hear: Callable[[Sequence[RawMessage], Sequence[Gathered]], None] | None = None
    tell_again: Callable[[], None] | None = None
    clocks: Clocks | None = None
