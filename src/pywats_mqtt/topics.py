"""MQTT topic names, topic filters and templates, as values.

MQTT 5, section 4.7: levels are separated by `/`, `+` stands for one level, `#` for the rest, and a wildcard at the
first level does not match a name that starts with `$`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter

MAX_TOPIC_BYTES = 65_535
"""MQTT 5, 1.5.4: a UTF-8 string has a two-byte length."""


def name_problem(topic: str) -> str | None:
    """Say what makes a topic name unfit to be published to, or None where it is valid (MQTT 5, 4.7.1 and 4.7.3)."""
    if not topic:
        return "a topic name has at least one character"
    if "+" in topic or "#" in topic:
        return "a topic name has no wildcard"
    return _string_problem(topic)


def filter_problem(topic_filter: str) -> str | None:
    """Say what makes a topic filter invalid, or None where it is valid (MQTT 5, 4.7.1)."""
    if not topic_filter:
        return "a topic filter has at least one character"
    levels = topic_filter.split("/")
    for number, level in enumerate(levels):
        if "#" in level and (level != "#" or number != len(levels) - 1):
            return "'#' stands alone and last"
        if "+" in level and level != "+":
            return "'+' stands alone in its level"
    return _string_problem(topic_filter)


def _string_problem(text: str) -> str | None:
    if "\0" in text:
        return "no NUL character is allowed"
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "no surrogate character is allowed"
    if len(text.encode()) > MAX_TOPIC_BYTES:
        return f"at most {MAX_TOPIC_BYTES} bytes are allowed"
    return None


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a topic name is in a filter; both are taken to be valid."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number >= len(levels) or level not in {"+", levels[number]}:
            return False
    return len(wanted) == len(levels)


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every topic of the filter `narrow` is in `wide` too (a filter covers itself)."""
    wide_levels, narrow_levels = wide.split("/"), narrow.split("/")
    if narrow.startswith("$") and wide_levels[0] in {"+", "#"}:
        return False
    for number, level in enumerate(wide_levels):
        if level == "#":
            return True
        if number >= len(narrow_levels) or narrow_levels[number] == "#":
            return False
        if level not in {"+", narrow_levels[number]}:
            return False
    return len(wide_levels) == len(narrow_levels)


def uncovered(filters: Iterable[str]) -> tuple[str, ...]:
    """Leave out each filter that another one covers, in the order given.

    A server sends a message once for each matching subscription (MQTT 5, 3.3.4), so a covered filter would double it.
    """
    distinct = tuple(dict.fromkeys(filters))
    return tuple(f for f in distinct if not any(other != f and covers(other, f) for other in distinct))


def captured(topic_filter: str, topic: str) -> tuple[str, ...]:
    """Give the levels of a matching topic that stand at the filter's `+`, in order, and the rest at its `#`."""
    found: list[str] = []
    levels = topic.split("/")
    for number, level in enumerate(topic_filter.split("/")):
        if level == "+":
            found.append(levels[number])
        elif level == "#":
            found.append("/".join(levels[number:]))
    return tuple(found)


def template_fields(template: str) -> frozenset[str]:
    """Name the `{fields}` of a template.

    Raises:
        ValueError: the braces do not pair.
    """
    return frozenset(field for _, field, _, _ in Formatter().parse(template) if field is not None)


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill a template's `{fields}`; a `/`, `+` or `#` in a value becomes `_`, so that it stays one level.

    Raises:
        KeyError: a field of the template has no value.
    """
    return template.format_map({name: _one_level(value) for name, value in values.items()})


def _one_level(value: str) -> str:
    return "".join("_" if c in "/+#\0" else c for c in value)
