"""Who may read a spool's files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywats_mqtt.errors import Fatal
from pywats_mqtt.spool import SqliteSpool
from tests.contract.spool_parts import SetClock, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a spool file."""
    return tmp_path / "spool.db"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Take the widest mask a process can have, so that modes are the program's own."""
    before = os.umask(0)
    yield
    os.umask(before)


def link(path: Path, target: Path) -> None:
    """Make a link that leads to a target."""
    path.symlink_to(target)


def permit(path: Path, mode: int) -> None:
    """Set a file's permissions."""
    path.chmod(mode)


def modes(path: Path) -> dict[str, int]:
    """Give the permissions of a spool's files, by what their names add."""
    return {file.name.removeprefix(path.name): file.stat().st_mode & 0o777 for file in path.parent.iterdir()}


@pytest.mark.usefixtures("open_umask")
async def test_only_its_user_may_read_a_new_spool(path: Path, clock: SetClock) -> None:
    """It holds what devices sent: the file, its log, the log's index and the lock are made for their owner alone."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await put(spool, 1)
        assert modes(path) == dict.fromkeys(("", "-wal", "-shm", ".lock"), 0o600)


@pytest.mark.usefixtures("open_umask")
async def test_a_spool_that_a_link_names_is_made_for_its_user_too(tmp_path: Path, clock: SetClock) -> None:
    """Where the link leads to a file that is not there yet, that file is made with the same permissions."""
    target = tmp_path / "disk"
    target.mkdir()
    link(tmp_path / "spool.db", target / "spool.db")
    async with SqliteSpool.open(tmp_path / "spool.db", clock=clock) as spool:
        await put(spool, 1)
        assert set(modes(target / "spool.db").values()) == {0o600}


@pytest.mark.usefixtures("open_umask")
async def test_an_existing_spool_keeps_its_permissions(path: Path, clock: SetClock) -> None:
    """Whoever was let in by hand, a group that looks after it, stays in; the log follows the file."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await put(spool, 1)
    permit(path, 0o640)
    async with SqliteSpool.open(path, clock=clock) as spool:
        await put(spool, 1)
        assert modes(path) == {"": 0o640, "-wal": 0o640, "-shm": 0o640, ".lock": 0o600}


async def test_a_spool_that_cannot_be_made_is_named(path: Path, clock: SetClock) -> None:
    """A link into a folder that is not there: the line says which file and what is needed; nothing is made."""
    link(path, path.parent / "none" / "spool.db")
    with pytest.raises(Fatal, match=r"spool\.db cannot be made \(No such file.*: its folder must exist"):
        await SqliteSpool.open(path, clock=clock).__aenter__()
