"""Streams in the notes of the spool: durable with each message, whole again after a crash, bounded in memory.

Each stream has a head (whose it is, and whether it has ended), and what was measured: the whole stream as it once was,
and one note for each message since. So a message costs one small write; when the messages since have grown as large as
the whole, it is written anew and they are removed. Streams that nothing is said of for a while are dropped from memory
and read again when needed. All changes of a stream are made in the line of its tester, one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

from pywats_mqtt.events import MeasurementsReported, TestResult, decode, encode
from pywats_mqtt.ports import Notes
from pywats_mqtt.streams.report import Ending
from pywats_mqtt.streams.stream import Stream

HEADS = "streams/"
DATA = "stream/"

WHOLE_FROM_BYTES = 16_384
"""Below it a stream is not written as a whole: reading some hundred small messages again takes a moment."""

MESSAGES_APART = 500
"""Messages that are kept apart at most, however small they are."""

POINTS_IN_MEMORY = 250_000
"""Points of all streams in memory, about 20 MB; beyond it the streams that were longest of no use are dropped."""

_RESULT = "result"

_stream = msgspec.msgpack.Decoder(Stream)


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose a stream is, and how it stands.

    Attributes:
        device: the tester.
        serial_number: the unit.
        opened_us: when the message that opened it came, by our clock.
        state: open; closed: its report is in WATS; late: samples came that are not in the report yet.
        entered_us: when the unit entered the station, or 0.
        left_us: when it left, or 0; the stream is open until `exit_s` are over.
        left_heard_us: when that was heard, by our clock.
        ending: how it ended, or None.
        ended_by: the event that ended it: a result's report id, or the id of a message.
        closed_us: when its report was first in WATS, by our clock.
        takes_late: whether the report may be sent again.
        bare: what was measured is no longer kept.
    """

    device: str
    serial_number: str
    opened_us: int
    state: Literal["open", "closed", "late"] = "open"
    entered_us: int = 0
    left_us: int = 0
    left_heard_us: int = 0
    ending: Ending | None = None
    ended_by: UUID | None = None
    closed_us: int = 0
    takes_late: bool = True
    bare: bool = False


_head = msgspec.msgpack.Decoder(Head)


class Session:
    """One stream in memory.

    Attributes:
        id: of the stream.
        head: as in its note.
        heard_us: when its last message came; 0 until it is read.
        refused: WATS refused its report since the bridge started.
        asked: what the look put in the inbox for it last: why, and when it was heard; or None.
        stream: what was measured, or None where it is not in memory.
        lock: held while it is read or added to.
    """

    def __init__(self, stream_id: UUID, head: Head) -> None:
        self.id = stream_id
        self.head = head
        self.heard_us = 0
        self.refused = False
        self.asked: tuple[str, int] | None = None
        self.stream: Stream | None = None
        self.lock = asyncio.Lock()
        self.apart: list[int] = []
        self.apart_bytes = 0
        self.whole_bytes = 0
        self.points = 0

    @property
    def data(self) -> str:
        """Name of the note of the whole; what else belongs to it begins so."""
        return f"{DATA}{self.id.hex}"


