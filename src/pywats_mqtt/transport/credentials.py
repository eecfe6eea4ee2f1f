"""The password, read late: at each connect, so that a changed one is used."""

from __future__ import annotations

from pathlib import Path

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.transport.reasons import Loss, Refused


def password_bytes(config: MQTTConfig) -> bytes | None:
    """Give the password to send, or None for none; a line break at the end of a password file is not part of it.

    Raises:
        Refused: `password_file` cannot be read; the message names it.
    """
    if config.password is not None:
        return config.password.reveal().encode()
    if config.password_file is None:
        return None
    try:
        return Path(config.password_file).read_bytes().rstrip(b"\r\n")
    except OSError as exc:
        raise Refused(Loss(f"mqtt.password_file: {config.password_file}: {exc.strerror}")) from exc
