"""What the values of channels are besides the newest ones: samples of a history, and watched against limits."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pywats_mqtt.adapters.context import Context
from pywats_mqtt.config.environment import Watching
from pywats_mqtt.events import (
    AssetAlert,
    AssetCrossing,
    AssetHistory,
    AssetSamples,
    AssetWatch,
    Identified,
    Identity,
    Stats,
    Watched,
    Window,
    identify,
    kind_of,
    payload_digest,
)
from pywats_mqtt.schemas.environment import close_decoder, unwatch_decoder

told_decoder: msgspec.json.Decoder[AssetHistory | AssetCrossing | AssetAlert] = msgspec.json.Decoder(
    AssetHistory | AssetCrossing | AssetAlert
)


def follow(
    asset: str, channels: Mapping[str, float], units: Mapping[str, str], as_of_us: int, context: Context
) -> list[AssetSamples | AssetWatch]:
    """Give what follows from the values of channels, where the operator wants it.

    A retained message is a state that the broker says again at each subscription: no sample, but watched.

    Args:
        asset: whose they are.
        channels: channel to its value, at least one; finite.
        units: channel to the unit sent with it; the name tells that of the others.
        as_of_us: their time.
        context: the message's.
    """
    watching = context.settings.watching
    found: list[AssetSamples | AssetWatch] = []
    if watching.window_us and not context.message.retain:
        start_us = as_of_us - as_of_us % watching.window_us
        stats: dict[str, tuple[Stats, ...]] = {
            name: (Stats(units.get(name) or watching.unit(name), 1, value, value, value),)
            for name, value in channels.items()
        }
        window = Window(start_us, watching.window_us, stats)
        heard_us = context.message.received_at_us
        found.append(
            AssetSamples(asset=asset, windows=(window,), as_of_us=as_of_us, heard_us=heard_us, late_us=watching.late_us)
        )
    watched = _watched(asset, channels, units, as_of_us, watching)
    if watched:
        found.append(AssetWatch(asset=asset, channels=watched, as_of_us=as_of_us))
    return found


def _watched(
    asset: str, channels: Mapping[str, float], units: Mapping[str, str], as_of_us: int, watching: Watching
) -> dict[str, Watched]:
    watched: dict[str, Watched] = {}
    for name, value in channels.items():
        limits = watching.threshold(asset, name)
        if limits is not None:
            unit = units.get(name) or watching.unit(name)
            watched[name] = Watched(value, unit, as_of_us, limits.low, limits.high, limits.hysteresis, limits.level)
    return watched


def sample_identity(samples: AssetSamples, payload: bytes) -> Identity:
    """Identify the samples of a message that names a time but no id: by its content, which has that time in it."""
    return identify((kind_of(samples), samples.asset, payload_digest(payload).hex()), payload)


def read_close(context: Context) -> tuple[Identified, ...]:
    """Read the bridge's own message that windows are to be closed.

    Raises:
        msgspec.DecodeError: it is none.
    """
    sent = close_decoder.decode(context.message.payload)
    late_us = context.settings.watching.late_us
    return tuple(
        Identified(AssetSamples(asset=asset, until_us=sent.until_us, late_us=late_us)) for asset in sent.assets
    )


def read_told(context: Context) -> tuple[Identified, ...]:
    """Read an event that folding told, and that is tried again.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return (Identified(told_decoder.decode(context.message.payload)),)


def read_unwatch(context: Context) -> tuple[Identified, ...]:
    """Read the bridge's own message that channels are no longer watched.

    Raises:
        msgspec.DecodeError: it is none.
    """
    at_us = context.message.received_at_us
    forgotten = Watched(0.0, "", at_us, None, None, 0.0, "")
    return tuple(
        Identified(AssetWatch(asset=asset, channels=dict.fromkeys(names, forgotten), as_of_us=at_us))
        for asset, names in unwatch_decoder.decode(context.message.payload).channels.items()
    )
