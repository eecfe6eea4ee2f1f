"""The TLS settings of one connection, read anew each time so that a renewed certificate is used."""

from __future__ import annotations

import ssl

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.transport.reasons import Loss, Refused


def tls_context(config: MQTTConfig) -> ssl.SSLContext | None:
    """Make the TLS context of `config`, or None where TLS is off. The host name is always checked.

    Raises:
        Refused: a file is missing or is no such certificate or key; the message names it.
    """
    if not config.use_tls:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=config.ca_cert)
    except (OSError, ValueError) as exc:
        raise Refused(_unreadable("ca_cert", config.ca_cert, exc)) from exc
    if config.client_cert is not None:
        try:
            # An encrypted key would make OpenSSL ask on the terminal; a daemon has none.
            context.load_cert_chain(config.client_cert, config.client_key, password=_no_password)
        except (OSError, ValueError) as exc:
            pair = " and ".join(f for f in (config.client_cert, config.client_key) if f)
            raise Refused(_unreadable("client_cert and client_key", pair, exc)) from exc
    return context


def require_tls_files(config: MQTTConfig) -> None:
    """Refuse a start with certificates or keys that cannot be used; later a bad file is retried, it may be mended.

    Raises:
        Fatal: the file that cannot be used, and why.
    """
    try:
        tls_context(config)
    except Refused as refused:
        raise Fatal(refused.loss.reason) from refused


def _no_password() -> str:
    raise ValueError("the key is encrypted: store it without a pass phrase, readable by this user alone")


def _unreadable(option: str, path: str | None, error: OSError | ValueError) -> Loss:
    why = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else str(error)
    return Loss(f"mqtt.{option}: {path}: {why or error}")
