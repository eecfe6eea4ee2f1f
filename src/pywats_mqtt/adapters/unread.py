"""What a message says and we do not read, so that a newer device's fields, or a misspelt key, do not vanish in silence.

Nothing is refused for it: a newer device is welcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec
from msgspec import inspect as types

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.schemas.report import ResultMessage
from pywats_mqtt.schemas.scalars import is_sent

UNREAD = "unread_fields"
"""Name of the misc info."""

_NO_TEXT = "a name that is not UTF-8"

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_items = msgspec.json.Decoder(list[msgspec.Raw])


def unread_fields(payload: bytes, kind: type[msgspec.Struct] = ResultMessage) -> str:
    """Name the keys that a message has no field for, those of its steps as `steps[].key` at any depth.

    Args:
        payload: of a message that was decoded as such.
        kind: its declaration.

    Returns:
        The names in order, at most 100 characters with `…` at the end where it was cut; empty for none.
    """
    return cut(", ".join(sorted(unread_names(payload, kind))))


def unread_names(payload: bytes, kind: type[msgspec.Struct]) -> set[str]:
    """Give the same names one by one; none where the payload is no object."""
    found: set[str] = set()
    try:
        _look(_object.decode(payload), kind, "", found)
    except UnicodeDecodeError:
        return {_NO_TEXT}
    except msgspec.DecodeError:
        return set()
    return found


def _look(sent: Mapping[str, msgspec.Raw], kind: type[msgspec.Struct], place: str, found: set[str]) -> None:
    known, within = _fields(kind)
    found.update(f"{place}{_shown(key)}" for key in sent.keys() - known)
    for name, (inner, is_map) in within.items():
        value = sent.get(name)
        if value is None or not is_sent(value):
            continue
        token = bytes(value)
        if token.startswith(b"["):
            below = place if inner is kind else f"{place}{name}[]."
            ones = _objects_of(token)
        elif is_map:
            below, ones = (
                f"{place}{name}.*.",
                [_object.decode(one) for one in _object.decode(token).values() if _is_object(one)],
            )
        else:
            below, ones = f"{place}{name}.", [_object.decode(token)] if _is_object(token) else []
        for one in ones:
            _look(one, inner, below, found)


def _objects_of(token: bytes) -> list[dict[str, msgspec.Raw]]:
    try:
        return _objects.decode(token)
    except msgspec.ValidationError:  # numbers or texts among them
        return [_object.decode(one) for one in _items.decode(token) if _is_object(one)]


def _is_object(value: msgspec.Raw | bytes) -> bool:
    return bytes(value).startswith(b"{")


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[frozenset[str], Mapping[str, tuple[type[msgspec.Struct], bool]]]:
    """Give the fields of a message, and which of them hold others: one, a list of them, or a map to them (True)."""
    shapes = {field.encode_name: types.type_info(field.type) for field in msgspec.structs.fields(kind)}
    within = {name: found for name, shape in shapes.items() if (found := _message_in(shape)) is not None}
    return frozenset(shapes), within


def _message_in(shape: types.Type) -> tuple[type[msgspec.Struct], bool] | None:
    match shape:
        case types.StructType():
            return shape.cls, False
        case types.Metadata():
            return _message_in(shape.type)
        case types.ListType() | types.VarTupleType():
            return _message_in(shape.item_type)
        case types.DictType():
            inner = _message_in(shape.value_type)
            return None if inner is None else (inner[0], True)
        case types.UnionType():
            return next(filter(None, map(_message_in, shape.types)), None)
    return None


def _shown(key: str) -> str:
    return key if key.isprintable() and key.strip() else repr(key)
