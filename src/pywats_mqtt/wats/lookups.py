"""Tests and failure codes looked up in WATS, for repairs and for results that may be there already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.ports import KnownTest
from pywats_mqtt.wats.assets import equals
from pywats_mqtt.wats.outcomes import Answer, Call
from pywats_mqtt.wats.repairs import Header, codes_of, known_tests, newest_failed
from pywats_mqtt.wats.session import Session

_HEADERS = Call("GET", "/api/Report/Query/Header")
_CODES = Call("GET", "/api/internal/Process/GetRepairOperations")

_LOOKED_AT = 50
"""Newest tests of a unit among which the failed one is looked for: more than a unit is tested between two repairs."""

_TELLS_NOTHING = frozenset({"401", "403", "404", "405", "410", "500", "login page", "redirect"})
"""Causes that say of an internal route only that it is not for us; a bad token shows itself in the calls after it."""


async def known_test(session: Session, report_id: UUID) -> KnownTest | None:
    """Look for a report by its id; ids stand unquoted in OData filters (4.01, 5.1.1.14.1)."""
    answer = await session.call(_HEADERS, {"$filter": f"uuid eq {report_id}", "$top": 1})
    headers = _read(answer)
    return KnownTest(headers[0].uuid, headers[0].process_code) if headers else None


async def failed_test(session: Session, serial_number: str, part_number: str, before: datetime) -> KnownTest | None:
    """Look for a unit's newest failed test among its newest tests."""
    wanted = [equals("serialNumber", serial_number), equals("reportType", "T")]
    if part_number:
        wanted.append(equals("partNumber", part_number))
    options: dict[str, str | int] = {"$filter": " and ".join(wanted), "$orderby": "start desc", "$top": _LOOKED_AT}
    return newest_failed(_read(await session.call(_HEADERS, options)), before)


async def repair_codes(session: Session, operation_code: int) -> Mapping[str, tuple[str, ...]] | None:
    """Read what a repair operation knows, on a route that WATS keeps for its own pages and may not let us use."""
    try:
        answer = await session.call(_CODES)
    except Retry as problem:
        if problem.scope is Scope.CALL or problem.cause in _TELLS_NOTHING:
            return None
        raise
    except Reject:
        return None
    return codes_of(answer.data, operation_code)


def _read(answer: Answer) -> list[Header]:
    try:
        return known_tests(answer.data)
    except msgspec.ValidationError as exc:
        raise Retry(
            f"{_HEADERS}: not a list of reports: {exc}", scope=Scope.DELIVERY, cause="unreadable answer"
        ) from exc
