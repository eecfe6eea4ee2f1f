"""Streams of measurements: opened, added to and ended in the line of their tester.

What a stream holds is written down with each message and costs no call; only its end does. A result takes the stream
of its unit with it, so that both are one report. Any other end, and samples that come late, make a report under the
stream's own id: made again, it overwrites itself. Of what an end does, the report comes first and the note that the
stream has ended second; where we die in between, the same event ends it again with the same report.

A unit that leaves ends its stream only after a while: its result may come later, from a tester that is another client
than the station, so that the broker knows no order of the two.

What falls due without a message (silence, a unit that left, late samples that wait to be sent, streams that are of no
use any more) is not done by the look itself: it puts a message of its own in the bridge's inbox, which takes its turn
in the line of the tester. So nothing but that line changes a stream, and what WATS refuses then stands in quarantine as
everything does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from uuid import UUID

import msgspec

from pywats_mqtt.adapters.measurements import due_message
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import MeasurementsReported, StreamDue, StreamEnding, TestResult, UnitAtTester
from pywats_mqtt.handlers.stream_notes import Head, Session, StreamNotes
from pywats_mqtt.handlers.surroundings import Surroundings
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Notes, Wats
from pywats_mqtt.streams.report import Ending, report_of, with_stream
from pywats_mqtt.streams.stream import Stream, check, stream_id

Submit: TypeAlias = Callable[[TestResult, Wats, Notes], Awaitable[None]]
"""Brings a report to WATS."""

SETTLE_US = 10_000_000
"""Silence after late samples before their report is sent again: one call for a burst of them."""

CLOCKS_APART_US = 60_000_000
"""Clocks of testers and stations may differ by this; an exit older than the stream by more is of an earlier visit."""

ENTRIES_KEPT = 32
"""Units that entered a tester's station and that nothing was measured of yet; the oldest go first."""

_ENTRIES = "stream-units/"


