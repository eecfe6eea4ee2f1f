"""What any payload names; nothing it holds is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.schemas.naming import names_of


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        (b'{"serial_number": "SN1", "message_id": "m"}', ("SN1", "m")),
        (b'{"serial_number": 1.0, "message_id": 12345678901234567890123}', ("1.0", "12345678901234567890123")),
        (b'{"serial_number": {"x": 1}, "message_id": null, "steps": [{"serial_number": "SUB"}]}', ("", "own")),
        (b"[1, 2]", ("", "own")),
        (b"not JSON", ("", "own")),
    ],
)
def test_names_are_texts_with_their_digits(payload: bytes, names: tuple[str, str]) -> None:
    """Those at the top; a user property where the payload has no id."""
    assert names_of(payload, (("x", "y"), ("message_id", "own"))) == names


@given(st.binary())
def test_nothing_is_raised(payload: bytes) -> None:
    """Whatever the bytes."""
    names_of(payload, ())
