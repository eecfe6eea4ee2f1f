"""The work of `spool list|show|retry|discard`: on a running bridge through its socket, else on its spool."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.app.foresight import Foresight
from pywats_mqtt.app.local_socket import WORK_PATIENCE_S, ask
from pywats_mqtt.app.quarantine import AT_ONCE, Answer, Judgement, Question, judge
from pywats_mqtt.app.quarantine import retry as retry_rows
from pywats_mqtt.config.load import load
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Fatal, Retry
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import text_of_us, to_us
from pywats_mqtt.ports import Quarantined
from pywats_mqtt.schemas.expectation import expected
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.reader import SpoolReader
from pywats_mqtt.spool.sqlite import SqliteSpool
from pywats_mqtt.topics import matches

PAGE = 1_000
"""Rows read at once."""

REASONS_TOLD = 20
"""Reasons that are told to who asked for one that is not there: what a terminal shows at once."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are meant; what is empty leaves all.

    Attributes:
        reason: part of it, in any case.
        topic: an MQTT filter.
        device: its id.
        since, until: of reception; without a zone they are UTC.
    """

    reason: str = ""
    topic: str = ""
    device: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def has(self, row: Quarantined) -> bool:
        """Tell whether a row is meant."""
        return (
            self.reason.casefold() in row.reason.casefold()
            and (not self.topic or matches(self.topic, row.topic))
            and (not self.device or row.device == self.device)
            and (self.since is None or row.received_at_us >= _us(self.since))
            and (self.until is None or row.received_at_us < _us(self.until))
        )


def _us(moment: datetime) -> int:
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def read_quarantine(config_path: Path, wanted: Wanted, limit: int) -> list[dict[str, object]]:
    """Sum up the oldest rows that are meant; works beside a running bridge and after it died."""
    found: list[dict[str, object]] = []
    with reader_of(load(config_path, os.environ)) as reader:
        for row in _rows(reader):
            if wanted.has(row):
                found.append(summary(row))
                if len(found) == limit:
                    break
    return found


def _rows(reader: SpoolReader) -> Iterator[Quarantined]:
    after = 0
    while rows := reader.quarantined(PAGE, after):
        yield from rows
        after = rows[-1].id


def read_one(config_path: Path, number: int) -> Quarantined | None:
    """Read one row, or None where there is none of that number."""
    with reader_of(load(config_path, os.environ)) as reader:
        return reader.quarantined_one(number)


def chosen(config_path: Path, ids: Sequence[int], wanted: Wanted, *, every: bool) -> list[int]:
    """Give the ids of the rows a command is about.

    Args:
        config_path: names the spool.
        ids: named one by one.
        wanted: what else they have to be.
        every: all that are so, not only those named.

    Raises:
        Fatal: neither ids nor `--all`, or an id that is not there.
    """
    if bool(ids) == every:
        raise Fatal("name ids, as `spool list` shows them, or say --all; --reason, --topic and others narrow it")
    with reader_of(load(config_path, os.environ)) as reader:
        if every:
            return [row.id for row in _rows(reader) if wanted.has(row)]
        named = [(number, reader.quarantined_one(number)) for number in ids]
    missing = [str(number) for number, row in named if row is None]
    if missing:
        raise Fatal(f"nothing in quarantine has the id {', '.join(missing)}; `spool list` shows them")
    return [row.id for _, row in named if row is not None and wanted.has(row)]


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """Why no row is meant.

    Attributes:
        why: in words.
        reasons: those there are, the most frequent first, with their rows; empty where the reason is not why.
    """

    why: str
    reasons: dict[str, int] = {}


def nothing_meant(config_path: Path, wanted: Wanted) -> Nothing:
    """Tell why no row is meant, with the reasons there are where none is like the one that was asked for."""
    with reader_of(load(config_path, os.environ)) as reader:
        reasons = Counter(row.reason for row in _rows(reader))
    if not reasons:
        return Nothing(why="the quarantine is empty")
    if any(wanted.reason.casefold() in reason.casefold() for reason in reasons):
        return Nothing(why="nothing in quarantine is like that")
    told = dict(reasons.most_common(REASONS_TOLD))
    count = "the reasons are" if len(told) == len(reasons) else f"the {len(told)} most frequent of {len(reasons)} are"
    return Nothing(why=f"no reason in quarantine has {wanted.reason!r} in it; {count}", reasons=told)


def retry(config_path: Path, numbers: Sequence[int], *, dry_run: bool) -> tuple[list[Judgement], str]:
    """Try rows again, or only tell what would become of them.

    Returns:
        What became of each, and a remark for the operator; empty where there is none.

    Raises:
        Fatal: the bridge does not answer, or its spool cannot be opened.
    """
    config = load(config_path, os.environ)
    read, foresight = partial(interpret, routes=routes_of(config)), Foresight(config)
    foreseen: list[Judgement] = []
    mended: set[int] = set()
    with reader_of(config) as reader:
        pieces = list(reader.pieces(numbers, AT_ONCE))
        for row in (row for piece in pieces for row in reader.kept(piece)):
            foreseen.append(judge(row, read, foresight)[0])
            if foresight.is_mended(row.reason):
                mended.add(row.id)
    if dry_run or not foreseen:
        return foreseen, ""
    done: list[Judgement] = []
    for at, piece in enumerate(pieces):
        answer = ask_bridge(config, _retrying(piece, mended))
        if answer is None:
            done += asyncio.run(_retry_stopped(config, [_retrying(piece, mended) for piece in pieces[at:]]))
            is_tried = any(row.accepted for row in done)
            return done, "the bridge does not run; it takes them when it starts" if is_tried else ""
        done += answer.rows
    kept = {row.id for row in done if not row.accepted}
    if any(row.accepted and row.id in kept for row in foreseen):
        return done, "the running bridge still has the configuration it started with: restart it, and try again"
    return done, ""


def _retrying(piece: Sequence[int], mended: set[int]) -> Question:
    return Question(ask="retry", numbers=list(piece), mended=[number for number in piece if number in mended])


async def _retry_stopped(config: BridgeConfig, questions: Sequence[Question]) -> list[Judgement]:
    async with opened(config) as spool:
        read = partial(interpret, routes=routes_of(config))
        return [row for each in questions for row in await retry_rows(spool, read, each, lambda _batch: None, config)]


def discard(config_path: Path, numbers: Sequence[int]) -> int:
    """Throw rows away; tells how many there were.

    Raises:
        Fatal: as `retry`.
    """
    config = load(config_path, os.environ)
    count = 0
    for begin in range(0, len(numbers), AT_ONCE):
        some = list(numbers[begin : begin + AT_ONCE])
        answer = ask_bridge(config, Question(ask="discard", numbers=some))
        count += asyncio.run(_discard_stopped(config, some)) if answer is None else answer.discarded
    return count


async def _discard_stopped(config: BridgeConfig, numbers: Sequence[int]) -> int:
    async with opened(config) as spool:
        return await spool.discard(numbers)


def ask_bridge(config: BridgeConfig, question: Question) -> Answer | None:
    """Ask the running bridge; None where none runs.

    Raises:
        Fatal: it says why it did nothing, or does not answer (`Silent`).
    """
    said = ask(Path(config.spool.path), msgspec.json.encode(question), WORK_PATIENCE_S)
    if said is None:
        return None
    answer = msgspec.json.decode(said, type=Answer)
    if answer.error:
        raise Fatal(answer.error)
    return answer


@asynccontextmanager
async def opened(config: BridgeConfig) -> AsyncIterator[SqliteSpool]:
    """Open the spool of a bridge that does not run.

    Raises:
        Fatal: also what the disk does not take now, such as a full one: a command does not wait for room.
    """
    path, keep = Path(config.spool.path), Keeping.of(config.spool)
    try:
        async with SqliteSpool.open(path, clock=SystemClock(), keep=keep) as spool:
            yield spool
    except Retry as error:
        raise Fatal(str(error)) from error


def routes_of(config: BridgeConfig) -> RouteTable:
    """Give which adapter reads which topic."""
    return RouteTable(config.topics, assets=config.assets, production=config.production, limits=config.limits)


def reader_of(config: BridgeConfig) -> SpoolReader:
    """Open the spool for reading."""
    return SpoolReader(Path(config.spool.path))


def summary(row: Quarantined) -> dict[str, object]:
    """Give the keys of `spool list --json`."""
    return {
        "id": row.id,
        "topic": row.topic,
        "reason": row.reason,
        "path": row.path,
        "received_at": text_of_us(row.received_at_us),
        "device": row.device,
    }


def details(config_path: Path, row: Quarantined) -> dict[str, object]:
    """Give the keys of `spool show --json`: the summary, what is expected, and the payload as JSON where it is some."""
    try:
        payload: object = msgspec.json.decode(row.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        payload = row.payload.decode(errors="backslashreplace")
    return {
        **summary(row),
        "expected": _expected(load(config_path, os.environ), row),
        "kind": row.kind,
        "payload": payload,
        "payload_bytes": len(row.payload),
    }


def _expected(config: BridgeConfig, row: Quarantined) -> str:
    """Tell what the schema of its topic says of the place that was refused; empty where it says nothing."""
    message = routes_of(config).route(row.topic).message
    return "" if message is None else expected(message, row.path)