class Streams:
    """The handlers of streams; one instance for one server."""

    def __init__(self, config: BridgeConfig, around: Surroundings, submit: Submit) -> None:
        """Know nothing yet.

        Args:
            config: limits, bounds and times.
            around: the clock, the inbox, and the figures.
            submit: brings a report to WATS, as that of a result.
        """
        self._config = config.streams
        self._is_counted = config.wats.is_counted_by_reports
        self._clock = around.clock
        self._accept = around.accept
        self._figures = around.streams
        self._is_listening = around.is_listening
        self._has_room = around.has_room
        self._submit = submit
        self._known = StreamNotes(config.streams.max_points)
        self._timeout_us = int(config.streams.timeout_s * 1e6)
        self._late_us = int(config.streams.late_s * 1e6)
        self._exit_us = int(min(config.streams.exit_s, config.streams.timeout_s) * 1e6)
        self._started_us = self._listening_us = self._now_us()

    async def handle_measurements(self, event: MeasurementsReported, wats: Wats, notes: Notes) -> None:
        """Add samples to their stream; end it where they are its last.

        Raises:
            Reject: the stream cannot take them, or may not be opened.
        """
        sessions = await self._tidied(event.device, event.id, notes)
        session = await self._session_of(event, sessions, notes)
        first_us = min((min(samples.times_us) for samples in event.channels), default=0)
        if session is not None and self._is_over(session, first_us):
            await self._end_left(session, wats, notes)
            session = None
        if session is None:
            if not event.channels:
                return  # there is nothing to end
            session = await self._open(event, sessions, notes)
        head = session.head
        if head.state == "closed" and head.ended_by == event.id:
            return  # it did so before, and was told to do it again
        stream = await self._known.read(session, notes)
        if stream.last_id != event.id:
            check(stream, event, self._config)
            await self._take(session, stream, event, notes)
        if head.state == "open":
            if event.ends:
                await self._end(session, Ending(why="end", at_us=event.at_us), event.id, wats, notes)
            return
        if head.state == "closed":
            await self._known.set_head(session, msgspec.structs.replace(head, state="late"), notes)
        self._figures.late_messages += 1

    async def handle_unit(self, event: UnitAtTester, wats: Wats, notes: Notes) -> None:
        """Remember when a unit entered or left; end the stream of one that comes again."""
        sessions = await self._tidied(event.device, None, notes)
        session = _open_one(sessions, event.serial_number)
        stream = None if session is None else await self._known.read(session, notes)
        entries = await self._entries(event.device, notes)
        if event.action == "entered":
            if session is not None and 0 < session.head.left_us <= event.at_us:
                await self._end_left(session, wats, notes)
                session = None
            if session is not None and stream is not None and event.at_us <= stream.first_us:
                head = msgspec.structs.replace(session.head, entered_us=event.at_us)
                await self._known.set_head(session, head, notes)
            elif session is None:
                entries[event.serial_number] = max(event.at_us, entries.pop(event.serial_number, 0))
                while len(entries) > ENTRIES_KEPT:
                    del entries[next(iter(entries))]
                await self._set_entries(event.device, entries, notes)
            return
        if session is not None and stream is not None and _leaves(session.head, stream, event.at_us):
            head = msgspec.structs.replace(session.head, left_us=event.at_us, left_heard_us=self._now_us())
            await self._known.set_head(session, head, notes)
        if event.at_us >= entries.get(event.serial_number, event.at_us + 1):
            del entries[event.serial_number]
            await self._set_entries(event.device, entries, notes)

    async def handle_due(self, event: StreamDue, wats: Wats, notes: Notes) -> None:
        """Do what the look found due, unless the stream was heard since."""
        sessions = await self._known.of(event.device, notes)
        session = next((each for each in sessions if each.id == event.stream), None)
        if session is None:
            return
        stream = await self._known.read(session, notes)
        state = session.head.state
        if event.why == "forget":
            await self._tidied(event.device, None, notes)
        elif event.why == "timeout" and state == "open" and stream.heard_us == event.heard_us:
            ending = Ending(why="timeout", at_us=max(stream.last_us, event.heard_us + self._timeout_us))
            await self._end(session, ending, None, wats, notes)
        elif event.why == "left" and state == "open" and session.head.left_us:
            await self._end_left(session, wats, notes)
        elif event.why == "late" and state == "late" and stream.heard_us == event.heard_us:
            await self._send(session, wats, notes)

    async def handle_result(self, result: TestResult, wats: Wats, notes: Notes) -> None:
        """Store a result; with it the stream of its unit, which it ends."""
        sessions = await self._tidied(result.device, result.report_id, notes)
        if any(each.head.state != "open" and each.head.ended_by == result.report_id for each in sessions):
            return  # it is in WATS with its stream, and we died before that was written down
        session = _open_one(sessions, result.serial_number)
        if session is not None and self._is_over(session, to_us(result.start), is_sent=result.shift_us == 0):
            await self._end_left(session, wats, notes)
            session = None
        if session is None:
            await self._submit(result, wats, notes)
            return
        ended_us = to_us(result.start) + round((result.duration_s or 0.0) * 1e6)
        counted = any(self._is_counted(use.asset) for use in result.assets)
        if not counted:
            await self._known.keep_result(session, result, notes)
        ending = Ending(why="result", at_us=ended_us)
        await self._end(session, ending, result.report_id, wats, notes, result=result, takes_late=not counted)

    async def look(self, _wats: Wats, notes: Notes) -> None:
        """Put what is due in the lines of the testers."""
        if not self._is_listening():
            return  # silence says nothing
        if not await self._has_room():
            self.tell_again()  # nor then: samples may wait at the broker
            return
        now_us = self._now_us()
        for session in await self._known.everything(notes):
            if not session.heard_us and session.head.state != "closed":
                await self._known.read(session, notes)
            why = self._due(session, now_us)
            if why is not None:
                await self._ask(session, why, now_us)

    def _due(self, session: Session, now_us: int) -> StreamEnding | None:
        """Tell what is due about a stream, if anything is."""
        head = session.head
        if head.state == "open":
            if session.refused:
                return None
            if head.left_us:
                waited_us = now_us - max(head.left_heard_us, self._listening_us)
                return "left" if waited_us >= self._exit_us else None
            silent_us = now_us - max(session.heard_us or head.opened_us, self._listening_us)
            return "timeout" if silent_us >= self._timeout_us else None
        if head.state == "late":
            return "late" if now_us - session.heard_us >= SETTLE_US else None
        return None if head.bare or now_us - head.closed_us <= self._late_us else "forget"

    def tell_again(self) -> None:
        """Begin to count silence anew: the broker was away, and what testers said meanwhile is still to come."""
        self._listening_us = self._now_us()

    async def _ask(self, session: Session, why: StreamEnding, now_us: int) -> None:
        """Put a message of our own in the inbox, once for each thing that is due."""
        asked = (why, session.heard_us)
        if asked == session.asked:
            return
        due = StreamDue(device=session.head.device, stream=session.id, why=why, heard_us=session.heard_us)
        await self._accept(due_message(due, session.head.serial_number, since_us=self._started_us, now_us=now_us))
        session.asked = asked

    async def _session_of(
        self, event: MeasurementsReported, sessions: Sequence[Session], notes: Notes
    ) -> Session | None:
        """Find the stream that samples belong to: one that ended after they were taken, else the open one."""
        now_us = self._now_us()
        last_us = max((at_us for samples in event.channels for at_us in samples.times_us), default=0)
        found = _open_one(sessions, event.serial_number)
        for session in sessions:
            head = session.head
            if head.serial_number != event.serial_number or head.state == "open":
                continue
            if head.ended_by == event.id or (await self._known.read(session, notes)).last_id == event.id:
                return session
            ended_us = head.ending.at_us if head.ending else 0
            in_time = head.takes_late and not head.bare and now_us - head.closed_us <= self._late_us
            if event.channels and not event.ends and in_time and last_us <= ended_us:
                found = session
        return found

    async def _open(self, event: MeasurementsReported, sessions: Sequence[Session], notes: Notes) -> Session:
        opened = [each for each in sessions if each.head.state == "open" and (each.refused or not each.head.left_us)]
        if len(opened) >= self._config.max_open:
            raise Reject(
                f"{len(opened)} streams of {event.device!r} are open, as many as streams.max_open allows: end them with"
                " a result, with unit_exited, or with end",
                path="$.serial_number",
            )
        check(Stream(), event, self._config)
        entries = await self._entries(event.device, notes)
        head = Head(
            device=event.device,
            serial_number=event.serial_number,
            opened_us=event.heard_us,
            entered_us=entries.get(event.serial_number, 0),
        )
        session = await self._known.open(stream_id(event), head, notes)
        self._figures.opened += 1
        return session

    async def _take(self, session: Session, stream: Stream, event: MeasurementsReported, notes: Notes) -> None:
        """Add samples to a stream; one that WATS refused goes on with them, also where its unit had left."""
        head = session.head
        if not stream.number and head.entered_us:
            await self._use_entry(head, notes)
        await self._known.append(session, event, notes)
        if session.refused and head.left_us:
            await self._known.set_head(session, msgspec.structs.replace(head, left_us=0), notes)
        session.refused = False

    def _is_over(self, session: Session, at_us: int, *, is_sent: bool = True) -> bool:
        """Tell whether what begins then is of a later visit than that of a unit that left, which nobody said began.

        A begin that the device did not send is that of reception, which a backlog puts long after the exit: so it is
        compared with when that was heard.
        """
        head = session.head
        left_us = head.left_us if is_sent else max(head.left_us, head.left_heard_us)
        apart_us = max(self._exit_us, CLOCKS_APART_US)
        return head.state == "open" and not session.refused and head.left_us > 0 and left_us < at_us - apart_us

    async def _end_left(self, session: Session, wats: Wats, notes: Notes) -> None:
        """End the stream of a unit that left, without a result."""
        await self._end(session, Ending(why="unit_exited", at_us=session.head.left_us), None, wats, notes)

    async def _end(
        self,
        session: Session,
        ending: Ending,
        ended_by: UUID | None,
        wats: Wats,
        notes: Notes,
        *,
        result: TestResult | None = None,
        takes_late: bool = True,
    ) -> None:
        """Bring the report to WATS, then write down that the stream has ended."""
        stream = await self._known.read(session, notes)
        if not stream.samples:
            if result is not None:
                await self._submit(result, wats, notes)
            await self._known.drop(session, notes)
            return
        at_us = max(ending.at_us, stream.last_us)
        ending = msgspec.structs.replace(ending, at_us=at_us, entered_us=session.head.entered_us)
        ended = msgspec.structs.replace(
            session.head,
            state="closed",
            ending=ending,
            ended_by=ended_by,
            closed_us=self._now_us(),
            takes_late=takes_late,
        )
        try:
            await self._report(session, ending, wats, notes, result)
        except Reject:
            # The event is in quarantine with the reason; the samples stay, and are tried again at each start.
            session.refused = result is None
            raise
        await self._known.set_head(session, ended, notes)
        self._figures.ended[ending.why] = self._figures.ended.get(ending.why, 0) + 1

    async def _send(self, session: Session, wats: Wats, notes: Notes) -> None:
        """Send the report of a stream that has ended once more, with all that came since."""
        head = session.head
        if head.ending is None:
            return
        result = await self._known.result(session, notes) if head.ending.why == "result" else None
        await self._report(session, head.ending, wats, notes, result)
        await self._known.set_head(session, msgspec.structs.replace(head, state="closed"), notes)

    async def _report(
        self, session: Session, ending: Ending, wats: Wats, notes: Notes, result: TestResult | None
    ) -> None:
        stream = await self._known.read(session, notes)
        head = session.head
        if result is None:
            made = report_of(session.id, (head.device, head.serial_number), stream, ending, self._config)
        else:
            made = with_stream(result, stream, ending, self._config, to_us(result.start))
        await self._submit(made, wats, notes)

    async def _tidied(self, device: str, event_id: UUID | None, notes: Notes) -> list[Session]:
        """Give the streams of a tester, without those that take no more samples.

        Of the one that ended last the head is kept: the event that ended it may be delivered again.
        """
        now_us = self._now_us()
        sessions = await self._known.of(device, notes)
        done = [each for each in sessions if each.head.state == "closed"]
        last = max(done, key=lambda each: each.head.closed_us, default=None)
        for session in done:
            if now_us - session.head.closed_us <= self._late_us:
                continue
            if session is not last and (event_id is None or session.head.ended_by != event_id):
                await self._known.drop(session, notes)
            elif not session.head.bare:
                await self._known.strip(session, notes)
        return await self._known.of(device, notes)

    async def _entries(self, device: str, notes: Notes) -> dict[str, int]:
        note = await notes.note(_ENTRIES + device)
        return {} if note is None else msgspec.msgpack.decode(note, type=dict[str, int])

    async def _use_entry(self, head: Head, notes: Notes) -> None:
        """Forget that a unit entered: its stream knows; also where we died once that was opened."""
        entries = await self._entries(head.device, notes)
        if entries.pop(head.serial_number, None) is not None:
            await self._set_entries(head.device, entries, notes)

    async def _set_entries(self, device: str, entries: dict[str, int], notes: Notes) -> None:
        await notes.set_note(_ENTRIES + device, msgspec.msgpack.encode(entries) if entries else None)

    def _now_us(self) -> int:
        return to_us(self._clock.now())


def _leaves(head: Head, stream: Stream, at_us: int) -> bool:
    """Tell whether an exit is that of this visit, and heard for the first time."""
    return not head.left_us and stream.first_us <= at_us + CLOCKS_APART_US


def _open_one(sessions: Sequence[Session], serial_number: str) -> Session | None:
    """Give the open stream of a unit, or None; a tester has one at most."""
    return next(
        (each for each in sessions if each.head.state == "open" and each.head.serial_number == serial_number), None
    )
