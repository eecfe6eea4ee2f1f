"""Getting a socket to the broker, and the CONNECT packet."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

import mqtt5

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.ports import Publication
from pywats_mqtt.transport.connection import Connection
from pywats_mqtt.transport.credentials import password_bytes
from pywats_mqtt.transport.reasons import Loss, Refused, network_loss
from pywats_mqtt.transport.tls import tls_context

CONNECT_S: Final = 10.0
"""Seconds for the socket and TLS, for each address of the broker: a slow mobile network makes it, a dead one never."""
ANSWER_S: Final = 20.0
"""Seconds for the server to answer CONNECT and SUBSCRIBE."""


async def open_connection(config: MQTTConfig, make: Callable[[], Connection]) -> Connection:
    """Open the socket, with TLS where it is on; the addresses of the broker's name are tried in turn.

    Raises:
        Refused: there is no way to the broker, or a file of ours is missing.
    """
    context = tls_context(config)
    loop = asyncio.get_running_loop()
    # Not by asyncio's happy eyeballs: it joins the errors into one text, and leaves sockets open when it is cancelled.
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await loop.getaddrinfo(config.broker, config.port, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        for number, address in enumerate(addresses, start=1):
            try:
                return await _open(config, address, context, make)
            except OSError:
                if number == len(addresses):
                    raise
    except UnicodeError as exc:
        raise Refused(Loss(f"mqtt.broker: {config.broker!r} is no name of a host ({exc})")) from exc
    except OSError as exc:  # TimeoutError and ssl.SSLError are among them
        raise Refused(network_loss(exc, broker=config.broker, port=config.port)) from exc
    raise Refused(Loss(f"{config.broker} has no address"))


async def _open(
    config: MQTTConfig, address: str, context: ssl.SSLContext | None, make: Callable[[], Connection]
) -> Connection:
    async with asyncio.timeout(CONNECT_S):
        _, connection = await asyncio.get_running_loop().create_connection(
            make, address, config.port, ssl=context, server_hostname=config.broker if context is not None else None
        )
    return connection


def connect_packet(config: MQTTConfig, *, client_id: str, clean_start: bool, will: Publication | None) -> bytes:
    """Encode the CONNECT.

    Raises:
        Refused: the password file cannot be read.
    """
    return mqtt5.ConnectPacket(
        client_id,
        username=config.username,
        password=password_bytes(config),
        clean_start=clean_start,
        will=None if will is None else _will(will),
        keep_alive=config.keepalive,
        session_expiry_interval=config.session_expiry_s,
        receive_max=config.receive_maximum,
        topic_alias_max=config.topic_alias_maximum,
        max_packet_size=config.max_packet_bytes,
    ).write()


def _will(publication: Publication) -> mqtt5.Will:
    return mqtt5.Will(
        publication.topic,
        payload=publication.payload,
        qos=mqtt5.QoS(publication.qos),
        retain=publication.retain,
        user_properties=list(publication.user_properties) or None,
    )
