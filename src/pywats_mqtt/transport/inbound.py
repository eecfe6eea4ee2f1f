"""PUBLISH packets of one connection become messages; the hot path of the transport, so it is written flat."""

from __future__ import annotations

import mqtt5

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.transport.codec import Malformed
from pywats_mqtt.transport.inbox import PUBACK, PUBREC


class Arrivals:
    """What a run of PUBLISH packets amounts to; the arguments of `Inbox.extend`."""

    __slots__ = ("acks", "error", "messages", "received")

    def __init__(self) -> None:
        self.messages: list[RawMessage] = []
        self.acks: list[int] = []
        self.received: list[int] = []
        self.error: Malformed | None = None


class Inbound:
    """Reads the PUBLISH packets of one connection; topic aliases live as long as it does (MQTT 5, 3.3.2.3.4).

    Args:
        topic_alias_maximum: the highest alias we let the server use.
    """

    def __init__(self, topic_alias_maximum: int) -> None:
        self._topic_alias_maximum = topic_alias_maximum
        self._aliases: dict[int, str] = {}

    def read(self, packets: list[mqtt5.PublishPacket], first_us: int) -> Arrivals:
        """Turn packets into messages and their acknowledgements; those after one that breaks a rule are left out.

        Args:
            packets: in order of arrival.
            first_us: stamp of the first; each next one's is a microsecond later (`Stamps`).
        """
        arrivals = Arrivals()
        at_least_once = mqtt5.QoS.AT_LEAST_ONCE
        add, acknowledge = arrivals.messages.append, arrivals.acks.append
        for received_at_us, packet in enumerate(packets, first_us):
            topic = packet.topic
            if (alias := packet.topic_alias) is not None:
                resolved = self._resolve(topic, alias)
                if isinstance(resolved, Malformed):
                    arrivals.error = resolved
                    return arrivals
                topic = resolved
            level, properties = packet.qos, packet.user_properties
            qos = 1 if level is at_least_once else level.value  # `value` takes as long as all other fields together
            packet_id = 0
            if qos:
                packet_id = packet.packet_id or 0
                if not packet_id:  # MQTT 5, 2.2.1
                    arrivals.error = Malformed(
                        mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, "a PUBLISH with packet identifier 0"
                    )
                    return arrivals
                if qos == 1:
                    acknowledge(PUBACK | packet_id)
                else:
                    acknowledge(PUBREC | packet_id)
                    arrivals.received.append(packet_id)
            add(
                RawMessage(
                    topic,
                    packet.payload,
                    received_at_us,
                    qos,
                    packet.retain,
                    packet_id,
                    packet.content_type or "",
                    tuple(properties) if properties else (),
                    packet.duplicate,
                )
            )
        return arrivals

    def _resolve(self, topic: str, alias: int) -> str | Malformed:
        if alias > self._topic_alias_maximum:
            return Malformed(
                mqtt5.DisconnectReasonCode.TOPIC_ALIAS_INVALID,
                f"topic alias {alias} is above our maximum of {self._topic_alias_maximum}",
            )
        if topic:
            self._aliases[alias] = topic
            return topic
        known = self._aliases.get(alias)
        if known is None:
            return Malformed(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, f"topic alias {alias} was never given a name")
        return known
