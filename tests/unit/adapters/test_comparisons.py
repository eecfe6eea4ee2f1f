"""Operators of WATS, what devices call them, and what they say of a value."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pywats.shared.enums import CompOp

from pywats_mqtt.adapters.comparisons import OF_TEXTS, ONE_LIMIT, TWO_LIMITS, comparison_of, operator_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.step import StepMessage

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NEAR = st.integers(min_value=-3, max_value=3).map(float)
"""Few numbers, so that a value often lies on a limit."""


@given(operator=st.sampled_from(sorted(ONE_LIMIT)), value=NUMBERS | NEAR, limit=NUMBERS | NEAR)
def test_one_limit_says_what_pywats_says(operator: str, value: float, limit: float) -> None:
    """Whoever evaluates the report with the client's own operators comes to our status."""
    compared = comparison_of(StepMessage(name="s", comp=operator, limit=limit), value, "$")

    assert compared.verdict == ("P" if CompOp(operator).evaluate(value, limit) else "F")
    assert (compared.comp, compared.low, compared.high) == (operator, limit, None)


@given(operator=st.sampled_from(sorted(TWO_LIMITS)), value=NUMBERS | NEAR, limits=st.tuples(NEAR, NEAR))
def test_two_limits_say_what_pywats_says(operator: str, value: float, limits: tuple[float, float]) -> None:
    """Inside and outside, with the limits themselves on either side."""
    low, high = sorted(limits)

    compared = comparison_of(StepMessage(name="s", comp=operator, low=low, high=high), value, "$")

    assert compared.verdict == ("P" if CompOp(operator).evaluate(value, low, high) else "F")


def test_every_operator_of_pywats_but_one_is_known() -> None:
    """EQT is none that a server describes; every other one is taken under its own name."""
    known = {operator_of(operator.value.lower(), "$") for operator in CompOp if operator is not CompOp.EQT}

    assert known == {operator.value for operator in CompOp} - {"EQT"}
    assert known == {"LOG", *ONE_LIMIT, *TWO_LIMITS, *OF_TEXTS}
    with pytest.raises(Reject):
        operator_of("EQT", "$")


@given(
    operator=st.sampled_from(sorted(ONE_LIMIT)),
    limit=NUMBERS,
    place=st.sampled_from(["limit", "low", "high"]),
    value=NUMBERS,
)
def test_the_one_limit_is_found_wherever_it_stands(operator: str, limit: float, place: str, value: float) -> None:
    """Devices put it where they mean it, WATS in the low one."""
    sent = msgspec.convert({"name": "s", "comp": operator, place: limit}, StepMessage)

    assert comparison_of(sent, value, "$") == comparison_of(
        StepMessage(name="s", comp=operator, limit=limit), value, "$"
    )


@given(text=st.text(max_size=20), other=st.text(max_size=20))
def test_texts_are_equal_or_not(text: str, other: str) -> None:
    """Exactly one of EQ and NE is good, and what is equal is also equal without case."""
    said = {
        operator: comparison_of(StepMessage(name="s", comp=operator, limit=other), text, "$").verdict
        for operator in OF_TEXTS
    }

    assert {said["EQ"], said["NE"]} == {"P", "F"}
    assert said["CASESENSIT"] == said["EQ"]
    assert said["IGNORECASE"] == "P" or said["EQ"] == "F"
