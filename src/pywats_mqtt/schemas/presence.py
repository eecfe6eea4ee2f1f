"""What the bridge tells itself about who is there: no device sends it."""

from __future__ import annotations

import msgspec

TOPIC = "$pywats-mqtt/presence"
"""Below `$`, so that no filter with a wildcard brings one from outside (MQTT 5, 4.7.2)."""


class PresenceMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Assets of which something fell due.

    Attributes:
        gone: went silent.
        there: were heard, or are looked at anew.
    """

    gone: tuple[str, ...] = ()
    there: tuple[str, ...] = ()


decoder: msgspec.json.Decoder[PresenceMessage] = msgspec.json.Decoder(PresenceMessage)
"""Decodes and validates it."""
