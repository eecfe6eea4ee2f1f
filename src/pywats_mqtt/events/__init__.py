"""What happened, by domain: the vocabulary between the adapters, the spool and the handlers.

There are two kinds. An **ordered** event (a test result) is delivered once, in the order of its key. A **latest** event
(counts, state, environment) is folded into the newest of its asset and kind as it arrives, so that a thousand messages
cost WATS one call. Events hold no cycles, so the garbage collector need not look at them (`gc=False`).

Identity belongs to events and is computed here from what the device sent, before any correction.
"""

from pywats_mqtt.events.assets import (
    OFFLINE,
    AssetAlert,
    AssetCounters,
    AssetCounts,
    AssetEnvironment,
    AssetState,
    Past,
    Severity,
)
from pywats_mqtt.events.batches import BatchCounts, BatchReported
from pywats_mqtt.events.calibration import AssetCalibrated, AssetDrift, Drift, Point
from pywats_mqtt.events.environment import (
    ALARM,
    LOGGED,
    AssetCrossing,
    AssetHistory,
    AssetSamples,
    AssetWatch,
    Side,
    Stats,
    Watched,
    Window,
)
from pywats_mqtt.events.identified import AssetUpdate, Identified, counts_twice
from pywats_mqtt.events.identity import NAMESPACE, Identity, identify, payload_digest
from pywats_mqtt.events.kinds import (
    LATEST_KINDS,
    TOLD_TOPIC,
    Event,
    Latest,
    Ordered,
    Relayed,
    Telemetry,
    Told,
    decode,
    encode,
    is_latest,
    kind_of,
    kind_of_type,
    order_key,
    report_of,
    subject_of,
)
from pywats_mqtt.events.production import OperatorEvent, UnitEvent
from pywats_mqtt.events.repairs import Failure, Repair, RepairedPart
from pywats_mqtt.events.reports import (
    AssetUse,
    Attachment,
    Chart,
    Loop,
    Measurement,
    Series,
    Stamp,
    Step,
    SubUnit,
    TestResult,
)
from pywats_mqtt.events.software import AssetSoftware, Software, SoftwareReported, UpdateReported
from pywats_mqtt.events.streams import MeasurementsReported, Samples, StreamDue, StreamEnding, UnitAtTester
from pywats_mqtt.events.utilization import NO_PARTS, AssetUtilization, Parts

__all__ = [
    "ALARM",
    "LATEST_KINDS",
    "LOGGED",
    "NAMESPACE",
    "NO_PARTS",
    "OFFLINE",
    "TOLD_TOPIC",
    "AssetAlert",
    "AssetCalibrated",
    "AssetCounters",
    "AssetCounts",
    "AssetCrossing",
    "AssetDrift",
    "AssetEnvironment",
    "AssetHistory",
    "AssetSamples",
    "AssetSoftware",
    "AssetState",
    "AssetUpdate",
    "AssetUse",
    "AssetUtilization",
    "AssetWatch",
    "Attachment",
    "BatchCounts",
    "BatchReported",
    "Chart",
    "Drift",
    "Event",
    "Failure",
    "Identified",
    "Identity",
    "Latest",
    "Loop",
    "Measurement",
    "MeasurementsReported",
    "OperatorEvent",
    "Ordered",
    "Parts",
    "Past",
    "Point",
    "Relayed",
    "Repair",
    "RepairedPart",
    "Samples",
    "Series",
    "Severity",
    "Side",
    "Software",
    "SoftwareReported",
    "Stamp",
    "Stats",
    "Step",
    "StreamDue",
    "StreamEnding",
    "SubUnit",
    "Telemetry",
    "TestResult",
    "Told",
    "UnitAtTester",
    "UnitEvent",
    "UpdateReported",
    "Watched",
    "Window",
    "counts_twice",
    "decode",
    "encode",
    "identify",
    "is_latest",
    "kind_of",
    "kind_of_type",
    "order_key",
    "payload_digest",
    "report_of",
    "subject_of",
]
