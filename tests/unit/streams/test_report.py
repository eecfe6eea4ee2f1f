"""A stream becomes sequences, values against limits, and charts."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from pywats_mqtt.config.streams import StreamConfig, StreamLimits
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import MeasurementsReported, Samples, Step
from pywats_mqtt.streams.report import Ending, report_of, steps_of
from pywats_mqtt.streams.stream import Stream, check

START_US = 1_769_423_400_000_000
EXITED = Ending(why="unit_exited", at_us=START_US + 60_000_000)


def said(*channels: Samples, number: int = 1, **fields: object) -> MeasurementsReported:
    """Give a message."""
    message = MeasurementsReported(
        id=UUID(int=number), device="T", serial_number="U", heard_us=START_US, at_us=START_US, channels=channels
    )
    return msgspec.structs.replace(message, **fields)


def samples(path: str, *values: float, low: float | None = None, high: float | None = None, **more: str) -> Samples:
    """Give samples, one a second."""
    times = tuple(START_US + number * 1_000_000 for number in range(len(values)))
    return Samples(path=path, times_us=times, values=values, low=low, high=high, **more)


def stream(*messages: MeasurementsReported) -> Stream:
    """Give a stream of these messages."""
    made = Stream()
    for message in messages:
        made.take(message, 16)
    return made


def shape(steps: tuple[Step, ...]) -> list[object]:
    """Give names and kinds, those below a sequence as a list after it."""
    return [(step.name, shape(step.steps)) if step.kind == "sequence" else f"{step.name}:{step.kind}" for step in steps]


def test_paths_are_sequences_within_sequences() -> None:
    """In the order in which they came; a path that comes back joins its sequence."""
    made = stream(
        said(samples("T/Ambient", 1.0), samples("I/Main", 1.0), samples("T/DUT/Core", 1.0)),
        said(samples("T/Ambient", 2.0), samples("U", 1.0), number=2),
    )

    assert shape(steps_of(made, StreamConfig(), START_US)) == [
        ("T", ["Ambient:many", "Ambient chart:chart", ("DUT", ["Core:"])]),
        ("I", ["Main:"]),
        "U:",
    ]


def test_a_channel_has_its_extremes_against_the_limits_and_a_chart() -> None:
    """One sample above the limit fails the channel, its sequence and the report; the mean is within."""
    made = stream(said(samples("T/DUT", 40.0, 90.0, 41.0, low=10.0, high=85.0, unit="°C")))
    (sequence,) = steps_of(made, StreamConfig(), START_US - 500_000)
    values, chart = sequence.steps

    assert (sequence.status, values.status, chart.status) == ("F", "F", "D")
    assert [(one.name, one.value, one.status) for one in values.measurements] == [
        ("min", 40.0, "P"),
        ("mean", 57.0, "P"),
        ("max", 90.0, "F"),
        ("samples", 3.0, "P"),
    ]
    assert {(one.low, one.high, one.unit) for one in values.measurements[:3]} == {(10.0, 85.0, "°C")}
    assert chart.chart is not None
    assert chart.chart.series[0].x == (0.5, 1.5, 2.5)
    assert chart.chart.series[0].y == (40.0, 90.0, 41.0)
    assert (chart.chart.x_unit, chart.chart.y_unit) == ("s", "°C")
    assert report_of(UUID(int=9), ("T", "U"), made, EXITED, StreamConfig()).result == "F"


def test_limits_come_from_the_message_else_from_the_first_pattern_that_matches() -> None:
    """An exact path and a wildcard; where a message changed them, the last ones count, and that is said."""
    config = StreamConfig(limits={"T/DUT": StreamLimits(high=50.0), "T/+": StreamLimits(high=1.0)})
    made = stream(
        said(samples("T/DUT", 49.0), samples("T/Ambient", 2.0), samples("T/Own", 2.0, low=0.0)),
        said(samples("T/Own", 3.0, low=1.0), number=2),
    )
    (sequence,) = steps_of(made, config, START_US)
    dut, ambient, own, _ = sequence.steps

    assert [step.status for step in (dut, ambient, own)] == ["P", "F", "P"]
    assert (dut.measurement.high, own.measurements[0].low, own.measurements[0].high) == (50.0, 1.0, None)
    assert own.report_text == "The limits changed on the way; the last ones count for all samples."


@pytest.mark.parametrize(("comp", "value", "status"), [("GT", 5.0, "F"), ("GT", 5.1, "P"), ("LT", 5.0, "F")])
def test_operators_of_one_limit(comp: str, value: float, status: str) -> None:
    """WATS reads the one limit as the low one."""
    (step,) = steps_of(stream(said(samples("U", value, low=5.0, comp=comp))), StreamConfig(), START_US)

    assert (step.status, step.measurement.comp, step.measurement.low) == (status, comp, 5.0)


def test_the_report_covers_the_visit() -> None:
    """From the entry to the exit; with what the messages said of the unit."""
    made = stream(said(samples("U", 1.0), part_number="PN", operator="jane", misc=(("reported_device", "X"),)))
    ending = Ending(why="unit_exited", at_us=START_US + 60_000_000, entered_us=START_US - 5_000_000)
    report = report_of(UUID(int=9), ("T", "U"), made, ending, StreamConfig())

    assert (report.start.isoformat(), report.duration_s) == ("2026-01-26T10:29:55+00:00", 65.0)
    assert (report.part_number, report.operator, report.result) == ("PN", "jane", "P")
    assert report.misc == (("reported_device", "X"), ("stream", "samples 1, messages 1, ended by unit_exited"))


def test_silence_terminates() -> None:
    """Whatever the limits say; the report ends with the last sample."""
    made = stream(said(samples("U", 1.0, 2.0)))
    report = report_of(UUID(int=9), ("T", "U"), made, Ending(why="timeout", at_us=START_US + 10**9), StreamConfig())

    assert (report.result, report.duration_s) == ("T", 1.0)


def test_a_verdict_of_the_device_stands_and_what_contradicts_it_is_noted() -> None:
    """As for a result."""
    made = stream(said(samples("U", 9.0, high=1.0), result="P", ends=True))
    report = report_of(UUID(int=9), ("T", "U"), made, Ending(why="end", at_us=START_US), StreamConfig())

    assert report.result == "P"
    assert dict(report.misc)["verdict_conflict"] == "result P, samples F: U"


def test_thinned_samples_and_long_names_are_said() -> None:
    """The whole path stands in the report text where a name is cut."""
    long = "x" * 120
    made = stream(said(samples(f"T/{long}", *map(float, range(50)))))
    (sequence,) = steps_of(made, StreamConfig(), START_US)
    values, chart = sequence.steps

    assert (len(values.name), len(chart.name)) == (100, 100)
    assert values.report_text.startswith(f"T/{long} 50 samples; the chart shows ")


def test_another_unit_and_too_many_channels_are_refused_with_their_place() -> None:
    """Degrees of one kind among those of another would make a chart of nothing; the stream stays as it was."""
    made = stream(said(samples("T", 1.0, unit="°C")))
    with pytest.raises(Reject, match=r"\$\.measurements\[1\]\.unit: expected the unit '°C'"):
        check(made, said(samples("U", 1.0), samples("T", 1.0, unit="°F")), StreamConfig())
    with pytest.raises(Reject, match="max_channels") as refused:
        check(
            made,
            said(samples("T", 1.0), samples("A", 1.0), samples("A", 1.0), samples("B", 1.0)),
            StreamConfig(max_channels=2),
        )

    assert refused.value.path == "$.measurements[3].path"
