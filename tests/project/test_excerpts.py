"""The walk through adding a message shows code that is there; `test_describe` compares it with what is generated."""

from __future__ import annotations

import re

import pytest

from tests.project.excerpts import excerpt, filled
from tests.project.generate import GUIDE, ROOT

MODULE = '''"""A module."""

LIMIT = 3
TABLE: dict[str, int] = {
    "a": sum((
        1,
        2,
    )),
}


class Thing:
    """A thing."""

    size: int = LIMIT

    @property
    def half(self) -> int:
        """Half of it."""
        return self.size // 2
'''


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("LIMIT", "LIMIT = 3"),
        ("Thing.size", "size: int = LIMIT"),
        ("Thing.half", '@property\ndef half(self) -> int:\n    """Half of it."""\n    return self.size // 2'),
        ('"size: int"', "size: int = LIMIT"),
    ],
)
def test_what_has_a_name_is_taken_from_the_margin(name: str, taken: str) -> None:
    """A function with its decorators, a member without its class, a line by its words."""
    assert excerpt(MODULE, name) == taken


def test_an_entry_of_a_table_is_taken() -> None:
    """By its key."""
    assert excerpt(MODULE, 'TABLE["a"]').startswith('"a": sum((')


@pytest.mark.parametrize("name", ["GONE", "Thing.gone", 'TABLE["b"]', '"no such line"', '"a"'])
def test_what_is_gone_is_an_error(name: str) -> None:
    """So is a line's text that several lines have: the page cannot show what was renamed or moved."""
    with pytest.raises(LookupError):
        excerpt(MODULE * 2 if name == '"a"' else MODULE, name)


def test_an_excerpt_is_replaced_and_what_is_between_stays() -> None:
    """Filling twice changes nothing more."""
    page = "Before.\n\n<!-- excerpt: examples/unit.json -->\n\nAfter.\n"
    once = filled(page)
    assert once.startswith("Before.\n\n<!-- excerpt: examples/unit.json -->\n```json\n{")
    assert once.endswith("}\n```\n\nAfter.\n")
    assert filled(once) == once


def test_each_file_that_the_walk_names_is_there() -> None:
    """In the package, or from the root of the project."""
    named = re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", GUIDE.read_text())
    assert len(named) > 10
    assert [name for name in named if not ((ROOT / "src/pywats_mqtt" / name).exists() or (ROOT / name).exists())] == []
