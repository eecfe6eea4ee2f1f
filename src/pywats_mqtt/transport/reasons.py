"""What a server's reason codes and the network's errors mean, in plain sentences with what to do."""

from __future__ import annotations

import socket
import ssl

import mqtt5
import msgspec

from pywats_mqtt.transport.reconnect import Pace

_Connack = mqtt5.ConnAckReasonCode
_Disconnect = mqtt5.DisconnectReasonCode


class Loss(msgspec.Struct, frozen=True):
    """Why there is no connection.

    Attributes:
        reason: a sentence; where it is ours to mend, it says what to do.
        pace: how soon another try makes sense.
    """

    reason: str
    pace: Pace = Pace.SOON


class Refused(Exception):
    """A connection did not come to be; it never leaves the transport."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.reason)
        self.loss = loss


_CONNACK: dict[int, Loss] = {
    _Connack.UNSUPPORTED_PROTOCOL_VERSION.value: Loss(
        "the broker does not speak MQTT 5: update it, or enable MQTT 5 on this port", Pace.SLOW
    ),
    _Connack.CLIENT_ID_NOT_VALID.value: Loss("the broker refuses the client id: set another mqtt.client_id", Pace.SLOW),
    _Connack.BAD_USER_NAME_OR_PASSWORD.value: Loss(
        "the broker refuses user name or password: check mqtt.username and mqtt.password", Pace.SLOW
    ),
    _Connack.NOT_AUTHORIZED.value: Loss(
        "the broker does not authorise this client: check mqtt.username, mqtt.password, and what the broker allows it",
        Pace.SLOW,
    ),
    _Connack.BANNED.value: Loss("the broker has banned this client: ask who runs it", Pace.SLOW),
    _Connack.BAD_AUTHENTICATION_METHOD.value: Loss(
        "the broker wants another way to log in than user name and password or a client certificate", Pace.SLOW
    ),
    _Connack.TOPIC_NAME_INVALID.value: Loss("the broker refuses the topic of the Will", Pace.SLOW),
    _Connack.PACKET_TOO_LARGE.value: Loss("the broker finds the CONNECT too large", Pace.SLOW),
    _Connack.RETAIN_NOT_SUPPORTED.value: Loss(
        "the broker keeps no retained messages, and the Will asks for one", Pace.SLOW
    ),
    _Connack.QUALITY_NOT_SUPPORTED.value: Loss("the broker does not support the QoS of the Will", Pace.SLOW),
    _Connack.SERVER_UNAVAILABLE.value: Loss("the broker is not available now"),
    _Connack.SERVER_BUSY.value: Loss("the broker is busy"),
    _Connack.QUOTA_EXCEEDED.value: Loss("a quota of the broker is used up: ask who runs it", Pace.SLOW),
    _Connack.CONNECTION_RATE_EXCEEDED.value: Loss("the broker takes no more connections for now", Pace.SLOW),
    _Connack.USE_ANOTHER_SERVER.value: Loss("the broker says to use another server: change mqtt.broker", Pace.SLOW),
    _Connack.SERVER_MOVED.value: Loss("the broker has moved: change mqtt.broker", Pace.SLOW),
}

_DISCONNECT: dict[int, Loss] = {
    _Disconnect.SESSION_TAKEN_OVER.value: Loss(
        "another client connected with our client id: stop it, or set another mqtt.client_id", Pace.SLOW
    ),
    _Disconnect.NOT_AUTHORIZED.value: Loss("the broker no longer authorises this client: check its rights", Pace.SLOW),
    _Disconnect.ADMINISTRATIVE_ACTION.value: Loss("someone disconnected this client at the broker", Pace.SLOW),
    _Disconnect.QUOTA_EXCEEDED.value: Loss("a quota of the broker is used up: ask who runs it", Pace.SLOW),
    _Disconnect.USE_ANOTHER_SERVER.value: Loss("the broker says to use another server: change mqtt.broker", Pace.SLOW),
    _Disconnect.SERVER_MOVED.value: Loss("the broker has moved: change mqtt.broker", Pace.SLOW),
    _Disconnect.CONNECTION_RATE_EXCEEDED.value: Loss("the broker takes no more connections for now", Pace.SLOW),
    _Disconnect.SERVER_SHUTTING_DOWN.value: Loss("the broker is shutting down"),
    _Disconnect.SERVER_BUSY.value: Loss("the broker is busy"),
    _Disconnect.KEEP_ALIVE_TIMEOUT.value: Loss("the broker heard nothing of us for too long"),
    _Disconnect.PACKET_TOO_LARGE.value: Loss("the broker found a packet of ours too large"),
    _Disconnect.MAX_CONNECT_TIME.value: Loss("the broker allows a connection only so long"),
}


def connack_loss(packet: mqtt5.ConnAckPacket) -> Loss:
    """Say why a CONNACK refused us (MQTT 5, 3.2.2.2)."""
    return _explained(_CONNACK, packet.reason_code, packet.reason_str, packet.server_reference, "the broker refuses us")


def disconnect_loss(packet: mqtt5.DisconnectPacket) -> Loss:
    """Say why the server disconnected us (MQTT 5, 3.14.2.1)."""
    code = packet.reason_code
    return _explained(_DISCONNECT, code, packet.reason_str, packet.server_reference, "the broker disconnected us")


def _explained(
    table: dict[int, Loss],
    code: mqtt5.ConnAckReasonCode | mqtt5.DisconnectReasonCode,
    said: str | None,
    reference: str | None,
    otherwise: str,
) -> Loss:
    known = table.get(code.value)
    sentence = known.reason if known else f"{otherwise}: {words(code)}"
    details = [detail for detail in (said, reference) if detail]
    return Loss(f"{sentence} ({', '.join(details)})" if details else sentence, known.pace if known else Pace.SOON)


def words(
    code: mqtt5.ConnAckReasonCode
    | mqtt5.DisconnectReasonCode
    | mqtt5.SubAckReasonCode
    | mqtt5.PubAckReasonCode
    | mqtt5.PubRecReasonCode,
) -> str:
    """Give a reason code in words, such as `not authorized (0x87)`."""
    return f"{code.name.lower().replace('_', ' ')} (0x{code.value:02x})"


def broken_loss(error: Exception, *, silent_tls: bool = False) -> Loss:
    """Say why a connection broke, from what the operating system or TLS raised.

    Args:
        error: what was raised.
        silent_tls: it broke after a TLS handshake, before the broker said anything. TLS 1.3 refuses a client's
            certificate only then, and its alert is lost where the reset of the connection overtakes it.
    """
    if silent_tls and isinstance(error, ConnectionResetError):
        return Loss("the broker hangs up behind the TLS handshake (check mqtt.client_cert and mqtt.client_key)")
    if isinstance(error, ssl.SSLError):
        text = (error.reason or str(error)).replace("_", " ").lower()
        return Loss(f"the broker ended TLS: {text} (check mqtt.client_cert and mqtt.client_key)")
    return Loss(f"the connection broke: {error}")


def network_loss(error: OSError, *, broker: str, port: int) -> Loss:
    """Say why no connection came to be, from what the operating system or TLS raised."""
    where = f"{broker}:{port}"
    match error:
        case ssl.SSLCertVerificationError():
            reason = (
                f"the certificate of {where} does not pass: {error.verify_message}"
                " (check mqtt.ca_cert and that mqtt.broker is the name in the certificate)"
            )
        case ssl.SSLError():
            text = (error.reason or str(error)).replace("_", " ").lower()
            reason = f"no TLS with {where}: {text} (check mqtt.port, mqtt.client_cert and mqtt.client_key)"
        case socket.gaierror():
            reason = f"no address for {broker}: check mqtt.broker ({error.strerror})"
        case ConnectionRefusedError():
            reason = f"nothing listens at {where}: start the broker, or check mqtt.broker and mqtt.port"
        case ConnectionResetError():
            reason = f"{where} hangs up at once: check mqtt.port, and mqtt.use_tls against what the broker does there"
        case TimeoutError():
            reason = f"no answer from {where} in time"
        case _:
            reason = f"no connection to {where}: {error.strerror or error}"
    return Loss(reason)
