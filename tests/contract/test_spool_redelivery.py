"""Refused messages that the broker sends again stand in quarantine once, on every spool there is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.errors import Retry
from pywats_mqtt.events import AssetUpdate
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt, Rejection, RoutedBatch, Spool
from pywats_mqtt.spool.sqlite import SqliteSpool
from pywats_mqtt.spool.store import Store
from tests.contract.spool_parts import SetClock, open_spool, result, says

REFUSED = Rejection("no such field", "$.x", "T")
FIRST = RawMessage("testers/T/results", b"nonsense", 1, 1, packet_id=7)
AGAIN = msgspec.structs.replace(FIRST, received_at_us=2, dup=True)


async def refuse(spool: Spool, *messages: RawMessage, rejection: Rejection = REFUSED) -> RoutedBatch:
    """Store messages and route them as refused."""
    batch = await spool.put(Receipt(messages))
    assert batch is not None
    return await spool.route(batch, [rejection] * len(messages))


async def rows(spool: Spool) -> int:
    """Count what is in quarantine, and check that all that was stored is accounted for."""
    figures = await spool.figures()
    assert figures.stored == figures.delivered + figures.waiting + figures.quarantined + figures.duplicates
    assert len(await spool.quarantined(100)) == figures.quarantined
    return figures.quarantined


async def test_what_was_refused_and_comes_again_is_known(spool: Spool) -> None:
    """As often as it comes; it counts as a duplicate."""
    await refuse(spool, FIRST)
    for _ in range(2):
        routed = await refuse(spool, AGAIN)
        assert (routed.quarantined, routed.duplicates) == (0, 1)
    assert await rows(spool) == 1


async def test_it_is_known_among_others(spool: Spool) -> None:
    """Each of those beside it has the outcome that is its own."""
    good, new = RawMessage("t", b"good", 3, 1, packet_id=8), RawMessage("t", b"bad", 4, 1, packet_id=9)
    await refuse(spool, FIRST)
    batch = await spool.put(Receipt((good, AGAIN, new)))
    assert batch is not None
    routed = await spool.route(batch, [says(result("T", 1)), REFUSED, Rejection("another reason")])
    assert (routed.ordered, routed.quarantined, routed.duplicates) == (1, 1, 1)
    assert [row.payload for row in await spool.quarantined(9)] == [b"nonsense", b"bad"]


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(AGAIN, dup=False),
        msgspec.structs.replace(AGAIN, packet_id=8),
        msgspec.structs.replace(AGAIN, payload=b"other nonsense"),
        msgspec.structs.replace(AGAIN, topic="testers/U/results"),
        msgspec.structs.replace(AGAIN, user_properties=(("a", ""),)),
        msgspec.structs.replace(AGAIN, qos=0, packet_id=0),
    ],
    ids=["no DUP", "other id", "other payload", "other topic", "other properties", "QoS 0"],
)
async def test_another_message_has_a_row_of_its_own(spool: Spool, other: RawMessage) -> None:
    """However equal it is: a device that sends the same nonsense twice has two rows."""
    await refuse(spool, FIRST)
    assert (await refuse(spool, other)).quarantined == 1
    assert await rows(spool) == 2


async def test_an_identifier_that_named_another_message_since_tells_nothing(spool: Spool) -> None:
    """Its message was acknowledged, or the broker could not have used it for another."""
    await refuse(spool, FIRST)
    batch = await spool.put(Receipt((RawMessage("t", b"good", 3, 1, packet_id=7),)))
    assert batch is not None
    await spool.route(batch, [says(result("T", 1))])
    assert (await refuse(spool, AGAIN)).quarantined == 1


async def test_identifiers_of_another_session_tell_nothing(spool: Spool) -> None:
    """Nor do those of messages that are routed after it began."""
    await refuse(spool, FIRST)
    unrouted = await spool.put(Receipt((msgspec.structs.replace(FIRST, packet_id=8),)))
    assert unrouted is not None
    await spool.put(Receipt((), fresh_session=True))
    await spool.route(unrouted, [REFUSED])
    assert (await refuse(spool, AGAIN, msgspec.structs.replace(AGAIN, packet_id=8))).quarantined == 2


async def test_what_would_be_taken_by_now_stays_where_it_is(spool: Spool) -> None:
    """The configuration may have changed between: a person tries the row again, and it is sent once."""
    await refuse(spool, FIRST)
    batch = await spool.put(Receipt((AGAIN,)))
    assert batch is not None
    routed = await spool.route(batch, [says(result("T", 1))])
    assert (routed.ordered, routed.duplicates) == (0, 1)


async def test_what_would_be_folded_by_now_is(spool: Spool) -> None:
    """Telemetry that is said twice comes to the same, and an update may stand for others of its batch."""
    await refuse(spool, FIRST)
    batch = await spool.put(Receipt((AGAIN,)))
    assert batch is not None
    update = AssetUpdate("T", 2, None, None, "running", 1, {}, untimed=False)
    routed = await spool.route(batch, gathered([AGAIN], [update]))
    assert (routed.folded, routed.duplicates) == (1, 0)


async def test_it_is_known_by_what_came_and_not_by_what_is_kept(spool: Spool) -> None:
    """Of a large payload the quarantine keeps the beginning, which others share."""
    cut = msgspec.structs.replace(REFUSED, kept=b"non")
    await refuse(spool, FIRST, rejection=cut)
    assert (await refuse(spool, AGAIN, rejection=cut)).duplicates == 1
    other = msgspec.structs.replace(AGAIN, payload=b"nonetheless")
    assert (await refuse(spool, other, rejection=cut)).quarantined == 1


async def test_what_was_tried_again_comes_as_a_new_message(spool: Spool) -> None:
    """A row that a person released is routed anew, whatever its packet was."""
    await refuse(spool, FIRST)
    await refuse(spool, AGAIN)
    (kept,) = await spool.kept([1])
    assert (kept.message.packet_id, kept.message.dup) == (0, False)


async def test_it_is_known_after_a_restart(tmp_path: Path, clock: SetClock) -> None:
    """Also where it was stored and not routed, and in the session that began before."""
    async with open_spool("sqlite", tmp_path, clock) as spool:
        await spool.put(Receipt((), fresh_session=True))
        await refuse(spool, FIRST)
        await spool.put(Receipt((msgspec.structs.replace(FIRST, packet_id=8),)))
    async with open_spool("sqlite", tmp_path, clock) as spool:
        (unrouted,) = await spool.unrouted(0, 9)
        assert unrouted.messages[0].packet_id == 8
        await spool.route(unrouted, [REFUSED])
        routed = await refuse(spool, AGAIN, msgspec.structs.replace(AGAIN, packet_id=8))
        assert (routed.quarantined, routed.duplicates) == (0, 2)
        assert await rows(spool) == 2


async def test_the_session_is_known_after_a_restart(tmp_path: Path, clock: SetClock) -> None:
    """What is left of the former one, and routed now, tells nothing then either."""
    async with open_spool("sqlite", tmp_path, clock) as spool:
        await spool.put(Receipt((FIRST,)))
        await spool.put(Receipt((), fresh_session=True))
    async with open_spool("sqlite", tmp_path, clock) as spool:
        (unrouted,) = await spool.unrouted(0, 9)
        await spool.route(unrouted, [REFUSED])
        assert (await refuse(spool, AGAIN)).quarantined == 1


async def test_what_was_not_stored_is_not_known(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that failed leaves nothing in memory: its messages are no repeats of themselves."""
    async with open_spool("sqlite", tmp_path, clock) as spool:
        assert isinstance(spool, SqliteSpool)
        batch = await spool.put(Receipt((msgspec.structs.replace(FIRST, dup=True),)))
        assert batch is not None

        def fail(_: Store) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        with monkeypatch.context() as broken:
            broken.setattr(Store, "commit", fail)
            with pytest.raises(Retry):
                await spool.route(batch, [REFUSED])
        assert (await spool.route(batch, [REFUSED])).quarantined == 1
        assert await rows(spool) == 1
