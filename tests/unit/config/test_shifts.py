"""The tables of shifts and utilization: read, judged, and made a calendar of."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.config import zones
from pywats_mqtt.config.lint import lint
from pywats_mqtt.config.load import load
from pywats_mqtt.config.shifts import ShiftConfig, ShiftsConfig, UtilizationConfig, shift_of
from pywats_mqtt.config.zones import calendar_of, zone_of
from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import to_us
from pywats_mqtt.utilization.calendar import DAY, OUTSIDE
from tests.unit.config.test_lint import RIGHT
from tests.unit.config.test_load import refusal, write

PLANT = """
[shifts]
timezone = "Europe/Oslo"
days_off = ["2026-05-17"]

[[shifts.shift]]
name = "early"
start = "06:00"
end = "14:00"
days = ["mon", "tue", "wed", "thu", "fri"]
breaks = ["10:00-10:15", "12:00 - 12:30"]

[[shifts.shift]]
name = "night"
start = "22:00"
end = "06:00"
breaks = ["23:50-00:10", "02:00-02:30"]
"""


def test_shifts_are_read_as_tables_of_their_own(tmp_path: Path) -> None:
    """Their times are those of the zone; a break after midnight belongs to the shift that began before it."""
    config = load(write(tmp_path, PLANT), {})
    early, night = map(shift_of, config.shifts.shift)
    assert (early.start, early.end, early.breaks) == (360, 840, ((600, 615), (720, 750)))
    assert (night.start, night.end, night.days) == (1_320, DAY + 360, frozenset(range(7)))
    assert night.breaks == ((1_430, DAY + 10), (DAY + 120, DAY + 150))
    calendar = calendar_of(config.shifts)
    assert calendar.period(to_us(datetime.fromisoformat("2026-07-01T06:00+02:00"))).name == "early"
    assert calendar.period(to_us(datetime.fromisoformat("2026-05-17T23:00+02:00"))).name == OUTSIDE
    assert not [finding for finding in lint(config) if finding.path.startswith("shifts")]


def test_shifts_come_from_the_environment(tmp_path: Path) -> None:
    """As a TOML list of tables, over those of the file."""
    variable = {"PYWATS_MQTT__SHIFTS__SHIFT": '[{name = "only", start = "08:00", end = "16:00"}]'}
    config = load(write(tmp_path, PLANT), variable)
    assert [shift.name for shift in config.shifts.shift] == ["only"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[[shifts.shift]]\nnmae = "early"',
            "bridge.toml: [shifts] shift[0]: nmae is no setting; did you mean `name`?",
        ),
        (
            '[[shifts.shift]]\nname = "early"\nstart = "06:00"',
            'bridge.toml: [shifts] shift[0]: end is missing; write end = "…", a string',
        ),
        (
            '[[shifts.shift]]\nname = "early"\nstart = 6\nend = "14:00"',
            'bridge.toml: [shifts] shift[0] start: expected a string, got an integer; write start = "…"',
        ),
        (
            '[[shifts.shift]]\nname = "early"\nstart = "06:00"\nend = "14:00"\ndays = ["mon", 2]',
            'bridge.toml: [shifts] shift[0] days[1]: expected a string, got an integer; write days[1] = "…"',
        ),
        (
            'shifts.shift = ["early"]',
            (
                "bridge.toml: [shifts] shift[0]: expected a table, got a string;"
                " write [[shifts.shift]] on a line of its own"
            ),
        ),
        (
            'shifts.shift = "early"',
            "bridge.toml: [shifts] shift: expected a list of tables, got a string; write shift = []",
        ),
        (
            '[shifts]\ntimezone = "Europe/Olso"',
            (
                "bridge.toml: [shifts] timezone: 'Europe/Olso' is no time zone;"
                " write one as the IANA database has it, such as Europe/Oslo"
            ),
        ),
        (
            '[shifts]\ntimezone = "../etc/passwd"',
            (
                "bridge.toml: [shifts] timezone: '../etc/passwd' is no time zone;"
                " write one as the IANA database has it, such as Europe/Oslo"
            ),
        ),
        (
            '[utilization.ideal_cycle_s]\nPRESS-7 = "fast"',
            (
                "bridge.toml: [utilization] ideal_cycle_s.PRESS-7: expected a number, got a string;"
                " write ideal_cycle_s.PRESS-7 = 10"
            ),
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_its_fix(tmp_path: Path, text: str, line: str) -> None:
    """Also within a list of tables."""
    assert refusal(write(tmp_path, text)) == line


def test_a_wrong_zone_in_the_environment_names_its_variable(tmp_path: Path) -> None:
    """As any setting there."""
    name = "PYWATS_MQTT__SHIFTS__TIMEZONE"
    assert refusal(write(tmp_path, ""), {name: "Mars"}).startswith(f"{name}: 'Mars' is no time zone; ")


def test_where_there_are_no_time_zones_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without a database, and without the package; UTC needs none."""

    def nothing(name: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zones, "ZoneInfo", nothing)
    assert str(zone_of("UTC")) == "UTC"
    with pytest.raises(ValueError, match="install it with `pip install tzdata`"):
        zone_of("Europe/Oslo")


