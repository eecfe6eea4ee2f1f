"""Why a payload was refused, with the place and in words a device's programmer can act on."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

_AT = re.compile(r"(?P<what>.*) - at `(?P<path>.*)`", re.DOTALL)
_ANY_KEY = "[...]"
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,60}")
_WORDS = (
    ("`", ""),
    (" | null", ""),
    ("int | float", "int"),
    ("float that's a multiple of 1.0", "int, got a fraction"),
    ("float | object", "float or object"),
)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_LONG_QUOTE = re.compile(r"(?P<begin>(?P<mark>['\"]).{59}).{2,}(?P=mark)\Z", re.DOTALL)
"""A value as `repr` writes it, at the end of a reason."""
_BOM = b"\xef\xbb\xbf"

_keyed = msgspec.json.Decoder(dict[str, msgspec.Raw])


def explain(error: Exception, payload: bytes, decode: Callable[[bytes], object]) -> tuple[str, str]:
    """Turn what decoding raised into a reason and a path.

    Args:
        error: a `msgspec.DecodeError`, `UnicodeDecodeError` or `RecursionError`.
        payload: what was decoded.
        decode: what decoded it; called again where the library leaves out which key of a map it means.

    Returns:
        Reason, such as `expected float, got str`, and path, such as `$.steps[0].value`; the path is empty where the
        payload as a whole is meant.
    """
    if isinstance(error, RecursionError):
        return "nested too deep", ""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: {error.reason} (byte {payload.find(error.object)})", ""
    if not isinstance(error, msgspec.ValidationError):
        return _syntax(payload, str(error)), ""
    found = _AT.fullmatch(str(error))
    what, path = (found["what"], found["path"]) if found else (str(error), "")
    if _ANY_KEY in path:
        path = _with_key(path, payload, decode)
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return "required, but missing", f"{path or '$'}.{missing['name']}"
    return _plain(what), path


def _syntax(payload: bytes, text: str) -> str:
    if not payload:
        return "the payload is empty; expected a JSON object"
    if payload.startswith(_BOM):
        return "the payload starts with a UTF-8 byte order mark; send JSON without one"
    what = text.removeprefix("JSON is malformed: ")
    return f"not JSON: {what[:1].lower()}{what[1:]}"


def _plain(what: str) -> str:
    for old, new in _WORDS:
        what = what.replace(old, new)
    what = _LONG_QUOTE.sub(r"\g<begin>…\g<mark>", what)
    return what[:1].lower() + what[1:]


def _with_key(path: str, payload: bytes, decode: Callable[[bytes], object]) -> str:
    """Name the key at `[...]`: the first one of that map that is refused in the same way when it stands alone."""
    head, _, tail = path.partition(_ANY_KEY)
    name = head.removeprefix("$.")
    try:
        values = msgspec.json.decode(_keyed.decode(payload)[name], type=dict[str, msgspec.Raw])
    except (ValueError, KeyError, RecursionError):
        return path  # what follows the refused value is no JSON either
    for key, value in values.items():
        try:
            decode(msgspec.json.encode({name: {key: value}}))
        except ValueError as exc:
            if str(exc).endswith(f"`{path}`"):
                return f"{head}{as_step(key)}{tail}"
    return path


def as_step(key: str) -> str:
    """Give the step of a path that a field's name is, its first 60 characters."""
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{msgspec.json.encode(key[:60]).decode()}]"
