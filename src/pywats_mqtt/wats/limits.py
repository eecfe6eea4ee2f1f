"""Limits of assets and their calibrations: what WATS says of them, and what it is told; through a session.

`/api/Asset/Status` has two public descriptions that do not agree (pywats' tests, the C# client): both are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.limits.values import AssetStatus, AssetType, Level
from pywats_mqtt.wats.outcomes import Call, Missing
from pywats_mqtt.wats.session import Session
from pywats_mqtt.wats.times import wire_time

_TYPES = Call("GET", "/api/Asset/Types")
_STATUS = Call("GET", "/api/Asset/Status", missing=Missing.THING, route=Missing.ABILITY)
_CALIBRATION = Call("POST", "/api/Asset/Calibration", missing=Missing.THING, route=Missing.ABILITY)
_EXTERNAL = Call("POST", "/api/Asset/Calibration/External", missing=Missing.THING, route=Missing.ABILITY)

_ALL_TYPES = 10_000
"""More than anybody has; a server shows a thousand unless asked for more."""

_PYWATS = {0: Level.OK, 1: Level.WARNING, 2: Level.ALARM}
_CSHARP = {0: Level.OK, 2: Level.WARNING, 3: Level.ALARM}
"""1 is not registered, 4 and 5 are errors: they say nothing of limits."""


Shape = TypeVar("Shape")


class _Type(msgspec.Struct, rename="camel"):
    type_id: str
    type_name: str
    running_count_limit: int | float | None = None
    total_count_limit: int | float | None = None
    calibration_interval: float | None = None
    maintenance_interval: float | None = None
    warning_threshold: float | None = None
    alarm_threshold: float | None = None


class _Status(msgspec.Struct, rename="camel"):
    alarm_state: int | None = None
    status: int | None = None
    message: str | None = None
    running_count: int | None = None
    total_count: int | None = None


async def asset_types(session: Session) -> Sequence[AssetType]:
    """Read all types."""
    return types_of((await session.call(_TYPES, {"$top": _ALL_TYPES})).data)


async def asset_status(session: Session, serial_number: str) -> AssetStatus:
    """Read the status of an asset."""
    return status_of((await session.call(_STATUS, {"serialNumber": serial_number, "translate": "false"})).data)


async def record_calibration(
    session: Session, serial_number: str, at: datetime, comment: str, external_due: datetime | None
) -> None:
    """Note a calibration."""
    params: dict[str, str | int] = {"serialNumber": serial_number, "comment": comment}
    if external_due is None:
        await session.call(_CALIBRATION, params | {"dateTime": wire_time(at)})
    else:
        await session.call(_EXTERNAL, params | {"fromDate": wire_time(at), "toDate": wire_time(external_due)})


def types_of(sent: object) -> Sequence[AssetType]:
    """Read types from an answer.

    Raises:
        Retry: it is no list of types.
    """
    return [
        AssetType(
            id=kind.type_id.lower(),
            name=kind.type_name,
            running_limit=_whole(kind.running_count_limit),
            total_limit=_whole(kind.total_count_limit),
            calibration_days=kind.calibration_interval,
            maintenance_days=kind.maintenance_interval,
            warning_percent=kind.warning_threshold,
            alarm_percent=kind.alarm_threshold,
        )
        for kind in _read(sent, _TYPES, list[_Type])
    ]


def status_of(sent: object) -> AssetStatus:
    """Read a status from an answer.

    Raises:
        Retry: it is none.
    """
    read = _read(sent, _STATUS, _Status)
    if read.alarm_state is not None:
        level = _PYWATS.get(read.alarm_state)
    else:
        level = None if read.status is None else _CSHARP.get(read.status)
    return AssetStatus(
        level=level,
        message=read.message or "",
        running=read.running_count,
        total=read.total_count,
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _read(sent: object, call: Call, shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(sent, shape)
    except msgspec.ValidationError as exc:
        raise Retry(
            f"{call}: not the answer that is described: {exc}", scope=Scope.DELIVERY, cause="unreadable answer"
        ) from exc
