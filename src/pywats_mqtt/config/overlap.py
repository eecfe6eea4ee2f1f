"""Whether two topic filters have a topic in common, and which filter a publishing template stands for."""

from __future__ import annotations

import re
from string import Formatter


def overlaps(one: str, other: str) -> bool:
    """Tell whether some topic matches both filters, by MQTT 5, 4.7.1 and 4.7.2; both are taken to be valid.

    A level may also be a pattern of `template_filter`, which stands for any level that the template can make of it.
    """
    mine, yours = one.split("/"), other.split("/")
    if "$" in {mine[0][:1], yours[0][:1]} and {mine[0], yours[0]} & {"+", "#"}:
        return False  # 4.7.2: a wildcard at the first level does not match a `$` there
    for number in range(max(len(mine), len(yours))):
        first, second = mine[number : number + 1], yours[number : number + 1]
        if ["#"] in (first, second):
            return True  # it stands for the parent too: `a/#` matches `a`
        if not (first and second and _levels_overlap(first[0], second[0])):
            return False
    return True


_ANYTHING = "\0"
"""Stands for the unknown part of a level; no topic has this character (MQTT 5, 1.5.4)."""


def template_filter(template: str) -> str:
    """Make of a template what `overlaps` compares: each field stands for any text within its level.

    Raises:
        ValueError: the braces do not pair.
    """
    parts = Formatter().parse(template)
    text = "".join(literal + (_ANYTHING if field is not None else "") for literal, field, _, _ in parts)
    return "/".join("+" if level == _ANYTHING else level for level in text.split("/"))


def _levels_overlap(one: str, other: str) -> bool:
    if "+" in {one, other} or one == other:
        return True
    if _ANYTHING in one and _ANYTHING in other:
        return True  # two templates are not told apart
    return _makes(one, other) or _makes(other, one)


def _makes(pattern: str, level: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split(_ANYTHING))
    return re.fullmatch(expression, level, flags=re.DOTALL) is not None
