"""From a parsed file and the environment to a configuration; what is wrong is named with its place and its fix.

Each problem is one line, and none shows a value that might be a secret.
"""

from __future__ import annotations

import math
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import msgspec

from pywats_mqtt.config.model import BridgeConfig, Secret
from pywats_mqtt.config.settings import ENV_PREFIX, Setting, settings, toml
from pywats_mqtt.errors import Fatal

_TOML_WORDS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
)

_TOO_LARGE = 10**15
"""From here on a number is not repeated in a message: it may have hundreds of digits."""


def parse(text: str, file: str) -> dict[str, object]:
    """Parse TOML.

    Args:
        text: the file's content.
        file: its name, for messages.

    Raises:
        Fatal: it is no TOML; the message has the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        last = len(text.splitlines())
        what = str(exc).replace("at end of document", f"at line {last}, the last")
        twice = what.startswith(("Cannot overwrite", "Cannot declare"))
        fix = "keep one of the two: it is there twice" if twice else "write key = value, and put text in quotes"
        raise problem(file, what, fix) from None
    except ValueError:  # Python's limit for the digits of an integer
        raise problem(file, "a number has thousands of digits", "write a smaller one") from None
    except RecursionError:
        raise problem(file, "brackets nested too deep", "write key = value") from None


def decode(document: Mapping[str, object], file: str, env: Mapping[str, str]) -> BridgeConfig:
    """Make the configuration of a parsed file, with the environment's settings laid over it.

    Args:
        document: the parsed file; empty for none.
        file: its name, for messages.
        env: the environment; what does not begin with `PYWATS_MQTT__` is not looked at.

    Raises:
        Fatal: a key is unknown, or a value is not of its kind.
    """
    known = settings()
    values: dict[str, dict[str, object]] = {table: {} for table in known}
    for table, content in document.items():
        if table not in known:
            what = f"[{table}] is no table" if isinstance(content, dict) else f"{table} stands outside of a table"
            raise problem(file, what, _meant(table, known, known))
        if not isinstance(content, dict):
            raise problem(
                file, f"[{table}]: expected a table, got {_word(content)}", f"write [{table}] on its own line"
            )
        for key, value in content.items():
            if key not in known[table]:
                raise problem(file, f"[{table}] {key} is no setting", _meant(key, known[table], known))
            values[table][key] = _checked(value, known[table][key], file)
    for name in sorted(env):
        if name.startswith(ENV_PREFIX):
            _overlay(values, name, env[name], known)
    return msgspec.convert(values, BridgeConfig, dec_hook=_secret)


def problem(place: str, what: str, fix: str) -> Fatal:
    """Put a problem in one line: where, what, and what to do about it."""
    line = f"{place}: {what}; {fix}"
    return Fatal("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


def _overlay(values: dict[str, dict[str, object]], name: str, text: str, known: dict[str, dict[str, Setting]]) -> None:
    table, _, path = name.removeprefix(ENV_PREFIX).lower().partition("__")
    if table not in known:
        raise problem(name, f"there is no table [{table}]", _meant(table, known))
    key, _, entry = path.partition("__")
    if key not in known[table] or (entry and not known[table][key].by_name):
        raise problem(name, f"[{table}] has no setting `{path}`", _meant(path, known[table], known))
    setting = known[table][key]
    if not text and setting.is_optional:
        values[table].pop(key, None)
        return
    value: object = text if setting.is_text else _toml_value(text)
    if entry:
        before = values[table].get(key)
        value = (before if isinstance(before, dict) else {}) | {entry: value}
    values[table][key] = _checked(value, setting, name)


def _toml_value(text: str) -> object:
    """Read a TOML value that stands alone; text that is none stays what it is."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return document["value"] if document.keys() == {"value"} else text


