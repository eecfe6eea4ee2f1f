"""The work of `spool export|import` and their kin: on a running bridge through its socket, else on its spool."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pywats_mqtt.app.export_file import ExportFile, Head, require_writable, write_export
from pywats_mqtt.app.export_keys import read_private, read_public
from pywats_mqtt.app.handover import AT_ONCE, Step, Stepped, do_step
from pywats_mqtt.app.local_socket import ask
from pywats_mqtt.app.quarantine import Question
from pywats_mqtt.cli.quarantine import ask_bridge, opened, reader_of, routes_of
from pywats_mqtt.config.load import load
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.interpret import interpret
from pywats_mqtt.messages import text_of_us
from pywats_mqtt.pipeline.route import Inbox, route
from pywats_mqtt.ports import Export, ExportState, Taken
from pywats_mqtt.ports.handover import GIVES_BACK, unfinished
from pywats_mqtt.spool.reader import SpoolReader
from pywats_mqtt.spool.sqlite import SqliteSpool

PUT_BACK = {ExportState.OPEN, ExportState.REVOKING}
"""Exports whose rows are put back when their spool is opened."""

CHUNK_BYTES = 1_048_576
"""Bytes of rows that go into one step of an import; a longer row goes alone."""

PATIENCE_S = 10.0
"""Seconds in which what is under way may end where nothing else can be handed over: most tries take less."""

AGAIN_S = 0.2
"""Seconds until it is tried again, meanwhile."""

Ask: TypeAlias = Callable[[Step], Awaitable[Stepped]]
"""Has one step done, by whoever owns the spool."""


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What an export came to.

    Attributes:
        export: its id; empty where there was nothing to hand over.
        file: where it was written.
        owed, latest, refused: rows of each sort.
        left: refused rows that stay: what is known of assets, which builds on the ledger here.
        gone: refused rows that another command took meanwhile.
        staying: deliveries that stay, since one of their line is under way.
        lines: these lines.
    """

    export: str = ""
    file: str = ""
    owed: int = 0
    latest: int = 0
    refused: int = 0
    left: int = 0
    gone: int = 0
    staying: int = 0
    lines: list[str] = []


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import came to.

    Attributes:
        export: its id.
        bridge: client id of the bridge it came from.
        number: the how manieth of that bridge.
        taken: what became of its rows.
        running: whether a running bridge took them.
    """

    export: str
    bridge: str
    number: int
    taken: Taken
    running: bool


@asynccontextmanager
async def desk(config: BridgeConfig) -> AsyncIterator[tuple[Ask, bool]]:
    """Open the way to the spool: the bridge that owns it, else the spool itself; with whether a bridge runs."""
    if ask(Path(config.spool.path)) is not None:
        yield partial(_ask_running, config), True
        return
    async with opened(config) as spool:
        yield partial(_ask_stopped, config, spool), False


async def _ask_running(config: BridgeConfig, step: Step) -> Stepped:
    answer = ask_bridge(config, Question(ask="handover", step=step))
    if answer is None or answer.stepped is None:
        raise Fatal(
            "the bridge stopped meanwhile, and nothing is lost: `spool exports` shows how far it came, then repeat it"
        )
    return answer.stepped


async def _ask_stopped(config: BridgeConfig, spool: SqliteSpool, step: Step) -> Stepped:
    read = partial(interpret, routes=routes_of(config))
    if step.do == "open" and step.waiting:
        inbox = Inbox()
        inbox.close()
        await route(inbox, spool, read, lambda *_: None)  # what was stored and not looked at is owed, too
    stepped = await do_step(spool, read, step)
    if stepped.error:
        raise Fatal(stepped.error)
    return stepped


def hand_over(config_path: Path, out: Path, key: Path | None, numbers: Sequence[int], *, waiting: bool) -> Handed:
    """Hand over rows of the quarantine, and what waits where asked for.

    Raises:
        Fatal: there is no key, or the file cannot be written; an export that was begun is named.
    """
    config = load(config_path, os.environ)
    signing = read_private(key or Path(f"{config.spool.path}.key"))
    require_writable(out)
    pieces = _pieces(config, numbers)

    async def work() -> Handed:
        until_s = time.monotonic() + PATIENCE_S
        async with desk(config) as (step, _):
            while True:
                made, handed = await _take_out(config, step, pieces, waiting=waiting)
                if made.rows or not handed.staying or time.monotonic() >= until_s:
                    break
                await asyncio.sleep(AGAIN_S)
            if not made.rows:
                return handed
            _write(config, out, signing, made)
            await step(Step(do="written", export=made.id))
            return msgspec.structs.replace(handed, export=made.id, file=str(out))

    return asyncio.run(work())


async def _take_out(
    config: BridgeConfig, step: Ask, pieces: Sequence[Sequence[int]], *, waiting: bool
) -> tuple[Export, Handed]:
    """Take all out that may leave, and seal it; an export without rows is revoked again."""
    export = secrets.token_hex(8)
    wanted = {number for piece in pieces for number in piece}
    newest = 0
    if waiting:
        with reader_of(config) as reader:
            newest = reader.newest_owed()
    await step(Step(do="open", export=export, waiting=waiting))
    for piece in pieces:
        await step(Step(do="refused", export=export, numbers=list(piece)))
    while waiting and (await step(Step(do="owed", export=export))).more:
        pass
    with reader_of(config) as reader:
        stay = reader.owed_lines(newest)  # all others were taken
        left = reader.count_kept(wanted)
    made = _export_of(await step(Step(do="seal", export=export)))
    if not made.rows:
        await step(Step(do="revoke", export=export))
    gone = len(wanted) - made.refused - left
    handed = _handed(made)
    return made, msgspec.structs.replace(handed, left=left, gone=gone, staying=sum(stay.values()), lines=list(stay))


def _pieces(config: BridgeConfig, numbers: Sequence[int]) -> list[list[int]]:
    if not numbers:
        return []
    with reader_of(config) as reader:
        return list(reader.pieces(numbers, AT_ONCE))


def write_again(config_path: Path, out: Path, key: Path | None, export: str) -> Handed:
    """Write the file of an export once more: the first one was lost, or never written.

    Raises:
        Fatal: as `hand_over`; or there is no such export, or it is being revoked.
    """
    config = load(config_path, os.environ)
    signing = read_private(key or Path(f"{config.spool.path}.key"))
    require_writable(out)
    with reader_of(config) as reader:
        made = next((known for known in reader.exports() if known.id == export), None)
    if made is not None and made.state is ExportState.OPEN:
        raise Fatal(f"export {export} was never finished, so there is no file of it: {GIVES_BACK.format(export)}")
    if made is None or made.state not in {ExportState.SEALED, ExportState.WRITTEN}:
        raise Fatal(f"there is no export {export} that can be written; `spool exports` shows them")

    async def work() -> Handed:
        async with desk(config) as (step, _):
            _write(config, out, signing, made)
            await step(Step(do="written", export=export))
            return msgspec.structs.replace(_handed(made), export=export, file=str(out))

    return asyncio.run(work())


def read_unfinished(config_path: Path) -> dict[str, str]:
    """Tell of each export that is not finished what is to be done; see `ports.handover.unfinished`."""
    with reader_of(load(config_path, os.environ)) as reader:
        return unfinished(reader.exports())


def _export_of(stepped: Stepped) -> Export:
    if stepped.export is None:
        raise Fatal("the bridge is of another version than this command: restart it")
    return stepped.export


def _write(config: BridgeConfig, out: Path, signing: Ed25519PrivateKey, export: Export) -> None:
    with reader_of(config) as reader:
        bridge = config.mqtt.client_id or (reader.note("client_id") or b"").decode()
        head = Head(
            export=export.id,
            bridge=bridge,
            number=export.number,
            at_us=export.at_us,
            owed=export.owed,
            latest=export.latest,
            refused=export.refused,
        )
        try:
            write_export(out, signing, head, _packed(reader, export))
        except Fatal as error:
            raise Fatal(
                f"{error}; export {export.id} is kept: `spool export --again {export.id}` writes it, "
                f"`spool revoke {export.id}` takes it back"
            ) from error


def _packed(reader: SpoolReader, export: Export) -> Iterator[bytes]:
    after = export.first_row
    while rows := reader.exported(export, after, AT_ONCE):
        yield from (packed for _, packed in rows)
        after = rows[-1][0]


def _handed(export: Export) -> Handed:
    return Handed(owed=export.owed, latest=export.latest, refused=export.refused)


def read_exports(config_path: Path) -> list[dict[str, object]]:
    """Give the keys of `spool exports --json`."""
    with reader_of(load(config_path, os.environ)) as reader:
        return [
            {
                "id": known.id,
                "number": known.number,
                "made_at": text_of_us(known.at_us),
                "state": known.state.value,
                "owed": known.owed,
                "latest": known.latest,
                "refused": known.refused,
                "messages": known.messages,
            }
            for known in reader.exports()
        ]


def end_export(config_path: Path, export: str, *, revoke: bool) -> Export:
    """Take an export back, or forget it since the other bridge has it.

    Raises:
        Fatal: there is none of this id, or it is not so far.
    """
    config = load(config_path, os.environ)
    with reader_of(config) as reader:
        before = next((known for known in reader.exports() if known.id == export), None)

    async def work() -> Export:
        async with desk(config) as (step, running):
            if revoke and not running and before is not None and before.state in PUT_BACK:
                return before  # by opening the spool
            asked = Step(do="revoke" if revoke else "forget", export=export)
            stepped = await step(asked)
            found = _export_of(stepped)
            while stepped.more:
                stepped = await step(asked)
            return found

    return asyncio.run(work())


def take_in(config_path: Path, file: Path, trust: Path) -> Imported:
    """Import a file; all of it is checked before anything is.

    Raises:
        Fatal: it is not signed with the key, was changed or cut, or is of a newer version.
    """
    config = load(config_path, os.environ)
    with ExportFile(file, read_public(trust)) as found:
        return asyncio.run(_take_in(config, found))


async def _take_in(config: BridgeConfig, found: ExportFile) -> Imported:
    head = found.head
    taken, first = Taken(), 0
    async with desk(config) as (step, running):
        for rows in _chunks(found.rows()):
            asked = Step(do="take_in", export=head.export, first=first, rows=rows, bridge=head.bridge)
            taken += (await step(asked)).taken or Taken()
            first += len(rows)
        return Imported(export=head.export, bridge=head.bridge, number=head.number, taken=taken, running=running)


def _chunks(rows: Iterator[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for row in rows:
        if chunk and (len(chunk) == AT_ONCE or size + len(row) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += len(row)
    if chunk:
        yield chunk
