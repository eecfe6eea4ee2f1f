"""SUBSCRIBE, what the server granted, and UNSUBSCRIBE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import mqtt5
import msgspec

from pywats_mqtt.transport.outbox import FAILURE
from pywats_mqtt.transport.reasons import words

PACKET_ID: Final = 65_535
"""Of our only SUBSCRIBE on a connection, and of the UNSUBSCRIBE after its answer; the outbox never takes it (MQTT 5,
2.2.1: ids in use are distinct)."""


class Grant(msgspec.Struct, frozen=True):
    """What became of one subscription.

    Attributes:
        topic_filter: as asked.
        qos: granted, 0 to 2; None where it was refused.
        problem: what is less than asked and why, in words; empty where all is well.
    """

    topic_filter: str
    qos: int | None
    problem: str = ""


def subscribe_packet(filters: Sequence[str], *, qos: int) -> bytes:
    """Encode the SUBSCRIBE.

    Retain Handling 1: retained messages come only with a subscription that is new, so a resumed session gets none twice
    (MQTT 5, 3.8.3.1). Retain As Published is off: the flag then says that a message came from the retained store.
    """
    return mqtt5.SubscribePacket(
        PACKET_ID,
        [
            mqtt5.TopicFilter(
                topic_filter,
                max_qos=mqtt5.QoS(qos),
                retain_as_published=False,
                retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
            )
            for topic_filter in filters
        ],
    ).write()


def unsubscribe_packet(filters: Sequence[str]) -> bytes:
    """Encode the UNSUBSCRIBE; of a filter that is not subscribed to it changes nothing (MQTT 5, 3.11.3)."""
    return mqtt5.UnsubscribePacket(PACKET_ID, list(filters)).write()


def grants(filters: Sequence[str], packet: mqtt5.SubAckPacket, *, qos: int) -> tuple[Grant, ...]:
    """Read a SUBACK, whose codes are in the order of the filters; one that is missing counts as refused."""
    codes = packet.reason_codes
    found: list[Grant] = []
    for number, topic_filter in enumerate(filters):
        if number >= len(codes):
            found.append(Grant(topic_filter, None, "the broker did not answer"))
        elif codes[number].value >= FAILURE:
            said = f": {packet.reason_str}" if packet.reason_str else ""
            found.append(Grant(topic_filter, None, f"{words(codes[number])}{said}"))
        elif codes[number].value < qos:
            found.append(Grant(topic_filter, codes[number].value, f"QoS {qos} asked, {codes[number].value} granted"))
        else:
            found.append(Grant(topic_filter, codes[number].value))
    return tuple(found)
