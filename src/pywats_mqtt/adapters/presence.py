"""Who went silent and who is back, as the bridge noticed it: it goes the way of every message, and so is not lost."""

from __future__ import annotations

from pywats_mqtt.adapters.context import Context
from pywats_mqtt.events import OFFLINE, AssetState, Identified
from pywats_mqtt.schemas.presence import decoder


def read(context: Context) -> tuple[Identified, ...]:
    """Give the state of each asset: gone, or there with no new word."""
    said, now_us = decoder.decode(context.message.payload), context.message.received_at_us
    gone = [AssetState(asset=asset, status=OFFLINE, as_of_us=now_us, gone_us=now_us) for asset in said.gone]
    return tuple(map(Identified, (*gone, *(AssetState(asset=asset, status="") for asset in said.there))))
