"""Checks on the fields of a report, which collect what is wrong instead of stopping at the first mistake.

A check takes the object and the full place of the field, such as `uut.execTime`; the key is what follows the last dot.
A report of ten steps has two hundred of them, so what is right is found out first and in few steps.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from pywats_mqtt.emulator.clock import parse_time
from pywats_mqtt.emulator.fields import MAX_TEXT, JsonObject
from pywats_mqtt.emulator.wire import INT32_MAX

MOST_PROBLEMS = 20
_LARGEST_NUMBER = 1.7e308  # what a double holds


class Checks:
    """Mistakes found so far, at most `MOST_PROBLEMS`."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def say(self, place: str, problem: str) -> None:
        """Note a mistake."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{place}: {problem}")

    def text(self, source: JsonObject, place: str, longest: int = MAX_TEXT, *, required: bool = True) -> str | None:
        """A text of 1 (if required) to `longest` characters."""
        value = source.get(place.rpartition(".")[2])
        if isinstance(value, str) and len(value) <= longest and (not required or value.strip()):
            return value
        if value is None:
            if required:
                self.say(place, "required")
            return None
        if not isinstance(value, str):
            self.say(place, f"expected a text, got {_shown(value)}")
            return None
        if required and not value.strip():
            self.say(place, "required, must not be blank")
            return None
        self.say(place, f"{len(value)} characters, at most {longest} are taken")
        return None

    def choice(self, source: JsonObject, place: str, letters: str) -> None:
        """One of the letters."""
        value = source.get(place.rpartition(".")[2])
        if isinstance(value, str) and len(value) == 1 and value in letters:
            return
        if value is None:
            self.say(place, "required")
        else:
            self.say(place, f"expected one of {', '.join(letters)}, got {_shown(value)}")

    def whole(self, source: JsonObject, place: str, lowest: int = -INT32_MAX, *, required: bool = False) -> int | None:
        """A 32-bit whole number of `lowest` or more."""
        value = self._value(source, place, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= INT32_MAX:
            self.say(place, f"expected a whole number {lowest} to {INT32_MAX}, got {_shown(value)}")
            return None
        return value

    def number(
        self, source: JsonObject, place: str, lowest: float = -_LARGEST_NUMBER, *, required: bool = False
    ) -> float | None:
        """A number of `lowest` or more."""
        value = source.get(place.rpartition(".")[2])
        if isinstance(value, float) and lowest <= value <= _LARGEST_NUMBER:
            return value
        if value is None:
            if required:
                self.say(place, "required")
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= _LARGEST_NUMBER:
            limit = f" of {lowest:g} or more" if lowest > -_LARGEST_NUMBER else ""
            self.say(place, f"expected a number{limit}, got {_shown(value)}")
            return None
        return value

    def uuid(self, source: JsonObject, place: str, *, required: bool = True) -> None:
        """A UUID."""
        value = self._value(source, place, required=required)
        if value is None:
            return
        try:
            UUID(value if isinstance(value, str) else "")
        except ValueError:
            self.say(place, f"expected a UUID, got {_shown(value)}")

    def time(self, source: JsonObject, place: str, *, required: bool = True) -> None:
        """An ISO 8601 time."""
        value = self._value(source, place, required=required)
        if value is None:
            return
        try:
            parse_time(value if isinstance(value, str) else "")
        except ValueError:
            self.say(place, f"expected an ISO 8601 time, got {_shown(value)}")

    def section(self, source: JsonObject, place: str) -> JsonObject | None:
        """A required object."""
        value = self._value(source, place, required=True)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.say(place, f"expected an object, got {_shown(value)}")
            return None
        return value

    def sections(self, source: JsonObject, place: str, *, required: bool = False) -> Iterable[tuple[str, JsonObject]]:
        """The objects of a list, each with its place and a dot: `steps[0].`."""
        value = source.get(place.rpartition(".")[2])
        if value is None:
            if required:
                self.say(place, "required")
            return ()
        if not isinstance(value, list):
            self.say(place, f"expected a list, got {_shown(value)}")
            return ()
        if required and not value:
            self.say(place, "required, must not be empty")
        return self._objects(value, place)

    def _objects(self, value: list[object], place: str) -> Iterator[tuple[str, JsonObject]]:
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield f"{place}[{index}].", item
            else:
                self.say(f"{place}[{index}]", f"expected an object, got {_shown(item)}")

    def _value(self, source: JsonObject, place: str, *, required: bool) -> object:
        value = source.get(place.rpartition(".")[2])
        if value is None and required:
            self.say(place, "required")
        return value


def _shown(value: object) -> str:
    """A value for a message, cut."""
    return f"{value!r:.40}" if isinstance(value, str | int | float) else type(value).__name__
