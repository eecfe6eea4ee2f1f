"""The file of an export, and its keys: what is changed, cut, newer or signed by others is refused before it is read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywats_mqtt import events
from pywats_mqtt.app.export_file import ExportFile, Head, require_writable, write_export
from pywats_mqtt.app.export_keys import make_keys, public_path, read_private, read_public
from pywats_mqtt.errors import Fatal
from pywats_mqtt.events import AssetState
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import LatestRow, RefusedRow
from pywats_mqtt.ports.handover import pack_row

HEAD = Head(export="0123", bridge="bridge", number=3, at_us=7, owed=0, latest=1, refused=2)
BIG = RefusedRow(1, "T", "no", "$.x", "message", RawMessage("t", bytes(3_000_000), 5))
ROWS = [
    pack_row(BIG),
    pack_row(RefusedRow(2, "T", "no", "", "message", RawMessage("t", b"\xff", 6))),
    pack_row(LatestRow(3, "F", "asset_state", 1, 1, events.encode(AssetState(asset="F", status="idle")), "t", 8)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pairs of keys and an export."""
    made = tmp_path_factory.mktemp("export")
    make_keys(made / "key")
    make_keys(made / "other")
    write_export(made / "out", read_private(made / "key"), HEAD, ROWS)
    return made


def opened(folder: Path, content: bytes | None = None, key: str = "key") -> list[bytes]:
    """Read the rows of the export, or of changed content."""
    path = folder / "out"
    if content is not None:
        path = folder / "changed"
        path.write_bytes(content)
    with ExportFile(path, read_public(folder / f"{key}.pub")) as found:
        assert found.head == HEAD
        return list(found.rows())


def test_what_was_written_is_read(folder: Path) -> None:
    """Compressed, for its owner alone, and nothing is left beside it."""
    assert opened(folder) == ROWS
    assert (folder / "out").stat().st_size < 20_000
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.glob(".*")) == []


def test_another_key_is_refused(folder: Path) -> None:
    """In one line."""
    with pytest.raises(Fatal, match="is not signed with the trusted key, or was changed or cut"):
        opened(folder, key="other")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_and_a_cut_file_are_refused(folder: Path, data: st.DataObject) -> None:
    """Wherever it is."""
    content = bytearray((folder / "out").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    with pytest.raises(Fatal):
        opened(folder, bytes(content))


def test_a_newer_version_is_named(folder: Path) -> None:
    """By its first line, or by an event of a kind that is not known yet."""
    content = (folder / "out").read_bytes()
    with pytest.raises(Fatal, match="has another version than 1: a newer program wrote it"):
        opened(folder, content.replace(b"export 1\n", b"export 2\n", 1))
    newer = LatestRow(3, "F", "asset_mood", 1, 1, msgspec.msgpack.encode({"type": "asset_mood"}), "t", 8)
    head = msgspec.structs.replace(HEAD, refused=0)
    write_export(folder / "newer", read_private(folder / "key"), head, [pack_row(newer)])
    with pytest.raises(Fatal, match="a newer one wrote it"):
        ExportFile(folder / "newer", read_public(folder / "key.pub"))


def test_any_other_file_is_refused(folder: Path) -> None:
    """Also one that is not there."""
    with pytest.raises(Fatal, match="is no export"):
        opened(folder, b"")
    with pytest.raises(Fatal, match="cannot be read"):
        ExportFile(folder / "missing", read_public(folder / "key.pub"))


def test_a_file_that_names_other_rows_than_it_has_is_refused(folder: Path) -> None:
    """A defect of the writer, which the signature cannot show."""
    write_export(folder / "short", read_private(folder / "key"), HEAD, ROWS[:2])
    with pytest.raises(Fatal, match="has 2 rows and names 3"):
        ExportFile(folder / "short", read_public(folder / "key.pub"))


def test_a_file_that_cannot_be_written_leaves_no_name(folder: Path) -> None:
    """Its folder is missing."""
    with pytest.raises(Fatal, match="cannot be written"):
        write_export(folder / "nowhere" / "out", read_private(folder / "key"), HEAD, ROWS)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be made, and nothing be written to the end."""

    def fill(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_left_with_nothing_that_is_not_whole(folder: Path, tmp_path: Path) -> None:
    """Neither a part of an export nor an empty key, which the next try would find."""
    with pytest.raises(Fatal, match="No space left on device"):
        write_export(tmp_path / "out", read_private(folder / "key"), HEAD, ROWS)
    with pytest.raises(Fatal, match="No space left on device"):
        make_keys(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_public_key_that_cannot_be_made_leaves_no_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills between the two."""
    whole = os.fsync
    synced: list[int] = []

    def fill(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(descriptor)

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(Fatal, match=r"key\.pub cannot be made"):
        make_keys(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_is_told(folder: Path) -> None:
    """Of an export before anything is taken out for it; what another command writes there is left alone."""
    with pytest.raises(Fatal, match="cannot be made"):
        make_keys(folder / ("x" * 300))
    for length in (250, 300):
        with pytest.raises(Fatal, match="the name is too long"):
            require_writable(folder / ("x" * length))
    (folder / ".new.part").write_bytes(b"half")
    require_writable(folder / "new")
    assert (folder / ".new.part").read_bytes() == b"half"
    with pytest.raises(Fatal, match="is there already"):
        require_writable(folder / "out")


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_keys_want_the_name_of_a_file(name: str) -> None:
    """An empty one is none."""
    with pytest.raises(Fatal, match="is no file: name the one"):
        make_keys(Path(name))


def test_keys_are_kept_and_of_the_right_sort(folder: Path) -> None:
    """The private one is for its owner alone; none is written over; each is told from the other."""
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    with pytest.raises(Fatal, match="is there already"):
        make_keys(folder / "key")
    public_path(folder / "key").rename(folder / "moved.pub")
    try:
        with pytest.raises(Fatal, match="cannot be made"):
            make_keys(folder / "key")
    finally:
        (folder / "moved.pub").rename(public_path(folder / "key"))
    with pytest.raises(Fatal, match="is no private key"):
        read_private(folder / "key.pub")
    with pytest.raises(Fatal, match="is no public key"):
        read_public(folder / "key")
    with pytest.raises(Fatal, match="there is no key at"):
        read_public(folder / "missing")
