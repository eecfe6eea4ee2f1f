"""What a step may carry beside its values: chart, file, loop, group."""

from __future__ import annotations

from base64 import b64decode

from pywats_mqtt.adapters.texts import Texts
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Attachment, Chart, Loop, Series
from pywats_mqtt.schemas.step import AttachmentMessage, ChartMessage, LoopMessage, SeriesMessage

UNIT_CHARACTERS = 50
"""WATS refuses a chart with a longer unit."""

UNNAMED_TYPE = "application/octet-stream"

_CHARTS = {
    "": "Line",
    "line": "Line",
    "xy": "Line",
    "linelogxy": "LineLogXY",
    "logxy": "LineLogXY",
    "loglog": "LineLogXY",
    "linelogx": "LineLogX",
    "logx": "LineLogX",
    "linelogy": "LineLogY",
    "logy": "LineLogY",
}
"""What a device may say, in lower case without spaces, `_` and `-`, to WATS' type of a chart."""

_GROUPS = {"": "M", "s": "S", "setup": "S", "m": "M", "main": "M", "c": "C", "cleanup": "C"}


def chart_of(sent: ChartMessage, step: str, path: str, texts: Texts) -> Chart:
    """Read the chart of the step so named.

    Raises:
        Reject: its type is unknown, it has no line, or a line is empty or has not as many x as y.
    """
    word = (sent.type or "").lower().translate(dict.fromkeys(map(ord, " _-")))
    if word not in _CHARTS:
        known = "line, log_xy, log_x, log_y"
        raise Reject(f"unknown chart {str(sent.type)[:60]!r}; known are {known}", path=f"{path}.type")
    if not sent.series:
        raise Reject("expected at least one series", path=f"{path}.series")
    return Chart(
        type=_CHARTS[word],
        label=texts.fit(sent.label or step, f"{path}.label"),
        x_label=texts.fit(sent.x_label or "", f"{path}.x_label"),
        x_unit=texts.fit(sent.x_unit or "", f"{path}.x_unit", UNIT_CHARACTERS),
        y_label=texts.fit(sent.y_label or "", f"{path}.y_label"),
        y_unit=texts.fit(sent.y_unit or "", f"{path}.y_unit", UNIT_CHARACTERS),
        series=tuple(_series(one, f"{path}.series[{index}]", texts) for index, one in enumerate(sent.series)),
    )


def _series(sent: SeriesMessage, path: str, texts: Texts) -> Series:
    if not sent.name.strip():
        raise Reject("expected a name, got an empty text", path=f"{path}.name")
    if not sent.y:
        raise Reject("expected at least one value", path=f"{path}.y")
    if sent.x is not None and len(sent.x) != len(sent.y):
        raise Reject(f"has {len(sent.x)} values, but y has {len(sent.y)}", path=f"{path}.x")
    return Series(texts.fit(sent.name, f"{path}.name"), tuple(sent.y), tuple(sent.x or ()))


def attachment_of(sent: AttachmentMessage, path: str, texts: Texts) -> Attachment:
    """Read a file.

    Raises:
        Reject: it has no name, or its data are not in base64; line breaks in them are taken.
    """
    if not sent.name.strip():
        raise Reject("expected a name, got an empty text", path=f"{path}.name")
    try:
        data = b64decode("".join(sent.data.split()), validate=True)
    except ValueError as exc:
        raise Reject(f"expected base64: {str(exc)[:1].lower()}{str(exc)[1:]}", path=f"{path}.data") from exc
    return Attachment(
        name=texts.fit(sent.name, f"{path}.name"),
        content_type=texts.fit(sent.content_type or UNNAMED_TYPE, f"{path}.content_type"),
        data=data,
        path=f"{path}.data",
    )


def loop_of(sent: LoopMessage) -> Loop:
    """Read a turn of a loop."""
    return Loop(
        None if sent.index is None else int(sent.index),
        None if sent.count is None else int(sent.count),
    )


def group_of(sent: str | None) -> str | None:
    """Read a group as `S`, `M` or `C`; None for a word that means none of them."""
    return _GROUPS.get((sent or "").strip().lower())
