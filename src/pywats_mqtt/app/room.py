"""The alarms of the room that the spool has."""

from __future__ import annotations

from typing import Final

import msgspec

from pywats_mqtt.app.standing import BridgeAlarms
from pywats_mqtt.ports import Room

FULL: Final = "spool_full"
FILLING: Final = "spool_filling"
BOTH: Final = (FILLING, FULL)


class RoomAlarms:
    """Two alarms: nothing is received, and that is near or something will be dropped."""

    def __init__(self, alarms: BridgeAlarms) -> None:
        self._alarms = alarms
        self._begun = False
        self._room = Room()

    def begin(self) -> None:
        """Tell how it stands, also of what an earlier run raised."""
        self._begun = True
        standing = _standing(self._room)
        for alarm in BOTH:
            self._tell(alarm, standing.get(alarm))

    def changed(self, room: Room) -> None:
        """Take the room there is now, and tell what that raises, changes or clears."""
        known, self._room = self._room, room
        if not self._begun:
            return
        before, standing = _standing(known), _standing(room)
        of_another = standing == before and room.problem != known.problem  # it stands for another reason now
        for alarm in BOTH:
            if standing.get(alarm) != before.get(alarm) or of_another:
                self._tell(alarm, standing.get(alarm))

    def _tell(self, alarm: str, level: str | None) -> None:
        facts = msgspec.structs.asdict(self._room)
        del facts["level"]
        if level is None:
            self._alarms.clear(alarm, facts)
        else:
            self._alarms.raise_(alarm, level, facts)


def _standing(room: Room) -> dict[str, str]:
    """Give which alarms stand, and how: their level, and which lanes are dropped from."""
    standing = {}
    if room.level or room.will_drop:
        standing[FILLING] = " ".join(("warning", *sorted(room.will_drop)))
    if room.level == "full":
        standing[FULL] = "alarm"
    return standing
