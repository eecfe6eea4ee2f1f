"""Writes the sample file and the page of documentation from the model; `tests.project.generate` puts them in place."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.config.settings import Setting, settings

EXAMPLES = {
    "username": '"bridge"',
    "password": '"…"',
    "password_file": '"mqtt.password"',
    "ca_cert": '"ca.pem"',
    "client_cert": '"bridge.pem"',
    "client_key": '"bridge.key"',
    "token": '"…"',
    "token_file": '"wats.token"',
    "default_part_number": '"UNKNOWN"',
    "operation_codes": "self_test = 10",
    "states": "blocked = 5",
    "units": 'co2 = "ppm"',
    "thresholds": 'temperature_c = {low = 15, high = 30, hysteresis = 1, level = "alarm"}',
    "calibration_limits": "gain = 0.05",
    "processes": 'LINE1-STATION3 = "ICT"',
    "testers": 'T1 = "LINE1-STATION3"',
    "ideal_cycle_s": "PRESS-7 = 2.5",
    "shift": '[{name = "early", start = "06:00", end = "14:00", days = ["mon", "tue"], breaks = ["10:00-10:15"]}]',
    "lines": 'T1 = "LINE1"',
    "limits": '"Temperature/DUT" = {low = 10, high = 85}',
    "max_age_days": "quarantine = 90",
    "wanted_config": '"prod-v5"',
    "wanted_configs": 'TESTER-042 = "prod-v5"',
}
"""What may stand where there is no default, or in a table of names; shown commented out."""

_LINE = 110
"""Characters of a comment in the sample."""


def sample() -> str:
    """Write a configuration file with every setting, its default and one line on what it does."""
    lines = [
        "# Every setting of pywats-mqtt with its default; docs/configuration.md says more.",
        "# A setting without a default is commented out, with an example.",
    ]
    for table, keys in settings().items():
        lines += ["", f"# {_purpose(table)}", f"[{table}]"]
        for setting in keys.values():
            if not setting.by_name:
                lines += [_comment(setting.text), _assignment(setting)]
        for setting in keys.values():
            if setting.by_name:
                lines += ["", _comment(setting.text), f"[{table}.{setting.key}]", f"# {EXAMPLES[setting.key]}"]
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """Write the tables of docs/configuration.md: each setting with its kind, default, variable and meaning."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    for table, keys in settings().items():
        yield from ("", f"## `[{table}]`", "", _purpose(table), "", "| key | kind | default | what it does |")
        yield "|---|---|---|---|"
        yield from map(_row, keys.values())
        for setting in keys.values():
            if setting.inner:
                place = f"[{table}.{setting.key}.NAME]" if setting.by_name else f"[[{table}.{setting.key}]]"
                yield from ("", f"### `{place}`", "", "| key | kind | default | what it does |")
                yield "|---|---|---|---|"
                yield from map(_row, setting.inner.values())


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "none"
    return f"| `{setting.key}` | {setting.kind} | {default} | {_upper(setting.text)} |"


def _purpose(table: str) -> str:
    """Give the first sentence of a table's class, without the table's name in front."""
    fields = {field.name: field.type for field in msgspec.structs.fields(BridgeConfig)}
    return _upper((fields[table].__doc__ or "").partition("\n")[0].partition(": ")[2])


def _comment(text: str) -> str:
    """Shorten a text to one line: its first sentence, or the part before the semicolon where that is too long."""
    sentence = text.partition(". ")[0].rstrip(".")
    return f"# {_upper(sentence if len(sentence) <= _LINE else sentence.partition('; ')[0])}"


def _assignment(setting: Setting) -> str:
    if not setting.default or setting.inner:
        return f"# {setting.key} = {EXAMPLES[setting.key]}"
    return f"{setting.key} = {setting.default}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
