"""The command line's standard output: on a terminal that cannot show all, and where it cannot be written."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from pywats_mqtt.cli import main as entry


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", b"T\\xf6ster\n"), ("utf-8", "Töster\n".encode())])
def test_what_a_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: bytes) -> None:
    """A topic may have any character."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))

    def say(_words: list[str]) -> int:
        print("Töster")  # noqa: T201 - what a command does
        return 0

    monkeypatch.setattr(entry, "_dispatch", say)
    with pytest.raises(SystemExit) as ended:
        entry.main([])
    assert (ended.value.code, written.getvalue()) == (0, shown)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk is full here")
@pytest.mark.parametrize("words", [["schema", "asyncapi"], ["lint", "-c", "{config}"]], ids=["large", "small"])
def test_output_onto_a_full_disk_is_one_line(tmp_path: Path, words: list[str]) -> None:
    """Also where all of it is written at the end."""
    config = tmp_path / "bridge.toml"
    config.write_text('[mqtt]\nbroker = "b"\n')
    command = [sys.executable, "-m", "pywats_mqtt", *(word.format(config=config) for word in words)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "pywats-mqtt: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_closed_output_is_no_failure() -> None:
    """As that of a service whose starter closes it: nobody reads what is said."""
    command = [sys.executable, "-m", "pywats_mqtt", "schema", "asyncapi"]
    done = subprocess.run(["/bin/sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_failure_is_no_failure_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a defect, and shows where it is."""

    def fail(_words: list[str]) -> int:
        raise FileNotFoundError(2, "No such file or directory", "x")

    monkeypatch.setattr(entry, "_dispatch", fail)
    with pytest.raises(FileNotFoundError):
        entry.main([])