class StreamNotes:
    """All streams of one server; one instance."""

    def __init__(self, max_points: int) -> None:
        """Know nothing yet.

        Args:
            max_points: points kept of a channel.
        """
        self._max_points = max_points
        self._sessions: dict[UUID, Session] = {}
        self._by_device: dict[str, list[Session]] = {}
        self._in_memory: dict[UUID, Session] = {}
        self._points = 0
        self._listed = False
        self._listing = asyncio.Lock()

    async def of(self, device: str, notes: Notes) -> list[Session]:
        """Give the streams of a tester, open or not, those that were opened first at the front."""
        await self._list(notes)
        return list(self._by_device.get(device, ()))

    async def everything(self, notes: Notes) -> list[Session]:
        """Give all streams."""
        await self._list(notes)
        return list(self._sessions.values())

    async def open(self, stream_id: UUID, head: Head, notes: Notes) -> Session:
        """Begin a stream."""
        await self._list(notes)
        session = Session(stream_id, head)
        session.stream = Stream()
        await notes.set_note(HEADS + stream_id.hex, msgspec.msgpack.encode(head))
        self._add(session)
        return session

    async def set_head(self, session: Session, head: Head, notes: Notes) -> None:
        """Write down how a stream stands."""
        await notes.set_note(HEADS + session.id.hex, msgspec.msgpack.encode(head))
        session.head = head

    async def read(self, session: Session, notes: Notes) -> Stream:
        """Give what was measured."""
        async with session.lock:
            stream = await self._read(session, notes)
        self._make_room(session)
        return stream

    async def append(self, session: Session, event: MeasurementsReported, notes: Notes) -> None:
        """Add a message; durable on return."""
        async with session.lock:
            stream = await self._read(session, notes)
            packed = encode(event)
            number = stream.number + 1
            await notes.set_note(f"{session.data}/{number:09d}", packed)
            stream.take(event, self._max_points)
            session.heard_us = event.heard_us
            session.apart.append(number)
            session.apart_bytes += len(packed)
            self._use(session)
            if session.apart_bytes > max(WHOLE_FROM_BYTES, session.whole_bytes) or len(session.apart) >= MESSAGES_APART:
                await self._write_whole(session, stream, notes)
        self._make_room(session)

    async def keep_result(self, session: Session, result: TestResult, notes: Notes) -> None:
        """Keep the result that ended a stream, so that late samples can go into its report."""
        await notes.set_note(f"{session.data}/{_RESULT}", encode(result))

    async def result(self, session: Session, notes: Notes) -> TestResult | None:
        """Give the result that ended a stream, or None where none did."""
        note = await notes.note(f"{session.data}/{_RESULT}")
        kept = None if note is None else decode(note)
        return kept if isinstance(kept, TestResult) else None

    async def strip(self, session: Session, notes: Notes) -> None:
        """Forget what was measured, and keep the head."""
        await _remove(await notes.notes(session.data), notes)
        session.stream = None
        self._leave(session)
        await self.set_head(session, msgspec.structs.replace(session.head, bare=True), notes)

    async def drop(self, session: Session, notes: Notes) -> None:
        """Forget a stream; its head goes last, so that nothing is left of it where we die on the way."""
        await _remove(await notes.notes(session.data), notes)
        await notes.set_note(HEADS + session.id.hex, None)
        self._sessions.pop(session.id, None)
        self._leave(session)
        of_device = self._by_device.get(session.head.device, [])
        if session in of_device:
            of_device.remove(session)
        if not of_device:
            self._by_device.pop(session.head.device, None)

    async def _list(self, notes: Notes) -> None:
        async with self._listing:
            if self._listed:
                return
            found = await notes.notes(HEADS)
            heads = {UUID(name.removeprefix(HEADS)): _head.decode(note) for name, note in found.items()}
            for stream_id in sorted(heads, key=lambda key: heads[key].opened_us):
                self._add(Session(stream_id, heads[stream_id]))
            self._listed = True

    def _add(self, session: Session) -> None:
        self._sessions[session.id] = session
        self._by_device.setdefault(session.head.device, []).append(session)

    async def _read(self, session: Session, notes: Notes) -> Stream:
        stream = session.stream
        if stream is None:
            stream = await self._read_notes(session, notes)
            session.stream = stream
            session.heard_us = stream.heard_us
        self._use(session)
        return stream

    async def _read_notes(self, session: Session, notes: Notes) -> Stream:
        """Put a stream together: the whole, and the messages since; those before it were left by a crash."""
        found = dict(await notes.notes(session.data))
        whole = found.pop(session.data, None)
        stream = Stream() if whole is None else _stream.decode(whole)
        messages = sorted((int(end), name) for name in found if (end := name.rpartition("/")[2]) != _RESULT)
        await _remove([name for number, name in messages if number <= stream.number], notes)
        session.whole_bytes = len(whole or b"")
        session.apart = [number for number, _ in messages if number > stream.number]
        session.apart_bytes = 0
        for number, name in messages:
            if number > stream.number:
                event = decode(found[name])
                session.apart_bytes += len(found[name])
                if isinstance(event, MeasurementsReported):
                    stream.take(event, self._max_points)
        return stream

    async def _write_whole(self, session: Session, stream: Stream, notes: Notes) -> None:
        packed = msgspec.msgpack.encode(stream)
        await notes.set_note(session.data, packed)
        await _remove([f"{session.data}/{number:09d}" for number in session.apart], notes)
        session.apart, session.apart_bytes, session.whole_bytes = [], 0, len(packed)

    def _use(self, session: Session) -> None:
        """Count a stream as in memory, and as the one that was used last."""
        self._leave(session)
        self._in_memory[session.id] = session
        session.points = session.stream.points if session.stream is not None else 0
        self._points += session.points

    def _leave(self, session: Session) -> None:
        if self._in_memory.pop(session.id, None) is not None:
            self._points -= session.points

    def _make_room(self, used: Session) -> None:
        """Drop streams from memory that were not used for the longest time; what is being written stays."""
        for session in list(self._in_memory.values()) if self._points > POINTS_IN_MEMORY else ():
            if self._points <= POINTS_IN_MEMORY:
                return
            if session is not used and not session.lock.locked():
                session.stream = None
                self._leave(session)


async def _remove(names: Iterable[str], notes: Notes) -> None:
    """Remove notes; asked for at once, they share their commits."""
    await asyncio.gather(*(notes.set_note(name, None) for name in names))
