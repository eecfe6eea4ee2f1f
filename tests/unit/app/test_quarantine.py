"""What would become of a refused message that is tried again."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from pywats_mqtt.adapters.sizes import Sizes
from pywats_mqtt.app.foresight import Foresight
from pywats_mqtt.app.quarantine import Judgement, Question, judge, retry
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Gathered, Kept, Outcome, Receipt, Rejection
from pywats_mqtt.ports.handover import MESSAGE
from pywats_mqtt.spool.memory import MemorySpool
from tests.contract.wats_memory import HandClock

FORESIGHT = Foresight(BridgeConfig())
NO_PART = "no part number: the device sent none and wats.default_part_number is not set; set one of the two"
NO_ASSET = "there is no asset 'F1' in WATS and wats.create_assets is off; make the asset, or turn it on"
RESULT = b'{"serial_number": "W1", "result": "P", "timestamp": "2026-01-26T10:00:00Z"}'


def accept(_: RawMessage) -> Outcome:
    """Take whatever comes."""
    return ()


def test_what_was_cut_is_never_tried() -> None:
    """Also where what is left of it would be read as something; it says what was cut, and what to do."""
    kept, said = Sizes(LimitsConfig(quarantine_bytes=10)).kept(b"x" * 100_000)
    assert kept is not None
    row = Kept(7, "T", MESSAGE, f"the payload has 100 bytes{said}", RawMessage("t", kept, 1))
    judgement, release = judge(row, accept, FORESIGHT)
    assert (judgement.accepted, release) == (False, None)
    assert "of its 100000 bytes only the first were kept (limits.quarantine_bytes)" in judgement.now
    assert "let the device send it again" in judgement.now


def test_what_was_refused_as_a_delivery_is_whole() -> None:
    """Its message was taken, so it was not too large, whatever stands in it."""
    kept, said = Sizes(LimitsConfig(quarantine_bytes=10)).kept(b"x" * 100_000)
    assert kept is not None
    judgement, release = judge(Kept(7, "T", "result", said, RawMessage("t", kept, 1)), accept, FORESIGHT)
    assert judgement.accepted
    assert release is not None


def foretold(kind: str, reason: str, path: str = "", **settings: Any) -> Judgement:
    """Judge the result without a part number, as it was refused, by some settings of `[wats]`."""
    config = msgspec.convert({"wats": settings}, BridgeConfig)
    row = Kept(7, "T1", kind, reason, RawMessage("testers/T1/results", RESULT, 1_769_500_000_000_000, 1), path)
    judgement, release = judge(row, lambda message: interpret(message, RouteTable(config.topics)), Foresight(config))
    assert (release is not None) == judgement.accepted
    return judgement


def test_what_delivery_would_refuse_at_once_stays_refused() -> None:
    """Until the setting is mended; then what it gives is named, and nothing is in doubt."""
    stays = foretold("test_result", NO_PART, "$.part_number")
    assert not stays.accepted
    assert stays.now == f"stays refused: $.part_number: {NO_PART}"
    mended = foretold("test_result", NO_PART, "$.part_number", default_part_number="PN7")
    assert mended.accepted
    assert mended.now.endswith(" of W1, default part PN7")


def test_of_a_mended_mapping_it_is_told_that_a_part_number_is_missing() -> None:
    """The message was never delivered: measurements of its unit may know the number."""
    told = foretold(MESSAGE, "strict_ids").now
    assert "of W1, no part number; refused, unless measurements of its unit name one: $.part_number: no part" in told


@pytest.mark.parametrize(
    ("reason", "settings", "doubt"),
    [
        ("POST /api/Report/WSJF: 400 no such operation", {}, "WATS may refuse it again: POST /api/Report/WSJF: 400 no"),
        (NO_ASSET, {"create_assets": False}, "delivery may refuse it again: there is no asset"),
        (NO_ASSET, {"create_assets": True}, ""),
    ],
)
def test_what_only_wats_can_tell_is_in_doubt(reason: str, settings: dict[str, Any], doubt: str) -> None:
    """Not where a setting was why, which is mended."""
    message = RawMessage("assets/F1/counters", b"{}", 1)
    foresight = Foresight(msgspec.convert({"wats": settings}, BridgeConfig))
    judgement, _ = judge(Kept(7, "F1", "asset_counts", reason, message), accept, foresight)
    assert judgement.accepted
    assert judgement.now.partition("; ")[2].startswith(doubt)
    assert ("may refuse" in judgement.now) == bool(doubt)


async def test_a_bridge_with_the_former_setting_keeps_what_the_asker_has_mended() -> None:
    """It would be refused again; whoever mended nothing tries it, for WATS may have changed."""
    spool = MemorySpool(clock=HandClock())
    batch = await spool.put(Receipt((RawMessage("assets/F1/alerts", b"{}", 1, 1),)))
    assert batch is not None
    await spool.route(batch, [Rejection(NO_ASSET)])
    former = msgspec.convert({"wats": {"create_assets": False}}, BridgeConfig)
    offered: list[Batch] = []

    async def asked(mended: list[int]) -> Judgement:
        question = Question(ask="retry", numbers=[1], mended=mended)
        (judgement,) = await retry(spool, accept, question, offered.append, former)
        return judgement

    assert (await asked([1])).now == f"stays refused: {NO_ASSET}"
    assert not offered
    assert (await asked([])).accepted
    assert len(offered) == 1


@pytest.mark.parametrize(
    ("reason", "known", "delivered"),
    [("strict_ids", True, 1), ("strict_ids", False, 1), ("identity conflict: id 1 came before", True, 2)],
)
async def test_a_message_that_came_again_since_is_not_delivered_twice(
    reason: str, *, known: bool, delivered: int
) -> None:
    """It was refused as it was read; a device that sent it again was heard after the setting was mended."""
    spool = MemorySpool(clock=HandClock())
    message = RawMessage("testers/T1/results", RESULT, 1_769_500_000_000_000, 1)
    read = partial(interpret, routes=RouteTable(BridgeConfig().topics))
    taken = read(message)
    assert isinstance(taken, tuple)
    outcomes: list[Gathered] = [Rejection(reason, device="T1"), *[taken] * known]
    for outcome in outcomes:
        batch = await spool.put(Receipt((message,)))
        assert batch is not None
        await spool.route(batch, [outcome])
    offered: list[Batch] = []
    await retry(spool, read, Question(ask="retry", numbers=[1]), offered.append, BridgeConfig())
    for batch in offered:
        await spool.route(batch, [taken])
    figures = await spool.figures()
    assert (figures.waiting, figures.quarantined) == (delivered, 0)
    assert figures.stored == 2 + known
