"""Target: the bytes of a connection, cut anywhere; they become messages, or a DISCONNECT with its reason.

The first byte says where the rest is cut. `python -m fuzz.packets --runs N`
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from fuzz.driving import drive
from fuzz.payloads import corpus as messages
from fuzz.payloads import load as payloads

LARGEST = 16_384
ALIASES = 4


def load() -> Callable[[bytes], None]:
    """Import the way from bytes to messages and what they mean, and give the check of one input."""
    os.environ["RUST_BACKTRACE"] = "0"  # the reader panics on text that is no UTF-8; a trace of each takes far longer

    import mqtt5  # noqa: PLC0415 - under the fuzzer's eyes

    from pywats_mqtt.transport.codec import Decoder  # noqa: PLC0415
    from pywats_mqtt.transport.inbound import Inbound  # noqa: PLC0415

    means = payloads()

    def check(data: bytes) -> None:
        step = data[0] + 1 if data else 1
        decoder, inbound = Decoder(max_packet_bytes=LARGEST), Inbound(ALIASES)
        for at in range(1, len(data), step):
            packets = decoder.feed(data[at : at + step])
            published = [packet for packet in packets if isinstance(packet, mqtt5.PublishPacket)]
            arrivals = inbound.read(published, at)
            for message in arrivals.messages:
                means(message.topic.encode(errors="ignore") + b"\n" + message.payload)
            error = decoder.error or arrivals.error
            if error is not None:
                if not error.reason or error.code.value < 0x80:  # noqa: PLR2004 - success, MQTT 5, 3.14.2.1
                    raise AssertionError(f"no reason to hang up: {error!r}")
                return

    return check


def corpus() -> Sequence[bytes]:
    """Wrap the messages of all cases into PUBLISHes, with what MQTT 5 lets them have, and add the other packets."""
    import mqtt5  # noqa: PLC0415 - see load

    from pywats_mqtt.topics import name_problem  # noqa: PLC0415

    qos = (mqtt5.QoS.AT_MOST_ONCE, mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE)
    packets = [
        mqtt5.PublishPacket(
            topic.decode(),
            payload,
            qos=qos[number % 3],
            packet_id=number if number % 3 else None,
            retain=number % 2 == 0,
            content_type="application/json" if number % 5 == 0 else None,
            topic_alias=number % 6 or None,
            user_properties=[("message_id", str(number))] if number % 7 == 0 else None,
        ).write()
        for number, (topic, _, payload) in enumerate((m.partition(b"\n") for m in messages()), 1)
        if name_problem(topic.decode()) is None  # the writer refuses the others
    ]
    others = (
        mqtt5.ConnAckPacket(),
        mqtt5.PubAckPacket(1),
        mqtt5.PubRecPacket(2),
        mqtt5.PubRelPacket(3),
        mqtt5.PubCompPacket(4),
        mqtt5.PingRespPacket(),
        mqtt5.SubAckPacket(5, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]),
        mqtt5.DisconnectPacket(),
    )
    return [b"\xff" + packet for packet in (*packets, *(other.write() for other in others))]


if __name__ == "__main__":
    drive(load, corpus)
