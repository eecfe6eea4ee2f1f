"""What a row of a routing table says."""

from collections.abc import Mapping
from enum import Enum

import msgspec

from pywats_mqtt.emulator.access import Needs
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
    """What answers a method on a path, what the token needs for it, and how sure we are that a server does the same."""

    handler: Handler
    needs: Needs
    confidence: Confidence


Routes = Mapping[str, Mapping[str, Route]]
"""Path to method to route. `{}` in a path stands for one segment, which keeps its case; the rest is in lower case."""
