"""What a stream becomes on a report: its paths are sequences, each channel is one or two steps.

A channel with one sample is a numeric step. One with more is a step with its least, mean and greatest value against
the limits, and a chart of its samples. A channel passes when all its samples are within the limits; where they changed
on the way, the last ones count.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from pywats_mqtt.adapters.comparisons import ONE_LIMIT, TWO_LIMITS
from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.adapters.verdicts import judge, overall
from pywats_mqtt.config.streams import StreamConfig
from pywats_mqtt.events import Chart, Measurement, Series, Step, TestResult
from pywats_mqtt.messages import from_us
from pywats_mqtt.streams.channel import Channel
from pywats_mqtt.streams.stream import Stream
from pywats_mqtt.topics import matches

KIND = "measurements"
"""Kind of a report that a stream made alone."""

STREAM = "stream"
"""Name of the misc info that says how a stream ended."""

_PATHS_SHOWN = 3
_UNIT_CHARACTERS = 50


class Limits(msgspec.Struct, frozen=True):
    """What the samples of a channel are compared with; as in `Measurement`."""

    comp: str = ""
    low: float | None = None
    high: float | None = None

    def verdict(self, value: float) -> str:
        """Compare a value: `P` or `F`."""
        if self.comp in TWO_LIMITS and self.low is not None and self.high is not None:
            return "P" if TWO_LIMITS[self.comp](value, self.low, self.high) else "F"
        if self.comp in ONE_LIMIT and self.low is not None:
            return "P" if ONE_LIMIT[self.comp](value, self.low) else "F"
        return judge(value, self.low, self.high)


class Ending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a stream ended.

    Attributes:
        why: `result`, `unit_exited`, `end` (the device said so) or `timeout`.
        at_us: when, by the time of its samples; late samples up to then belong to it.
        entered_us: when the unit entered the station, or 0 where nobody said.
    """

    why: str
    at_us: int
    entered_us: int = 0


def limits_of(path: str, channel: Channel, config: StreamConfig) -> Limits:
    """Give the limits of a channel: those of its messages, else the first of the configuration that match its path."""
    if channel.limited:
        return Limits(channel.comp, channel.low, channel.high)
    for pattern, limits in config.limits.items():
        if pattern == path or matches(pattern, path):
            return Limits("", limits.low, limits.high)
    return Limits()


def failed_paths(stream: Stream, config: StreamConfig) -> list[str]:
    """Name the channels with a sample that is out of their limits."""
    return [path for path, channel in stream.channels.items() if _status(path, channel, config) == "F"]


def steps_of(stream: Stream, config: StreamConfig, origin_us: int) -> tuple[Step, ...]:
    """Give the steps of a stream, in the order in which its channels came.

    Args:
        stream: with at least one sample.
        config: holds limits.
        origin_us: what the charts count their seconds from.
    """
    placed = [(path.split("/"), path, channel) for path, channel in stream.channels.items()]
    return _level(placed, 0, config, origin_us)


def report_of(
    report_id: UUID, who: tuple[str, str], stream: Stream, ending: Ending, config: StreamConfig
) -> TestResult:
    """Give the report of a stream that no result ended.

    Args:
        report_id: the stream's id.
        who: device and serial number.
        stream: with at least one sample.
        ending: how it ended.
        config: holds limits.
    """
    device, serial_number = who
    start_us = min(stream.first_us, ending.entered_us or stream.first_us)
    ended_us = stream.last_us if ending.why == "timeout" else max(ending.at_us, stream.last_us)
    computed = "F" if failed_paths(stream, config) else "P"
    result = "T" if ending.why == "timeout" else stream.result or computed
    misc = [*stream.misc.items(), *_remarks(stream, ending)]
    if stream.result in {"P", "F"} and (stream.result == "P") != (computed == "P") and ending.why != "timeout":
        misc.append(_conflict(stream.result, stream, config))
    return TestResult(
        report_id=report_id,
        device=device,
        kind=KIND,
        serial_number=serial_number,
        result=result,
        start=from_us(start_us),
        duration_s=(ended_us - start_us) / 1e6,
        test_type=stream.test_type,
        operation_code=stream.operation_code,
        part_number=stream.part_number,
        revision=stream.revision,
        operator=stream.operator,
        fixture=stream.fixture,
        batch=stream.batch,
        steps=steps_of(stream, config, start_us),
        misc=tuple(misc),
        attachments=stream.attachments,
    )