def _checked(value: object, setting: Setting, source: str) -> object:
    """Give the value back when it is of the setting's kind; `source` is its file or its environment variable."""
    in_file = not source.startswith(ENV_PREFIX)
    where = f"{source}: {setting.place}" if in_file else source
    if _has_control(value):
        raise problem(where, "holds a control character", "remove it")
    if _fits(value, setting):
        return value
    if setting.inner and isinstance(value, list | dict):
        _check_tables(value, setting, where)
    part, wrong, kind, example = _misfit(value, setting)
    expected = f"expected {kind}, got {_got(wrong, setting) if wrong is value else _word(wrong)}"
    if not in_file:
        raise problem(source, expected, f"write {source}={example}")
    fix = f"write {setting.key}{part} = {example}"
    unquoted = _toml_value(wrong) if isinstance(wrong, str) else wrong
    if unquoted is not wrong and _fits({part[1:]: unquoted} if part else unquoted, setting):
        fix = f"write {setting.key}{part} = {toml(unquoted)} without quotes"
    elif kind.startswith("a string") and isinstance(wrong, int | float):
        fix = "put it in quotes"
    raise problem(f"{where}{part}", expected, fix)


def _check_tables(tables: list[object] | dict[str, object], setting: Setting, where: str) -> None:
    """Name the key of a list or a table of tables that is unknown, missing or of the wrong kind."""
    is_list = isinstance(tables, list)
    for name, table in enumerate(tables) if isinstance(tables, list) else tables.items():
        place = f"{where}[{name}]" if is_list else f"{where}.{name}"
        if not isinstance(table, dict):
            header = f"[[{setting.table}.{setting.key}]]" if is_list else f"[{setting.table}.{setting.key}.{name}]"
            fix = f"write {header} on a line of its own"
            raise problem(place, f"expected a table, got {_word(table)}", fix)
        for key, value in table.items():
            inner = setting.inner.get(key)
            if inner is None:
                raise problem(place, f"{key} is no setting", _meant(key, setting.inner))
            if not _fits(value, inner):
                part, wrong, kind, example = _misfit(value, inner)
                raise problem(
                    f"{place} {key}{part}", f"expected {kind}, got {_word(wrong)}", f"write {key}{part} = {example}"
                )
        for key, inner in setting.inner.items():
            if not inner.default and not inner.is_optional and key not in table:
                raise problem(place, f"{key} is missing", f'write {key} = "…", {inner.kind}')


def _misfit(value: object, setting: Setting) -> tuple[str, object, str, str]:
    """Find what is wrong within a value: where it stands there, the thing itself, and what it should be, by example."""
    if isinstance(value, dict) and setting.by_name:
        name, item = next((name, item) for name, item in value.items() if not _fits({name: item}, setting))
        return f".{name}", item, setting.entry, '"…"' if setting.entry == "a string" else "10"
    if isinstance(value, list) and _fits([], setting):
        number, item = next((number, item) for number, item in enumerate(value) if not _fits([item], setting))
        return f"[{number}]", item, "a string", '"…"'
    return "", value, setting.kind, setting.default or ("10" if setting.kind.startswith("a number") else '"…"')


def _fits(value: object, setting: Setting) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        msgspec.convert(value, setting.type, dec_hook=_secret)
    except (msgspec.ValidationError, OverflowError):
        return False
    return True


def _has_control(value: object) -> bool:
    """Tell whether any text in a value has a character that no name, path or topic has any use for."""
    if isinstance(value, list | dict):
        return any(_has_control(item) for item in value)
    return isinstance(value, str) and any(unicodedata.category(c) in {"Cc", "Cs"} for c in value)


def _secret(_: type, value: object) -> Secret:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return Secret(value)


def _got(value: object, setting: Setting) -> str:
    """Say what was there: a number itself, where its size may be what is wrong, and of all else only its type."""
    if isinstance(value, str) and setting.is_text and not setting.is_secret:
        return f"one of {len(value)}"
    if setting.is_text or isinstance(value, bool) or not isinstance(value, int | float):
        return _word(value)
    return str(value) if abs(value) < _TOO_LARGE or isinstance(value, float) else "a number far too large"


def _word(value: object) -> str:
    return next((word for kind, word in _TOML_WORDS if isinstance(value, kind)), "a date or time")


def _meant(name: str, names: Iterable[str], known: Mapping[str, Iterable[str]] | None = None) -> str:
    """Guess what was meant by an unknown name: a near one, the same one in another table, or one of all there are."""
    for table, keys in (known or {}).items():
        if name in keys:
            return f"it belongs in [{table}]"
    near = get_close_matches(name, names, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known are {', '.join(names)}"
