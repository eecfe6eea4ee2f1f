"""What is known of an asset by name stays bounded, whatever names its device sends."""

from __future__ import annotations

from pywats_mqtt.events import AssetCounters, AssetEnvironment
from pywats_mqtt.folding import fold
from pywats_mqtt.folding.counting import MOST_NAMES


def test_channels_named_longest_ago_are_forgotten() -> None:
    """With their units; those that are still named stay."""
    known = AssetEnvironment(asset="A", channels={"t": 1.0}, as_of_us=1, units={"t": "K"})
    for number in range(2, 2 * MOST_NAMES):
        channels = {f"c{number}": 1.0} | ({"steady": 2.0} if number % 100 == 0 else {})
        new = AssetEnvironment(asset="A", channels=channels, as_of_us=number, units=dict.fromkeys(channels, "V"))
        folded = fold(known, new)
        assert isinstance(folded, AssetEnvironment)
        known = folded
    assert len(known.channels) == len(known.units) == MOST_NAMES
    assert known.older_us.keys() < known.channels.keys()
    assert "steady" in known.channels
    assert "t" not in known.channels


def test_counters_named_longest_ago_are_forgotten() -> None:
    """The newest stay."""
    known = AssetCounters(asset="A", counters={"n": 1}, as_of_us=1)
    for number in range(2, 2 * MOST_NAMES):
        folded = fold(known, AssetCounters(asset="A", counters={f"c{number}": number}, as_of_us=number))
        assert isinstance(folded, AssetCounters)
        known = folded
    assert len(known.counters) == MOST_NAMES
    assert f"c{2 * MOST_NAMES - 1}" in known.counters
    assert "n" not in known.counters