def with_stream(result: TestResult, stream: Stream, ending: Ending, config: StreamConfig, start_us: int) -> TestResult:
    """Give a result with the steps of the stream that it ends; what it does not say itself, the stream says.

    The device's verdict stands, and where the samples contradict it that is noted; a verdict that only follows from the
    steps follows from those of the stream, too.

    Args:
        result: as the device sent it.
        stream: with at least one sample.
        ending: that it ended with this result.
        config: holds limits.
        start_us: start of the result, in microseconds since 1970 UTC.
    """
    steps = steps_of(stream, config, min(start_us, stream.first_us))
    failed = bool(failed_paths(stream, config))
    verdict = overall([result.result, "F" if failed else "P"]) if result.by_steps else result.result
    misc = [*stream.misc.items(), *_remarks(stream, ending)]
    if verdict in {"P", "F"} and (verdict == "P") == failed and not result.by_steps:
        misc.append(_conflict(verdict, stream, config))
    return msgspec.structs.replace(
        result,
        result=verdict,
        steps=(*result.steps, *steps),
        part_number=result.part_number or stream.part_number,
        revision=result.revision or stream.revision,
        test_type=result.test_type or stream.test_type,
        operation_code=stream.operation_code if result.operation_code is None else result.operation_code,
        operator=result.operator or stream.operator,
        fixture=result.fixture or stream.fixture,
        batch=result.batch or stream.batch,
        misc=(*result.misc, *misc),
        attachments=(*result.attachments, *stream.attachments),
    )


def _level(
    placed: Sequence[tuple[list[str], str, Channel]], depth: int, config: StreamConfig, origin_us: int
) -> tuple[Step, ...]:
    """Give the steps of one sequence; those below it stand where the first of them came."""
    below: dict[str, list[tuple[list[str], str, Channel]]] = {}
    order: list[tuple[str, str, Channel | None]] = []
    for names, path, channel in placed:
        name = names[depth]
        if len(names) == depth + 1:
            order.append((name, path, channel))
            continue
        if name not in below:
            order.append((name, path, None))
        below.setdefault(name, []).append((names, path, channel))
    steps: list[Step] = []
    for name, path, of_channel in order:
        if of_channel is not None:
            steps += _steps_of_channel(name, path, of_channel, config, origin_us)
        else:
            inner = _level(below[name], depth + 1, config, origin_us)
            status = overall(step.status for step in inner)
            steps.append(Step(name=cut(name), status=status, kind="sequence", steps=inner))
    return tuple(steps)


def _steps_of_channel(name: str, path: str, channel: Channel, config: StreamConfig, origin_us: int) -> list[Step]:
    limits = limits_of(path, channel, config)
    status = _status(path, channel, config)
    text = _text(path, channel)
    if channel.count == 1:
        return [
            Step(
                name=cut(name),
                status=status,
                measurement=_measured(channel.values[0], channel, limits),
                report_text=text,
            )
        ]
    values = {"min": channel.least, "mean": channel.mean, "max": channel.greatest}
    measurements = [_measured(value, channel, limits, label) for label, value in values.items()]
    measurements.append(Measurement(value=float(channel.count), name="samples"))
    step = Step(name=cut(name), status=status, kind="many", measurements=tuple(measurements), report_text=text)
    x = tuple((at_us - origin_us) / 1e6 for at_us in channel.times_us)
    chart = Chart(
        label=cut(name),
        series=(Series(cut(name), tuple(channel.values), x),),
        x_label="Time",
        x_unit="s",
        y_label=cut(name),
        y_unit=cut(channel.unit, _UNIT_CHARACTERS),
    )
    return [step, Step(name=f"{cut(name, 94)} chart", status="D", kind="chart", chart=chart)]


def _measured(value: float, channel: Channel, limits: Limits, name: str = "") -> Measurement:
    return Measurement(
        value=value,
        unit=cut(channel.unit),
        low=limits.low,
        high=limits.high,
        status=limits.verdict(value),
        name=name,
        comp=limits.comp,
    )


def _status(path: str, channel: Channel, config: StreamConfig) -> str:
    """Judge a channel by its extremes: the limits of a stream are all such that these tell of all samples."""
    limits = limits_of(path, channel, config)
    return overall([limits.verdict(channel.least), limits.verdict(channel.greatest)])


def _text(path: str, channel: Channel) -> str:
    """Say what steps and chart do not show: a long path, thinned samples, limits that changed."""
    said = [path] if any(cut(each) != each for each in path.split("/")) else []
    shown = len(channel.times_us)
    if shown < channel.count:
        said.append(
            f"{channel.count} samples; the chart shows {shown}: the first, last, least and greatest of each share."
        )
    if channel.changes:
        said.append("The limits changed on the way; the last ones count for all samples.")
    return " ".join(said)


def _remarks(stream: Stream, ending: Ending) -> list[tuple[str, str]]:
    words = f"samples {stream.samples}, messages {stream.number}, ended by {ending.why}"
    return [(STREAM, words)]


def _conflict(verdict: str, stream: Stream, config: StreamConfig) -> tuple[str, str]:
    failed = failed_paths(stream, config)
    more = len(failed) - _PATHS_SHOWN
    named = ", ".join(failed[:_PATHS_SHOWN]) + (f"; {more} more" if more > 0 else "")
    return "verdict_conflict", cut(f"result {verdict}, samples {f'F: {named}' if failed else 'P'}")
