"""The steps of a test, sequences among them: the status of each, and the device's own verdict beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pywats_mqtt.adapters.measured import measured_in_list, measured_in_step
from pywats_mqtt.adapters.step_parts import attachment_of, chart_of, group_of, loop_of
from pywats_mqtt.adapters.texts import Texts
from pywats_mqtt.adapters.times import time_of
from pywats_mqtt.adapters.verdicts import overall, verdict_of
from pywats_mqtt.clocks.starts import CLOCK_SET_US
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Step
from pywats_mqtt.messages import from_us
from pywats_mqtt.schemas.scalars import is_sent
from pywats_mqtt.schemas.step import MAX_DEPTH, MAX_STEPS, StepMessage

ACTION = "action"
"""Type of a step that is done, and neither passes nor fails."""


class Reading(msgspec.Struct):
    """The reading of one report's steps.

    Attributes:
        texts: fits and keeps what is too long.
        received_us: when the message came, in microseconds since 1970 UTC.
        shift_us: by how much the start of the test was corrected; a step's start is corrected alike.
        conflicts: where the device's verdict contradicts what it is made of, in the order of the steps.
        groups: words for a group that mean none to WATS.
        starts_left_out: starts of steps that cannot be true.
        empty_files: names of attachments without a byte: WATS has no place for them.
        steps: steps and measurements read so far.
    """

    texts: Texts
    received_us: int
    shift_us: int = 0
    conflicts: list[str] = msgspec.field(default_factory=list)
    groups: set[str] = msgspec.field(default_factory=set)
    starts_left_out: int = 0
    empty_files: list[str] = msgspec.field(default_factory=list)
    steps: int = 0

    def remarks(self) -> list[tuple[str, str]]:
        """Give what was left out, as misc infos."""
        found = []
        if self.groups:
            found.append(("group", ", ".join(sorted(self.groups))))
        if self.starts_left_out:
            found.append(("step_starts_left_out", str(self.starts_left_out)))
        if self.empty_files:
            found.append(("empty_attachments_left_out", ", ".join(self.empty_files)))
        return found


def steps_of(sent: Sequence[StepMessage], path: str, reading: Reading, above: str = "") -> tuple[Step, ...]:
    """Turn steps into WATS' terms.

    Args:
        sent: the steps as decoded.
        path: where they stand, such as `$.steps`.
        reading: what is found on the way goes there.
        above: number of the sequence they are in, such as `2.1.`; empty for the report's own.

    Raises:
        Reject: the parts of a step do not fit each other, nothing tells its status, or there are too many.
    """
    if above.count(".") >= MAX_DEPTH:
        raise Reject(f"sequences are nested deeper than {MAX_DEPTH}", path=path)
    return tuple(_step(step, f"{path}[{index}]", reading, f"{above}{index + 1}") for index, step in enumerate(sent))


def _step(sent: StepMessage, path: str, reading: Reading, number: str) -> Step:
    reading.steps += 1 + len(sent.measurements or ())
    if reading.steps > MAX_STEPS:
        raise Reject(f"there are more than {MAX_STEPS} steps and measurements", path=path)
    texts = reading.texts
    name = texts.fit(sent.name, f"{path}.name")
    code, error = error_of(sent.error_code, sent.error_message)
    step = _content(sent, path, reading, number, failed=bool(code or error))
    if not sent.name.strip():
        raise Reject("expected a name, got an empty text", path=f"{path}.name")
    step = msgspec.structs.replace(
        step,
        name=name,
        error_code=code,
        error_message=texts.fit(error, f"{path}.error_message"),
        report_text=texts.fit(sent.report_text or sent.message or "", f"{path}.report_text"),
        duration_s=seconds(sent.duration_ms, sent.duration_s),
    )
    return _with_parts(step, sent, path, reading)


def _content(sent: StepMessage, path: str, reading: Reading, number: str, *, failed: bool) -> Step:
    """Give kind, status and what the step consists of."""
    valued = sent.value is not None or sent.low is not None or sent.high is not None or sent.limit is not None
    if valued and (sent.steps or sent.measurements):
        what = "steps" if sent.steps else "measurements"
        raise Reject(f"has a value or limits of its own beside {what}; make two steps of it", path=f"{path}.{what}")
    if sent.steps and sent.measurements:
        raise Reject("has measurements beside steps; make two steps of it", path=f"{path}.measurements")
    if sent.steps:
        inner = steps_of(sent.steps, f"{path}.steps", reading, f"{number}.")
        status = _status(sent, path, reading, (number, "steps"), [step.status for step in inner], failed=failed)
        return Step(name="", status=status, kind="sequence", steps=inner)
    if sent.measurements:
        many = measured_in_list(sent, path, reading.texts)
        for place, one in enumerate(many, 1):
            if one.by_limits:
                reading.conflicts.append(f"step {number} value {place} {one.verdict}, limits {one.by_limits}")
        status = _status(sent, path, reading, (number, "values"), [one.verdict for one in many], failed=failed)
        return Step(name="", status=status, kind="many", measurements=tuple(one.measurement for one in many))
    if not valued and (sent.chart is not None or sent.type == ACTION):
        status = verdict_of(sent.status, f"{path}.status") or ("E" if failed else "D")
        return Step(name="", status=status, kind=ACTION if sent.chart is None else "chart")
    one = measured_in_step(sent, path, reading.texts, failed=failed)
    if one.by_limits:
        reading.conflicts.append(f"step {number} {one.verdict}, limits {one.by_limits}")
    return Step(name="", status=one.verdict, measurement=one.measurement)


def _status(
    sent: StepMessage, path: str, reading: Reading, made_of: tuple[str, str], statuses: list[str], *, failed: bool
) -> str:
    """Give the device's verdict on a step that is made of others, else the gravest of theirs."""
    verdict = verdict_of(sent.status, f"{path}.status")
    computed = overall(statuses)
    if verdict is None:
        return "E" if failed and computed == "P" else computed
    if verdict in {"P", "F"} and (verdict == "P") != (computed == "P"):
        number, what = made_of
        reading.conflicts.append(f"step {number} {verdict}, {what} {computed}")
    return verdict


