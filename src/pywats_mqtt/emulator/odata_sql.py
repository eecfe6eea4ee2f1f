"""An OData query as SQL, with every value as a parameter.

OData 4.01 (5.1.1.1.1, `eq` and null) and SQLite's `IS` agree: null equals null only. A comparison of order with null
is unknown in both, also under `not`. Text compares case-sensitively.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.odata import (
    AnyOf,
    Compare,
    Join,
    Literal,
    Match,
    Node,
    Not,
    ODataError,
    Order,
    parse_filter,
    parse_orderby,
)

_COMPARISON = {"eq": "IS", "ne": "IS NOT", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_MATCH = {"startswith": "instr({0}, ?) = 1", "contains": "instr({0}, ?) > 0"}
_TAG_PATH = re.compile(r"//([A-Za-z_][A-Za-z0-9_.-]*)\Z", re.ASCII)  # of XPath, a server takes more
_OPTIONS = frozenset({"$filter", "$orderby", "$top", "$skip"})


class Kind(Enum):
    """What a field holds."""

    TEXT = "a text in single quotes"
    NUMBER = "a number"
    TIME = "a time such as 2026-01-31T12:00:00Z, without quotes"
    ID = "an id (UUID) without quotes"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True)
class Collection:
    """A list that a resource has, for `any`: a table with a column `number` that names the row it belongs to.

    Attributes:
        table: Its name.
        kinds: Field of an entry, which is also its column, to what it holds.
        holds: SQL on the resource that tells which rows have this list at all.
    """

    table: str
    kinds: Mapping[str, Kind]
    holds: str


@dataclass(frozen=True, slots=True)
class Fields:
    """What a resource may be filtered and ordered by.

    Attributes:
        kinds: Field name, which is also its column, to what it holds.
        order: Fields that may be ordered by; None for all.
        order_columns: Where another column gives the order of a field.
        tags: Column with a JSON list of `{"key": …}`, which `xmldata eq '//Key'` looks into.
        collections: Lists that `any` looks into, by name.
    """

    kinds: Mapping[str, Kind]
    order: frozenset[str] | None = None
    order_columns: Mapping[str, str] | None = None
    tags: str | None = None
    collections: Mapping[str, Collection] | None = None


def where(text: str | None, fields: Fields) -> tuple[str, list[object]]:
    """A condition and its parameters for a `$filter`; true for none.

    Raises:
        ODataError: Not in the language, an unknown field, or a value of another kind than the field.
    """
    if not text:
        return "1", []
    values: list[object] = []
    return _condition(parse_filter(text), fields, values), values


def order_by(text: str | None, fields: Fields, default: str) -> str:
    """The terms of ORDER BY for an `$orderby`, `default` (SQL) for none.

    Raises:
        ODataError: Not in the language, or a field that gives no order.
    """
    if not text:
        return default
    return ", ".join([*(_order_term(order, fields) for order in parse_orderby(text)), default])


def check_options(names: Sequence[str], also: frozenset[str] = frozenset()) -> None:
    """Refuse what begins with `$` and is not supported; `names` in lower case, `also` what this resource adds.

    Raises:
        ODataError: One is not supported.
    """
    for name in names:
        if name.startswith("$") and name not in _OPTIONS | also:
            raise ODataError(f"{name} is not supported; use {', '.join(sorted(_OPTIONS | also))}")


def _order_term(order: Order, fields: Fields) -> str:
    field = _field(order.field, fields)
    if fields.order is not None and field not in fields.order:
        raise ODataError(f"$orderby: cannot order by {field}; use one of {', '.join(sorted(fields.order))}")
    column = (fields.order_columns or {}).get(field, field)
    return f"{column} {'DESC' if order.descending else 'ASC'}"


def _condition(node: Node, fields: Fields, values: list[object]) -> str:
    if isinstance(node, Join):
        conditions = [_condition(operand, fields, values) for operand in node.operands]
        return f"({f' {node.word.upper()} '.join(conditions)})"
    if isinstance(node, Not):
        return f"(NOT {_condition(node.operand, fields, values)})"
    if isinstance(node, Match):
        return _match(node, fields, values)
    if isinstance(node, AnyOf):
        return _any(node, fields, values)
    if fields.tags is not None and node.field.lower() == "xmldata":
        return _tag_exists(node, fields.tags, values)
    field = _field(node.field, fields)
    values.append(_value(node, fields.kinds[field]))
    return f"{field} {_COMPARISON[node.operator]} ?"


def _match(node: Match, fields: Fields, values: list[object]) -> str:
    field = _field(node.field, fields)
    if fields.kinds[field] is not Kind.TEXT:
        raise ODataError(f"$filter: {node.function} needs a text field, {field} is {fields.kinds[field].value}")
    values.append(node.text)
    return _MATCH[node.function].format(field)


def _any(node: AnyOf, fields: Fields, values: list[object]) -> str:
    found = (fields.collections or {}).get(node.collection)
    if found is None:
        known = ", ".join(fields.collections or ()) or "none"
        raise ODataError(f"$filter: any looks into lists, and {node.collection!r} is none; lists are: {known}")
    condition = _condition(node.operand, Fields(found.kinds), values)
    return f"({found.holds} AND number IN (SELECT number FROM {found.table} WHERE {condition}))"  # noqa: S608 - our own names


def _tag_exists(node: Compare, tags: str, values: list[object]) -> str:
    """`xmldata eq '//Key'`: an asset that has a tag of that name."""
    path = _TAG_PATH.match(node.value) if node.operator == "eq" and isinstance(node.value, str) else None
    if path is None:
        raise ODataError("$filter: xmldata is compared only as xmldata eq '//TagName'")
    values.append(path[1])
    return f"EXISTS (SELECT 1 FROM json_each({tags}) WHERE json_extract(value, '$.key') = ?)"  # noqa: S608 - our column


def _field(name: str, fields: Fields) -> str:
    if name not in fields.kinds:
        raise ODataError(f"unknown field {name!r}; use one of {', '.join(fields.kinds)}")
    return name


def _value(node: Compare, kind: Kind) -> object:
    """A literal as its column stores it; null goes with every kind.

    Raises:
        ODataError: The literal is not of this kind.
    """
    value: Literal = node.value
    if value is None:
        return None
    if kind is Kind.TEXT and isinstance(value, str):
        return value
    if kind is Kind.FLAG and isinstance(value, bool):
        return int(value)
    if kind is Kind.NUMBER and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind is Kind.TIME and isinstance(value, datetime):
        return wire_time(value)
    if kind is Kind.ID and isinstance(value, UUID):
        return str(value)
    raise ODataError(f"$filter: {node.field} is compared with {kind.value}")
