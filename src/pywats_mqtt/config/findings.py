"""Remarks about a configuration, as `config.lint` makes them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

REFUSED = frozenset("*%?[]^!/\\")
"""Characters that WATS refuses in a part number."""

SHORTEST_REFRESH_S = 10.0
"""Six calls a minute for the list of packages, or of types."""


class Severity(StrEnum):
    """What a finding means for a start."""

    ERROR = "error"
    """The bridge does not start with it."""
    WARNING = "warning"
    """It starts, and something is given up."""


class Finding(msgspec.Struct, frozen=True):
    """One remark.

    Attributes:
        severity: whether it keeps the bridge from starting.
        path: the setting, such as `mqtt.port` or `topics.report_topics[1]`.
        problem: what is wrong or given up.
        fix: what to do about it.
    """

    severity: Severity
    path: str
    problem: str
    fix: str


def error(path: str, problem: str, fix: str) -> Finding:
    """Remark what keeps the bridge from starting."""
    return Finding(Severity.ERROR, path, problem, fix)


def warning(path: str, problem: str, fix: str) -> Finding:
    """Remark what is given up."""
    return Finding(Severity.WARNING, path, problem, fix)
