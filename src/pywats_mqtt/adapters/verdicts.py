"""Results and statuses: one table of words, and what value and limits say."""

from __future__ import annotations

from collections.abc import Iterable

from pywats_mqtt.errors import Reject

_SPELLINGS = {
    "P": ("p", "passed", "pass", "ok", "good", "true", "success"),
    "F": ("f", "failed", "fail", "nok", "ng", "not ok", "bad", "false", "failure"),
    "E": ("e", "error", "err", "errored"),
    "T": ("t", "terminated", "terminate", "aborted", "abort", "cancelled", "canceled"),
    "S": ("s", "skipped", "skip"),
    "D": ("d", "done", "completed"),
}
WORDS = {word: letter for letter, words in _SPELLINGS.items() for word in words}
"""What a device may say, in lower case, to WATS' letter."""

_KNOWN = "Passed, Failed, Error, Terminated, Skipped, Done, their first letters, OK, NOK, true or false"


def verdict_of(sent: str | bool | None, path: str) -> str | None:  # noqa: FBT001 - a device's value, not a switch
    """Read a result or status; None where the device sent none (also: an empty text).

    Raises:
        Reject: a word nobody can judge; guessing it would make a verdict up.
    """
    if isinstance(sent, str):
        word = sent.strip().lower()
        letter = WORDS.get(word)
        if letter is None and word:
            raise Reject(f"unknown verdict {sent[:60]!r}; known are {_KNOWN}", path=path)
        return letter
    if sent is None:
        return None
    return "P" if sent else "F"


def judge(value: float, low: float | None, high: float | None) -> str:
    """Compare a value with its limits, which are inside the good range: `P` or `F`."""
    if low is not None and value < low:
        return "F"
    if high is not None and value > high:
        return "F"
    return "P"


def overall(statuses: Iterable[str]) -> str:
    """Give a report's result from its steps: the gravest of T, E, F, else P (skipped and done ones fail nothing)."""
    found = set(statuses)
    return next((letter for letter in "TEF" if letter in found), "P")
