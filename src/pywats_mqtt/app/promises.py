"""The facts that guarantees follow from, gathered from a running bridge, or from a configuration alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.guarantees import Facts, Granted
from pywats_mqtt.observe import Health

MOUNTS: Final = Path("/proc/self/mountinfo")
"""Linux tells there what is mounted where (proc(5)); other systems have no such file, and nothing is known then."""

BRIDGE: Final = "this machine"
"""As whose clock: that of the bridge, beside the server's."""


def facts_of(
    config: BridgeConfig,
    health: Health | None,
    granted: Mapping[str, Granted],
    *,
    connects: bool = True,
    is_synced: bool = True,
) -> Facts:
    """Gather the facts.

    Args:
        config: the whole.
        health: what the running bridge knows; None where it does not run.
        granted: what the broker made of the subscriptions.
        connects: whether messages come from a broker.
        is_synced: whether a commit of the spool is on the disk.
    """
    mqtt = config.mqtt
    link = health.link if health else None
    return Facts(
        routes=config.topics.domains() if connects else {},
        default_qos=mqtt.default_qos,
        clean_session=mqtt.clean_session,
        session_asked_s=mqtt.session_expiry_s,
        session_granted_s=link.session_expiry_s if link and link.connected else None,
        granted=granted,
        seen=health.seen if health else {},
        unidentified=health.not_exactly_once if health else {},
        is_synced=is_synced,
        filesystem=filesystem_of(Path(config.spool.path), MOUNTS),
        clocks=_clocks(config, health) if health else {},
    )


def _clocks(config: BridgeConfig, health: Health) -> dict[str, str]:
    """Say of each clock that is off how far, where the times that it told are left as they are."""
    off = {BRIDGE: -health.server_ahead_s} if health.server_ahead_s else {}
    if config.clock.correct != "correct":
        off |= {f"device {device}": shown.ahead_s for device, shown in health.clocks.items()}
    return {
        whose: f"its clock is {abs(ahead_s):g} s {'ahead' if ahead_s > 0 else 'behind'}"
        for whose, ahead_s in off.items()
    }


def filesystem_of(path: Path, mounts: Path) -> str:
    """Name the type of the file system a path is on, such as `ext4`; empty where that cannot be told."""
    try:
        place = path.resolve()
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    best, found = -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        where = fields[4].replace("\\040", " ") if len(fields) > 4 else ""  # noqa: PLR2004 - proc(5): the mount point
        if where and right and place.is_relative_to(where) and len(where) >= best:
            best, found = len(where), right.split(" ")[0]
    return found
