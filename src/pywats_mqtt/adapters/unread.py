"""What a message says and we do not read, so that a misspelt key does not vanish in silence.

Nothing is refused for it: a newer device is welcome.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.schemas.batch import BatchMessage
from pywats_mqtt.schemas.measurements import MeasuredMessage, MeasurementsMessage
from pywats_mqtt.schemas.repair import FailureMessage, PartMessage, RepairMessage
from pywats_mqtt.schemas.report import AssetUseMessage, ResultMessage, SubUnitMessage
from pywats_mqtt.schemas.scalars import is_sent
from pywats_mqtt.schemas.step import (
    AttachmentMessage,
    ChartMessage,
    LoopMessage,
    MeasurementMessage,
    SeriesMessage,
    StepMessage,
)
from pywats_mqtt.schemas.utilization import UtilizationMessage

UNREAD = "unread_fields"
"""Name of the misc info."""

_WITHIN: Mapping[type[msgspec.Struct], Mapping[str, type[msgspec.Struct]]] = {
    ResultMessage: {"steps": StepMessage, "sub_units": SubUnitMessage, "assets": AssetUseMessage},
    StepMessage: {
        "steps": StepMessage,
        "measurements": MeasurementMessage,
        "chart": ChartMessage,
        "attachment": AttachmentMessage,
        "loop": LoopMessage,
    },
    ChartMessage: {"series": SeriesMessage},
    RepairMessage: {"failures": FailureMessage, "sub_units": PartMessage},
    PartMessage: {"failures": FailureMessage},
    UtilizationMessage: {},
    BatchMessage: {},
    MeasurementsMessage: {"measurements": MeasuredMessage},
}
"""Which fields of a message hold other messages, or lists of them."""

_KNOWN = {
    kind: frozenset(kind.__struct_fields__)
    for kind in (*_WITHIN, *(inner for fields in _WITHIN.values() for inner in fields.values()))
}
_NO_TEXT = "a name that is not UTF-8"

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def unread_fields(payload: bytes, kind: type[msgspec.Struct] = ResultMessage) -> str:
    """Name the keys that a message has no field for, those of its steps as `steps[].key` at any depth.

    Args:
        payload: of a message that was decoded as such.
        kind: its declaration.

    Returns:
        The names in order, at most 100 characters with `…` at the end where it was cut; empty for none.
    """
    found: set[str] = set()
    try:
        _look(_object.decode(payload), kind, "", found)
    except UnicodeDecodeError:
        return _NO_TEXT
    return cut(", ".join(sorted(found)))


def _look(sent: Mapping[str, msgspec.Raw], kind: type[msgspec.Struct], place: str, found: set[str]) -> None:
    found.update(f"{place}{_shown(key)}" for key in sent.keys() - _KNOWN[kind])
    for name, inner in _WITHIN.get(kind, {}).items():
        value = sent.get(name)
        if value is None or not is_sent(value):
            continue
        if bytes(value).startswith(b"["):
            below = place if inner is kind else f"{place}{name}[]."
            for one in _objects.decode(value):
                _look(one, inner, below, found)
        else:
            _look(_object.decode(value), inner, f"{place}{name}.", found)


def _shown(key: str) -> str:
    return key if key.isprintable() and key.strip() else repr(key)
