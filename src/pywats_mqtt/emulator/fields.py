"""Reading single fields of a JSON object that a client sent; every mistake is a 400 that names the field."""

import re
from uuid import UUID

from pywats_mqtt.emulator.clock import parse_time, wire_time
from pywats_mqtt.emulator.wire import INT32_MAX, Refusal

JsonObject = dict[str, object]
MAX_TEXT = 100
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z", re.ASCII)


def text(source: JsonObject, name: str, longest: int = MAX_TEXT) -> str | None:
    """A text, None when absent or null.

    Raises:
        Refusal: 400, no text, or longer than `longest` characters.
    """
    value = source.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(400, f"{name}: expected a text, got {type(value).__name__}")
    if len(value) > longest:
        raise Refusal(400, f"{name}: {len(value)} characters, at most {longest} are taken")
    return value


def required_text(source: JsonObject, name: str, longest: int = MAX_TEXT) -> str:
    """A text that is there and not blank.

    Raises:
        Refusal: 400, missing or blank, or as `text`.
    """
    value = text(source, name, longest)
    if value is None or not value.strip():
        raise Refusal(400, f"{name}: required")
    return value


def xml_name(source: JsonObject, name: str) -> str:
    """A text that can name an XML element, as the key of a tag does in WATS.

    Raises:
        Refusal: 400, it cannot, or as `required_text`.
    """
    value = required_text(source, name)
    if not _XML_NAME.match(value):
        raise Refusal(400, f"{name}: {value!r} cannot be stored; use letters, digits, '_', '.' and '-', a letter first")
    return value


def whole(source: JsonObject, name: str, lowest: int = -INT32_MAX, highest: int = INT32_MAX) -> int | None:
    """A whole number, None when absent or null.

    Raises:
        Refusal: 400, no whole number, or outside `lowest` to `highest`.
    """
    value = source.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise Refusal(400, f"{name}: expected a whole number {lowest} to {highest}, got {value!r:.40}")
    return value


def number(source: JsonObject, name: str) -> float | None:
    """A number, None when absent or null.

    Raises:
        Refusal: 400, no number, or beyond 32-bit range.
    """
    value = source.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > INT32_MAX:
        raise Refusal(400, f"{name}: expected a number, got {value!r:.40}")
    return float(value)


def flag(source: JsonObject, name: str) -> bool | None:
    """True or false, None when absent or null.

    Raises:
        Refusal: 400, neither.
    """
    value = source.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise Refusal(400, f"{name}: expected true or false, got {value!r:.40}")


def uuid(source: JsonObject, name: str) -> str | None:
    """A UUID in lower case with hyphens, None when absent or null.

    Raises:
        Refusal: 400, no UUID.
    """
    value = text(source, name)
    if value is None:
        return None
    try:
        return str(UUID(value))
    except ValueError as exc:
        raise Refusal(400, f"{name}: expected a UUID, got {value!r}") from exc


def time(source: JsonObject, name: str) -> str | None:
    """A time as WATS writes it, None when absent or null.

    Raises:
        Refusal: 400, no ISO 8601 time.
    """
    value = text(source, name)
    if value is None:
        return None
    try:
        return wire_time(parse_time(value))
    except ValueError as exc:
        raise Refusal(400, f"{name}: expected an ISO 8601 time, got {value!r}") from exc


def objects(source: JsonObject, name: str) -> list[JsonObject] | None:
    """A list of objects, None when absent or null.

    Raises:
        Refusal: 400, no list, or something else in it.
    """
    value = source.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise Refusal(400, f"{name}: expected a list, got {type(value).__name__}")
    found = [item for item in value if isinstance(item, dict)]
    if len(found) != len(value):
        raise Refusal(400, f"{name}: expected objects in the list")
    return found
