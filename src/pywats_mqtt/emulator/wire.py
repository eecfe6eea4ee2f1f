"""One request and its answer, as the areas see them: no HTTP library, no waiting."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store

INT32_MAX = 2**31 - 1
_WHOLE = re.compile(r"-?[0-9]{1,10}\Z", re.ASCII)


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
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError, ValueError) as exc:
            raise Refusal(400, f"the body is no valid JSON: {exc}") from exc


Handler = Callable[[Call], Reply]