EARLY = {"name": "early", "start": "06:00", "end": "14:00"}


@pytest.mark.parametrize(
    ("shift", "path"),
    [
        ({"start": "6:00"}, "start"),
        ({"start": "24:00"}, "start"),
        ({"end": "14"}, "end"),
        ({"days": ["monday"]}, "days"),
        ({"days": []}, "days"),
        ({"breaks": ["10:00"]}, "breaks"),
        ({"breaks": ["15:00-15:15"]}, "breaks"),
        ({"breaks": ["13:50-14:10"]}, "breaks"),
        ({"breaks": ["05:50-06:10"]}, "breaks"),
        ({"breaks": ["10:99-11:00"]}, "breaks"),
    ],
)
def test_lint_names_the_value_of_a_shift_that_cannot_be_read(shift: dict[str, object], path: str) -> None:
    """And the bridge does not start with it."""
    wrong = ShiftsConfig(shift=(msgspec.convert({**EARLY, **shift}, ShiftConfig),))
    (finding,) = lint(msgspec.structs.replace(RIGHT, shifts=wrong))
    assert (finding.path, finding.severity) == (f"shifts.shift[0].{path}", "error")
    assert finding.problem
    assert finding.fix
    with pytest.raises(Fatal):
        calendar_of(wrong)


def test_lint_names_shifts_that_overlap() -> None:
    """A shift over midnight and one on the next morning; not where they are on other days."""
    night = {"name": "night", "start": "22:00", "end": "06:30"}

    def with_days(early: list[str], late: list[str]) -> ShiftsConfig:
        both = ({**EARLY, "days": early}, {**night, "days": late})
        return ShiftsConfig(shift=tuple(msgspec.convert(shift, ShiftConfig) for shift in both))

    wrong = with_days(["mon"], ["sun"])
    (finding,) = lint(msgspec.structs.replace(RIGHT, shifts=wrong))
    assert (finding.path, finding.problem) == ("shifts.shift", "'early' and 'night' overlap")
    with pytest.raises(Fatal, match="overlap"):
        calendar_of(wrong)
    assert lint(msgspec.structs.replace(RIGHT, shifts=with_days(["mon"], ["mon"]))) == ()


def test_lint_names_a_date_that_is_none() -> None:
    """A day off has a year, a month and a day that there is."""
    wrong = msgspec.structs.replace(RIGHT, shifts=ShiftsConfig(days_off=("2026-12-24", "2026-02-30", "24.12.")))
    assert [finding.path for finding in lint(wrong)] == ["shifts.days_off[1]", "shifts.days_off[2]"]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"producing": ["Running"]}, "error utilization.producing[0]"),
        ({"producing": []}, "warning utilization.producing"),
        ({"ideal_cycle_s": {"PRESS-7": 0.0}}, "error utilization.ideal_cycle_s.PRESS-7"),
        ({"part_number": "A/B"}, "error utilization.part_number"),
        ({"late_hours": 0.05}, "error utilization.late_hours"),
        ({"late_hours": 721.0}, "warning utilization.late_hours"),
    ],
)
def test_lint_names_what_is_wrong_about_utilization(changes: dict[str, object], finding: str) -> None:
    """A word that no device can say, a cycle of no time, a part number that WATS refuses."""
    wrong = msgspec.structs.replace(RIGHT, utilization=msgspec.convert(changes, UtilizationConfig))
    assert [f"{found.severity} {found.path}" for found in lint(wrong)] == [finding]
