"""Whether a schema still takes all that an earlier one of the same version took.

`promised.json` holds the schemas that devices were built for, without their texts; `python -m
tests.unit.schemas.promises` adds what is new to it. A change that breaks a device it refuses, since that is a new
version (`schemas.export`); `--unreleased` says that no release has what is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from pywats_mqtt.schemas.export import MESSAGES, PUBLISHED, json_schema

FILE = Path(__file__).with_name("promised.json")
_TEXTS = {"description", "title", "examples", "default"}

Schema: TypeAlias = Mapping[str, object]


class Document(msgspec.Struct, frozen=True, rename={"id": "$id", "ref": "$ref", "definitions": "$defs"}):
    """An exported schema."""

    id: str
    ref: str
    definitions: dict[str, dict[str, object]]


def present() -> dict[str, object]:
    """Give the schemas of today by `$id`, without their texts."""
    return {str(document["$id"]): _bare(document) for document in map(json_schema, (*MESSAGES, *PUBLISHED))}


def promised() -> dict[str, object]:
    """Give those that devices were built for."""
    read: dict[str, object] = json.loads(FILE.read_text())
    return read


def broken(before: object, now: object) -> list[str]:
    """Name what a device may send by one schema and no longer by the other, each by its place."""
    old, new = msgspec.convert(before, Document), msgspec.convert(now, Document)
    return list(_Comparing(old, new).look({"$ref": old.ref}, {"$ref": new.ref}, "$"))


class _Comparing:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old.definitions, new.definitions
        self._seen: set[tuple[str, str]] = set()

    def look(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        pair = str(old.get("$ref")), str(new.get("$ref"))
        if "$ref" in old and "$ref" in new:
            if pair in self._seen:
                return
            self._seen.add(pair)
        olds, news = list(_ways(old, self._old)), list(_ways(new, self._new))
        for way in olds:
            problems = [list(self._narrowed(way, other, place)) for other in news if _covers(way, other)]
            if not problems:
                yield f"{place}: {way.get('type', 'anything')} is no longer taken"
            elif all(problems):
                yield from min(problems, key=len)

    def _narrowed(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        for bound, sign in (
            ("minimum", 1),
            ("exclusiveMinimum", 1),
            ("maximum", -1),
            ("maxItems", -1),
            ("maxProperties", -1),
            ("maxLength", -1),
        ):
            after, before = new.get(bound), old.get(bound)
            if isinstance(after, int | float) and not (
                isinstance(before, int | float) and sign * (before - after) >= 0
            ):
                yield f"{place}: {bound} was {before}, is {after}"
        if "enum" in new and not _set(old.get("enum")) <= _set(new["enum"]):
            yield f"{place}: a word is no longer taken"
        if "items" in new:
            yield from self.look(_schema(old.get("items")), _schema(new["items"]), f"{place}[]")
        if isinstance(new.get("additionalProperties"), dict):
            others = _schema(old.get("additionalProperties"))
            yield from self.look(others, _schema(new["additionalProperties"]), f"{place}.*")
        if new.get("multipleOf", old.get("multipleOf")) != old.get("multipleOf"):
            yield f"{place}: multipleOf is new"
        for name in sorted(map(str, _set(new.get("required")) - _set(old.get("required")))):
            yield f"{place}.{name}: is required now"
        properties = _schema(new.get("properties"))
        for name, field in _schema(old.get("properties")).items():
            if name in properties:
                yield from self.look(_schema(field), _schema(properties[name]), f"{place}.{name}")
            else:
                yield f"{place}.{name}: is gone"


def _ways(schema: Schema, definitions: Mapping[str, dict[str, object]]) -> Iterator[Schema]:
    """Give the alternatives of a schema, each with one type at most."""
    if "$ref" in schema:
        yield from _ways(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    elif isinstance(options := schema.get("anyOf"), list):
        for option in options:
            yield from _ways(option, definitions)
    elif isinstance(kinds := schema.get("type"), list):
        for kind in kinds:
            yield {**schema, "type": kind}
    else:
        yield schema


def _covers(old: Schema, new: Schema) -> bool:
    """Tell whether an alternative has the type of another, or all types."""
    wanted, there = old.get("type"), new.get("type")
    return there is None or wanted == there or (wanted, there) == ("integer", "number")


def _bare(value: object) -> object:
    if isinstance(value, dict):
        fields = {"properties", "$defs"}
        return {
            name: {field: _bare(inner) for field, inner in found.items()}
            if name in fields and isinstance(found, dict)
            else _bare(found)
            for name, found in value.items()
            if name not in _TEXTS
        }
    return [_bare(one) for one in value] if isinstance(value, list) else value


def _schema(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _set(value: object) -> set[object]:
    return set(value) if isinstance(value, list) else set()


if __name__ == "__main__":
    now = present()
    problems = [f"{key} {text}" for key, before in promised().items() for text in broken(before, now[key])]
    if problems and "--unreleased" not in sys.argv:
        sys.exit("\n".join([*problems, "where no release has it yet: --unreleased"]))
    FILE.write_text("{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(one)}" for key, one in now.items()) + "\n}\n")
