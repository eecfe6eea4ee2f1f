"""Judges the `[limits]` table, beside what is set of packets and attachments; see `config.lint`."""

from __future__ import annotations

from collections.abc import Iterator

from pywats_mqtt.config.findings import Finding, error, warning
from pywats_mqtt.config.model import BridgeConfig

LONGEST_MESSAGE = 1_024
"""Bytes of an ordinary message; a limit below them refuses what every device sends."""

LEAST_NESTING = 6
"""Result, steps, step, measurements, measurement, and one to spare."""

LEAST_NAME = 64
LEAST_DIGITS = 20
"""Digits of an integer of 64 bits with its sign, or of a float as it is usually written."""


def limit_findings(config: BridgeConfig) -> Iterator[Finding]:
    """Judge the limits of messages."""
    limits, packet = config.limits, config.mqtt.max_packet_bytes
    least = {
        "topic_bytes": LEAST_NAME,
        "payload_bytes": LONGEST_MESSAGE,
        "nesting": LEAST_NESTING,
        "string_bytes": LEAST_NAME,
        "name_bytes": LEAST_NAME,
        "list_items": LEAST_NAME,
        "values": LONGEST_MESSAGE,
        "number_digits": LEAST_DIGITS,
    }
    for key, number in least.items():
        if 0 < getattr(limits, key) < number:
            yield error(f"limits.{key}", "refuses ordinary messages", f"write at least {number}, or 0 for no limit")
    if 0 < limits.quarantine_bytes < min(limits.payload_bytes or packet, packet):
        problem = "cuts what may be read: refused for another reason, it could not be tried again"
        fix = f"write at least {min(limits.payload_bytes or packet, packet)}, or 0"
        yield warning("limits.quarantine_bytes", problem, fix)
    encoded = config.wats.max_attachment_bytes * 4 // 3
    for key in ("payload_bytes", "string_bytes"):
        if 0 < getattr(limits, key) < encoded:
            problem = f"has no room for an attachment of wats.max_attachment_bytes, which takes {encoded} in base64"
            yield warning(f"limits.{key}", problem, f"write more than {encoded}, or lower wats.max_attachment_bytes")
