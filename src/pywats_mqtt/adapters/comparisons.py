"""How values are compared with their limits: one table of WATS' operators, and of what devices call them.

WATS evaluates nothing: the status that a report carries is ours to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from pywats_mqtt.adapters.verdicts import judge
from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.step import MeasurementMessage, StepMessage

LOG = "LOG"

ONE_LIMIT: Mapping[str, Callable[[float, float], bool]] = {
    "EQ": lambda value, limit: value == limit,
    "NE": lambda value, limit: value != limit,
    "GT": lambda value, limit: value > limit,
    "GE": lambda value, limit: value >= limit,
    "LT": lambda value, limit: value < limit,
    "LE": lambda value, limit: value <= limit,
}
"""Operators with one limit, and when a value is good."""

TWO_LIMITS: Mapping[str, Callable[[float, float, float], bool]] = {
    "GTLT": lambda value, low, high: low < value < high,
    "GTLE": lambda value, low, high: low < value <= high,
    "GELT": lambda value, low, high: low <= value < high,
    "GELE": lambda value, low, high: low <= value <= high,
    "LTGT": lambda value, low, high: value < low or value > high,
    "LTGE": lambda value, low, high: value < low or value >= high,
    "LEGT": lambda value, low, high: value <= low or value > high,
    "LEGE": lambda value, low, high: value <= low or value >= high,
}
"""Operators with two: the first four inside the limits, the others outside."""

OF_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "EQ": lambda value, limit: value == limit,
    "NE": lambda value, limit: value != limit,
    "CASESENSIT": lambda value, limit: value == limit,
    "IGNORECASE": lambda value, limit: value.casefold() == limit.casefold(),
}
"""Operators for texts."""

_ONLY_TEXTS = frozenset({"CASESENSIT", "IGNORECASE"})
_KNOWN = (LOG, *ONE_LIMIT, *TWO_LIMITS, *sorted(_ONLY_TEXTS))

_SPELLINGS = {
    LOG: ("none", "no limit", "no limits"),
    "EQ": ("=", "==", "equal", "equals"),
    "NE": ("!=", "<>", "≠", "not equal", "not equals"),
    "GT": (">", "above", "greater", "greater than"),
    "GE": (">=", "≥", "at least", "min"),
    "LT": ("<", "below", "less", "less than"),
    "LE": ("<=", "≤", "at most", "max"),
    "GTLT": ("()",),
    "GTLE": ("(]",),
    "GELT": ("[)",),
    "GELE": ("[]", "between", "inside", "within", "in range"),
    "LTGT": ("outside", "not between", "out of range"),
    "CASESENSIT": ("case sensitive", "match case"),
    "IGNORECASE": ("ignore case", "case insensitive"),
}
_WORDS = {operator.lower(): operator for operator in _KNOWN} | {
    word: operator for operator, words in _SPELLINGS.items() for word in words
}
"""What a device may say, in lower case and with spaces for `_` and `-`, to WATS' operator."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a value is compared with.

    Attributes:
        comp, low, high, limit: as in `Measurement`.
        limited: whether there is anything to compare with.
        verdict: `P` or `F`, or empty where there is no value or nothing to compare with.
    """

    comp: str = ""
    low: float | None = None
    high: float | None = None
    limit: str | None = None
    limited: bool = False
    verdict: str = ""


def operator_of(sent: str | None, path: str) -> str:
    """Read an operator; empty where the device sent none.

    Raises:
        Reject: a word nobody can tell; guessing it would make a verdict up.
    """
    word = " ".join((sent or "").lower().replace("_", " ").replace("-", " ").split())
    if not word:
        return ""
    operator = _WORDS.get(word)
    if operator is None:
        raise Reject(f"unknown comparison {str(sent)[:60]!r}; known are {', '.join(_KNOWN)}", path=f"{path}.comp")
    return operator


def means_text(sent: StepMessage | MeasurementMessage, path: str) -> bool:
    """Tell whether limit or operator say that the value is meant to be a text."""
    return isinstance(sent.limit, str) or operator_of(sent.comp, path) in _ONLY_TEXTS


def comparison_of(sent: StepMessage | MeasurementMessage, value: float | str | None, path: str) -> Comparison:
    """Compare a value with what was sent beside it.

    Args:
        sent: the step or measurement.
        value: its value; None where there is none.
        path: where it stands.

    Raises:
        Reject: operator and limits do not fit each other, or the value.
    """
    operator = operator_of(sent.comp, path)
    if isinstance(value, str) or (value is None and means_text(sent, path)):
        return _of_text(sent, operator, value, path)
    if operator in _ONLY_TEXTS or isinstance(sent.limit, str):
        raise Reject("expected a text as the value: it is compared as one", path=f"{path}.value")
    low, high = sent.low, sent.high
    if low is not None and high is not None and low > high:
        raise Reject(f"the low limit {low:g} is above the high limit {high:g}", path=f"{path}.low")
    if operator == LOG:
        if not (low is None and high is None and sent.limit is None):
            raise Reject("LOG compares with nothing; leave the limits out, or name another one", path=f"{path}.comp")
        return Comparison(comp=LOG)
    if operator in TWO_LIMITS:
        return _of_two(sent, operator, value, path)
    if operator:
        limit = _one_limit(sent, operator, path)
        good = value is not None and ONE_LIMIT[operator](value, limit)
        return Comparison(comp=operator, low=limit, limited=True, verdict=_verdict(value, good=good))
    if sent.limit is not None:
        raise Reject("expected a comparison such as >= beside the limit", path=f"{path}.comp")
    if low is None and high is None:
        return Comparison()
    verdict = "" if value is None else judge(value, low, high)
    return Comparison(low=low, high=high, limited=True, verdict=verdict)


def _of_text(sent: StepMessage | MeasurementMessage, operator: str, value: str | None, path: str) -> Comparison:
    if sent.low is not None or sent.high is not None:
        raise Reject("expected float, got str", path=f"{path}.value")
    if operator == LOG or not (operator or sent.limit is not None):
        if sent.limit is not None:
            raise Reject("LOG compares with nothing; leave the limit out, or name another one", path=f"{path}.comp")
        return Comparison(comp=operator)
    operator = operator or "EQ"
    good = OF_TEXTS.get(operator)
    if good is None:
        known = ", ".join(OF_TEXTS)
        raise Reject(f"{operator} does not compare texts; use one of {known}", path=f"{path}.comp")
    if not isinstance(sent.limit, str):
        raise Reject("expected the text to compare with", path=f"{path}.limit")
    verdict = _verdict(value, good=value is not None and good(value, sent.limit))
    return Comparison(comp=operator, limit=sent.limit, limited=True, verdict=verdict)


def _of_two(sent: StepMessage | MeasurementMessage, operator: str, value: float | None, path: str) -> Comparison:
    low, high = sent.low, sent.high
    if low is None or high is None or sent.limit is not None:
        raise Reject(f"{operator} takes low and high", path=f"{path}.{'low' if low is None else 'high'}")
    good = value is not None and TWO_LIMITS[operator](value, low, high)
    return Comparison(comp=operator, low=low, high=high, limited=True, verdict=_verdict(value, good=good))


def _one_limit(sent: StepMessage | MeasurementMessage, operator: str, path: str) -> float:
    """Give the one limit, wherever it was sent; WATS itself has it in the low one for every operator."""
    given = [limit for limit in (sent.limit, sent.low, sent.high) if limit is not None and not isinstance(limit, str)]
    if len(given) != 1:
        raise Reject(f"{operator} takes one limit, got {len(given)}", path=f"{path}.limit")
    return given[0]


def _verdict(value: object, *, good: bool) -> str:
    return "" if value is None else "P" if good else "F"
