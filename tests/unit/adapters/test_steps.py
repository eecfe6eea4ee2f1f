"""Bounds on the steps of a result, however they are nested."""

from __future__ import annotations

import pytest

from pywats_mqtt.adapters.steps import Reading, steps_of
from pywats_mqtt.adapters.texts import Texts
from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.step import MAX_DEPTH, MAX_STEPS, MeasurementMessage, StepMessage


def reading() -> Reading:
    """Give a reading of nothing yet."""
    return Reading(Texts(), received_us=1_769_428_800_000_000)


def sequence(*inner: StepMessage) -> StepMessage:
    """Give a sequence."""
    return StepMessage(name="sequence", steps=list(inner))


@pytest.mark.parametrize("more", [0, 1])
def test_all_steps_and_measurements_of_a_report_are_counted_together(more: int) -> None:
    """Two sequences are no way around the bound, nor are measurements."""
    step = StepMessage(name="s", value=1.0)
    several = StepMessage(name="s", measurements=[MeasurementMessage(name="m", value=1.0)] * 999)
    sent = [sequence(*[step] * 4_499, *[several] * 2), sequence(*[step] * (3_499 + more))]

    if more:
        with pytest.raises(Reject, match=f"more than {MAX_STEPS}") as refused:
            steps_of(sent, "$.steps", reading())
        assert refused.value.path == "$.steps[1].steps[3499]"
    else:
        assert len(steps_of(sent, "$.steps", reading())) == 2


def test_sequences_within_sequences_are_bounded() -> None:
    """As deep as the bound they are read; one deeper is refused."""
    step = StepMessage(name="s", value=1.0)
    for _ in range(MAX_DEPTH - 1):
        step = sequence(step)
    steps_of([step], "$.steps", reading())

    with pytest.raises(Reject, match=f"deeper than {MAX_DEPTH}"):
        steps_of([sequence(step)], "$.steps", reading())
