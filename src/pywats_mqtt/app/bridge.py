"""The bridge: builds the shells, runs the three loops, and drains when told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias

import msgspec

from pywats_mqtt.app import quarantine
from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.app.clocks import Clocks
from pywats_mqtt.app.destination import Destination
from pywats_mqtt.app.engine import Engine
from pywats_mqtt.app.handover import Step, do_step
from pywats_mqtt.app.local_socket import answering
from pywats_mqtt.app.postbox import Action, Postbox
from pywats_mqtt.app.promises import facts_of
from pywats_mqtt.app.quarantine import Answer, Question
from pywats_mqtt.app.refusals import TOKEN, tell_refusal
from pywats_mqtt.app.room import BOTH, RoomAlarms
from pywats_mqtt.app.session_name import SESSION, client_id_of
from pywats_mqtt.app.standing import BridgeAlarms
from pywats_mqtt.app.to_wats import deliver_to_wats, pace_of
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Fatal, Retry
from pywats_mqtt.guarantees import Granted, guarantees_of
from pywats_mqtt.handlers.answers import answer, answer_refused
from pywats_mqtt.interpret import RouteTable, interpret, unknown_fields
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.observe import Health, status_of
from pywats_mqtt.pipeline.receive import Receiving
from pywats_mqtt.ports import Batch, Link, Outcome, Publication, Receipt, Rejection, Room, Settlement, Spool, Timer
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.sqlite import SqliteSpool
from pywats_mqtt.topics import render, uncovered
from pywats_mqtt.transport.session import MqttSession
from pywats_mqtt.transport.tls import require_tls_files

logger = logging.getLogger(__name__)

TELL_S = 5.0
"""Seconds that the end of a bridge waits for the broker, to say why."""

DeliverTo: TypeAlias = Callable[["Bridge"], AbstractAsyncContextManager[Destination]]
"""Opens where events are delivered to, for as long as the bridge runs."""


class Read(Protocol):
    """Tells what a message means; total and pure, as `interpret` is."""

    def __call__(self, message: RawMessage, routes: RouteTable) -> Outcome:
        """See `interpret.interpret`."""
        ...


class Bridge:
    """One bridge over one spool file.

    Args:
        config: checked by `config.load`.
        deliver_to: where events go; WATS unless told otherwise.
        read: what messages mean; `interpret` unless told otherwise.
        routes: which adapter reads which topic; those of the configuration unless told otherwise.
        on_link: told of each change of the connection to the broker; must not raise.
        connect: whether to connect to the broker; off, messages come by `accept` alone.
        clock: the time; intervals and waits between calls go by it.

    Attributes:
        routes: which adapter reads which topic.
        health: what the running bridge knows, for `status`.
        ready: set when messages can be accepted.
        connected: set when the broker has been reached once.
    """

    def __init__(
        self,
        config: BridgeConfig,
        *,
        deliver_to: DeliverTo | None = None,
        read: Read = interpret,
        routes: RouteTable | None = None,
        on_link: Callable[[Link], None] | None = None,
        connect: bool = True,
        clock: Timer | None = None,
    ) -> None:
        self.config = config
        self.clock: Timer = clock or SystemClock()
        self.health = Health(started_at=self.clock.now())
        self.ready = asyncio.Event()
        self.connected = asyncio.Event()
        self._deliver_to = deliver_to or deliver_to_wats
        self._read = read
        self.routes = routes or RouteTable(
            config.topics, assets=config.assets, production=config.production, limits=config.limits
        )
        self._on_link = on_link
        self._connect = connect
        self._jitter = random.SystemRandom().random
        self._client_id = config.mqtt.client_id
        self._spool: SqliteSpool | None = None
        self._engine: Engine | None = None
        self._session: MqttSession | None = None
        self._postbox = Postbox()
        self._clocks: Clocks | None = None
        names = (*BOTH, TOKEN)
        self._alarms = BridgeAlarms(config.topics.alarm_topic, self.clock, self._postbox.add_alarm, names)
        self._room = RoomAlarms(self._alarms)

    @property
    def client_id(self) -> str:
        """Names the bridge at its broker; empty before it runs, where the configuration leaves it to be made."""
        return self._client_id

    @property
    def spool(self) -> SqliteSpool:
        """The open spool; there is one while the bridge runs."""
        if self._spool is None:
            raise Fatal("the bridge does not run, so its spool is closed: start it first")
        return self._spool

    async def run(self, stopping: asyncio.Event) -> int:
        """Run until `stopping` is set, then drain within `spool.drain_s`.

        Returns:
            0, or 1 where the connection was lost and `auto_reconnect` is off.

        Raises:
            Fatal: the set-up is wrong, or another bridge owns the spool.
        """
        if self._connect:
            require_tls_files(self.config.mqtt)
        settings = self.config.spool
        path = Path(settings.path)
        async with SqliteSpool.open(
            path,
            clock=self.clock,
            keep=Keeping.of(settings),
            on_room=self._room_changed,
        ) as spool:
            self._spool = spool
            self._client_id = await client_id_of(spool, self.config)
            await self._alarms.begin(self._client_id, spool)
            self._room.begin()
            async with self._deliver_to(self) as destination, answering(path, self._answer):
                return await self._run(spool, destination, stopping)

    async def accept(self, message: RawMessage) -> None:
        """Take a message that did not come from the broker; it is durable when this returns."""
        batch = await self.spool.put(Receipt((message,)))
        if batch is not None:
            self._offer(batch)

    def say(self, publication: Publication, then: Action | None = None) -> bool:
        """Publish something when its turn comes, as `Postbox.add`; tells whether it was taken, or too much waits."""
        return self._postbox.add(publication, then)

    def _room_changed(self, room: Room) -> None:
        self.health.room = room
        self._room.changed(room)

    def alarm(self, alarm_type: str, facts: Mapping[str, str]) -> None:
        """Publish an alarm when its turn comes; a courtesy, as all that the postbox says."""
        self._postbox.add_alarm(_alarm(self.config.topics.alarm_topic, alarm_type, self._client_id, facts))

    async def _run(self, spool: Spool, destination: Destination, stopping: asyncio.Event) -> int:
        routes = self.routes
        postbox = self._postbox

        def settled(settlements: Sequence[Settlement]) -> None:
            for settlement in settlements:
                postbox.add(answer(settlement, self.config.topics.response_topic))

        def rejected(message: RawMessage, rejection: Rejection) -> None:
            postbox.add(answer_refused(message.payload, rejection, self.config.topics.response_topic))

        self._clocks = clocks = destination.clocks
        read = partial(self._read, routes=routes)
        engine = self._engine = Engine(
            spool=spool,
            interpret=read if clocks is None else clocks.hearing(read),
            route_of=routes.filter_of,
            unknown=partial(unknown_fields, routes=routes),
            handle=destination.handle,
            pace=pace_of(self.config),
            clock=self.clock,
            jitter=self._jitter,
            health=self.health,
            on_settled=settled,
            on_rejected=rejected,
            probe=destination.probe,
            destination="WATS" if destination.probe else "the event bus",
            handle_group=destination.handle_units,
            hear=destination.hear,
            hear_updates=None if clocks is None else clocks.hear_updates,
            on_refusal=partial(tell_refusal, self._alarms),
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(engine.run(), name="engine")
            looking = group.create_task(self._look_again(destination), name="look")
            checking = group.create_task(self._await_check(), name="check")
            self.ready.set()
            if self._connect:
                session = self._session = await self._make_session(spool, postbox, destination.tell_again)
                code = await self._stay_connected(spool, engine, session, stopping, running)
            else:
                await stopping.wait()
                code = 0
                await self._drain(engine, running)
            looking.cancel()
            checking.cancel()
        return code

    async def _await_check(self) -> None:
        """Wait for the check of the whole file; one that is damaged is told as an alarm, and ends the bridge.

        Nothing was stored in it, and nothing acknowledged.
        """
        problem = await self.spool.damage()
        if problem is not None:
            self.alarm("spool_damaged", {"problem": str(problem)})
            with suppress(TimeoutError):
                async with asyncio.timeout(TELL_S):
                    await self.connected.wait()
            await self._postbox.flush()
            raise problem

    async def _stay_connected(
        self, spool: Spool, engine: Engine, session: MqttSession, stopping: asyncio.Event, running: asyncio.Task[None]
    ) -> int:
        postbox = self._postbox
        receiving = Receiving(session, spool, engine.inbox)
        async with asyncio.TaskGroup() as group:
            connected = group.create_task(session.run(), name="session")
            received = group.create_task(receiving.run(), name="receive")
            posting = group.create_task(postbox.run(session), name="postbox")
            stop = group.create_task(stopping.wait(), name="stop")
            await asyncio.wait({connected, stop}, return_when=asyncio.FIRST_COMPLETED)
            lost = not stopping.is_set()
            await receiving.end(received)
            await self._drain(engine, running)
            await postbox.flush()
            posting.cancel()
            stop.cancel()
            await session.stop()
        return int(lost)

    async def _look_again(self, destination: Destination) -> None:
        """Do what falls due without a message, again and again, until cancelled."""
        while True:
            await asyncio.sleep(self.clock.real_s(destination.look_s))
            for look in destination.looks:
                try:
                    await look()
                except Retry as error:
                    logger.debug("not looked at", extra={"cause": error.cause})
                except Exception:  # a loop's edge: what is done by the way must not stop the line
                    logger.exception("looking failed by a defect")

    async def _drain(self, engine: Engine, running: asyncio.Task[None]) -> None:
        self.health.draining = True
        engine.finish()
        await asyncio.wait({running}, timeout=self.config.spool.drain_s)
        running.cancel()

    async def _make_session(self, spool: Spool, postbox: Postbox, tell_again: Callable[[], None] | None) -> MqttSession:
        mqtt, topics = self.config.mqtt, self.config.topics
        name = f"{self._client_id}@{mqtt.broker}:{mqtt.port}".encode()
        expected = await spool.note(SESSION) == name and not mqtt.clean_session and mqtt.session_expiry_s > 0
        self.health.sessions_lost = int(await spool.note("sessions_lost") or b"0")
        filters = uncovered(topics.filters())
        former = await _former_filters(spool, filters)

        if await spool.note("packet_ids_of") != name:
            # Remembered QoS 2 packet ids belong to another session, where they meant other messages (MQTT 5, 2.2.1).
            await spool.put(Receipt((), fresh_session=True))
            await spool.set_note("packet_ids_of", name)

        async def remember(link: Link) -> None:
            if link.connected:
                await spool.set_note(SESSION, name)
            if link.session_lost:
                await spool.set_note("sessions_lost", str(self.health.sessions_lost).encode())

        def changed(link: Link) -> None:
            self.health.link = link
            self._alarms.linked(connected=link.connected)
            if link.session_lost:
                self.health.sessions_lost += 1
                postbox.add_alarm(_alarm(topics.alarm_topic, "session_lost", self._client_id))
            if link.connected:
                self.connected.set()
                if tell_again is not None:
                    tell_again()
                postbox.do(partial(remember, link))
            if self._on_link is not None:
                self._on_link(link)

        return MqttSession(
            mqtt,
            client_id=self._client_id,
            filters=filters,
            former=former,
            will=_alarm(topics.alarm_topic, "bridge_offline", self._client_id),
            expect_session=expected,
            on_link=changed,
            clock=self.clock,
            jitter=self._jitter,
        )

    async def _answer(self, line: bytes) -> bytes:
        """Answer a second process; what it asks wrongly, and what fails, is told in words."""
        try:
            question = msgspec.json.decode(line, type=Question)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return msgspec.json.encode(Answer(error=f"not understood: {error}"))
        try:
            return await self._answer_to(question)
        except (Retry, Fatal) as error:
            problem = str(error)
        except Exception as error:  # a loop's edge: without an answer, who asks would say that no bridge runs
            logger.exception("a question cannot be answered by a defect", extra={"ask": question.ask})
            problem = f"the bridge cannot answer by a defect, see its log: {error!r}"
        return msgspec.json.encode(Answer(error=problem))

    async def _answer_to(self, question: Question) -> bytes:
        match question.ask:
            case "status":
                return await self._tell_status()
            case "retry":
                interpret = partial(self._read, routes=self.routes)
                rows = await quarantine.retry(self.spool, interpret, question, self._offer, self.config)
                return msgspec.json.encode(Answer(rows=rows))
            case "discard":
                return msgspec.json.encode(Answer(discarded=await self.spool.discard(question.numbers)))
            case "handover":
                return msgspec.json.encode(await self._hand_over(question.step))

    async def _hand_over(self, step: Step | None) -> Answer:
        if step is None:
            return Answer(error="not understood: the step is missing")
        stepped = await do_step(self.spool, partial(self._read, routes=self.routes), step)
        if self._engine is not None:
            self._engine.delivering.wake()  # what came in, or came back, is owed now
        return Answer(stepped=stepped, error=stepped.error)

    def _offer(self, batch: Batch) -> None:
        if self._engine is not None:
            self._engine.inbox.offer(batch)

    async def _tell_status(self) -> bytes:
        grants = self._session.granted.values() if self._session is not None else ()
        self.health.granted = {grant.topic_filter: _granted(grant.qos, grant.problem) for grant in grants}
        granted = {grant.topic_filter: Granted(grant.qos, grant.problem) for grant in grants}
        if self._clocks is not None:
            self.health.clocks = self._clocks.off()
            self.health.server_ahead_s = self._clocks.server_ahead_s
        is_synced = await self.spool.is_synced()
        facts = facts_of(self.config, self.health, granted, connects=self._connect, is_synced=is_synced)
        staleness = await self.spool.staleness(to_us(self.clock.now()))
        status = status_of(
            await self.spool.figures(),
            self.health,
            client_id=self._client_id,
            pid=os.getpid(),
            staleness=staleness,
            guarantees=guarantees_of(facts),
            room=await self.spool.room(),
            is_checked=self.spool.is_checked,
            exports=await self.spool.exports(),
        )
        return msgspec.json.encode(status)


async def _former_filters(spool: Spool, filters: Sequence[str]) -> list[str]:
    """Give what was ever subscribed to from this spool and is not any more; written down before it is subscribed to."""
    known = msgspec.json.decode(await spool.note("filters") or b"[]", type=list[str])
    new = [each for each in filters if each not in known]
    if new:
        await spool.set_note("filters", msgspec.json.encode(known + new))
    return [each for each in known if each not in filters]


def _granted(qos: int | None, problem: str) -> str:
    return problem if qos is None else f"QoS {qos}" + (f", {problem}" if problem else "")


def _alarm(
    template: str, alarm_type: str, client_id: str, facts: Mapping[str, str] = MappingProxyType({})
) -> Publication:
    topic = render(template, {"alarm_type": alarm_type})
    return Publication(topic=topic, payload=msgspec.json.encode({"alarm": alarm_type, "bridge": client_id, **facts}))
