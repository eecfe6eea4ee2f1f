"""What a schema expects at a place of a payload, in words for whoever looks at a refused message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

Node: TypeAlias = Mapping[str, Any]

_STEP = re.compile(r"""\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<index>\d+|\.\.\.)\]|\[(?P<key>"(?:[^"\\]|\\.)*")\]""")
_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "pattern": "of the form",
}


def expected(message: object, path: str) -> str:
    """Tell what stands at a place.

    Args:
        message: the type of the whole message, as its decoder has it.
        path: such as `$.steps[0].value`; of what is missing, where it should be.

    Returns:
        Such as `a number or null: Measured value.`; empty where the schema says nothing of that place.
    """
    schema = msgspec.json.schema(message)
    definitions: Node = schema.get("$defs", {})
    nodes: list[Node] = [schema]
    for step in _STEP.finditer(path.removeprefix("$")):
        nodes = [below for node in nodes for below in _below(node, step, definitions)]
    if not path or not nodes:
        return ""
    kinds = [words for node in nodes for words in _kinds(node, definitions)]
    text = next((node["description"] for node in nodes if "description" in node), "")
    words = " or ".join(dict.fromkeys(kinds))
    return f"{words}: {text}" if text else words


def _below(node: Node, step: re.Match[str], definitions: Node) -> Iterator[Node]:
    """Give what the schema says one step further down, in each of its alternatives."""
    for each in _alternatives(node, definitions):
        if step["index"] is not None:
            if isinstance(each.get("items"), Mapping):
                yield each["items"]
            continue
        name = step["name"] if step["name"] is not None else json.loads(step["key"])
        properties = each.get("properties", {})
        if name in properties:
            yield properties[name]
        elif isinstance(each.get("additionalProperties"), Mapping):
            yield each["additionalProperties"]


def _alternatives(node: Node, definitions: Node) -> Iterator[Node]:
    if "$ref" in node:
        yield from _alternatives(definitions[node["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in node:
        for each in node["anyOf"]:
            yield from _alternatives(each, definitions)
    else:
        yield node


def _kinds(node: Node, definitions: Node) -> Iterator[str]:
    for each in _alternatives(node, definitions):
        if "enum" in each:
            yield "one of " + ", ".join("null" if value is None else str(value) for value in each["enum"])
        elif "const" in each:
            yield str(each["const"])
        else:
            named = each.get("type", "")
            words = " or ".join(
                _TYPES.get(name, "any value") for name in ([named] if isinstance(named, str) else named)
            )
            bounds = [f"{said} {each[bound]}" for bound, said in _BOUNDS.items() if bound in each]
            yield f"{words} ({', '.join(bounds)})" if bounds else words
