"""A WATS server to test against: its own program, which shares no logic with the bridge it tests.

It speaks the part of the WATS REST API that a bridge needs, as far as public material describes it, refuses what a
server would refuse with a sentence that says what to change, remembers every request, and misbehaves on demand.

What it does not do: TLS, users and log-ins (a token is all there is), and analyses other than yields and histories.
"""

from pywats_mqtt.emulator.server import Running, serve
from pywats_mqtt.emulator.settings import AlarmShape, CountReply, LowerTotal, Permission, Server, Settings, TagList

__all__ = [
    "AlarmShape",
    "CountReply",
    "LowerTotal",
    "Permission",
    "Running",
    "Server",
    "Settings",
    "TagList",
    "serve",
]
