"""Messages in, effects out: interpreted, routed and delivered over a spool in memory, to a WATS in memory."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from pywats_mqtt.app.quarantine import Judgement, Question, retry
from pywats_mqtt.config.model import AssetConfig, BridgeConfig
from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Batch, Done, Outcome, Publication, Receipt, Refused, Rejection, RetryAt, Settlement
from pywats_mqtt.spool.memory import MemorySpool
from tests.contract.wats_memory import HandClock, MemoryWats


class Plant:
    """A bridge without a broker; `restart` keeps what is durable.

    Attributes:
        said: what the bridge published, as (topic, payload or None, retained).
    """

    def __init__(self, config: AssetConfig) -> None:
        self.clock = HandClock()
        self.spool = MemorySpool(clock=self.clock)
        self.wats = MemoryWats()
        self.said: list[tuple[str, dict[str, Any] | None, bool]] = []
        self.restart(config)

    def restart(self, config: AssetConfig) -> None:
        """Forget what only memory holds, and take another configuration."""
        self._routes = RouteTable(BridgeConfig().topics, assets=config)
        self._acknowledged: list[Callable[[], Awaitable[None]]] = []
        around = msgspec.structs.replace(
            quiet(self.clock),
            alarms=Alarms("wats/alarms/{alarm_type}", "B1", self.clock, self._publish),
            accept=self._accept,
        )
        self.handlers = make_handlers(BridgeConfig(assets=config), around)

    def _publish(self, publication: Publication, then: Callable[[], Awaitable[None]] | None) -> bool:
        payload = json.loads(publication.payload) if publication.payload else None
        self.said.append((publication.topic, payload, publication.retain))
        if then is not None:
            self._acknowledged.append(then)
        return True

    async def _accept(self, *messages: RawMessage) -> None:
        batch = await self.spool.put(Receipt(messages))
        assert batch is not None
        await self._route(batch)

    async def _route(self, batch: Batch) -> None:
        said = [self._read(message) for message in batch.messages]
        await self.spool.route(batch, gathered(batch.messages, said))

    async def publish(self, topic: str, *payloads: dict[str, object]) -> None:
        """Take messages on a topic, received now, as one batch."""
        now_us = to_us(self.clock.now())
        await self._accept(*(RawMessage(topic, json.dumps(payload).encode(), now_us, 1) for payload in payloads))

    async def deliver(self) -> list[Settlement]:
        """Deliver what is owed once each, ordered ones until nothing more is; give what became of them."""
        settled: list[Settlement] = []
        while leased := [
            *await self.spool.lease(100, self._now_us()),
            *await self.spool.lease_latest(100, self._now_us(), settled_before_us=self._now_us()),
        ]:
            settlements: list[Settlement] = []
            for delivery in leased:
                try:
                    await self.handlers.by_event[type(delivery.event)](delivery.event, self.wats, self.spool)
                except Retry as error:
                    settlements.append(RetryAt(delivery, self._now_us() + 1, error.cause, uses_attempt=False))
                except Reject as error:
                    settlements.append(Refused(delivery, Rejection(error.reason, error.path)))
                else:
                    settlements.append(Done(delivery))
            await self.spool.settle(settlements)
            settled += settlements
            for then in self._acknowledged:
                await then()
            self._acknowledged.clear()
        return settled

    async def retry(self) -> list[Judgement]:
        """Try all again that is in quarantine."""
        rows = await self.spool.quarantined(100)
        batches: list[Batch] = []
        question = Question(ask="retry", numbers=[row.id for row in rows])
        told = await retry(self.spool, self._read, question, batches.append, BridgeConfig())
        for batch in batches:
            await self._route(batch)
        return told

    def _read(self, message: RawMessage) -> Outcome:
        return interpret(message, self._routes)

    async def look(self) -> None:
        """Do what falls due."""
        for look in self.handlers.looks:
            await look(self.wats, self.spool)

    def _now_us(self) -> int:
        return to_us(self.clock.now())