def _with_parts(step: Step, sent: StepMessage, path: str, reading: Reading) -> Step:
    """Add what few steps have."""
    further = (sent.group, sent.chart, sent.attachment, sent.loop)
    if not is_sent(sent.start) and all(part is None for part in further):
        return step
    group = group_of(sent.group)
    if group is None:
        reading.groups.add(str(sent.group))
    texts = reading.texts
    file = None if sent.attachment is None else attachment_of(sent.attachment, f"{path}.attachment", texts)
    if file is not None and not file.data:
        reading.empty_files.append(file.name)
        file = None
    return msgspec.structs.replace(
        step,
        group=group or "M",
        chart=None if sent.chart is None else chart_of(sent.chart, step.name, f"{path}.chart", texts),
        attachment=file,
        loop=None if sent.loop is None else loop_of(sent.loop),
        start=_start(sent, path, reading),
    )


def _start(sent: StepMessage, path: str, reading: Reading) -> datetime | None:
    """Give the step's start, corrected as the test's was; None where it cannot be true even then."""
    if not is_sent(sent.start):
        return None
    moment_us = time_of(sent.start, f"{path}.start")[0] + reading.shift_us
    if not CLOCK_SET_US <= moment_us <= reading.received_us:
        reading.starts_left_out += 1
        return None
    return from_us(moment_us)


def seconds(duration_ms: float | None, duration_s: float | None) -> float | None:
    """Give a duration in seconds, whichever way it was sent (milliseconds first), or None."""
    return duration_s if duration_ms is None else duration_ms / 1_000


def error_of(code: int | str | None, message: str | None) -> tuple[int | None, str]:
    """Give error number and text; WATS' number is an integer, so any other code goes before the text."""
    text = message or ""
    if isinstance(code, str):
        return None, f"{code}: {text}" if code and text else code or text
    return code, text
