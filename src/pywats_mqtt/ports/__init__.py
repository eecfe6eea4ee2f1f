"""Every boundary of the bridge as a Protocol, and the values that cross it.

The loops of `pipeline` and the functions of `handlers` know these and no shell. The implementations live in
`transport`, `spool` and `wats`, and only `app` and `cli` name them.
"""

from pywats_mqtt.ports.broker import Broker, Link, Publication, Receipt
from pywats_mqtt.ports.clock import Clock, Timer, instant
from pywats_mqtt.ports.handover import (
    Export,
    ExportState,
    Handover,
    LatestRow,
    OwedRow,
    RefusedRow,
    Row,
    Taken,
)
from pywats_mqtt.ports.room import Room
from pywats_mqtt.ports.spool import (
    Batch,
    Delivery,
    Done,
    Figures,
    Gathered,
    Kept,
    Notes,
    Outcome,
    Quarantined,
    Refused,
    Rejection,
    Release,
    RetryAt,
    RoutedBatch,
    Settlement,
    Spool,
    Staleness,
)
from pywats_mqtt.ports.trace import Trace
from pywats_mqtt.ports.wats import Asset, KnownTest, Unit, Wats

__all__ = [
    "Asset",
    "Batch",
    "Broker",
    "Clock",
    "Delivery",
    "Done",
    "Export",
    "ExportState",
    "Figures",
    "Gathered",
    "Handover",
    "Kept",
    "KnownTest",
    "LatestRow",
    "Link",
    "Notes",
    "Outcome",
    "OwedRow",
    "Publication",
    "Quarantined",
    "Receipt",
    "Refused",
    "RefusedRow",
    "Rejection",
    "Release",
    "RetryAt",
    "Room",
    "RoutedBatch",
    "Row",
    "Settlement",
    "Spool",
    "Staleness",
    "Taken",
    "Timer",
    "Trace",
    "Unit",
    "Wats",
    "instant",
]
