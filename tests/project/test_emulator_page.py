"""The page of the emulator names all there is; `test_describe.py` checks that it is up to date."""

from __future__ import annotations

import re
import subprocess
import sys

from pywats_mqtt.emulator.fault import Fault, Kind
from pywats_mqtt.emulator.routes import ROUTES
from tests.project.generate import EMULATOR

TEXT = EMULATOR.read_text()


def test_every_option_is_on_the_page() -> None:
    """What `emulate --help` shows has a row."""
    run = [sys.executable, "-m", "pywats_mqtt", "emulate", "--help"]
    shown = subprocess.run(run, capture_output=True, text=True, check=True, env={"TERM": "dumb", "COLUMNS": "200"})
    options = {word.strip(",") for word in shown.stdout.split() if word.startswith("--")} - {"--help"}
    assert options
    assert {option for option in options if f"`{option}`" not in TEXT} == set()


def test_every_route_has_a_row() -> None:
    """Each method of each path, in any spelling of its identifiers."""
    rows = re.findall(r"^\| ([A-Z]+) \| `(/api/[^`]+)` \|", TEXT, flags=re.MULTILINE)
    shown = {(method, re.sub(r"\{[^}]*\}", "{}", path).lower()) for method, path in rows}
    assert shown == {(method, path) for path, methods in ROUTES.items() for method in methods}


def test_every_fault_has_a_row() -> None:
    """Kinds and fields."""
    names = [*(kind.value for kind in Kind), *Fault.__struct_fields__]
    assert [name for name in names if f"| `{name}` |" not in TEXT and name != "kind"] == []
