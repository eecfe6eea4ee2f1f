"""The stages of `./bridge test`: a line each, the output of what failed, and one exit code."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tools import parts, stages

PASSING = ("format", [sys.executable, "-c", "print('quiet')"])
FAILING = ("types", [sys.executable, "-c", "print('a.py:1: wrong'); raise SystemExit(3)"])

IN_ONE = ("-n", "0", "-p", "no:cacheprovider")
COUNT = "PYTEST_XDIST_WORKER_COUNT"
"""What each of several processes has in its environment."""


@pytest.fixture(autouse=True)
def _small_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run on a project of one test, on a machine that has all parts."""
    (tmp_path / "test_it.py").write_text("def test_right(): pass\ndef test_wrong(): raise ValueError\n")
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    monkeypatch.setattr(stages, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(stages, "_checks", lambda: (PASSING,))
    monkeypatch.setattr(stages, "provide", lambda: True)


def test_a_stage_that_passes_is_one_line_with_its_time(capfd: pytest.CaptureFixture[str]) -> None:
    """The output of what passed is not shown."""
    assert stages.run(None) == 0
    assert re.fullmatch(r"format   ok +\d+\.\d s\n", capfd.readouterr().out)


def test_a_stage_that_fails_shows_why_and_the_next_ones_run(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failure does not hide another, and the last line names them."""
    monkeypatch.setattr(stages, "_checks", lambda: (FAILING, PASSING))
    assert stages.run(None) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("types    FAILED")
    assert lines[1] == "a.py:1: wrong"
    assert lines[2].startswith("format   ok")
    assert lines[3:] == ["failed: types"]


def test_the_tests_get_the_arguments_and_have_the_last_word(capfd: pytest.CaptureFixture[str]) -> None:
    """A narrower run is pytest's own options; when all passed, its closing line is the last."""
    assert stages.run(["-k", "right", *IN_ONE]) == 0
    assert re.search(r"1 passed, 1 deselected in [^\n]*\n$", capfd.readouterr().out)


def test_the_tests_are_spread_over_two_processes_at_least(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on one core; a soak, which is one test that prints, is not spread."""
    for name in ("PYTEST_XDIST_AUTO_NUM_WORKERS", COUNT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(stages, "SOAK", ("test_it.py",))
    (tmp_path / "test_it.py").write_text(f"import os\n\ndef test_it(): assert os.environ.get({COUNT!r}) == '2'\n")
    assert stages.run(["-p", "no:cacheprovider"]) == 0
    assert stages.run(["--soak", "1", "-p", "no:cacheprovider"]) == 1
    assert "assert None == '2'" in capfd.readouterr().out


def test_failing_tests_fail_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever code pytest ends with, the run's is 1."""
    assert stages.run(IN_ONE) == 1
    assert stages.run(["-k", "nothing", *IN_ONE]) == 1
    assert capfd.readouterr().out.endswith("failed: tests\n")


def test_a_soak_is_tests_of_its_own_for_so_many_minutes_with_a_seed() -> None:
    """`--soak` and `--seed` are ours, the rest is pytest's; without a soak all of it is."""
    assert stages.soak_of(["--soak", "30", "--seed", "7", "-x"]) == (
        [*stages.SOAK, "-x"],
        {"SOAK_MINUTES": "30.0", "SOAK_SEED": "7"},
    )
    assert stages.soak_of(["--soak", "1"]) == ([*stages.SOAK], {"SOAK_MINUTES": "1.0"})
    assert stages.soak_of(["-k", "right"]) == (["-k", "right"], {})
    assert all((Path(__file__).parents[2] / name).exists() for name in stages.SOAK)


@pytest.mark.parametrize(("in_ci", "code"), [(True, 1), (False, 0)])
def test_a_missing_part_is_an_error_in_ci_only(monkeypatch: pytest.MonkeyPatch, code: int, *, in_ci: bool) -> None:
    """What cannot be installed makes a run in CI fail even where no test skipped itself for it."""
    monkeypatch.setattr(stages, "provide", lambda: False)
    monkeypatch.setattr(stages, "IN_CI", in_ci)
    assert stages.run(["-k", "right", *IN_ONE]) == code


def test_a_missing_part_is_installed_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the rights to install, the missing packages and no others are."""
    there = tmp_path / "there"
    monkeypatch.setattr(parts, "PARTS", (("one", lambda: True), ("two", there.exists)))
    monkeypatch.setattr(parts, "_rights", lambda: ["sudo", "-n"])

    def install(rights: list[str], packages: list[str]) -> None:
        assert (rights, packages) == (["sudo", "-n"], ["two"])
        there.touch()

    monkeypatch.setattr(parts, "_install", install)
    assert parts.provide()
    assert capsys.readouterr().out == "parts    installing two\n"


def test_elsewhere_the_line_that_would_install_it_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the rights, the run goes on and says what is missing."""
    monkeypatch.setattr(parts, "PARTS", (("one", lambda: False), ("two", lambda: False)))
    monkeypatch.setattr(parts, "_rights", lambda: None)
    assert not parts.provide()
    assert capsys.readouterr().out == "parts    missing, and their tests skipped; apt-get install one two\n"
