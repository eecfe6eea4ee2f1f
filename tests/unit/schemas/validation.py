"""As much of JSON Schema as our exported schemas use, so that they can be checked without our own decoder."""

from __future__ import annotations

from collections.abc import Mapping

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_UNDERSTOOD = {
    *("type", "anyOf", "enum", "$ref", "properties", "required", "items", "additionalProperties"),
    *(
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "multipleOf",
        "maxItems",
        "maxProperties",
        "title",
        "description",
        "default",
        "examples",
    ),
    "format",  # an annotation (JSON Schema 2020-12, 7.2.1)
}


def is_valid(value: object, schema: Mapping[str, object], definitions: Mapping[str, Mapping[str, object]]) -> bool:
    """Tell whether a value fits a schema."""
    assert not schema.keys() - _UNDERSTOOD, schema.keys() - _UNDERSTOOD
    if "$ref" in schema:
        return is_valid(value, definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    options, values = schema.get("anyOf", []), schema.get("enum", [])
    assert isinstance(options, list)
    assert isinstance(values, list)
    if options or values:
        return value in values or any(is_valid(value, option, definitions) for option in options)
    wanted = schema.get("type", list(_TYPES))
    kinds = [wanted] if isinstance(wanted, str) else wanted
    assert isinstance(kinds, list)
    if not any(_is_a(value, kind) for kind in kinds):
        return False
    if isinstance(value, dict):
        return _object_fits(value, schema, definitions)
    if isinstance(value, list):
        item = schema.get("items", {})
        assert isinstance(item, dict)
        return len(value) <= _number(schema, "maxItems", len(value)) and all(
            is_valid(each, item, definitions) for each in value
        )
    return not isinstance(value, int | float) or isinstance(value, bool) or _number_fits(value, schema)


def _is_a(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()  # JSON Schema 2020-12, 6.1.1
    return isinstance(value, _TYPES[kind])


def _object_fits(
    value: dict[str, object], schema: Mapping[str, object], definitions: Mapping[str, Mapping[str, object]]
) -> bool:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    others = schema.get("additionalProperties", {})
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    assert isinstance(others, dict)
    within = len(value) <= _number(schema, "maxProperties", len(value))
    return (
        within
        and all(name in value for name in required)
        and all(is_valid(each, properties.get(name, others), definitions) for name, each in value.items())
    )


def _number_fits(value: float, schema: Mapping[str, object]) -> bool:
    within = _number(schema, "minimum", value) <= value <= _number(schema, "maximum", value)
    within = within and ("exclusiveMinimum" not in schema or value > _number(schema, "exclusiveMinimum", value))
    return within and ("multipleOf" not in schema or value % _number(schema, "multipleOf", 1) == 0)


def _number(schema: Mapping[str, object], name: str, default: float) -> float:
    found = schema.get(name, default)
    assert isinstance(found, int | float)
    return found
