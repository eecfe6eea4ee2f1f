"""Words for verdicts, and what limits say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.adapters.verdicts import WORDS, judge, overall, verdict_of
from pywats_mqtt.errors import Reject

VALUES = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("words", "letter"),
    [
        (("P", "p", "Passed", "PASS", "Ok", " ok ", "true"), "P"),
        (("F", "Failed", "fail", "NOK", "nok", "false"), "F"),
        (("E", "Error"), "E"),
        (("T", "Terminated", "Aborted"), "T"),
        (("S", "Skipped"), "S"),
        (("D", "Done"), "D"),
    ],
)
def test_words(words: tuple[str, ...], letter: str) -> None:
    """Each spelling means its letter, in upper or lower case."""
    assert {verdict_of(word, "$") for word in words} == {letter}


def test_truth_values_and_nothing() -> None:
    """True passed and false failed; null and an empty text are no verdict."""
    assert [verdict_of(sent, "$") for sent in (True, False, None, "", " ")] == ["P", "F", None, None, None]


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    """A word nobody can judge is not taken for a pass, nor for a failure."""
    with pytest.raises(Reject) as caught:
        verdict_of("maybe", "$.result")
    assert caught.value.path == "$.result"
    assert caught.value.reason.startswith("unknown verdict 'maybe'; known are Passed, Failed")


def test_no_word_has_an_upper_case_letter() -> None:
    """The table is looked up in lower case, so another entry would never be found."""
    assert all(word == word.lower().strip() for word in WORDS)


@given(VALUES, st.none() | VALUES, st.none() | VALUES)
def test_limits_are_inside(value: float, low: float | None, high: float | None) -> None:
    """A value fails below the low limit or above the high one, and on a limit it passes."""
    assert (judge(value, low, high) == "P") == ((low is None or value >= low) and (high is None or value <= high))
    assert judge(value, value, value) == "P"


@pytest.mark.parametrize(
    ("statuses", "result"), [("", "P"), ("PSD", "P"), ("PFP", "F"), ("FEP", "E"), ("PETF", "T"), ("D", "P")]
)
def test_the_gravest_step_decides(statuses: str, result: str) -> None:
    """Terminated before error before failed; skipped and done steps fail nothing."""
    assert overall(statuses) == result
