"""Texts that may come as JSON numbers, with every digit as it was written."""

from __future__ import annotations

import msgspec

from pywats_mqtt.errors import Reject

_QUOTE = b'"'
_NUMBER_STARTS = b"-0123456789"
_NULL = msgspec.Raw(b"null")
_text = msgspec.json.Decoder(str)


def is_sent(raw: msgspec.Raw) -> bool:
    """Tell whether a field was sent; null counts as not sent."""
    return bool(raw) and raw != _NULL


def text_of(raw: msgspec.Raw, path: str) -> str:
    """Give a field as text: a string's characters, or a number's digits exactly as written; empty where not sent.

    A serial number `1.0` or `1234567890123456789012` would not survive a detour through a float or an integer.

    Args:
        raw: the field's JSON.
        path: where it stands, for the refusal.

    Raises:
        Reject: it is neither, or no valid UTF-8.
    """
    if not raw:
        return ""
    token = bytes(raw)
    if token.startswith(_QUOTE):
        try:
            return _text.decode(token)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise Reject(f"expected UTF-8 text: {exc}", path=path) from exc
    if raw == _NULL:
        return ""
    if token[:1] in _NUMBER_STARTS:
        return token.decode("ascii")
    raise Reject(f"expected str, got {_kind(token)}", path=path)


def any_text_of(raw: msgspec.Raw, path: str) -> str:
    """Give any JSON value as text: as `text_of`, and everything else as it was written.

    Raises:
        Reject: no valid UTF-8.
    """
    token = bytes(raw)
    if token[:1] in {b"{", b"[", b"t", b"f"}:
        try:
            return token.decode()
        except UnicodeDecodeError as exc:
            raise Reject(f"expected UTF-8 text: {exc}", path=path) from exc
    return text_of(raw, path)


def _kind(token: bytes) -> str:
    return {b"{": "object", b"[": "array", b"t": "bool", b"f": "bool"}[token[:1]]
