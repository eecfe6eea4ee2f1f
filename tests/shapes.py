"""JSON of every shape that a message's declaration allows, and the same broken in one place.

A payload is a tree of Python values; where it holds what no Python value is, as `NaN` in plain letters or a name that
stands twice, there is a `Text` with its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as types

MOST_ENTRIES = 3
DEEPEST = 5
"""Levels of lists and objects: a step within a step."""

Tree = object


class Text(msgspec.Struct, frozen=True):
    """Bytes that stand in a payload as they are."""

    written: bytes


class Twice(msgspec.Struct, frozen=True):
    """A field that stands twice in its object, with two values."""

    first: Tree
    then: Tree


WORDS = st.sampled_from(
    [
        *(
            "P",
            "Failed",
            "running",
            "off",
            "true",
            "error",
            "unit_entered",
            "login",
            "closed",
            "raised",
            "reset",
            "installed",
        ),
        *("2026-01-26T10:30:00Z", "2026-01-26T10:30:00.123+02:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00Z"),
        *(
            "UNIT-12345",
            "1.0",
            "GELE",
            "[)",
            "°C",
            "bool",
            "string",
            "a/b/c",
            "../../etc",
            "é",
            "\u202e",
            "\0",
            "\x1b[2J",
            "",
        ),
        *("x" * 101, "9" * 300, "=cmd|' /C calc'!A0", "<b>", "%s{0}", "iVBORw0KGgo=", "$.a"),
    ]
)
WHOLE = st.integers(-3, 200) | st.sampled_from(
    [0, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63, -(2**63), 1_769_423_400, 10**18]
)
NUMBERS = WHOLE | st.floats(-10, 100) | st.sampled_from([1e-320, 1.7e308, -1.7e308, 5e-324, 45000.0, 0.1 + 0.2, -0.0])

BREAKS: list[Tree] = [
    *(Text(word) for word in (b"NaN", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"9" * 401, b"-" + b"9" * 60)),
    *(
        Text(word)
        for word in (b"0." + b"3" * 350, b"01", b"+1", b"1.", b".5", b"0x10", b"nul", b"TRUE", b"'a'", b"", b"\x00")
    ),
    *(
        Text(word)
        for word in (
            b'"\\ud800"',
            b'"\\udc00\\ud800"',
            b'"\xff"',
            b'"\xed\xa0\x80"',
            b'"\xc0\x80"',
            b'"a\nb"',
            b'"\\x"',
        )
    ),
    *(
        Text(word)
        for word in (b"[" * 70 + b"]" * 70, b'{"a":' * 70 + b"1" + b"}" * 70, b"[" * 3_000, b'"open', b"]", b"}")
    ),
    *(Text(b'"' + b"x" * size + b'"') for size in (100, 101, 5_000)),
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**31,
        2**63,
        10**30,
        "",
        "x",
        " ",
        "\0",
        "\ufffe",
        [],
        {},
        [None],
        {"": None},
        [[]],
    ),
    *({"value": 1}, {"type": "x"}, [{"name": "x"}], ["x", 1, None, {}]),
]
"""What is put in the place of one value."""


@cache
def shaped(kind: type[msgspec.Struct]) -> st.SearchStrategy[Tree]:
    """Give payloads that are a message of this kind, as far as its declaration tells."""
    return _of(types.type_info(kind), 0)


def _of(shape: types.Type, depth: int) -> st.SearchStrategy[Tree]:  # noqa: C901, PLR0911 - one for each kind of type
    match shape:
        case types.StructType():
            return _object(shape, depth)
        case types.Metadata():
            wanted = (shape.extra_json_schema or {}).get("type")
            return _of(shape.type, depth) if wanted is None else _named(wanted)
        case types.UnionType():
            return st.one_of([_of(part, depth) for part in shape.types])
        case types.ListType() | types.VarTupleType():
            entries = _of(shape.item_type, depth + 1) if depth < DEEPEST else st.nothing()
            return st.lists(entries, max_size=MOST_ENTRIES if depth < DEEPEST else 0)
        case types.DictType():
            return st.dictionaries(WORDS, _of(shape.value_type, depth + 1), max_size=MOST_ENTRIES)
        case types.LiteralType():
            return st.sampled_from(shape.values)
        case types.IntType():
            return WHOLE
        case types.FloatType():
            return NUMBERS
        case types.BoolType():
            return st.booleans()
        case types.NoneType():
            return st.none()
        case types.StrType():
            return WORDS
    return WORDS | NUMBERS | st.none()  # raw JSON


def _named(wanted: object) -> st.SearchStrategy[Tree]:
    kinds: dict[str, st.SearchStrategy[Tree]] = {
        "string": WORDS,
        "number": NUMBERS,
        "integer": WHOLE,
        "null": st.none(),
    }
    names = wanted if isinstance(wanted, list) else [wanted]
    return st.one_of([kinds.get(str(name), WORDS | NUMBERS) for name in names])


def _object(shape: types.StructType, depth: int) -> st.SearchStrategy[Tree]:
    # Deep down only what has to be there: steps may have steps, without an end.
    fields = {f.encode_name: _of(f.type, depth + 1) for f in shape.fields if f.required or depth < DEEPEST}
    usual = {f.encode_name for f in shape.fields if f.required or (f.encode_name == "serial_number" and not depth)}
    return st.fixed_dictionaries(
        {name: strategy for name, strategy in fields.items() if name in usual},
        optional={name: strategy for name, strategy in fields.items() if name not in usual},
    )


def places(tree: Tree, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the ways to all values of a tree, its own first."""
    yield way
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from places(inner, (*way, name))
    elif isinstance(tree, list):
        for number, inner in enumerate(tree):
            yield from places(inner, (*way, number))


GONE = Text(b"gone")


def changed(tree: Tree, way: Sequence[str | int], value: Tree) -> Tree:
    """Put a value at a place of a tree, in place of what is there; `GONE` takes it out, `Twice` says both."""
    if not way:
        return value
    first, rest = way[0], way[1:]
    if isinstance(tree, dict):
        entries = {**tree, first: changed(tree[first], rest, value)}
        return {name: inner for name, inner in entries.items() if inner is not GONE}
    assert isinstance(tree, list)
    assert isinstance(first, int)
    return [one for one in [*tree[:first], changed(tree[first], rest, value), *tree[first + 1 :]] if one is not GONE]


def written(tree: Tree) -> bytes:
    """Write a tree as the bytes of a payload."""
    match tree:
        case Text():
            return tree.written
        case dict():
            pairs = []
            for name, inner in tree.items():
                both = (inner.first, inner.then) if isinstance(inner, Twice) else (inner,)
                pairs += [json.dumps(name, ensure_ascii=False).encode() + b":" + written(one) for one in both]
            return b"{" + b",".join(pairs) + b"}"
        case list():
            return b"[" + b",".join(written(one) for one in tree) + b"]"
        case Twice():
            return written(tree.then)
    return json.dumps(tree, ensure_ascii=False).encode()


@st.composite
def broken(draw: st.DrawFn, trees: st.SearchStrategy[Tree]) -> bytes:
    """Give a payload that is broken in one place: another value, none, or two of them."""
    tree = draw(trees)
    way = draw(st.sampled_from(list(places(tree))))
    value = draw(st.sampled_from([GONE, *BREAKS]))
    if draw(st.booleans()) and way:
        value = Twice(value if value is not GONE else None, draw(WORDS | NUMBERS))
    return written(changed(tree, way, value if way or value is not GONE else Text(b"")))
