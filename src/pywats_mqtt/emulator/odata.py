"""The part of OData 4.01 URL conventions (5.1.1 `$filter`) that a WATS server is asked for: text to a tree.

Comparisons `field op literal` with eq ne gt ge lt le; `startswith` and `contains`; and, or, not,
parentheses; `list/any(x: …)` over a list in the thing, where `x/field` stands for a field. Strings stand in single
quotes, a quote in them doubled; ids, numbers, times, true, false and null stand bare. Arithmetic, `all`, `any` in
`any`, comparing two fields and every other function are refused.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pywats_mqtt.emulator.clock import parse_time

MAX_TEXT = 4_000  # some 330 terms; SQLite takes an expression 1,000 levels deep, and a chain of terms is a level each
MAX_ORDER = 100  # terms; SQLite takes 2,000
MAX_NESTING = 20  # SQLite's parser stack holds 100 entries, and a nested condition takes up to five
ANY_NESTING = 6  # of that, for a sub-select: more than it was seen to need

Literal = str | int | float | bool | UUID | datetime | None

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-]))
    | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)?)?(?![\w:-]))
    | (?P<number>-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,2})?(?![\w.]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>[(),/:])
    )\s*""",
    re.VERBOSE | re.ASCII,
)
_OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_FUNCTIONS = frozenset({"startswith", "contains"})
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class ODataError(ValueError):
    """The query text is wrong or asks for what is not supported; the message says where."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`; operator is one of eq ne gt ge lt le."""

    field: str
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Match:
    """`function(field, 'text')`; function is one of startswith contains."""

    function: str
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of `operand`."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Join:
    """Two or more `operands` with `and`, or with `or`, between them."""

    word: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`collection/any(…)`: an entry of the collection makes `operand`, over the fields of an entry, true."""

    collection: str
    operand: "Node"


Node = Compare | Match | Not | Join | AnyOf


@dataclass(frozen=True, slots=True)
class Order:
    """One term of `$orderby`."""

    field: str
    descending: bool


def parse_filter(text: str) -> Node:
    """The tree of a `$filter`; `and` binds tighter than `or`, `not` tighter than both.

    Raises:
        ODataError: Not in the language above.
    """
    if len(text) > MAX_TEXT:
        raise ODataError(f"$filter: longer than {MAX_TEXT} characters")
    parser = _Parser(_tokens(text))
    node = parser.either(0)
    parser.expect_end()
    return node


def parse_orderby(text: str) -> list[Order]:
    """The terms of `$orderby`: `field [asc|desc], …`.

    Raises:
        ODataError: A term is no field with an optional direction, or there are too many.
    """
    if text.count(",") >= MAX_ORDER:
        raise ODataError(f"$orderby: more than {MAX_ORDER} fields")
    terms = []
    for term in text.split(","):
        words = term.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1].lower() not in {"asc", "desc"}):  # noqa: PLR2004 - field and direction
            raise ODataError(f"$orderby: expected 'field', 'field asc' or 'field desc', got {term.strip()!r}")
        terms.append(Order(words[0], words[-1].lower() == "desc" and len(words) > 1))
    return terms


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise ODataError(f"$filter: cannot read {text[place : place + 20]!r} at character {place + 1}")
        tokens.append(_Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        place = found.end()
    return [*tokens, _Token("end", "the end", len(text))]


class _Parser:
    """Recursive descent, one method per level of binding."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._variable: str | None = None  # what stands for an entry, inside any(…)

    def either(self, depth: int) -> Node:
        operands = [self.both(depth)]
        while self.skip_word("or"):
            operands.append(self.both(depth))
        return operands[0] if len(operands) == 1 else Join("or", tuple(operands))

    def both(self, depth: int) -> Node:
        operands = [self.unary(depth)]
        while self.skip_word("and"):
            operands.append(self.unary(depth))
        return operands[0] if len(operands) == 1 else Join("and", tuple(operands))

    def unary(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise ODataError(f"$filter: nested deeper than {MAX_NESTING}")
        if self.skip_word("not"):
            return Not(self.unary(depth + 1))
        if self.skip_mark("("):
            node = self.either(depth + 1)
            self.expect_mark(")")
            return node
        word = self.take("word", "a field name, a function or '('")
        if self.skip_mark("("):
            return self.call(word)
        if self._variable is None and self.skip_mark("/"):
            return self.any(word.text, depth + ANY_NESTING)
        field = self.field_after(word)
        operator = self.take("word", "eq, ne, gt, ge, lt or le")
        if operator.text not in _OPERATORS:
            raise self.unexpected(operator, "eq, ne, gt, ge, lt or le")
        return Compare(field, operator.text, self.literal())

    def any(self, collection: str, depth: int) -> AnyOf:
        if not self.skip_word("any"):
            raise self.unexpected(self.next(), "any")
        self.expect_mark("(")
        self._variable = self.take("word", "a name for an entry").text
        self.expect_mark(":")
        operand = self.either(depth)
        self.expect_mark(")")
        self._variable = None
        return AnyOf(collection, operand)

    def field_after(self, word: _Token) -> str:
        """The field that begins with `word`: itself, or inside any(…) what follows the entry's name and a slash."""
        if self._variable is None:
            return word.text
        if word.text != self._variable:
            raise self.unexpected(word, f"{self._variable}/ and a field name")
        self.expect_mark("/")
        return self.take("word", "a field name").text

    def call(self, function: _Token) -> Match:
        if function.text not in _FUNCTIONS:
            raise self.unexpected(function, "startswith or contains")
        field = self.field_after(self.take("word", "a field name"))
        self.expect_mark(",")
        text = self.take("string", "a text in single quotes")
        self.expect_mark(")")
        return Match(function.text, field, _unquote(text.text))

    def literal(self) -> Literal:
        token = self.next()
        if token.kind == "string":
            return _unquote(token.text)
        if token.kind == "guid":
            return UUID(token.text)
        if token.kind == "number":
            return int(token.text) if token.text.lstrip("-").isdigit() else float(token.text)
        if token.kind == "time":
            try:
                return parse_time(token.text)
            except ValueError as exc:
                raise self.unexpected(token, "a time that exists") from exc
        if token.kind == "word" and token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        raise self.unexpected(token, "a value (text in single quotes)")

    def next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take(self, kind: str, wanted: str) -> _Token:
        token = self.next()
        if token.kind != kind:
            raise self.unexpected(token, wanted)
        return token

    def skip_word(self, word: str) -> bool:
        return self._skip("word", word)

    def skip_mark(self, mark: str) -> bool:
        return self._skip("mark", mark)

    def _skip(self, kind: str, text: str) -> bool:
        token = self._tokens[self._at]
        if token.kind == kind and token.text == text:
            self._at += 1
            return True
        return False

    def expect_mark(self, mark: str) -> None:
        if not self.skip_mark(mark):
            raise self.unexpected(self.next(), repr(mark))

    def expect_end(self) -> None:
        token = self.next()
        if token.kind != "end":
            raise self.unexpected(token, "and, or, or the end")

    @staticmethod
    def unexpected(token: _Token, wanted: str) -> ODataError:
        return ODataError(f"$filter: expected {wanted} at character {token.place + 1}, got {token.text!r}")


def _unquote(text: str) -> str:
    return text[1:-1].replace("''", "'")
