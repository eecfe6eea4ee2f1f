from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.emulator.odata import (
    AnyOf,
    Compare,
    Join,
    Match,
    Node,
    Not,
    ODataError,
    Order,
    parse_filter,
    parse_orderby,
)
from pywats_mqtt.emulator.odata_sql import Collection, Fields, Kind, order_by, where

A, B, C = Compare("a", "eq", 1), Compare("b", "eq", 2), Compare("c", "eq", 3)
ID = "0f6f3a9a-aba9-4abd-86bf-f9e9cf8c0528"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a eq 1", A),
        ("  a   eq 1 ", A),
        ("a ne 'it''s'", Compare("a", "ne", "it's")),
        ("a eq ''", Compare("a", "eq", "")),
        ("a gt -1.5", Compare("a", "gt", -1.5)),
        ("a ge 2e3", Compare("a", "ge", 2000.0)),
        ("a lt true", Compare("a", "lt", value=True)),
        ("a le null", Compare("a", "le", None)),
        (f"uuid eq {ID.upper()}", Compare("uuid", "eq", UUID(ID))),
        ("a eq 2026-01-02", Compare("a", "eq", datetime(2026, 1, 2, tzinfo=UTC))),
        ("a eq 2026-01-02T03:04:05.1234567Z", Compare("a", "eq", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC))),
        ("a eq 2026-01-02T03:04:05+02:00", Compare("a", "eq", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC))),
        ("startswith(a,'x')", Match("startswith", "a", "x")),
        ("contains( a , 'x, (y)' )", Match("contains", "a", "x, (y)")),
        ("a eq 1 and b eq 2 or c eq 3", Join("or", (Join("and", (A, B)), C))),
        ("a eq 1 or b eq 2 and c eq 3", Join("or", (A, Join("and", (B, C))))),
        ("a eq 1 or b eq 2 or c eq 3", Join("or", (A, B, C))),
        ("(a eq 1 or b eq 2) and c eq 3", Join("and", (Join("or", (A, B)), C))),
        ("not a eq 1 and b eq 2", Join("and", (Not(A), B))),
        ("not (a eq 1 and b eq 2)", Not(Join("and", (A, B)))),
        ("tags/any(t: t/a eq 1 and t/b eq 2) or c eq 3", Join("or", (AnyOf("tags", Join("and", (A, B))), C))),
        ("tags/any(t:startswith(t/a,'x'))", AnyOf("tags", Match("startswith", "a", "x"))),
    ],
)
def test_reads_the_language(text: str, tree: Node) -> None:
    """Each construct gives its tree; `and` binds tighter than `or`, `not` tighter than both."""
    assert parse_filter(text) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a field name"),
        ("a", "expected eq"),
        ("a eq", "expected a value"),
        ("a = 1", "cannot read '= 1' at character 3"),
        ("a eq b", "expected a value (text in single quotes) at character 6, got 'b'"),
        ("a eq 'open", "cannot read"),
        ("a eq 1 b eq 2", "expected and, or, or the end"),
        ("(a eq 1", "expected ')'"),
        ("a eq 1)", "expected and, or, or the end"),
        ("length(a) gt 1", "expected startswith or contains"),
        ("contains(a,1)", "expected a text in single quotes"),
        ("tags/any(t: t eq 'x')", "expected '/'"),
        ("tags/any(t: s/key eq 'x')", "expected t/ and a field name"),
        ("tags/any(t: t/key eq 'x'", "expected ')'"),
        ("tags/any(t: t/inner/any(s: s/key eq 'x'))", "expected eq, ne"),
        ("tags/all(t: t/key eq 'x')", "expected any"),
        ("a/b eq 'x'", "expected any"),
        ("(" * 15 + "tags/any(t: t/key eq 'x')" + ")" * 15, "nested deeper"),
        ("a add 1 eq 2", "expected eq, ne"),
        ("a eq 2026-13-01T00:00:00Z", "a time that exists"),
        ("not " * 60 + "a eq 1", "nested deeper"),
        ("(" * 60 + "a eq 1" + ")" * 60, "nested deeper"),
        ("a eq 1 or " * 500 + "a eq 1", "longer than"),
    ],
)
def test_refuses_the_rest(text: str, message: str) -> None:
    """Whatever else is asked is refused with the place of the mistake."""
    with pytest.raises(ODataError) as refused:
        parse_filter(text)
    assert message in str(refused.value)


@given(st.text(alphabet="a1e q'()=,-T:Z.\n\x00ä", max_size=60) | st.text(max_size=60))
def test_reading_is_total(text: str) -> None:
    """Any text gives a tree or an ODataError, nothing else."""
    try:
        parse_filter(text)
        parse_orderby(text)
    except ODataError:
        pass


