"""What a person does about refused messages: look at what would become of them now, try them again, throw them away.

The same functions serve a running bridge, which is asked over its local socket, and a spool whose bridge does not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from pywats_mqtt.adapters.sizes import bytes_before_cut
from pywats_mqtt.app.handover import Step, Stepped
from pywats_mqtt.events import LATEST_KINDS, Event, TestResult, UnitEvent, kind_of
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Kept, Outcome, Rejection, Release, Spool

MESSAGE = "message"
"""Kind of a row that was refused as a message, and not as one of its deliveries."""

AT_ONCE = 500
"""Rows released in one transaction: some milliseconds, in which nothing else is stored."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a row now, or became of it.

    Attributes:
        id: its number.
        before: why it was refused.
        accepted: whether it is no longer refused when it is read; WATS may still refuse what comes of it.
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
        step: of handing over.
    """

    ask: Literal["status", "retry", "discard", "handover"]
    numbers: list[int] = []
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


def judge(row: Kept, interpret: Callable[[RawMessage], Outcome]) -> tuple[Judgement, Release | None]:
    """Tell what would become of a row; with how to release it where it would be accepted. Pure.

    Args:
        row: of the quarantine.
        interpret: what a message means, total and pure.
    """
    if row.kind in LATEST_KINDS:
        now = f"{row.kind} of {row.device} as it is known now, sent once more"
        return Judgement(id=row.id, before=row.reason, accepted=True, now=now), Release(row.id)
    whole_bytes = bytes_before_cut(row.message.payload, row.reason) if row.kind == MESSAGE else 0
    if whole_bytes:
        now = (
            f"cannot be tried: of its {whole_bytes} bytes only the first were kept (limits.quarantine_bytes); "
            "let the device send it again, then discard this"
        )
        return Judgement(id=row.id, before=row.reason, accepted=False, now=now), None
    outcome = interpret(row.message)
    if isinstance(outcome, Rejection):
        now = f"{outcome.path}: {outcome.reason}" if outcome.path else outcome.reason
        return Judgement(id=row.id, before=row.reason, accepted=False, now=f"still refused: {now}"), None
    identified = list(outcome)
    # Of a refused delivery the other events of its message are in WATS: only its own may be new.
    forget = tuple(
        each.identity.key
        for each in identified
        if each.identity is not None and row.kind in {MESSAGE, kind_of(each.event)}
    )
    now = "; ".join(_words(each.event) for each in identified) or "nothing: the message says nothing"
    return Judgement(id=row.id, before=row.reason, accepted=True, now=now), Release(row.id, forget)


def _words(event: Event) -> str:
    match event:
        case TestResult():
            return f"report {event.report_id} of {event.serial_number}, {event.part_number or 'default part'}"
        case UnitEvent():
            return f"unit {event.serial_number} {event.action}"
        case _:
            return f"{kind_of(event)} of {event.key}"


async def retry(
    spool: Spool,
    interpret: Callable[[RawMessage], Outcome],
    numbers: Sequence[int],
    offer: Callable[[Batch], None],
) -> list[Judgement]:
    """Take rows out of the quarantine that are no longer refused, and have their messages routed anew.

    Args:
        spool: open.
        interpret: what a message means now.
        numbers: of the rows.
        offer: told of each batch that has to be routed.

    Returns:
        What became of each row that is there; those still refused stay as they are.
    """
    told: list[Judgement] = []
    for begin in range(0, len(numbers), AT_ONCE):
        judged = [judge(row, interpret) for row in await spool.kept(numbers[begin : begin + AT_ONCE])]
        releases = [release for _, release in judged if release is not None]
        batch = await spool.release(releases) if releases else None
        if batch is not None:
            offer(batch)
        told += [judgement for judgement, _ in judged]
    return told
