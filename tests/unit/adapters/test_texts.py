"""Texts within the limits of WATS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.errors import Reject


@given(st.lists(st.text(max_size=300)))
def test_nothing_of_a_text_is_lost(sent: list[str]) -> None:
    """A short text stays as it is; a long one is cut to 100 characters and kept whole under its path."""
    texts = Texts()
    for number, text in enumerate(sent):
        fitted = texts.fit(text, f"$.steps[{number}].name")
        assert fitted == text if len(text) <= 100 else fitted == f"{text[:99]}…"
    kept = "".join(part for _, part in texts.attachments())
    for number, text in enumerate(sent):
        assert (f"$.steps[{number}].name:\n{text}\n" in kept) == (len(text) > 100)


def test_a_very_long_text_goes_into_several_attachments() -> None:
    """No attachment is larger than what WATS' own client takes, and together they are the whole."""
    texts = Texts()
    texts.fit("ü" * 1_200_000, "$.misc.log")
    parts = texts.attachments()
    assert [name for name, _ in parts] == ["full_texts.txt", "full_texts_2.txt", "full_texts_3.txt"]
    assert max(len(part.encode()) for _, part in parts) <= 2_048_000
    assert "".join(part for _, part in parts).count("ü") == 1_200_000


@pytest.mark.parametrize("character", [*r"*%?[]^!/\ "[:-1], "\n", "\0", "\u200b"])
def test_a_number_with_a_character_that_wats_refuses(character: str) -> None:
    """Wildcards, and characters nobody sees, are refused by name: a mended number would be another unit."""
    with pytest.raises(Reject) as caught:
        check_number(f"SN{character}1", "$.serial_number")
    assert repr(character) in caught.value.reason
    assert caught.value.path == "$.serial_number"


@pytest.mark.parametrize("number", ["", "UNIT-12345", "a b_c.d#e+f", "Gerät-Ω1", "x" * 100])
def test_other_numbers_are_taken_as_they_are(number: str) -> None:
    """All that WATS takes is passed on unchanged."""
    assert check_number(number, "$") == number


def test_too_long_to_identify() -> None:
    """What identifies something is never cut: another number would be another thing."""
    with pytest.raises(Reject, match="has 101 characters; WATS takes 100"):
        check_length("x" * 101, "$.revision")
