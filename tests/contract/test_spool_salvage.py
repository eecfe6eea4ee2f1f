"""A damaged spool: what is readable comes back, what is lost is told, and nothing makes the rescue fail."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Done, ExportState, OwedRow, Receipt, RefusedRow, Rejection
from pywats_mqtt.spool.migrate import migrate, migrations
from pywats_mqtt.spool.pages import Pages
from pywats_mqtt.spool.salvage import SHAPES, salvage
from pywats_mqtt.spool.tables import pack_messages
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    counts,
    identified,
    lease,
    messages,
    open_spool,
    put,
    result,
    says,
    serials,
    take_in,
)

REFUSED = Rejection("no such field", "$.x", "T")
RESULTS = 300
LONG = 20_000
PAGE = 4_096


async def fill(folder: Path) -> None:
    """Fill a spool with some of everything; some of it was deleted again, and some is in the log alone."""
    clock = SetClock()
    async with open_spool("sqlite", folder, clock) as spool:
        await take_in(spool, [says(result("gone", number)) for number in range(1000, 1200)])
        while leased := await lease(spool):
            await spool.settle([Done(each) for each in leased])
        for begin in range(0, RESULTS, 100):
            some = range(begin, begin + 100)
            await take_in(spool, [(identified(result(f"T{n % 3}", n), n),) for n in some])
        await take_in(spool, [says(counts(f"A{number}", number, added=1)) for number in range(60)])
        await take_in(spool, [REFUSED] * 20)
        long = await spool.put(Receipt((RawMessage("t", bytes(LONG), START_US),)))
        assert long is not None
        await spool.route(long, [REFUSED])
        (row,) = await spool.kept([1])
        await spool.open_export("e", waiting=False)
        await spool.take_out("e", [RefusedRow(1, row.device, row.reason, row.path, row.kind, row.message)])
        await spool.mark_export("e", ExportState.SEALED)
        await spool.set_note("client_id", b"me")
        await put(spool, 3)
        await put(spool, 4)
        for ending in ("", "-wal"):  # as after a crash: with its log
            shutil.copy(folder / f"spool.db{ending}", folder / f"broken.db{ending}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with such a spool, as `broken.db`; and `whole.db`, the same without a log."""
    folder = tmp_path_factory.mktemp("salvage")
    asyncio.run(fill(folder))
    for file in folder.glob("broken.db*"):
        shutil.copy(file, folder / file.name.replace("broken", "whole"))
    with closing(sqlite3.connect(folder / "whole.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return folder


def table_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Read all rows of all tables."""
    with closing(sqlite3.connect(path)) as db:
        return {name: sorted(db.execute(f"SELECT * FROM {name}")) for name in SHAPES}  # noqa: S608 - constant names


@pytest.mark.parametrize("name", ["broken", "whole"])
def test_of_a_sound_spool_everything_comes_back(made: Path, tmp_path: Path, name: str) -> None:
    """Also what only its log holds; what was deleted does not; only batches and what counts them are numbered anew."""
    before = table_rows(made / "whole.db")
    found = salvage(made / f"{name}.db", tmp_path / "new.db")
    after = table_rows(tmp_path / "new.db")
    assert (found.unreadable, found.damaged_pages) == (0, 0)
    assert found.lost == {"batches": 0, "waiting": 0, "quarantined": 0}
    for table in SHAPES.keys() - {"batch", "counter"}:
        assert after[table] == before[table], table
    assert [row[1] for row in after["batch"]] == [row[1] for row in before["batch"]]
    assert len(before["delivery"]) == RESULTS
    anew = {"last_batch", "last_routed"}
    assert {row for row in after["counter"] if row[0] not in anew} == {
        row for row in before["counter"] if row[0] not in anew
    }


async def test_a_bridge_goes_on_with_it(made: Path, tmp_path: Path) -> None:
    """Batches are routed, results delivered in order, identities known, exports revocable."""
    salvage(made / "broken.db", tmp_path / "spool.db")
    async with open_spool("sqlite", tmp_path, SetClock()) as spool:
        figures = await spool.figures()
        assert (figures.waiting, figures.quarantined, figures.exported) == (RESULTS + 60 + 7, 20, 1)
        first, second = await spool.unrouted(0, 10)
        await spool.route(first, [says(result("new", 7))] * 3)
        await spool.route(second, [(identified(result("T0", 0), 0),)] * 4)
        delivered: list[str] = []
        while leased := await lease(spool):
            await spool.settle([Done(each) for each in leased])
            delivered += serials(leased)
        assert [one for one in delivered if one != "SN7"] == [f"SN{n}" for n in range(RESULTS) if n != 7]
        await spool.mark_export("e", ExportState.REVOKING)
        assert not await spool.unwind("e", 10)
        assert [row.id for row in await spool.kept([1])] == [1]


async def test_what_is_sent_again_is_known(tmp_path: Path) -> None:
    """What was refused in the broker's session stands once; what is left of the one before is of no session."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    refused = RawMessage("testers/T/results", b"nonsense", START_US, 1, packet_id=7)
    left = msgspec.structs.replace(refused, packet_id=8)
    async with open_spool("sqlite", old, SetClock()) as spool:
        await take_in(spool, [REFUSED] * 3)
        await take_in(spool, [REFUSED] * 3)
        await spool.put(Receipt((left,)))
        await spool.put(Receipt((refused,), fresh_session=True))
    salvage(old / "spool.db", new / "spool.db")
    async with open_spool("sqlite", new, SetClock()) as spool:
        for batch in await spool.unrouted(0, 9):
            await spool.route(batch, [REFUSED])
        again = await spool.put(Receipt(tuple(msgspec.structs.replace(each, dup=True) for each in (refused, left))))
        assert again is not None
        routed = await spool.route(again, [REFUSED] * 2)
        assert (routed.quarantined, routed.duplicates) == (1, 1)


def test_without_its_header_everything_comes_back(made: Path, tmp_path: Path) -> None:
    """SQLite takes it for no database."""
    content = bytearray((made / "whole.db").read_bytes())
    content[:100] = bytes(100)
    (tmp_path / "broken.db").write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError), closing(sqlite3.connect(tmp_path / "broken.db")) as db:
        db.execute("SELECT * FROM note")
    found = salvage(tmp_path / "broken.db", tmp_path / "new.db")
    before = table_rows(made / "whole.db")
    assert all(found.rows[name] == len(before[name]) for name in SHAPES.keys() - {"counter"})


@pytest.mark.parametrize("said", [0, 255])
async def test_where_the_map_of_pages_is_lost_nothing_that_was_deleted_comes_back(tmp_path: Path, said: int) -> None:
    """What is in WATS would be delivered once more, and doubled where no server knows it by an id."""
    file = tmp_path / "spool.db"
    async with open_spool("sqlite", tmp_path, SetClock()) as spool:
        for begin in range(0, 1_000, 100):
            await take_in(spool, [says(result("T", number)) for number in range(begin, begin + 100)])
        while leased := await lease(spool):
            await spool.settle([Done(each) for each in leased])
        await take_in(spool, [says(result("T", number)) for number in range(1_000, 1_010)])
    content = bytearray(file.read_bytes())
    content[PAGE : 2 * PAGE] = bytes([said]) * PAGE
    file.write_bytes(content)
    found = salvage(file, tmp_path / "new.db")
    assert (found.rows["delivery"], found.rows["batch"]) == (10, 0)


def test_a_lost_page_costs_its_own_rows_alone(made: Path, tmp_path: Path) -> None:
    """Each page in turn, of those with rows: all rows of the others come back, and the loss is seen."""
    before = table_rows(made / "whole.db")
    with Pages(made / "whole.db") as pages:
        leaves = [number for number in pages.in_use() if number > 1 and pages.page(number)[0] == 0x0D]
    assert len(leaves) > 10
    costly = 0
    for number in leaves[:: max(1, len(leaves) // 12)]:
        content = bytearray((made / "whole.db").read_bytes())
        content[(number - 1) * PAGE : number * PAGE] = b"\xa5" * PAGE
        (tmp_path / "broken.db").write_bytes(content)
        found = salvage(tmp_path / "broken.db", tmp_path / "new.db")
        after = table_rows(tmp_path / "new.db")
        assert found.damaged_pages == 1
        lost = {table: len(before[table]) - len(after[table]) for table in SHAPES.keys() - {"counter"}}
        assert sum(lost.values()) < 100
        assert sum(count > 0 for count in lost.values()) <= 1
        costly += any(lost.values())
        for table in ("delivery", "quarantine", "identity", "latest", "note"):
            assert set(after[table]) <= set(before[table])
        (tmp_path / "new.db").unlink()
    assert costly > 5  # the others hold the schema


def broken_copies() -> st.SearchStrategy[list[tuple[str, float, int]]]:
    """Draw damages: what is done, where in the file, and how."""
    return st.lists(
        st.tuples(
            st.sampled_from(["flip", "page", "cut", "flip log", "cut log"]), st.floats(0, 1), st.integers(1, 255)
        ),
        min_size=1,
        max_size=6,
    )


@settings(max_examples=25, deadline=None)
@given(damages=broken_copies())
def test_whatever_is_damaged_the_rescue_ends_with_a_sound_spool(
    made: Path, damages: list[tuple[str, float, int]]
) -> None:
    """Bytes flipped, pages overwritten, files cut: what is made opens, is sound, and counts what it has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db, log = bytearray((made / "broken.db").read_bytes()), bytearray((made / "broken.db-wal").read_bytes())
        for what, where, value in damages:
            content = log if "log" in what else db
            place = int(where * max(0, len(content) - 1))
            if what.startswith("flip") and content:
                content[place] ^= value
            elif what.startswith("cut"):
                del content[place:]
            else:
                content[place // PAGE * PAGE : place // PAGE * PAGE + PAGE] = bytes([value]) * PAGE
        (folder / "broken.db").write_bytes(db)
        (folder / "broken.db-wal").write_bytes(log)
        salvage(folder / "broken.db", folder / "spool.db")
        with closing(sqlite3.connect(folder / "spool.db")) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        asyncio.run(_use(folder))


async def _use(folder: Path) -> None:
    async with open_spool("sqlite", folder, SetClock()) as spool:
        batches = await spool.unrouted(0, 100)
        for batch in batches:
            await spool.route(batch, [says()] * len(batch.messages))
        await lease(spool)
        await spool.kept([row.id for row in await spool.quarantined(100)])
        figures = await spool.figures()
        assert figures.waiting >= 0


def test_the_new_spool_is_never_written_over(made: Path, tmp_path: Path) -> None:
    """What is there stays; a half written one has another name."""
    (tmp_path / "new.db").write_text("mine")
    with pytest.raises(Fatal, match="is there already"):
        salvage(made / "broken.db", tmp_path / "new.db")
    assert (tmp_path / "new.db").read_text() == "mine"
    with pytest.raises(Fatal, match="No such file"):
        salvage(made / "missing.db", tmp_path / "other.db")


async def test_where_the_counters_are_lost_no_number_is_given_out_twice(tmp_path: Path) -> None:
    """Those of traces and exports are taken as well: the bridge ended at the first result, and could not revoke."""
    broken = tmp_path / "broken.db"
    async with open_spool("sqlite", tmp_path, SetClock()) as spool:
        await take_in(spool, [says(result(f"T{number}", number)) for number in range(3)])
        await spool.settle([Done(each) for each in await lease(spool)])
        await take_in(spool, [says(result("T3", 3)), REFUSED])
        await spool.open_export("e", waiting=True)
        (kept,) = await spool.kept([1])
        refused = RefusedRow(kept.id, kept.device, kept.reason, kept.path, kept.kind, kept.message)
        await spool.take_out("e", [*await spool.exportable("e", 10), refused])
        await spool.mark_export("e", ExportState.SEALED)
    with closing(sqlite3.connect(tmp_path / "spool.db", isolation_level=None)) as db:
        db.execute("DELETE FROM counter")
    (tmp_path / "spool.db").rename(broken)
    salvage(broken, tmp_path / "spool.db")
    async with open_spool("sqlite", tmp_path, SetClock()) as spool:
        await take_in(spool, [says(result("T4", 4)), REFUSED])
        await spool.mark_export("e", ExportState.REVOKING)
        assert not await spool.unwind("e", 10)
        assert serials(await lease(spool)) == ["SN3", "SN4"]
        assert [row.id for row in await spool.quarantined(10)] == [1, 2]
        assert (await spool.open_export("f", waiting=False)).number == 2
    rows = table_rows(tmp_path / "spool.db")
    assert ("traced", len(rows["trace"])) in rows["counter"]


async def test_where_an_event_is_comes_back_and_what_names_no_delivery_does_not(tmp_path: Path) -> None:
    """Handed over, or here; a delivery that was lost leaves its number, and another one must not take its identity."""
    broken = tmp_path / "broken.db"
    async with open_spool("sqlite", tmp_path, SetClock()) as spool:
        await take_in(spool, [(identified(result("A", n), n),) for n in range(3)])
        identity = identified(result("A", 1), 1).identity
        await spool.open_export("e", waiting=True)
        rows = [each for each in await spool.exportable("e", 10) if isinstance(each, OwedRow)]
        await spool.take_out("e", [msgspec.structs.replace(rows[0], identity=identity)])
        await spool.mark_export("e", ExportState.SEALED)
        await spool.mark_export("e", ExportState.REVOKING)
        assert not await spool.unwind("e", 10)
        await spool.open_export("f", waiting=True)
        rows = [each for each in await spool.exportable("f", 10) if isinstance(each, OwedRow)]
        other = identified(result("A", 2), 2).identity
        await spool.take_out("f", [rows[0], msgspec.structs.replace(rows[1], identity=other)])
        await spool.mark_export("f", ExportState.SEALED)
        await spool.take_in("g", 0, [msgspec.structs.replace(rows[2], identity=identified(result("A"), 9).identity)])
        for ending in ("", "-wal"):
            shutil.copy(tmp_path / f"spool.db{ending}", tmp_path / f"broken.db{ending}")
    with closing(sqlite3.connect(broken)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        (named,) = db.execute("SELECT id FROM delivery_identity").fetchone()
    before = table_rows(broken)
    salvage(broken, tmp_path / "new.db")
    after = table_rows(tmp_path / "new.db")
    assert after["identity"] == before["identity"]
    assert sorted(str(row[3]) for row in before["identity"]) == ["0", "0", "1", "1"]
    assert after["delivery_identity"] == before["delivery_identity"]
    with closing(sqlite3.connect(broken)) as db, db:
        db.execute("DELETE FROM delivery WHERE id = ?", (named,))
    salvage(broken, tmp_path / "less.db")
    assert table_rows(tmp_path / "less.db")["delivery_identity"] == []


def test_rows_of_a_spool_that_was_brought_to_a_newer_version_come_back(tmp_path: Path) -> None:
    """SQLite leaves rows as they were when a column is added."""
    broken = tmp_path / "broken.db"
    packed = pack_messages(messages(2))
    trace = (1, "SN1", "", "", b"", "t", *[1] * 7, "delivery", "test_result", 0, 0, "[]", "", 0, "", "", 0, 0)
    with closing(sqlite3.connect(broken, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        migrate(db, str(broken), migrations()[:1])
        db.execute("INSERT INTO batch VALUES (1, ?)", (packed,))
        db.execute("INSERT INTO identity VALUES (x'01', x'02', 3)")
        migrate(db, str(broken), migrations()[:2])
        db.execute(f"INSERT INTO trace VALUES ({','.join('?' * len(trace))})", trace)  # noqa: S608 - marks alone
        migrate(db, str(broken), migrations())
    found = salvage(broken, tmp_path / "new.db")
    assert (found.unreadable, found.rows["batch"]) == (0, 1)
    assert table_rows(tmp_path / "new.db")["batch"] == [(1, packed, 0)]
    assert table_rows(tmp_path / "new.db")["trace"] == [(*trace, "")]
    assert table_rows(tmp_path / "new.db")["identity"] == [(b"\x01", b"\x02", 3, 2)]


@pytest.mark.parametrize("content", [b"", b"[mqtt]\nbroker = 'b'\n" * 500], ids=["empty", "another"])
def test_a_file_that_is_no_spool_is_refused(tmp_path: Path, content: bytes) -> None:
    """Rather than made an empty one."""
    broken = tmp_path / "bridge.toml"
    broken.write_bytes(content)
    with pytest.raises(Fatal, match="is no spool"):
        salvage(broken, tmp_path / "new.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bridge.toml"]


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """It is sound, and nothing was lost of it."""
    broken = tmp_path / "broken.db"
    with closing(sqlite3.connect(broken, isolation_level=None)) as db:
        db.execute("CREATE TABLE asset (serial_number)")
        db.execute("INSERT INTO asset VALUES ('SN1')")
    with pytest.raises(Fatal, match="is no spool"):
        salvage(broken, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
