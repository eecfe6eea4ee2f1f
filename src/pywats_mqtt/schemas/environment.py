"""Messages of the bridge to itself about the environment of assets: what falls due without a device saying so.

They take the way of every message, so that what they do is stored with what devices say, and in order with it. No
subscription of the bridge receives their topics.
"""

from __future__ import annotations

import msgspec

CLOSE_TOPIC = "$pywats-mqtt/environment/close"
UNWATCH_TOPIC = "$pywats-mqtt/environment/unwatch"


class CloseWindows(msgspec.Struct, frozen=True):
    """Close the windows of assets that went silent.

    Attributes:
        until_us: the time at which they are silent, in microseconds since 1970 UTC.
        assets: whose.
    """

    until_us: int
    assets: tuple[str, ...]


class Unwatch(msgspec.Struct, frozen=True):
    """Forget channels whose limits were taken out of the configuration, and end their alarms.

    Attributes:
        channels: asset to the names of its channels.
    """

    channels: dict[str, tuple[str, ...]]


close_decoder: msgspec.json.Decoder[CloseWindows] = msgspec.json.Decoder(CloseWindows)
unwatch_decoder: msgspec.json.Decoder[Unwatch] = msgspec.json.Decoder(Unwatch)
