"""What is known of a batch as the summary that WATS keeps of it: one UUT report of the batch itself. Pure."""

from __future__ import annotations

from pywats_mqtt.events import Measurement, Step, TestResult, identify
from pywats_mqtt.handlers.batches import Batch
from pywats_mqtt.messages import from_us

KIND = "batch"
"""Kind of the report, and the test type whose operation code it gets."""

STATE = "batch_state"
"""Name of the misc info that tells whether this is the end."""

_OPEN = "open: the batch goes on, and this report with it"
_UNENDED = "closed: another batch began, and nobody told the end of this one"
_CLOSED = "closed"


def report_of(line: str, batch: Batch) -> TestResult:
    """Write the summary of a batch.

    Its id is that of the line and the batch, so each report of a batch takes the place of the one before. Its steps
    log and judge nothing: passed, unless the line itself has another verdict.

    Args:
        line: where it is made.
        batch: what is known.
    """
    until_us = batch.ended_us or batch.at_us
    seconds = max(0, until_us - batch.started_us) / 1e6 if batch.started_us else None
    state = _OPEN if not batch.ended_us else _UNENDED if batch.ended_by else _CLOSED
    return TestResult(
        report_id=identify(("batch report", line, batch.number), b"").id,
        device=line,
        kind=KIND,
        test_type=KIND,
        serial_number=batch.number,
        part_number=batch.part_number,
        revision=batch.revision,
        result=batch.result or "P",
        start=from_us(batch.since_us),
        duration_s=seconds,
        batch=batch.number,
        steps=tuple(_steps(batch, seconds)),
        misc=((STATE, state), *batch.misc),
        attachments=batch.attachments,
    )


def _steps(batch: Batch, seconds: float | None) -> list[Step]:
    counts = batch.counts
    total, good, failed = (counts.total, counts.good, counts.failed) if counts is not None else (None, None, None)
    numbers = (("Planned", batch.size), ("Total", total), ("Good", good), ("Failed", failed))
    steps = [_sequence("Counts", [_logged(name, number) for name, number in numbers if number is not None])]
    if total and good is not None:
        steps.append(_logged("Yield", 100 * good / total, "%"))
    if seconds is not None:
        steps.append(_logged("Duration", seconds, "s"))
    steps.append(_sequence("Failures by step", [_logged(name, number) for name, number in batch.failures or ()]))
    return [step for step in steps if step.kind != "sequence" or step.steps]


def _sequence(name: str, steps: list[Step]) -> Step:
    return Step(name=name, status="P", kind="sequence", steps=tuple(steps))


def _logged(name: str, value: float, unit: str = "") -> Step:
    return Step(name=name, status="P", measurement=Measurement(value=float(value), unit=unit))
