"""One request and its answer, as the areas see them: no HTTP library, no waiting."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import accumulate

import msgspec

from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store

INT32_MAX = 2**31 - 1
DEEPEST_JSON = 250
"""Levels of objects and lists in a body. ASP.NET takes 256; Python reads a thousand or so, but need not write what it
could read, since that depends on how deep the program itself is in calls."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")  # as signed bytes: one level more, one less
_WHOLE = re.compile(r"-?[0-9]{1,10}\Z", re.ASCII)


def parse_json(body: bytes) -> object:
    """The value of a JSON text that can also be written again.

    Raises:
        ValueError: No JSON, or nested too deep.
    """
    too_deep = f"nested deeper than {DEEPEST_JSON} levels"
    try:
        value: object = msgspec.json.decode(body)
    except RecursionError as exc:
        raise ValueError(too_deep) from exc
    if _is_nested_deeper(body, DEEPEST_JSON):
        raise ValueError(too_deep)
    return value


def _is_nested_deeper(body: bytes, levels: int) -> bool:
    """Whether a text that is JSON is nested in more levels; bytes only, since a body may hold millions of lists."""
    if body.count(b"[") + body.count(b"{") <= levels:  # most bodies have fewer in all
        return False
    steps = memoryview(_STRING.sub(b"", body).translate(_STEPS, _NO_BRACKETS)).cast("b")
    return max(accumulate(steps)) > levels


class Refusal(Exception):
    """The request is answered with an error; nothing it did is kept."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class Reply(msgspec.Struct, frozen=True):
    """An answer. `body` is JSON unless `content_type` says otherwise; empty is an empty body."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    content_type: str = "application/json; charset=utf-8"


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer that carries `value` as JSON."""
    return Reply(msgspec.json.encode(value), status, headers or {})


def refusal_reply(refusal: Refusal) -> Reply:
    """The body in which ASP.NET reports an error."""
    return json_reply({"Message": str(refusal)}, refusal.status, refusal.headers)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request on its way to an area.

    Attributes:
        seq: Its number in the request log.
        now: When it arrived, aware UTC.
        identifiers: The path segments that `{}` stands for in the route, decoded, case kept.
        query: Parameters with lower-case keys; of a key given twice, the first.
        body: The bytes as received.
    """

    store: Store
    settings: Settings
    seq: int
    now: datetime
    identifiers: tuple[str, ...] = ()
    query: Mapping[str, str] = {}
    body: bytes = b""

    def whole(self, name: str, *, lowest: int = 0, highest: int = INT32_MAX) -> int | None:
        """The whole number in query parameter `name`, None when absent.

        Raises:
            Refusal: 400, not a whole number or outside `lowest` to `highest`.
        """
        text = self.query.get(name.lower())
        if text is None:
            return None
        if not _WHOLE.match(text) or not lowest <= int(text) <= highest:
            raise Refusal(400, f"query parameter {name}: expected a whole number {lowest} to {highest}, got {text!r}")
        return int(text)

    def flag(self, name: str) -> bool | None:
        """True or false from query parameter `name`, None when absent.

        Raises:
            Refusal: 400, neither true nor false.
        """
        text = self.query.get(name.lower())
        if text is None:
            return None
        if text.lower() not in {"true", "false"}:
            raise Refusal(400, f"query parameter {name}: expected true or false, got {text!r}")
        return text.lower() == "true"

    def required(self, name: str) -> str:
        """The text of query parameter `name`, which may be blank but not absent.

        Raises:
            Refusal: 400, absent.
        """
        text = self.query.get(name.lower())
        if text is None:
            raise Refusal(400, f"query parameter {name} is required")
        return text

    def json_object(self) -> dict[str, object]:
        """The body as a JSON object.

        Raises:
            Refusal: 400, no JSON or no object.
        """
        value = self._json()
        if not isinstance(value, dict):
            raise Refusal(400, f"the body must be a JSON object, got {type(value).__name__}")
        return value

    def json_list(self) -> list[object]:
        """The body as a JSON list.

        Raises:
            Refusal: 400, no JSON or no list.
        """
        value = self._json()
        if not isinstance(value, list):
            raise Refusal(400, f"the body must be a JSON list, got {type(value).__name__}")
        return value

    def _json(self) -> object:
        try:
            return parse_json(self.body)
        except ValueError as exc:
            raise Refusal(400, f"the body is no valid JSON: {exc}") from exc


Handler = Callable[[Call], Reply]
