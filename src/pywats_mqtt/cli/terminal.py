"""Text that others wrote, for a terminal it must not steer: devices name topics, brokers give reasons.

What is not printable is written as its escape: control characters (ESC, and the C1 ones, which some terminals take for
the beginning of a command too), and those that turn the direction of a line.
"""

from __future__ import annotations

import re

import msgspec

_ODD = re.compile(r"[^ -~]")  # candidates only: what is printable beyond ASCII stays


LONGEST_INDENTED = 65_536
"""Characters: nobody reads more, and a message that is nested too deep would be indented out of memory."""


def printable(text: str) -> str:
    """Show a text of several lines."""
    return _ODD.sub(lambda found: found[0] if found[0] in "\n\t" else _shown(found[0]), text)


def one_line(text: str) -> str:
    """Show a text in one line, as a cell of a table or a line of a log: nobody adds lines of their own."""
    return _ODD.sub(lambda found: _shown(found[0]), text)


def json_text(value: object) -> str:
    """Write a value as JSON in one line; what is not printable is escaped as JSON does, so it reads back the same."""
    return _ODD.sub(_json_shown, msgspec.json.encode(value).decode())


def json_lines(value: object) -> str:
    """Write a value as JSON for a person to read; a very large one in one line. See `json_text`."""
    text = json_text(value)
    if len(text) > LONGEST_INDENTED:
        return text
    return msgspec.json.format(text, indent=2)


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _json_shown(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
