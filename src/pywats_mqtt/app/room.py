"""The alarms of the room that the spool has: said when they are raised and cleared, and kept at the broker meanwhile.

They need no note, which a full disk would not take: after a restart the spool tells how it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from pywats_mqtt.ports import Clock, Publication, Room
from pywats_mqtt.topics import render

FULL: Final = "spool_full"
FILLING: Final = "spool_filling"


class RoomAlarms:
    """Two alarms: nothing is received, and that is near or something will be dropped.

    Args:
        template: `alarm_topic`; `{alarm_type}` is what an alarm is named.
        clock: the time.
        say: publishes something when its turn comes.
    """

    def __init__(self, template: str, clock: Clock, say: Callable[[Publication], object]) -> None:
        self._template = template
        self._clock = clock
        self._say = say
        self._since: dict[str, str] = {}
        self._kept: dict[str, bytes] = {}
        self._bridge = ""
        self._room = Room()
        self._early = Room()

    def begin(self, bridge: str) -> None:
        """Say what there is to say from now on, in the name of this client id."""
        self._bridge = bridge
        self.changed(self._early)

    def changed(self, room: Room) -> None:
        """Take the room there is now, and say what that raises, changes or clears."""
        if not self._bridge:
            self._early = room
            return
        known, self._room = self._room, room
        before, standing = _standing(known), _standing(room)
        for alarm in (FILLING, FULL):
            if alarm in standing and standing == before and room.problem != known.problem:
                self._kept[alarm] = self._payload(alarm, standing[alarm])  # it stands for another reason now
                self._keep(alarm)
            if standing.get(alarm) != before.get(alarm):
                payload = self._payload(alarm, standing.get(alarm))
                self._kept[alarm] = payload if alarm in standing else b""
                self._say(Publication(topic=render(self._template, {"alarm_type": alarm}), payload=payload))
                self._keep(alarm)

    def tell_again(self) -> None:
        """Say again what the broker is to keep: it was away, or another run of the bridge raised what is over."""
        for alarm in (FILLING, FULL):
            self._keep(alarm)

    def _keep(self, alarm: str) -> None:
        topic = f"{render(self._template, {'alarm_type': alarm})}/{render('{bridge}', {'bridge': self._bridge})}"
        self._say(Publication(topic=topic, payload=self._kept.get(alarm, b""), retain=True))

    def _payload(self, alarm: str, level: str | None) -> bytes:
        at = self._clock.now().isoformat()
        since = self._since.setdefault(alarm, at)
        if level is None:
            del self._since[alarm]
        facts = msgspec.structs.asdict(self._room)
        del facts["level"]
        said = {
            "alarm": alarm,
            "bridge": self._bridge,
            "active": level is not None,
            "level": (level or "cleared").partition(" ")[0],
            "since": since,
            "at": at,
        }
        return msgspec.json.encode(said | facts)


def _standing(room: Room) -> dict[str, str]:
    """Give which alarms stand, and how: their level, and which lanes are dropped from."""
    standing = {}
    if room.level or room.will_drop:
        standing[FILLING] = " ".join(("warning", *sorted(room.will_drop)))
    if room.level == "full":
        standing[FULL] = "alarm"
    return standing
