"""A closed window of an asset's environment as the test result that becomes its report. Pure.

One step a channel, with its least, greatest and mean value and their number, all only logged: so WATS shows each as a
trend over the reports of the asset.
"""

from __future__ import annotations

from pywats_mqtt.adapters.texts import WATS_CHARACTERS, check_number, cut
from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.events import AssetHistory, Measurement, Stats, Step, TestResult
from pywats_mqtt.messages import from_us

KIND = "environment"
SUPPLEMENT = "supplement"


def result_of(event: AssetHistory, config: AssetConfig) -> TestResult:
    """Make the result of a window: it passed, since nothing was judged.

    Raises:
        Reject: WATS takes no report for a serial number such as the asset's id.
    """
    window = event.window
    misc = [("window_s", f"{window.length_us / 1e6:.10g}")]
    if event.is_supplement:
        misc.append((SUPPLEMENT, "late values; its window may have other reports"))
    return TestResult(
        report_id=event.report_id,
        device=event.asset,
        kind=KIND,
        test_type=config.history_name,
        serial_number=check_number(event.asset, "$.asset"),
        part_number=config.history_part_number,
        result="P",
        start=from_us(window.start_us),
        duration_s=window.length_us / 1e6,
        steps=tuple(
            _step(f"{channel} [{one.unit}]" if len(stats) > 1 else channel, one)
            for channel, stats in window.channels.items()
            for one in stats
        ),
        misc=tuple(misc),
    )


def _step(name: str, stats: Stats) -> Step:
    """Write the values of a channel in one unit; one that came in several has a step for each."""
    values = {"min": stats.least, "max": stats.most, "mean": stats.mean}
    return Step(
        name=cut(name),
        status="P",
        kind="many",
        measurements=(
            *(Measurement(name=word, value=value, unit=stats.unit) for word, value in values.items()),
            Measurement(name="count", value=float(stats.count)),
        ),
        report_text="" if len(name) <= WATS_CHARACTERS else name,
    )
