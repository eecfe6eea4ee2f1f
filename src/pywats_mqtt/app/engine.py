"""Route and deliver over one spool: the half of the bridge behind the broker, also used without one."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import AssetCounts, Event, Identified, counts_twice, is_latest, kind_of
from pywats_mqtt.folding.updates import Updates
from pywats_mqtt.guarantees import Seen
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.observe import Health
from pywats_mqtt.pipeline.deliver import Delivering
from pywats_mqtt.pipeline.gate import TOKEN_REFUSED, TOO_MANY, Change
from pywats_mqtt.pipeline.pace import Handle, HandleGroup, Pace
from pywats_mqtt.pipeline.route import Inbox, route
from pywats_mqtt.ports import (
    Batch,
    Done,
    Gathered,
    Outcome,
    Refused,
    Rejection,
    RetryAt,
    RoutedBatch,
    Settlement,
    Spool,
    Timer,
)

logger = logging.getLogger(__name__)


class Engine:
    """Runs the second and the third loop until finished and drained.

    Args:
        spool: open, owned by the caller.
        interpret: what a message says.
        route_of: the configured filter a topic came by, for the figures.
        unknown: the same of a message, and what of it nobody reads.
        handle: what an event asks for; for the bridge, of WATS.
        pace: how fast.
        clock: the time.
        jitter: chance, from 0 to 1.
        health: where problems are noted.
        on_settled: told of each group of settled deliveries.
        on_rejected: told of each message that could not be interpreted, once it is in quarantine.
        probe: asks whether the server is there; None where there is no server.
        destination: where events go, for the log.
        handle_group: what events of `pace.together` ask for together; None to handle each alone.
        hear: notes who was heard in a routed batch.
        hear_updates: told of the updates of each batch, and when its last message was received.
        on_refusal: told of what a person has to mend, a kind of call that is refused, or the token (empty), and why;
            of what is taken with no reason, again and again. None to log it only.
    """

    def __init__(
        self,
        *,
        spool: Spool,
        interpret: Callable[[RawMessage], Outcome],
        route_of: Callable[[str], str],
        unknown: Callable[[RawMessage, tuple[Identified, ...] | Updates], tuple[str, set[str]]],
        handle: Handle,
        pace: Pace,
        clock: Timer,
        jitter: Callable[[], float],
        health: Health,
        on_settled: Callable[[Sequence[Settlement]], None],
        on_rejected: Callable[[RawMessage, Rejection], None],
        probe: Callable[[], Awaitable[None]] | None = None,
        destination: str = "WATS",
        handle_group: HandleGroup | None = None,
        hear: Callable[[Sequence[RawMessage], Sequence[Gathered]], None] | None = None,
        hear_updates: Callable[[Sequence[Updates], int], None] | None = None,
        on_refusal: Callable[[str, str], None] | None = None,
    ) -> None:
        self.inbox = Inbox()
        self._hear = hear
        self._hear_updates = hear_updates
        self._on_refusal = on_refusal
        self._spool = spool
        self._interpret = interpret
        self._route_of = route_of
        self._unknown = unknown
        self._health = health
        self._tell_settled = on_settled
        self._tell_rejected = on_rejected
        self._destination = destination
        self.delivering = Delivering(
            spool=spool,
            handle=partial(self._handle, handle),
            pace=pace,
            clock=clock,
            jitter=jitter,
            on_change=self._note_change,
            on_settled=self._note_settled,
            probe=None if probe is None else partial(self._note_reached, probe),
            handle_group=None if handle_group is None else partial(self._handle_group, handle_group),
        )

    async def run(self) -> None:
        """Route and deliver; returns after `finish`, when all that was stored is routed and nothing more can go out."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.delivering.run(), name="deliver")
            await route(self.inbox, self._spool, self._interpret, self._note_routed, self._hear_updates)
            self.delivering.drain()

    def finish(self) -> None:
        """Say that nothing more will be stored."""
        self.inbox.close()

    def _note_routed(self, batch: Batch, outcomes: list[Gathered], routed: RoutedBatch) -> None:
        if self._hear is not None:
            self._hear(batch.messages, outcomes)
        if routed.ordered or routed.folded:
            self.delivering.wake(latest=routed.folded > 0)
        if True in {message.retain or not message.qos for message in batch.messages}:
            self._note_seen(batch.messages)
        if routed.quarantined:
            self._note_rejected(batch, outcomes)
        if routed.unidentified:
            self._note_unidentified(batch, outcomes)
        self._note_unknown(batch, outcomes)

    def _note_rejected(self, batch: Batch, outcomes: list[Gathered]) -> None:
        for message, outcome in zip(batch.messages, outcomes, strict=True):
            if isinstance(outcome, Rejection):
                logger.debug(
                    "message quarantined",
                    extra={"topic": message.topic, "path": outcome.path, "reason": outcome.reason},
                )
                self._tell_rejected(message, outcome)

    def _note_unidentified(self, batch: Batch, outcomes: list[Gathered]) -> None:
        """Count by route the messages that would count twice, and by asset the uses that came with them."""
        for message, outcome in zip(batch.messages, outcomes, strict=True):
            if isinstance(outcome, tuple) and outcome and counts_twice(outcome):
                name = self._route_of(message.topic)
                self._health.not_exactly_once[name] = self._health.not_exactly_once.get(name, 0) + 1
                counts = outcome[0].event
                if isinstance(counts, AssetCounts):
                    self._health.note_inexact(counts.asset, counts.added)

    def _note_unknown(self, batch: Batch, outcomes: list[Gathered]) -> None:
        """Count the fields that nobody reads; of plain telemetry in one message a batch, since looking costs."""
        looked = False
        for message, outcome in zip(batch.messages, outcomes, strict=True):
            # The cheapest question first, since it is asked of each message.
            if type(outcome) is Updates or (type(outcome) is tuple and outcome and is_latest(outcome[0].event)):
                if looked:
                    continue
                looked = True
            elif isinstance(outcome, Rejection):
                continue
            topic_filter, names = self._unknown(message, outcome)
            for name in names:
                self._health.note_unknown(topic_filter, name)

    async def _handle(self, handle: Handle, event: Event) -> bool | None:
        asked = await handle(event)
        if asked is not False:
            self._note_success(kind_of(event))
        return asked

    async def _handle_group(self, handle: HandleGroup, events: Sequence[Event]) -> Sequence[Retry | Reject | None]:
        problems = await handle(events)
        if None in problems:
            self._note_success(kind_of(events[0]))
        return problems

    def _note_seen(self, messages: Sequence[RawMessage]) -> None:
        """Count by route what arrived with QoS 0, and what the broker had retained."""
        came = Counter((message.topic, message.qos == 0, message.retain) for message in messages)
        for (topic, is_qos_0, is_retained), count in came.items():
            seen = self._health.seen.setdefault(self._route_of(topic), Seen())
            seen.qos_0 += count * is_qos_0
            seen.retained += count * is_retained

    async def _note_reached(self, probe: Callable[[], Awaitable[None]]) -> None:
        await probe()
        self._note_success()

    def _note_settled(self, settlements: Sequence[Settlement]) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            for settlement in settlements:
                logger.debug("delivery settled", extra=_facts(settlement))
        self._tell_settled(settlements)

    def _note_success(self, kind: str = "") -> None:
        """Learn that WATS is there, and takes this kind of call; whether it still is, changes tell."""
        if self._health.wats_reachable is None:
            self._health.wats_reachable = True
        self._tell_refusal("", "")
        if kind:
            self._tell_refusal(kind, "")

    def _note_change(self, change: Change, problem: str) -> None:
        if change.call:
            if change.better:
                self._health.refused_calls.pop(change.call, None)
                self._tell_refusal(change.call, "")
                logger.warning("%s accepts this kind of call again: %s", self._destination, change.call)
            else:
                self._health.refused_calls[change.call] = problem
                self._tell_refusal(change.call, problem)
                logger.warning(
                    "%s refuses one kind of call, all others go on: %s: %s", self._destination, change.call, problem
                )
            return
        if change.better:
            self._tell_refusal("", "")
        if change.cause in TOO_MANY:  # it is there; how fast it is called from now on, `rate` tells
            self._health.wats_problem = "" if change.better else problem
            said = "takes calls again" if change.better else f"asks for patience: {problem}"
            logger.info("%s %s", self._destination, said)
        elif change.better:
            self._health.wats_reachable = True
            self._health.wats_problem = ""
            logger.warning("%s is back", self._destination)
        else:
            self._health.wats_reachable = False
            self._health.wats_problem = problem
            what = "is away"
            if change.cause == TOKEN_REFUSED:
                what = "refuses the token"
                self._tell_refusal("", problem)
            logger.warning(
                "%s %s, results are kept until it is back: %s",
                self._destination,
                what,
                problem,
                extra={"cause": change.cause},
            )

    def _tell_refusal(self, call: str, problem: str) -> None:
        if self._on_refusal is not None:
            self._on_refusal(call, problem)


def _facts(settlement: Settlement) -> dict[str, object]:
    delivery = settlement.delivery
    facts = {"delivery_id": delivery.id, "key": delivery.key, "kind": delivery.kind}
    match settlement:
        case Done():
            return {**facts, "outcome": "done", "messages": delivery.messages}
        case RetryAt():
            return {**facts, "outcome": "retry", "cause": settlement.cause}
        case Refused():
            return {**facts, "outcome": "refused", "reason": settlement.rejection.reason}
