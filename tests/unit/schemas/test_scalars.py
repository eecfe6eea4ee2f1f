"""Texts sent as JSON numbers keep their digits."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.scalars import any_text_of, is_sent, text_of

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(NUMBERS)
def test_a_number_keeps_every_digit_as_written(number: str) -> None:
    """No detour through a float or an integer: `1.0`, `1e3` and forty digits stay as they are."""
    raw = msgspec.json.decode(f'{{"x": {number} }}', type=dict[str, msgspec.Raw])["x"]
    assert text_of(raw, "$.x") == number


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_a_string_is_its_characters(text: str, escaped: bool) -> None:  # noqa: FBT001 - a drawn value
    """Escapes are undone, nothing else is changed."""
    assert text_of(msgspec.Raw(json.dumps(text, ensure_ascii=escaped).encode()), "$.x") == text


@pytest.mark.parametrize("raw", [b"", b"null"])
def test_null_is_not_sent(raw: bytes) -> None:
    """A field that is null counts as missing."""
    assert not is_sent(msgspec.Raw(raw))
    assert not text_of(msgspec.Raw(raw), "$.x")


@pytest.mark.parametrize(
    ("raw", "kind"), [(b"[1]", "array"), (b'{"a":1}', "object"), (b"true", "bool"), (b"false", "bool")]
)
def test_anything_else_is_refused_with_its_place(raw: bytes, kind: str) -> None:
    """A serial number that is a list is a mistake, never a text."""
    with pytest.raises(Reject) as caught:
        text_of(msgspec.Raw(raw), "$.serial_number")
    assert (caught.value.reason, caught.value.path) == (f"expected str, got {kind}", "$.serial_number")
    assert any_text_of(msgspec.Raw(raw), "$.x") == raw.decode()


def test_bytes_that_are_no_utf8_are_refused() -> None:
    """A text nobody can read would be stored as another one."""
    for raw in (msgspec.Raw(b'"\xe4"'), msgspec.Raw(b'["\xe4"]')):
        with pytest.raises(Reject, match="UTF-8"):
            any_text_of(raw, "$.x")
