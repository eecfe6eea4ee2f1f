"""Writes what the emulator has into its page: options, routes, faults, inspection, guesses; all from the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from enum import EnumType
from itertools import groupby
from types import NoneType, UnionType
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec
from typer.models import OptionInfo

import pywats_mqtt.emulator
from pywats_mqtt.cli.emulate import emulate
from pywats_mqtt.config.settings import attribute_texts
from pywats_mqtt.emulator import Settings
from pywats_mqtt.emulator.fault import EFFECTS, Fault
from pywats_mqtt.emulator.inspection import PREFIX
from pywats_mqtt.emulator.route import Confidence, Route
from pywats_mqtt.emulator.routes import ROUTES
from tests.emulator.target import target

_TITLE = re.compile(r"(?P<method>[A-Z]+(?: or [A-Z]+)?) (?P<path>/[^\s:,]+)(?: \([^)]*\))?: (?P<text>.*)")
_GUESSED = re.compile(r"guess|not public|not known|not described")
_SURE = {
    Confidence.HIGH: "public material and the vendor's own tests agree on it",
    Confidence.MEDIUM: "described in part, the rest is inferred",
    Confidence.LOW: "inferred from names, from the client or from related routes",
}


def markdown() -> str:
    """Write the generated part of docs/emulator.md."""
    parts = [_options(), _routes(), _faults(), _inspection(), _guesses(), _undone()]
    return "\n".join(line for part in parts for line in part) + "\n"


def _options() -> Iterator[str]:
    yield from ("", "## Options", "", "`pywats-mqtt emulate` takes:", "")
    yield from _table(("option", "value", "default", "what it does"), (_option(*entry) for entry in _parameters()))


def _parameters() -> Iterator[tuple[str, object, OptionInfo, object]]:
    hints = get_type_hints(emulate, include_extras=True)
    for name, parameter in inspect.signature(emulate).parameters.items():
        hint = hints[name]
        assert get_origin(hint) is Annotated, f"--{name} has no help"
        kind, info = get_args(hint)
        if not info.hidden:
            yield name, kind, info, parameter.default


def _option(name: str, kind: object, info: OptionInfo, default: object) -> tuple[str, str, str, str]:
    shown = f"`--{name.replace('_', '-')}`"
    if kind is bool:
        shown += f", `--no-{name.replace('_', '-')}`"
        default = "on" if default else "off"
    value = info.metavar or _value(kind, info)
    if isinstance(info.show_default, str):
        default = info.show_default
    return shown, f"`{value}`" if value else "", "none" if default is None else f"`{default}`", info.help or ""


def _value(kind: object, info: OptionInfo) -> str:
    """What may stand behind an option."""
    if get_origin(kind) is UnionType:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        return " / ".join(map(str, get_args(kind)))
    if kind in {int, float}:
        lowest = "…" if info.min is None else f"{info.min:g}"
        return lowest + ("…" if info.max is None else f" to {info.max:g}")
    return "" if kind is bool else "TEXT"


def _routes() -> Iterator[str]:
    yield from ("", "## Routes", "")
    yield "Paths are taken in any case; `{…}` is a segment, which keeps its case. How sure we are of each:"
    yield ""
    yield from (f"- **{sure.value}**: {text}." for sure, text in _SURE.items())
    for area, entries in groupby(_all_routes(), key=lambda entry: _area(entry[0])):
        yield from ("", f"### {area}", "")
        rows = (_route(path, method, route) for path, method, route in entries)
        yield from _table(("method", "path", "what it answers", "sure", "since"), rows)


def _all_routes() -> list[tuple[str, str, Route]]:
    found = [(path, method, route) for path, methods in ROUTES.items() for method, route in methods.items()]
    return sorted(found, key=lambda entry: _area(entry[0]))


def _area(path: str) -> str:
    """`/api/asset` of `/api/asset/{}`, `/api/internal/mes` of what a server keeps for itself."""
    segments = path.split("/")
    return "/".join(segments[: 4 if segments[2] == "internal" else 3])


def _route(path: str, method: str, route: Route) -> tuple[str, ...]:
    text = _sentence(_untitled(_paragraph(route.handler)))
    return method, f"`{_spelled(path, route)}`", text, route.confidence.value, route.since.value


def _spelled(path: str, route: Route) -> str:
    """A path as its handler writes it, where it does."""
    named = _TITLE.match(_paragraph(route.handler))
    fits = named and re.sub(r"\{[^}]*\}", "{}", named["path"]).lower() == path
    return named["path"] if named and fits else path


def _untitled(text: str) -> str:
    """What stands behind the method and path with which a text may begin."""
    named = _TITLE.match(text)
    return named["text"] if named else text


def _faults() -> Iterator[str]:
    yield from ("", "## Kinds of faults", "")
    rows = (
        (f"`{kind.value}`", effect.text, "yes" if effect.processed else "no", _codes(effect.fields))
        for kind, effect in EFFECTS.items()
    )
    yield from _table(("kind", "what happens", "processed", "its own fields"), rows)
    yield from ("", "The fields of a fault:", "")
    texts, own = attribute_texts(Fault), {name for effect in EFFECTS.values() for name in effect.fields}
    fields = [field for field in msgspec.structs.fields(Fault) if field.name != "kind"]
    assert set(texts) == {"kind", *(field.name for field in fields)}
    yield from _table(
        ("field", "for", "default", "what it does"),
        (
            (f"`{field.name}`", "some kinds" if field.name in own - {"seconds"} else "all kinds", _default(field), text)
            for field in fields
            for text in [texts[field.name]]
        ),
    )


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = msgspec.to_builtins(field.default)
    return "none" if value is None else f"`{value}`"


def _inspection() -> Iterator[str]:
    yield from ("", "## Inspection", "")
    yield "No token, no rate limit, no faults, no entry in the log. Whoever reaches the port can use it, so keep the"
    yield from ("`--host` a loopback address.", "")
    with target() as found:
        rows = [
            (method, f"`{PREFIX}{name}`", _sentence(_untitled(_paragraph(handler))))
            for (method, name), handler in found.inspection.routes.items()
        ]
    yield from _table(("method", "path", "what it answers"), rows)


def _guesses() -> Iterator[str]:
    yield from ("", "## What is a guess", "")
    for sure in (Confidence.MEDIUM, Confidence.LOW):
        count = sum(1 for _, _, route in _all_routes() if route.confidence is sure)
        yield f"- {count} of {len(_all_routes())} routes are **{sure.value}**: see above."
    yield "- These fields of `pywats_mqtt.emulator.Settings`, which options above set:"
    texts = attribute_texts(Settings)
    for field in msgspec.structs.fields(Settings):
        text = _paragraph(field.type) if isinstance(field.type, EnumType) else texts[field.name]
        if re.search(_GUESSED, text):
            yield f"  - `{field.name}`: {text}"
    yield "- Of single routes:"
    for path, method, route in _all_routes():
        for sentence in _guesses_of(inspect.getdoc(route.handler) or ""):
            yield f"  - `{method} {_spelled(path, route)}`: {sentence}"


def _guesses_of(text: str) -> Iterator[str]:
    """The sentences of a docstring behind its first paragraph that tell of a guess; of its errors, each that does."""
    more, _, errors = " ".join(text.partition("\n\n")[2].split()).partition("Raises: Refusal: ")
    for sentence in (*re.split(r"(?<=\.) ", more), *errors.split("; ")):
        if re.search(_GUESSED, sentence):
            yield _sentence(sentence.rstrip(" .")) + "."


def _undone() -> Iterator[str]:
    doc = inspect.cleandoc(pywats_mqtt.emulator.__doc__ or "")
    (undone,) = re.findall(r"^What it does not do: ((?:.+\n?)+)", doc, flags=re.MULTILINE)
    yield from ("", "## What it does not do", "", _sentence(" ".join(undone.split())))


def _paragraph(documented: object) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(documented)
    assert text, f"{documented!r} has no docstring"
    return " ".join(text.partition("\n\n")[0].split())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