def test_reads_orderby() -> None:
    """`$orderby` takes fields with a direction, ascending by default."""
    assert parse_orderby("start desc, sn ,id asc") == [Order("start", True), Order("sn", False), Order("id", False)]  # noqa: FBT003 - as the terms are read
    for wrong in ("", "start downwards", "a b c", "a,,b", "a," * 100 + "a"):
        with pytest.raises(ODataError):
            parse_orderby(wrong)


FIELDS = Fields(
    {"name": Kind.TEXT, "size": Kind.NUMBER, "seen": Kind.TIME, "id": Kind.ID, "on": Kind.FLAG},
    order=frozenset({"name", "size"}),
    tags="tags",
    collections={"parts": Collection("p", {"key": Kind.TEXT, "count": Kind.NUMBER}, '"on"')},
)
PARTS = [(1, "a", 1), (1, "b", 2), (2, "a", 2)]
ROWS = [
    ("it's", 1, "2026-01-01T00:00:00.0000000Z", ID, 1, '[{"key":"Lot","value":"1"}]'),
    ("IT", 20, "2026-02-01T00:00:00.0000000Z", "x", 0, "[]"),
    (None, None, None, "y", 0, "[]"),
]


def chosen(text: str) -> list[int]:
    """Which of ROWS a filter lets through, by number."""
    db = sqlite3.connect(":memory:")
    try:
        db.execute('CREATE TABLE t (number INTEGER PRIMARY KEY, name, size, seen, id, "on", tags)')
        db.executemany('INSERT INTO t (name, size, seen, id, "on", tags) VALUES (?, ?, ?, ?, ?, ?)', ROWS)
        db.execute("CREATE TABLE p (number, key, count)")
        db.executemany("INSERT INTO p VALUES (?, ?, ?)", PARTS)
        condition, values = where(text, FIELDS)
        return [row[0] - 1 for row in db.execute(f"SELECT rowid FROM t WHERE {condition}", values)]  # noqa: S608 - what is tested
    finally:
        db.close()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2]),
        ("name eq 'it''s'", [0]),
        ("name eq 'it'", []),
        ("name ne 'IT'", [0, 2]),
        ("name eq null", [2]),
        ("name ne null", [0, 1]),
        ("size gt 1", [1]),
        ("not (size gt 1)", [0]),
        ("size ge 1 and size le 20", [0, 1]),
        ("seen lt 2026-01-15", [0]),
        ("seen ge 2026-02-01T01:00:00+01:00", [1]),
        (f"id eq {ID}", [0]),
        ("startswith(name,'it')", [0]),
        ("contains(name,'''')", [0]),
        ("contains(name,'%')", []),
        ("xmldata eq '//Lot'", [0]),
        ("xmldata eq '//lot'", []),
        ("name eq '1 OR 1=1; --'", []),
        ("parts/any(p: p/key eq 'a')", [0]),
        ("parts/any(p: p/key eq 'a' and p/count eq 1)", [0]),
        ("parts/any(p: p/key eq 'a' and p/count eq 2)", []),
        ("not parts/any(p: p/key eq 'c' or p/count gt 2) and size eq 1", [0]),
    ],
)
def test_filters_as_odata_means_it(text: str, rows: list[int]) -> None:
    """The SQL lets through what OData means: null equals only null, an order with null is never true, no wildcard."""
    assert chosen(text) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour eq 1", "unknown field 'colour'; use one of name, size"),
        ("name eq 1", "name is compared with a text"),
        ("size eq '1'", "size is compared with a number"),
        ("size eq true", "size is compared with a number"),
        ("seen eq '2026-01-01'", "without quotes"),
        (f"id eq '{ID}'", "id (UUID) without quotes"),
        ("contains(size,'1')", "contains needs a text field"),
        ("xmldata ne '//Lot'", "xmldata is compared only as"),
        ("xmldata eq 'Lot'", "xmldata is compared only as"),
        ("xmldata eq '//'", "xmldata is compared only as"),
        ("xmldata eq '//Lot[@Value=1]'", "xmldata is compared only as"),
        ("xmldata eq 1", "xmldata is compared only as"),
        ("names/any(n: n/key eq 'a')", "'names' is none; lists are: parts"),
        ("parts/any(p: p/name eq 'a')", "unknown field 'name'; use one of key, count"),
    ],
)
def test_refuses_what_does_not_fit_the_fields(text: str, message: str) -> None:
    """An unknown field, or a value of another kind than the field, is refused with what is right."""
    with pytest.raises(ODataError) as refused:
        where(text, FIELDS)
    assert message in str(refused.value)


def test_orders_by_known_fields_and_breaks_ties() -> None:
    """The default order is appended, so that pages never overlap."""
    assert order_by("name desc", FIELDS, "rowid") == "name DESC, rowid"
    assert order_by(None, FIELDS, "rowid") == "rowid"
    with pytest.raises(ODataError, match="cannot order by seen; use one of name, size"):
        order_by("seen", FIELDS, "rowid")
