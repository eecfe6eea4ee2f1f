"""The durable heart of the bridge: what was received, what is owed to WATS, what was refused.

`SqliteSpool` for a bridge on one machine, `MemorySpool` for tests and demonstrations, `SpoolReader` for a second
process that wants to see figures and quarantine. All keep the promises of `ports.Spool`.
"""

from pywats_mqtt.spool.memory import MemorySpool
from pywats_mqtt.spool.reader import SpoolReader
from pywats_mqtt.spool.sqlite import SqliteSpool

__all__ = ["MemorySpool", "SpoolReader", "SqliteSpool"]
