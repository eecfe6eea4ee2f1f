"""What a person does about refused messages: look at what would become of them now, try them again, throw them away.

The same functions serve a running bridge, which is asked over its local socket, and a spool whose bridge does not run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from pywats_mqtt.adapters.sizes import bytes_before_cut
from pywats_mqtt.app.foresight import Foresight
from pywats_mqtt.app.handover import Step, Stepped
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.events import LATEST_KINDS, kind_of
from pywats_mqtt.events.identity import CONFLICT
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Kept, Outcome, Rejection, Release, Spool
from pywats_mqtt.ports.handover import MESSAGE

PART_NUMBER = "$.part_number"
"""Where a refusal is for a part number that nobody named."""

AT_ONCE = 500
"""Rows released in one transaction: some milliseconds, in which nothing else is stored."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a row now, or became of it.

    Attributes:
        id: its number.
        before: why it was refused.
        accepted: whether it is tried again; where WATS may refuse what comes of it, `now` tells.
        now: what comes of it, or why it is still refused.
    """

    id: int
    before: str
    accepted: bool
    now: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a second process asks of a running bridge.

    Attributes:
        ask: for its status, to retry or discard rows of the quarantine, or to do a step of handing over.
        numbers: of these rows.
        mended: those of them that were refused for a setting which is mended, as who asks reads the configuration.
        step: of handing over.
    """

    ask: Literal["status", "retry", "discard", "handover"]
    numbers: list[int] = []
    mended: list[int] = []
    step: Step | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered, but for the status, which is `observe.Status`.

    Attributes:
        rows: what became of those it retried.
        discarded: how many there were.
        stepped: what became of a step of handing over.
        error: why nothing was done; empty where it was.
    """

    rows: list[Judgement] = []
    discarded: int = 0
    stepped: Stepped | None = None
    error: str = ""


def judge(
    row: Kept, interpret: Callable[[RawMessage], Outcome], foresight: Foresight
) -> tuple[Judgement, Release | None]:
    """Tell what would become of a row; with how to release it where it would be accepted. Pure.

    Args:
        row: of the quarantine.
        interpret: what a message means, total and pure.
        foresight: what delivery would make of it.
    """
    if row.kind in LATEST_KINDS:
        now = f"{row.kind} of {row.device} as it is known now, sent once more"
        return _accepted(row, now, foresight), Release(row.id)
    whole_bytes = bytes_before_cut(row.message.payload, row.reason) if row.kind == MESSAGE else 0
    if whole_bytes:
        now = (
            f"cannot be tried: of its {whole_bytes} bytes only the first were kept (limits.quarantine_bytes); "
            "let the device send it again, then discard this"
        )
        return _refused(row, now), None
    outcome = interpret(row.message)
    if isinstance(outcome, Rejection):
        now = f"{outcome.path}: {outcome.reason}" if outcome.path else outcome.reason
        return _refused(row, f"still refused: {now}"), None
    # Of a refused delivery the other events of its message are in WATS: only its own may be new.
    own = [each for each in outcome if row.kind in {MESSAGE, kind_of(each.event)}]
    refusals = [refusal for each in own if (refusal := foresight.refusal(each.event)) is not None]
    # Of a part number that is missing measurements may still tell, where the result never met their stream.
    open_ = [refusal for refusal in refusals if row.kind == MESSAGE and refusal.path == PART_NUMBER]
    if refusals and len(refusals) == len(own) and not open_:
        return _refused(row, f"stays refused: {refusals[0]}"), None
    told = [foresight.words(each.event) for each in outcome]
    told += [f"refused, unless measurements of its unit name one: {refusal}" for refusal in open_]
    told += [f"of this is refused: {refusal}" for refusal in refusals if refusal not in open_]
    # A message that was refused as it was read left no identity: where it is known, it came again, and was taken then.
    had_identity = row.kind != MESSAGE or row.reason.startswith(CONFLICT)
    forget = tuple(each.identity.key for each in own if each.identity is not None and had_identity)
    now = "; ".join(told) or "nothing: the message says nothing"
    return _accepted(row, now, foresight), Release(row.id, forget)


def _refused(row: Kept, now: str) -> Judgement:
    return Judgement(id=row.id, before=row.reason, accepted=False, now=now)


def _accepted(row: Kept, now: str, foresight: Foresight) -> Judgement:
    doubt = "" if row.kind == MESSAGE else foresight.doubt(row.reason, row.path)
    return Judgement(id=row.id, before=row.reason, accepted=True, now=f"{now}; {doubt}" if doubt else now)


async def retry(
    spool: Spool,
    interpret: Callable[[RawMessage], Outcome],
    question: Question,
    offer: Callable[[Batch], None],
    config: BridgeConfig,
) -> list[Judgement]:
    """Take rows out of the quarantine that are no longer refused, and have their messages routed anew.

    Args:
        spool: open.
        interpret: what a message means now.
        question: names the rows. What is mended for who asks and not for us stays: it would be refused again.
        offer: told of each batch that has to be routed.
        config: what the operator set.

    Returns:
        What became of each row that is there; those still refused stay as they are.
    """
    told: list[Judgement] = []
    foresight, numbers = Foresight(config), question.numbers
    for begin in range(0, len(numbers), AT_ONCE):
        releases: list[Release] = []
        for row in await spool.kept(numbers[begin : begin + AT_ONCE]):
            judgement, release = judge(row, interpret, foresight)
            if judgement.accepted and row.id in question.mended and foresight.is_mended(row.reason) is False:
                judgement, release = _refused(row, f"stays refused: {row.reason}"), None
            if release is not None:
                releases.append(release)
            told.append(judgement)
        batch = await spool.release(releases) if releases else None
        if batch is not None:
            offer(batch)
    return told
