"""Which session at the broker a bridge has: the client id, and what is left behind where that is a new one.

Without `mqtt.client_id` each spool file makes one of its own, so a bridge that is given another file has another
session, and what the broker keeps for the former one waits for nobody. Of a spool beside the new one that can be seen.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Final

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.ports import Spool
from pywats_mqtt.spool.migrate import APPLICATION_ID
from pywats_mqtt.spool.owner import left
from pywats_mqtt.spool.reader import SpoolReader, note_of

logger = logging.getLogger(__name__)

CLIENT_ID: Final = "client_id"
SESSION: Final = "session"
"""Notes of a spool: the id that was made for it, and `ID@BROKER:PORT` of the session it was connected by last."""

MOST_FILES: Final = 1_000
"""Files of a folder that are looked at, each at its first bytes alone."""

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = slice(68, 72)
"""Where a database names its program (https://www.sqlite.org/fileformat2.html, 1.3)."""


async def client_id_of(spool: Spool, config: BridgeConfig) -> str:
    """Give the id that names the session; one is made where neither the configuration nor the spool has one."""
    if config.mqtt.client_id:
        return config.mqtt.client_id
    known = await spool.note(CLIENT_ID)
    if known is None:
        if behind := left_behind(config, time.time()):
            logger.warning(behind)
        known = f"pywats-mqtt-{secrets.token_hex(6)}".encode()
        await spool.set_note(CLIENT_ID, known)
    return known.decode()


def left_behind(config: BridgeConfig, now_s: float) -> str:
    """Tell which session a new spool leaves behind, and what to do; empty where none is known.

    Args:
        config: of a bridge whose spool has no client id yet, and makes one.
        now_s: seconds since 1970.
    """
    try:
        return _left_behind(config, now_s)
    except OSError:  # the folder, or a file of it, is not ours to look into, or gone since
        return ""


def _left_behind(config: BridgeConfig, now_s: float) -> str:
    mqtt, spool = config.mqtt, Path(config.spool.path)
    place = f"@{mqtt.broker}:{mqtt.port}"
    for path, changed_s in _others(spool):
        if now_s - changed_s > mqtt.session_expiry_s or not left(path).by_the_dead:
            continue  # the broker has dropped it, or its bridge runs
        client_id, found, _ = (note_of(path, SESSION) or b"").decode(errors="replace").partition(place)
        if found:
            return (
                f"spool.path names a new file, and mqtt.client_id is not set: this is another session at the broker "
                f"than that of {path}, for which it keeps what comes. To go on with that one, set "
                f'mqtt.client_id = "{client_id}", or spool.path to the former file'
            )
    return ""


def is_new(config: BridgeConfig) -> bool:
    """Tell whether the next start makes a client id.

    Raises:
        Fatal: the spool cannot be read.
    """
    path, named = Path(config.spool.path), bool(config.mqtt.client_id)
    if not path.is_file() or not path.stat().st_size:
        return not named
    with SpoolReader(path) as reader:
        return reader.note(CLIENT_ID) is None and not named


def _others(spool: Path) -> list[tuple[Path, float]]:
    """Give the other spool files of a folder and when they were written to, the newest first."""
    with os.scandir(spool.parent) as entries:
        paths = [Path(entry) for entry in islice(entries, MOST_FILES)]
    found = [
        (path, _changed_s(path)) for path in paths if path.name != spool.name and path.is_file() and is_spool(path)
    ]
    return sorted(found, key=itemgetter(1), reverse=True)


def _changed_s(path: Path) -> float:
    """Tell when a spool was written to last; for long that may have been its log alone."""
    log = Path(f"{path}-wal")
    return max(each.stat().st_mtime for each in (path, log) if each.exists())


def is_spool(path: Path) -> bool:
    """Tell whether a file says of itself that it is a spool, of whatever version.

    After a kill its head may be in its log still; what has a lock of ours beside it is taken for one, too.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER.stop)
    except OSError:
        return False
    if not head.startswith(_MAGIC):
        return False
    program = int.from_bytes(head[_HEADER], "big")
    return program == APPLICATION_ID or (not program and Path(f"{path}.lock").exists())
