"""`./bridge`: makes the environment once, then becomes the program; run on a copy with a uv that only takes notes."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bootstrap import ROOT

PROGRAM = "import sys\nimport pywats_mqtt.part\nprint(sys.argv[1:])\nsys.exit(7)\n"
RECORDING_UV = f"""#!/bin/sh
echo "$@" | sed "s|{{root}}|ROOT|g" >> "{{root}}/calls"
if [ "$1" = venv ]; then
    mkdir -p "{{root}}/.venv/bin"
    ln -sf "{os.path.realpath(sys.executable)}" "{{root}}/.venv/bin/python"
fi
"""


class Project:
    """A copy of what `./bridge` needs, with a program that prints its arguments and a uv that records its calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("bridge", "pyproject.toml", "requirements.lock"):
            shutil.copy2(ROOT / name, root / name)
        (root / "program/pywats_mqtt").mkdir(parents=True)
        (root / "program/pywats_mqtt/__main__.py").write_text(PROGRAM)
        (root / "program/pywats_mqtt/part.py").write_text("")
        (root / "bin").mkdir()
        (root / "bin/uv").write_text(RECORDING_UV.replace("{root}", str(root)))
        (root / "bin/uv").chmod(0o755)

    def start(self, *arguments: str, bytecode: bool = True) -> subprocess.Popen[str]:
        """Start `./bridge` from another folder; without `bytecode` where Python is told to leave none."""
        without = {} if bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
        env = (
            {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
            | without
            | {
                "PATH": f"{self.root / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
                "PYTHONPATH": str(self.root / "program"),
            }
        )
        return subprocess.Popen(
            [self.root / "bridge", *arguments],
            env=env,
            cwd="/",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run `./bridge` to its end: exit code and output."""
        started = self.start(*arguments)
        output, _ = started.communicate(timeout=60)
        return started.returncode, output

    def calls(self) -> list[str]:
        """Take what uv was asked for since the last time."""
        notes = self.root / "calls"
        lines = notes.read_text().splitlines() if notes.exists() else []
        notes.unlink(missing_ok=True)
        return lines


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project nobody has started yet."""
    return Project(tmp_path)


def test_the_first_start_makes_the_environment_and_later_ones_only_use_it(project: Project) -> None:
    """Environment, lock and project are installed once; the program gets the arguments and gives the exit code."""
    assert project.run("status", "-c", "a b.toml") == (7, "['status', '-c', 'a b.toml']\n")
    calls = project.calls()
    assert calls[0].startswith("venv --quiet --clear --python ")
    assert calls[1:] == [
        "pip sync --quiet --python ROOT/.venv/bin/python --require-hashes ROOT/requirements.lock",
        "pip install --quiet --python ROOT/.venv/bin/python --no-deps --no-build-isolation --editable ROOT",
    ]
    assert project.run() == (7, "[]\n")
    assert project.run("check", "-c", "x.toml") == (7, "['check', '-c', 'x.toml']\n")
    assert project.calls() == []


def test_modules_are_compiled_once_also_where_nothing_is_wanted_beside_them(project: Project) -> None:
    """Where Python is told to leave no bytecode beside the sources, it is in the environment; else beside them."""
    project.start("status", bytecode=False).communicate(timeout=60)
    assert [file.name.split(".")[0] for file in project.root.glob(".venv/bytecode/**/part.*.pyc")] == ["part"]
    assert not list(project.root.glob("program/**/*.pyc"))
    project.run("status")
    assert [file.name.split(".")[0] for file in project.root.glob("program/**/part.*.pyc")] == ["part"]


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_into_the_same_environment(project: Project, name: str) -> None:
    """A change of what the environment is made from leads to one more installation, and no new environment."""
    project.run()
    project.calls()
    with (project.root / name).open("a") as file:
        file.write("# changed\n")
    project.run()
    assert [call.split()[:2] for call in project.calls()] == [["pip", "sync"], ["pip", "install"]]
    project.run()
    assert project.calls() == []


def test_an_interrupted_installation_is_done_again(project: Project) -> None:
    """The stamp is written last: without it, the next start installs."""
    project.run()
    project.calls()
    (project.root / ".venv/installed-from").unlink()
    project.run()
    assert len(project.calls()) == 2


def test_two_starts_at_once_make_one_environment(project: Project) -> None:
    """The second start waits for the first and finds the environment made."""
    first, second = project.start("one"), project.start("two")
    assert (first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]) == ("['one']\n", "['two']\n")
    assert len(project.calls()) == 3


def test_a_python_that_is_too_old_is_one_line() -> None:
    """Old Pythons can read the file, and say that they are too old and which they are."""
    source = (ROOT / "bridge").read_text()
    ast.parse(source, feature_version=(3, 4))
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.version_info = (3, 9, 2)\nexec({source!r})"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (2, f"bridge: needs Python >= 3.11, this is 3.9.2 ({sys.executable})\n")


def test_no_python_at_all_is_one_line(project: Project) -> None:
    """Where there is no python3 the shell part says what to install."""
    (project.root / "bin/uv").unlink()
    (project.root / "bin/dirname").symlink_to("/usr/bin/dirname")
    ended = subprocess.run(
        [project.root / "bridge"], env={"PATH": str(project.root / "bin")}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == (
        "bridge: needs Python >= 3.11 as python3 on PATH; on Debian: apt-get install python3 python3-venv\n"
    )
