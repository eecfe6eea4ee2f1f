"""What a bridge needs that owes its events to a bus: each event is kept as it happened, with ids that repeat."""

from __future__ import annotations

import msgspec

from pywats_mqtt.events import (
    AssetSamples,
    AssetSoftware,
    AssetWatch,
    Identified,
    Relayed,
    Repair,
    StreamDue,
    TestResult,
    Told,
    UnitAtTester,
    identify,
    kind_of,
    order_key,
    payload_digest,
)
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Outcome, Rejection

SAID_TWICE = (AssetSoftware, AssetSamples, AssetWatch)
"""Events that say again what another of their message says: what becomes tags, and what is folded over time."""


def read_for_bus(message: RawMessage, routes: RouteTable) -> Outcome:
    """Tell what a message means, as `interpret` does, each event wrapped for the bus.

    The id of a result or repair is its report's. Another event's is that of its identity, or else of the reception
    itself, so that a hand-over that is repeated after a crash carries the same id again.
    """
    outcome = interpret(message, routes)
    if isinstance(outcome, Rejection):
        return outcome
    fields = (message.topic, str(message.received_at_us), payload_digest(message.payload).hex())
    correlation_id = identify(("message", *fields), message.payload).id

    def wrapped(identified: Identified) -> Identified:
        event = identified.event
        if isinstance(event, Relayed | AssetSoftware | AssetSamples | AssetWatch | Told | UnitAtTester | StreamDue):
            return identified
        if isinstance(event, TestResult | Repair):
            own = event.report_id
        elif identified.identity is not None:
            own = identified.identity.id
        else:
            own = identify((kind_of(event), order_key(event), *fields), message.payload).id
        relayed = Relayed(
            id=own,
            correlation_id=correlation_id,
            topic=message.topic,
            received_at_us=message.received_at_us,
            event=event,
        )
        return msgspec.structs.replace(identified, event=relayed)

    return tuple(wrapped(identified) for identified in outcome if not isinstance(identified.event, SAID_TWICE))
