"""What can be set, read off the model: for error messages, the sample file and the page of documentation.

The model is the one declaration; names, types, bounds, defaults and the text after each attribute's name are taken from
it, so that none of them is written a second time.
"""

from __future__ import annotations

import inspect
import json
import re

import msgspec
from msgspec import inspect as types

from pywats_mqtt.config.model import BridgeConfig

ENV_PREFIX = "PYWATS_MQTT__"
"""Environment variables that begin so are settings: `PYWATS_MQTT__MQTT__PORT` is `port` in `[mqtt]`."""

_TABLES = {
    "an integer": "a table of integers",
    "a number": "a table of numbers",
    "a string": "a table of strings",
}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the configuration.

    Attributes:
        table: its TOML table, such as `mqtt`.
        key: its name there.
        type: what msgspec converts a value to.
        kind: what may stand there, in TOML's words: `an integer from 1 to 65535`.
        is_text: whether the value is a string, and so stands bare in an environment variable.
        is_secret: whether the value must never be shown.
        is_optional: whether it may be left without any value.
        by_name: whether it is a table of its own, with names the operator chooses.
        entry: what may stand there under a name; empty where it is no such table.
        inner: the keys of each of its tables, where it is a list or a table of tables; else empty.
        default: as TOML; empty where the setting has no value unless one is given.
        text: what it does, as one paragraph.
    """

    table: str
    key: str
    type: object
    kind: str
    is_text: bool
    is_secret: bool
    is_optional: bool
    by_name: bool
    entry: str
    inner: dict[str, Setting]
    default: str
    text: str

    @property
    def place(self) -> str:
        """The key as an operator finds it in the file."""
        return f"[{self.table}] {self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{ENV_PREFIX}{self.table}__{self.key}".upper()


def settings() -> dict[str, dict[str, Setting]]:
    """Give all settings by table and key, in the order of the model."""
    defaults = BridgeConfig()
    return {
        table.name: _settings_of(table.name, type(getattr(defaults, table.name)))
        for table in msgspec.structs.fields(BridgeConfig)
    }


def _settings_of(table: str, struct: type[msgspec.Struct]) -> dict[str, Setting]:
    texts = attribute_texts(struct)
    found: dict[str, Setting] = {}
    for field in msgspec.structs.fields(struct):
        shape = types.type_info(field.type)
        default = None if field.required else _default(field)
        bare = _without_none(shape)
        inner = _table_type(bare)
        found[field.name] = Setting(
            table=table,
            key=field.name,
            type=field.type,
            kind=_kind(bare),
            is_text=isinstance(bare, types.StrType | types.CustomType),
            is_secret=isinstance(bare, types.CustomType),
            is_optional=bare is not shape,
            by_name=isinstance(bare, types.DictType),
            entry=_entry(bare) if isinstance(bare, types.DictType) else "",
            inner={} if inner is None else _settings_of(f"[{table}.{field.name}]", inner),
            default="" if default is None else toml(default),
            text=texts.get(field.name, ""),
        )
    return found


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _table_type(shape: types.Type) -> type[msgspec.Struct] | None:
    """Give what each table is, of a list of tables or a table of tables."""
    match shape:
        case types.VarTupleType(item_type=types.StructType(cls=table)):
            return table
        case types.DictType(value_type=types.StructType(cls=table)):
            return table
    return None


def attribute_texts(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Read what the docstring says of each attribute, each as one paragraph."""
    section = inspect.cleandoc(struct.__doc__ or "").partition("\nAttributes:\n")[2]
    entries: list[tuple[str, str]] = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def toml(value: object) -> str:
    """Write a value as TOML: a number, a boolean, a string, a list of strings or a table of numbers and strings."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    # What is left is written in TOML as in JSON, but for DEL, which no default holds.
    return json.dumps(value, ensure_ascii=False)


def _without_none(shape: types.Type) -> types.Type:
    if isinstance(shape, types.UnionType):
        (shape,) = (part for part in shape.types if not isinstance(part, types.NoneType))
    return shape


def _kind(shape: types.Type) -> str:
    match shape:
        case types.DictType():
            return (
                "a table of tables"
                if _table_type(shape)
                else _TABLES.get(_entry(shape), "a table of integers and strings")
            )
        case types.IntType():
            return f"an integer{_bounds(shape)}"
        case types.FloatType():
            return f"a number{_bounds(shape)}"
        case types.StrType():
            return f"a string{_lengths(shape)}"
        case types.LiteralType():
            *most, last = (toml(value) for value in shape.values)
            return f"{', '.join(most)} or {last}"
    words = {
        types.BoolType: "true or false",
        types.CustomType: "a string",
        types.VarTupleType: "a list of tables" if _table_type(shape) else "a list of strings",
    }
    return words[type(shape)]


def _entry(shape: types.DictType) -> str:
    value = shape.value_type
    if isinstance(value, types.StructType):
        return f"a table of {', '.join(field.name for field in value.fields)}"
    return " or ".join(_kind(part) for part in (value.types if isinstance(value, types.UnionType) else (value,)))


def _bounds(shape: types.IntType | types.FloatType) -> str:
    if shape.gt is not None:
        return f" above {shape.gt:g}"
    if shape.ge is None:
        return ""
    return f" from {shape.ge} to {shape.le}" if shape.le is not None else f" of at least {shape.ge}"


def _lengths(shape: types.StrType) -> str:
    if shape.min_length is None:
        return ""
    most = f" to {shape.max_length}" if shape.max_length is not None else " or more"
    return f" of {shape.min_length}{most} characters"
