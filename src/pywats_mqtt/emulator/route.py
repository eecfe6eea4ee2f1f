"""What a row of a routing table says."""

from collections.abc import Mapping
from enum import Enum

import msgspec

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.settings import Server
from pywats_mqtt.emulator.wire import Handler


class Confidence(Enum):
    """How well public material covers what a real server does here."""

    HIGH = "high"
    """The API description and the vendor's own tests agree."""
    MEDIUM = "medium"
    """Described in part; the rest is inferred."""
    LOW = "low"
    """Inferred from names, from the client or from related routes."""


class Route(msgspec.Struct, frozen=True):
    """What answers a method on a path.

    Attributes:
        handler: Answers it.
        needs: What the token needs for it.
        confidence: How sure we are that a server does the same.
        since: The first release of a server that has it.
    """

    handler: Handler
    needs: Needs
    confidence: Confidence
    since: Server = Server.V2025_3


Routes = Mapping[str, Mapping[str, Route]]
"""Path to method to route. `{}` in a path stands for one segment, which keeps its case; the rest is in lower case."""
