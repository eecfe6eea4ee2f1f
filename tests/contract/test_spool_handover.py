"""What leaves a spool with an export and comes into another one, on every spool there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt import events
from pywats_mqtt.events import AssetCounts
from pywats_mqtt.ports import Done, ExportState, OwedRow, Refused, RefusedRow, Rejection, Release, RetryAt, Row, Spool
from pywats_mqtt.ports.handover import ROWS
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    counts,
    identified,
    lease,
    lease_latest,
    message,
    open_spool,
    result,
    says,
    serials,
    take_in,
)

REFUSED = Rejection("no such field", "$.x", "T")


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    """Name one spool after the other."""
    return str(request.param)


@pytest.fixture
async def spool(kind: str, tmp_path: Path, clock: SetClock) -> AsyncIterator[Spool]:
    """Open the bridge's spool that hands over."""
    async with open_spool(kind, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def other(kind: str, tmp_path: Path, clock: SetClock) -> AsyncIterator[Spool]:
    """Open the spool of the bridge that takes over."""
    (tmp_path / "other").mkdir()
    async with open_spool(kind, tmp_path / "other", clock) as opened:
        yield opened


async def take_all_out(spool: Spool, export: str, *, limit: int = 100) -> None:
    """Take out all that waits, a few rows at a time, and close the export."""
    await spool.open_export(export, waiting=True)
    while rows := await spool.exportable(export, limit):
        await spool.take_out(export, rows)
    await spool.mark_export(export, ExportState.SEALED)


async def rows_of(spool: Spool, export: str) -> list[Row]:
    """Read all rows of an export."""
    return [ROWS.decode(packed) for _, packed in await spool.exported(export, 0, 1000)]


async def revoke(spool: Spool, export: str, *, limit: int = 100) -> None:
    """Take an export back."""
    await spool.mark_export(export, ExportState.REVOKING)
    while await spool.unwind(export, limit):
        pass


async def refused_rows(spool: Spool) -> list[Row]:
    """Give the rows of the quarantine as an export takes them."""
    kept = await spool.kept([row.id for row in await spool.quarantined(100)])
    return [RefusedRow(row.id, row.device, row.reason, row.path, row.kind, row.message) for row in kept]


async def deliver_all(spool: Spool) -> list[str]:
    """Deliver all that is owed in order; gives the serial numbers."""
    delivered: list[str] = []
    while leased := await lease(spool):
        await spool.settle([Done(each) for each in leased])
        delivered += serials(leased)
    return delivered


async def test_refused_rows_leave_and_come_back(spool: Spool) -> None:
    """They are neither listed nor retried meanwhile; revoked, they are as they were, with their numbers."""
    await take_in(spool, [REFUSED, REFUSED, REFUSED])
    before = await spool.quarantined(10)
    await spool.open_export("e", waiting=False)
    first, _, third = await refused_rows(spool)
    await spool.take_out("e", [first, third, third])
    await spool.mark_export("e", ExportState.SEALED)
    assert [row.id for row in await spool.quarantined(10)] == [2]
    figures = await spool.figures()
    assert (figures.quarantined, figures.exported, figures.waiting) == (1, 2, 0)
    assert await rows_of(spool, "e") == [first, third]
    await revoke(spool, "e")
    assert list(await spool.quarantined(10)) == list(before)
    assert (await spool.figures()).exported == 0
    assert list(await spool.exports()) == []


async def test_an_export_of_nothing_uses_up_no_number(spool: Spool) -> None:
    """Who imports in the order of the numbers would miss one; that of an export with rows is not given again."""
    await take_all_out(spool, "empty")
    await revoke(spool, "empty")
    await take_in(spool, [says(result("T", 1))])
    await take_all_out(spool, "e")
    await revoke(spool, "e")
    assert (await spool.open_export("f", waiting=False)).number == 2


async def test_what_is_owed_leaves_in_order_and_comes_back_in_order(spool: Spool) -> None:
    """Also what waits for its time; what arrives meanwhile stays, and comes after what comes back."""
    await take_in(spool, [says(result("T", number)) for number in range(3)])
    (head,) = await lease(spool)
    await spool.settle([RetryAt(head, START_US * 2, "500", uses_attempt=True)])
    await take_all_out(spool, "e", limit=2)
    assert await lease(spool) == []
    assert [row.id for row in await rows_of(spool, "e")] == sorted(row.id for row in await rows_of(spool, "e"))
    figures = await spool.figures()
    assert (figures.waiting, figures.exported, figures.stored) == (0, 3, 3)
    await take_in(spool, [says(result("T", 3))])
    await revoke(spool, "e", limit=2)
    assert await deliver_all(spool) == ["SN0", "SN1", "SN2", "SN3"]


async def test_a_line_of_which_a_delivery_is_under_way_stays(spool: Spool) -> None:
    """Its order would be lost; others leave, and what stayed is delivered in order."""
    await take_in(spool, [says(result(device, number)) for number, device in enumerate("ABAB")])
    (head, *_) = await lease(spool, 1)
    await spool.open_export("e", waiting=True)
    rows = await spool.exportable("e", 10)
    assert [row.key for row in rows] == ["B", "B"]
    assert list(await spool.exportable("e", 10)) == list(rows)
    assert await lease(spool) == []
    await take_in(spool, [says(result("B", 9))])
    newer = await lease(spool)
    assert serials(newer) == ["SN9"]
    await spool.settle([Done(each) for each in newer])
    await spool.take_out("e", rows)
    await spool.settle([Done(head)])
    assert await spool.exportable("e", 10) == []
    await spool.mark_export("e", ExportState.SEALED)
    assert await deliver_all(spool) == ["SN2"]


async def test_what_an_export_did_not_take_is_owed_when_it_is_closed(spool: Spool) -> None:
    """Whether it goes on or is taken back."""
    await take_in(spool, [says(result("A", 0)), says(counts("F", 1)), says(result("A", 1))])
    await spool.open_export("e", waiting=True)
    assert await lease(spool) == []
    await spool.mark_export("e", ExportState.SEALED)
    assert serials(await lease(spool)) == ["SN0"]
    assert len(await lease_latest(spool)) == 1


async def test_what_is_known_of_an_asset_leaves_without_what_stays(spool: Spool) -> None:
    """Of increments those that are given; the rest, and what is folded meanwhile, stays owed."""
    await take_in(spool, [says(counts("F", 5, added=7))])
    await spool.open_export("e", waiting=True)
    (row,) = await spool.exportable("e", 10)
    await take_in(spool, [says(counts("F", 6, added=1, as_of_us=START_US + 1))])
    given = AssetCounts(asset="F", total=5, added=4, as_of_us=START_US, handed={"e": 4})
    assert not isinstance(row, OwedRow)
    await spool.take_out("e", [msgspec.structs.replace(row, event=events.encode(given))])
    assert list(await spool.exportable("e", 10)) == []
    await spool.mark_export("e", ExportState.SEALED)
    (left,) = await lease_latest(spool)
    assert left.event == AssetCounts(asset="F", total=6, added=4, as_of_us=START_US + 1)
    await spool.settle([Done(left)])
    await revoke(spool, "e")
    (back,) = await lease_latest(spool)
    assert back.event == AssetCounts(asset="F", total=6, added=8, as_of_us=START_US + 1, handed={"e": 4})
    assert (await spool.figures()).exported == 0


async def test_what_is_not_to_leave_stays_owed(spool: Spool) -> None:
    """It is in no export, and not given a second time."""
    await take_in(spool, [says(counts("F", 5)), says(counts("G", 6))])
    await spool.open_export("e", waiting=True)
    stays, leaves = await spool.exportable("e", 10)
    assert not isinstance(stays, OwedRow)
    await spool.take_out("e", [msgspec.structs.replace(stays, event=b""), leaves])
    assert list(await spool.exportable("e", 10)) == []
    assert (await spool.mark_export("e", ExportState.SEALED)).latest == 1
    assert [each.key for each in await lease_latest(spool)] == ["F"]
    figures = await spool.figures()
    assert (figures.waiting, figures.exported) == (1, 1)


async def test_rows_are_imported_once_however_often_they_come(spool: Spool, other: Spool) -> None:
    """In steps that overlap; a step that leaves a hole is refused."""
    await take_in(spool, [says(result("A", 0)), REFUSED, says(counts("F", 1, added=1)), says(result("A", 1))])
    await spool.open_export("e", waiting=True)
    await spool.take_out("e", await refused_rows(spool))
    while rows := await spool.exportable("e", 10):
        await spool.take_out("e", rows)
    await spool.mark_export("e", ExportState.SEALED)
    rows_out = await rows_of(spool, "e")
    assert len(rows_out) == 4
    with pytest.raises(ValueError, match="the next is 0"):
        await other.take_in("e", 1, rows_out[1:])
    first = await other.take_in("e", 0, rows_out[:2])
    again = await other.take_in("e", 0, rows_out)
    assert (first.repeated, again.repeated) == (0, 2)
    assert (await other.take_in("e", 0, rows_out)).repeated == 4
    assert await deliver_all(other) == ["SN0", "SN1"]
    (known,) = await lease_latest(other)
    assert isinstance(known.event, AssetCounts)
    assert known.event.added == 1
    assert [row.reason for row in await other.quarantined(10)] == ["no such field"]
    figures = await other.figures()
    assert (figures.stored, figures.waiting, figures.delivered, figures.quarantined) == (4, 1, 2, 1)


def named(rows: Sequence[Row], number: int, digest: bytes = b"digest") -> list[Row]:
    """Give owed rows an identity."""
    identity = identified(result("A"), number, digest).identity
    return [msgspec.structs.replace(row, identity=identity) for row in rows if isinstance(row, OwedRow)]


async def test_what_both_bridges_had_arrives_once(spool: Spool, other: Spool) -> None:
    """By its identity: before the import, and after it; with another content it is kept aside."""
    await take_in(spool, [(identified(result("A", 0), 7),)])
    await take_all_out(spool, "e")
    rows = await rows_of(spool, "e")
    taken = await other.take_in("e", 0, named(rows, 7))
    assert (taken.owed, taken.duplicates) == (1, 0)
    assert (await take_in(other, [(identified(result("A", 0), 7),)])).duplicates == 1
    known = await other.take_in("f", 0, named(rows, 7))
    assert (known.owed, known.duplicates) == (0, 1)
    conflict = await other.take_in("g", 0, named(rows, 7, b"others"))
    assert (conflict.owed, conflict.conflicts) == (0, 1)
    assert await deliver_all(other) == ["SN0"]
    figures = await other.figures()
    assert (figures.stored, figures.delivered, figures.duplicates, figures.quarantined) == (4, 1, 2, 1)


async def test_a_refused_message_whose_events_are_known_is_not_imported(other: Spool) -> None:
    """As the bridge that takes it reads it."""
    await take_in(other, [(identified(result("A", 0), 7),)])
    identity = identified(result("A", 0), 7).identity
    assert identity is not None
    row = RefusedRow(1, "A", "no", "", "message", message(), (identity,))
    taken = await other.take_in("e", 0, [row])
    assert (taken.refused, taken.duplicates) == (0, 1)
    assert list(await other.quarantined(10)) == []


async def test_an_export_that_arrived_is_forgotten_and_stays_counted(spool: Spool) -> None:
    """It can be revoked no more; only a written one can be forgotten."""
    await take_in(spool, [says(result("A", 0))])
    await take_all_out(spool, "e")
    with pytest.raises(ValueError, match="sealed"):
        await spool.mark_export("e", ExportState.FORGETTING)
    await spool.mark_export("e", ExportState.WRITTEN)
    await spool.mark_export("e", ExportState.FORGETTING)
    with pytest.raises(ValueError, match="forgetting"):
        await spool.mark_export("e", ExportState.REVOKING)
    while await spool.unwind("e", 10):
        pass
    assert (await spool.figures()).exported == 1
    with pytest.raises(ValueError, match="there is no export e"):
        await spool.mark_export("e", ExportState.REVOKING)
    assert await lease(spool) == []


async def test_one_export_is_open_at_a_time_and_a_closed_one_takes_nothing(spool: Spool) -> None:
    """Numbers grow; nothing that was not given is taken."""
    await take_in(spool, [says(result("A", 0))])
    assert (await spool.open_export("e", waiting=False)).number == 1
    with pytest.raises(ValueError, match="e is open"):
        await spool.open_export("f", waiting=False)
    assert await spool.exportable("e", 10) == []
    sealed = await spool.mark_export("e", ExportState.SEALED)
    assert sealed.rows == 0
    assert (await spool.open_export("f", waiting=True)).number == 2
    with pytest.raises(ValueError, match="f is open"):
        await spool.mark_export("e", ExportState.REVOKING)
    rows = await spool.exportable("f", 10)
    with pytest.raises(ValueError, match="is sealed"):
        await spool.take_out("e", rows)
    await spool.take_out("f", rows)
    with pytest.raises(ValueError, match="not given"):
        await spool.take_out("f", rows)


async def test_a_crash_takes_an_open_export_back_and_keeps_a_closed_one(tmp_path: Path, clock: SetClock) -> None:
    """Of the first there can be no file; of the second there may be."""
    async with open_spool("sqlite", tmp_path, clock) as spool:
        await take_in(spool, [says(result("A", number)) for number in range(3)])
        await spool.open_export("e", waiting=True)
        rows = await spool.exportable("e", 2)
        await spool.take_out("e", rows)
    async with open_spool("sqlite", tmp_path, clock) as spool:
        assert list(await spool.exports()) == []
        await take_all_out(spool, "f")
    async with open_spool("sqlite", tmp_path, clock) as spool:
        (known,) = await spool.exports()
        assert (known.state, known.owed) == (ExportState.SEALED, 3)
        assert await lease(spool) == []
        await spool.mark_export("f", ExportState.REVOKING)
        assert await spool.unwind("f", 2)
    async with open_spool("sqlite", tmp_path, clock) as spool:
        assert await deliver_all(spool) == ["SN0", "SN1", "SN2"]
        assert (await spool.figures()).waiting == 0


@pytest.mark.parametrize("ends", [ExportState.REVOKING, ExportState.FORGETTING])
async def test_a_spool_never_imports_what_it_made(spool: Spool, ends: ExportState) -> None:
    """Not while it has the rows, nor when they are back or another bridge's: they would be here twice."""
    await take_in(spool, [says(result("A", 0)), REFUSED])
    await spool.open_export("e", waiting=True)
    await spool.take_out("e", await refused_rows(spool))
    await spool.take_out("e", await spool.exportable("e", 10))
    await spool.mark_export("e", ExportState.SEALED)
    rows = await rows_of(spool, "e")
    assert len(rows) == 2
    with pytest.raises(ValueError, match="`spool revoke e`"):
        await spool.take_in("e", 0, rows)
    await spool.mark_export("e", ExportState.WRITTEN)
    await spool.mark_export("e", ends)
    with pytest.raises(ValueError, match="this spool made export e"):
        await spool.take_in("e", 0, rows)
    while await spool.unwind("e", 1):
        pass
    with pytest.raises(ValueError, match="took it back" if ends is ExportState.REVOKING else "another bridge has it"):
        await spool.take_in("e", 0, rows)
    figures = await spool.figures()
    assert (figures.stored, figures.duplicates, figures.conflicts) == (2, 0, 0)


async def test_an_export_of_nothing_is_not_remembered(spool: Spool) -> None:
    """A command that waits for a line makes some of them a second, and none has a file."""
    await take_all_out(spool, "e")
    await revoke(spool, "e")
    assert await spool.notes("export/") == {}


async def there_and_back(spool: Spool, other: Spool) -> list[Row]:
    """Hand a result over, and give the rows with which the other spool hands it back."""
    await take_in(spool, [(identified(result("A", 0), 7),)])
    await spool.open_export("there", waiting=True)
    rows = await spool.exportable("there", 10)
    await spool.take_out("there", named(rows, 7))
    await spool.mark_export("there", ExportState.SEALED)
    assert (await other.take_in("there", 0, await rows_of(spool, "there"))).owed == 1
    await other.open_export("back", waiting=True)
    await other.take_out("back", await other.exportable("back", 10))
    await other.mark_export("back", ExportState.SEALED)
    return await rows_of(other, "back")


@pytest.mark.parametrize("ends", [ExportState.REVOKING, ExportState.FORGETTING])
async def test_what_is_handed_back_is_owed_again(spool: Spool, other: Spool, ends: ExportState) -> None:
    """It left, so it is no repeat; the export it left with gives it back no second time, and a device neither."""
    rows = await there_and_back(spool, other)
    assert (await spool.take_in("back", 0, rows)).owed == 1
    await spool.mark_export("there", ExportState.WRITTEN)
    await spool.mark_export("there", ends)
    assert not await spool.unwind("there", 10)
    assert (await take_in(spool, [(identified(result("A", 0), 7),)])).duplicates == 1
    assert (await spool.take_in("other", 0, rows)).duplicates == 1
    assert await deliver_all(spool) == ["SN0"]
    figures = await spool.figures()
    assert figures.stored == figures.delivered + figures.duplicates + figures.exported
    assert (figures.waiting, figures.quarantined) == (0, 0)


async def test_what_is_confirmed_can_still_be_handed_back(spool: Spool, other: Spool) -> None:
    """The other bridge is who has it; with another content it is kept aside."""
    rows = await there_and_back(spool, other)
    await spool.mark_export("there", ExportState.WRITTEN)
    await spool.mark_export("there", ExportState.FORGETTING)
    assert not await spool.unwind("there", 10)
    assert (await spool.take_in("wrong", 0, named(rows, 7, b"others"))).conflicts == 1
    assert (await spool.take_in("back", 0, rows)).owed == 1
    assert await deliver_all(spool) == ["SN0"]


async def test_what_was_revoked_is_a_repeat_when_it_is_handed_back(spool: Spool, other: Spool) -> None:
    """It is here already."""
    rows = await there_and_back(spool, other)
    await revoke(spool, "there")
    assert (await spool.take_in("back", 0, rows)).duplicates == 1
    assert await deliver_all(spool) == ["SN0"]


async def refused_delivery(spool: Spool) -> RefusedRow:
    """Have WATS refuse a result, and give the row as an export takes it."""
    await take_in(spool, [(identified(result("A", 0), 7),)])
    identity = identified(result("A", 0), 7).identity
    assert identity is not None
    (delivery,) = await lease(spool)
    await spool.settle([Refused(delivery, REFUSED)])
    (kept,) = await refused_rows(spool)
    assert isinstance(kept, RefusedRow)
    return msgspec.structs.replace(kept, identities=(identity,))


async def test_a_refused_delivery_is_handed_back_once(spool: Spool) -> None:
    """Its event is known here, and it was not here; what the export still has of it is not put back beside it."""
    row = await refused_delivery(spool)
    await spool.open_export("there", waiting=False)
    await spool.take_out("there", [row])
    await spool.mark_export("there", ExportState.SEALED)
    assert (await spool.take_in("back", 0, [row])).refused == 1
    await revoke(spool, "there")
    assert len(await spool.quarantined(10)) == 1
    assert (await spool.figures()).quarantined == 1


async def test_what_goes_there_and_back_for_ever_arrives_once(spool: Spool, other: Spool) -> None:
    """Each has handed it over before, whether it can read the message or not."""
    rows = await there_and_back(spool, other)
    for number in range(3):
        for giving, taking in ((other, spool), (spool, other)):
            assert (await taking.take_in(f"e{number}", 0, rows)).owed == 1
            await take_all_out(taking, f"e{number}{giving is other}")
            rows = await rows_of(taking, f"e{number}{giving is other}")
    assert (await spool.take_in("last", 0, rows)).owed == 1
    assert await deliver_all(spool) == ["SN0"]
    assert (await spool.take_in("twice", 0, rows)).duplicates == 1


async def test_a_refused_delivery_that_is_imported_is_known(spool: Spool, other: Spool) -> None:
    """Its device may send it to that bridge, too, and a person may retry it there: it is one result."""
    row = await refused_delivery(spool)
    assert (await other.take_in("e", 0, [row])).refused == 1
    assert (await other.take_in("f", 0, [row])).duplicates == 1
    assert (await take_in(other, [(identified(result("A", 0), 7),)])).duplicates == 1
    (kept,) = await other.quarantined(10)
    batch = await other.release([Release(kept.id, tuple(each.key for each in row.identities))])
    assert batch is not None
    await other.route(batch, [(identified(result("A", 0), 7),)])
    assert await deliver_all(other) == ["SN0"]


async def test_what_is_handed_back_and_retried_is_not_put_back(spool: Spool) -> None:
    """A retry forgets its identity, and it is known again when it was routed."""
    row = await refused_delivery(spool)
    await spool.open_export("there", waiting=False)
    await spool.take_out("there", [row])
    await spool.mark_export("there", ExportState.SEALED)
    assert (await spool.take_in("back", 0, [row])).refused == 1
    (kept,) = await spool.quarantined(10)
    batch = await spool.release([Release(kept.id, tuple(each.key for each in row.identities))])
    assert batch is not None
    await spool.route(batch, [(identified(result("A", 0), 7),)])
    assert await deliver_all(spool) == ["SN0"]
    await revoke(spool, "there")
    assert list(await spool.quarantined(10)) == []
    assert (await spool.figures()).quarantined == 0


@pytest.mark.parametrize("order", [("there", "again"), ("again", "there")])
async def test_what_two_exports_have_is_put_back_once(spool: Spool, other: Spool, order: Sequence[str]) -> None:
    """It came back from the first one, and left with the second."""
    rows = await there_and_back(spool, other)
    assert (await spool.take_in("back", 0, rows)).owed == 1
    await take_all_out(spool, "again")
    for export in order:
        await revoke(spool, export)
    assert await deliver_all(spool) == ["SN0"]
    figures = await spool.figures()
    assert figures.stored == figures.delivered + figures.duplicates


async def test_a_refused_message_does_not_stand_for_its_result_that_was_handed_over(spool: Spool) -> None:
    """It is a repeat of that, as when its device sends it again, and that comes back when it is revoked."""
    await take_in(spool, [(identified(result("A", 0), 7),)])
    await spool.open_export("e", waiting=True)
    await spool.take_out("e", named(await spool.exportable("e", 10), 7))
    await spool.mark_export("e", ExportState.SEALED)
    identity = identified(result("A", 0), 7).identity
    assert identity is not None
    row = RefusedRow(1, "A", "no", "", "message", message(), (identity,))
    assert (await spool.take_in("other", 0, [row])).duplicates == 1
    await revoke(spool, "e")
    assert await deliver_all(spool) == ["SN0"]


@pytest.mark.parametrize("limit", [1, 10])
async def test_two_contents_of_one_id_are_both_put_back(spool: Spool, limit: int) -> None:
    """A person retried the second one, which had been kept aside."""
    await take_in(spool, [(identified(result("A", 0), 7),), (identified(result("A", 1), 7, b"others"),)])
    (kept,) = await spool.quarantined(10)
    first, second = (identified(result("A"), 7, digest).identity for digest in (b"digest", b"others"))
    assert first is not None
    batch = await spool.release([Release(kept.id, (first.key,))])
    assert batch is not None
    await spool.route(batch, [(identified(result("A", 1), 7, b"others"),)])
    await spool.open_export("e", waiting=True)
    one, two = await spool.exportable("e", 10)
    assert isinstance(one, OwedRow)
    assert isinstance(two, OwedRow)
    rows = [msgspec.structs.replace(row, identity=each) for row, each in ((one, first), (two, second))]
    await spool.take_out("e", rows)
    await spool.mark_export("e", ExportState.SEALED)
    await revoke(spool, "e", limit=limit)
    assert await deliver_all(spool) == ["SN0", "SN1"]
