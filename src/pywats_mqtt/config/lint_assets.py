"""Judges what is set about assets, shifts and their utilization; see `config.lint`."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from pywats_mqtt.config.findings import REFUSED, SHORTEST_REFRESH_S, Finding, error, warning
from pywats_mqtt.config.model import AssetConfig, BridgeConfig, MQTTConfig, SpoolConfig
from pywats_mqtt.config.shifts import ShiftsConfig, UtilizationConfig, day_off, shift_of
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.utilization.calendar import Shift, overlapping

LAST_STATE = 6
"""Scrapped; the states of WATS assets begin with 0, unknown."""

SHORTEST_STATUS_S = 60.0
"""A call a minute for each asset."""

SHORTEST_WINDOW_S = 60.0
"""A report a minute for each asset is a tenth of the quota for 45 of them."""

MOST_LATE_WINDOWS = 8
"""Half of the windows that are kept open for an asset."""


def asset_findings(config: BridgeConfig) -> Iterator[Finding]:
    """Judge the tables `[assets]`, `[shifts]` and `[utilization]`, in this order."""
    yield from _assets(config.assets, config.mqtt)
    yield from _self_tests(config.assets, config.topics)
    yield from _shifts(config.shifts)
    yield from _utilization(config.utilization, config.spool)


def _assets(assets: AssetConfig, mqtt: MQTTConfig) -> Iterator[Finding]:
    if 0 < assets.offline_after_s < 2 * mqtt.keepalive:
        problem = "is too short to tell silent devices from a broken connection to the broker (mqtt.keepalive)"
        yield warning("assets.offline_after_s", problem, f"write at least {2 * mqtt.keepalive}, or 0 for never")
    for word, state in assets.states.items():
        path = f"assets.states.{word}"
        if not 0 <= state <= LAST_STATE:
            fix = (
                "write 1 in operation, 2 in transit, 3 in maintenance, 4 in calibration, 5 in storage, 6 scrapped, or 0"
            )
            yield error(path, f"{state} is no state of a WATS asset", fix)
        if word != word.strip().lower() or not word:
            yield error(path, "is compared with what devices say, in lower case", f"write {word.strip().lower()!r}")
    yield from _history(assets)
    yield from _channels(assets)
    yield from _limits(assets)
    if assets.override_states:
        problem = "lets a device end a state that a person set, such as scrapped"
        yield warning("assets.override_states", problem, "write false, and let people end it")


def _self_tests(assets: AssetConfig, topics: TopicConfig) -> Iterator[Finding]:
    last_levels = {topic_filter.rpartition("/")[2] for topic_filter in topics.report_topics}
    if assets.selftest_failed != "off" and not last_levels & {"selftest", "+", "#"}:
        problem = "waits for self-tests that none of topics.report_topics brings"
        yield error("assets.selftest_failed", problem, 'write "off", or add devices/+/selftest to them')
    if assets.selftest_failed == "off" and assets.selftest_every_h:
        yield warning("assets.selftest_every_h", 'does nothing while selftest_failed is "off"', 'write "tag" there')


def _history(assets: AssetConfig) -> Iterator[Finding]:
    window_s, late_s, number = assets.history_window_s, assets.history_late_s, assets.history_part_number
    if 0 < window_s < SHORTEST_WINDOW_S:
        problem = f"is a report every {window_s:g} seconds for each asset, from the quota of all calls"
        yield warning("assets.history_window_s", problem, "write 900")
    if window_s and late_s > MOST_LATE_WINDOWS * window_s:
        problem = f"keeps more than {MOST_LATE_WINDOWS} windows open, and what is beyond is closed before"
        yield error("assets.history_late_s", problem, f"write {MOST_LATE_WINDOWS * window_s:g} at most")
    if not number.strip() or REFUSED & set(number):
        fix = f"take one without {' '.join(sorted(REFUSED))}"
        yield error("assets.history_part_number", f"{number!r} is no part number that WATS takes", fix)


def _channels(assets: AssetConfig) -> Iterator[Finding]:
    for suffix in assets.units:
        if suffix != suffix.strip().lower() or not suffix:
            problem = "is compared with the end of a channel's name, in lower case"
            yield error(f"assets.units.{suffix}", problem, f"write {suffix.strip().lower()!r}")
    for name, limits in assets.thresholds.items():
        path = f'assets.thresholds."{name}"'
        if not all(isfinite(limit) for limit in (limits.low, limits.high, limits.hysteresis) if limit is not None):
            yield error(path, "has a limit that no value can reach", "write a number, or leave it out")
            continue
        low, high = limits.low, limits.high
        if low is None and high is None and "/" not in name:
            yield error(path, "has neither low nor high", "write one of them, or remove it")
        if low is not None and high is not None and low > high - limits.hysteresis:
            problem = "leaves no value within both limits, once hysteresis is taken off"
            yield error(path, problem, "write a low that is below high by more than hysteresis")


def _limits(assets: AssetConfig) -> Iterator[Finding]:
    if assets.limits_refresh_s < SHORTEST_REFRESH_S:
        problem = (
            f"asks WATS for all types {60 / assets.limits_refresh_s:g} times a minute, from the quota of all calls"
        )
        yield warning("assets.limits_refresh_s", problem, "write 900")
    if 0 < assets.status_refresh_s < SHORTEST_STATUS_S:
        problem = "asks WATS for each asset more than once a minute, from the quota of all calls"
        yield warning("assets.status_refresh_s", problem, "write 3600")
    for name, limit in assets.calibration_limits.items():
        if not limit > 0:
            problem = f"{limit:g} is no deviation that could be exceeded in either direction"
            yield error(f"assets.calibration_limits.{name}", problem, "write a number above 0")
        if name != name.strip() or not name:
            problem = "is no name of a parameter"
            yield error(f"assets.calibration_limits.{name}", problem, f"write {name.strip() or 'default'!r}")


def _shifts(shifts: ShiftsConfig) -> Iterator[Finding]:
    readable: list[Shift] = []
    for number, shift in enumerate(shifts.shift):
        try:
            readable.append(shift_of(shift))
        except ValueError as exc:
            key, what, fix = str(exc).split(": ", 2)
            yield error(f"shifts.shift[{number}].{key}", what, fix)
    names = overlapping(readable)
    if names is not None:
        fix = "end the first where the second begins, or take days off one of them"
        yield error("shifts.shift", f"{names[0]!r} and {names[1]!r} overlap", fix)
    for number, text in enumerate(shifts.days_off):
        try:
            day_off(text)
        except ValueError:
            yield error(f"shifts.days_off[{number}]", f"{text!r} is no date", "write it as 2026-12-24")


def _utilization(utilization: UtilizationConfig, spool: SpoolConfig) -> Iterator[Finding]:
    for number, word in enumerate(utilization.producing):
        if word != word.strip().lower() or not word:
            path = f"utilization.producing[{number}]"
            yield error(path, "is compared with what devices say, in lower case", f"write {word.strip().lower()!r}")
    if not utilization.producing:
        problem = "is empty: no state is production, and availability is 0 for all assets"
        yield warning("utilization.producing", problem, 'write ["running"]')
    for asset, seconds in utilization.ideal_cycle_s.items():
        if not seconds > 0:
            path = f"utilization.ideal_cycle_s.{asset}"
            yield error(path, f"{seconds:g} s is no time that a part takes", "write more than 0, or remove it")
    if not utilization.part_number.strip() or REFUSED & set(utilization.part_number):
        fix = f"take one without {' '.join(sorted(REFUSED))}"
        problem = f"{utilization.part_number!r} is no part number that WATS takes"
        yield error("utilization.part_number", problem, fix)
    if utilization.report_after_s >= utilization.late_hours * 3_600:
        problem = "is not after the report of a shift, so no late data is taken"
        yield error("utilization.late_hours", problem, "write more hours, such as 192")
    if utilization.late_hours > spool.identity_days * 24:
        problem = "is longer than spool.identity_days: a message that comes again after those days counts twice"
        yield warning("utilization.late_hours", problem, f"write at most {spool.identity_days * 24}")
