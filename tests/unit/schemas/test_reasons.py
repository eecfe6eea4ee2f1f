"""A refused payload's reason and path."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from pywats_mqtt.schemas.reasons import explain
from pywats_mqtt.schemas.report import decoder


class Inner(msgspec.Struct):
    """A value of a map."""

    n: int = 0


class Sent(msgspec.Struct):
    """A message with maps."""

    a: dict[str, int | Inner] = {}
    b: dict[str, int] = {}
    c: str = ""
    d: Literal["on", "off"] = "on"


@pytest.mark.parametrize(
    ("payload", "reason", "path"),
    [
        (b'{"steps": [{"name": "V", "low": "x"}]}', "expected float, got str", "$.steps[0].low"),
        (b'{"steps": [{"name": "V"}, {}]}', "required, but missing", "$.steps[1].name"),
        (b"5", "expected object, got int", ""),
        (b'{"operation_code": 1.5}', "expected int, got a fraction", "$.operation_code"),
        (b'{"socket": 1e99}', "expected float <= 2147483647.0", "$.socket"),
        (b'{"duration_s": 1e999}', "number out of range", "$.duration_s"),
        (b'{"steps": 7}', "expected array, got int", "$.steps"),
        (b"", "the payload is empty; expected a JSON object", ""),
        (b"\xef\xbb\xbf{}", "the payload starts with a UTF-8 byte order mark; send JSON without one", ""),
        (b"{]", "not JSON: object keys must be strings (byte 1)", ""),
        (b'{"test_type": "\xff"}', "not UTF-8: invalid start byte (byte 15)", ""),
        (b'{"x": ' + b"[" * 200_000, "nested too deep", ""),
    ],
)
def test_reason_and_path(payload: bytes, reason: str, path: str) -> None:
    """Each kind of refusal says what was expected, what was there, and where."""
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)) as caught:
        decoder.decode(payload)
    assert explain(caught.value, payload, decoder.decode) == (reason, path)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (b'{"a": {"ok": 1, "bad": "x"}}', "$.a.bad"),
        (b'{"a": {"ok": 1, "bad": {"n": "x"}, "ugly": "x"}}', "$.a.bad.n"),
        (b'{"a": {"x": 1}, "b": {"x": "1"}}', "$.b.x"),
        ('{"a": {"° C": "x"}}'.encode(), '$.a["° C"]'),
        (b'{"a": {"bad": "x"', "$.a[...]"),
        (b'{"a": {"bad": "x"}, "\xff": 1}', "$.a[...]"),
    ],
)
def test_the_key_of_a_map_is_named(payload: bytes, path: str) -> None:
    """The library says `[...]` for a map's key; we say which one, where the payload is JSON otherwise."""
    sent = msgspec.json.Decoder(Sent)
    with pytest.raises(msgspec.ValidationError) as caught:
        sent.decode(payload)
    assert explain(caught.value, payload, sent.decode)[1] == path


@pytest.mark.parametrize(
    ("sent", "told"),
    [("x" * 60, f"'{'x' * 60}'"), ("x" * 61, f"'{'x' * 59}…'"), ("'\n" * 9_000, '"' + r"'\n" * 19 + "'\\" + '…"')],
)
def test_a_value_is_quoted_as_far_as_a_person_reads_it(sent: str, told: str) -> None:
    """What a device sends where one of a few words is expected may be as long as any text."""
    reader = msgspec.json.Decoder(Sent)
    payload = msgspec.json.encode({"d": sent})
    with pytest.raises(msgspec.ValidationError) as caught:
        reader.decode(payload)
    assert explain(caught.value, payload, reader.decode) == (f"invalid enum value {told}", "$.d")
