"""A repair becomes one report, linked to the test that failed, with failure codes that the server knows.

Each repair costs one call, and a second one where the failed test or its operation has to be looked up. The codes of a
repair operation are read once an hour, and once more before a failure is refused for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Failure, Repair
from pywats_mqtt.ports import Clock, KnownTest, Notes, Wats

CODES_KEPT = 100
"""Repair operations whose codes are remembered: more than a plant has, also where a device invents some."""

KEEP_S = 3_600.0
"""Codes are seldom changed, and a new one is found before it is refused."""

UNCHECKED = "failure_codes"
UNLINKED = "failed_test"
"""Names of the misc infos that say what could not be done."""

Codes: TypeAlias = Mapping[str, Sequence[str]]


class _Kept(msgspec.Struct, frozen=True):
    """Codes of an operation, None where the server does not say; and when they were read."""

    codes: Codes | None
    read_at: float


class RepairHandler:
    """The handler of repairs, and the failure codes it knows; one instance for one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[int | None, _Kept] = {}

    async def handle(self, event: Repair, wats: Wats, notes: Notes) -> None:  # noqa: ARG002 - one signature for all
        """Check, link and store the report; sent again it overwrites itself.

        Raises:
            Reject: the server has no such category or code.
        """
        remarks: list[tuple[str, str]] = []
        event = await self._checked(event, wats, remarks)
        event = await _linked(event, wats, remarks)
        await wats.submit_repair(msgspec.structs.replace(event, misc=event.misc + tuple(remarks)))

    async def _checked(self, event: Repair, wats: Wats, remarks: list[tuple[str, str]]) -> Repair:
        kept = self._kept.get(event.repair_code)
        if kept is not None and self._clock.monotonic() < kept.read_at + KEEP_S:
            try:
                return _spelled(event, kept.codes, remarks)
            except Reject:
                remarks.clear()
        codes = await wats.repair_codes(event.repair_code)
        if len(self._kept) >= CODES_KEPT:
            self._kept.clear()
        self._kept[event.repair_code] = _Kept(codes, self._clock.monotonic())
        return _spelled(event, codes, remarks)


def _spelled(event: Repair, codes: Codes | None, remarks: list[tuple[str, str]]) -> Repair:
    """Give the repair with categories and codes as the server spells them."""
    if codes is None:
        remarks.append((UNCHECKED, "not checked: the server does not tell them"))
        return event
    return msgspec.structs.replace(
        event,
        failures=tuple(_known(failure, codes) for failure in event.failures),
        parts=tuple(
            msgspec.structs.replace(part, failures=tuple(_known(failure, codes) for failure in part.failures))
            for part in event.parts
        ),
    )


def _known(failure: Failure, codes: Codes) -> Failure:
    category = _named(failure.category, list(codes), "category", failure.path)
    code = _named(failure.code, codes[category], f"code of {category}", failure.path, "code")
    return msgspec.structs.replace(failure, category=category, code=code)


def _named(sent: str, known: Sequence[str], what: str, path: str, field: str = "category") -> str:
    if sent in known:
        return sent
    alike = [name for name in known if name.casefold() == sent.casefold()]
    if not alike:
        raise Reject(f"{sent!r} is no {what} in WATS; known are {', '.join(known)}"[:500], path=f"{path}.{field}")
    return alike[0]


async def _linked(event: Repair, wats: Wats, remarks: list[tuple[str, str]]) -> Repair:
    """Give the repair with its failed test and the operation of that."""
    found: KnownTest | None = None
    if event.failed_test is None:
        found = await wats.failed_test(event.serial_number, event.part_number, event.start)
        if found is None:
            remarks.append((UNLINKED, "WATS has no failed test of this unit before the repair"))
    elif event.operation_code is None:
        found = await wats.known_test(event.failed_test)
        if found is None:
            remarks.append((UNLINKED, "its report was not in WATS when this one was sent"))
    if found is None:
        return event
    code = found.operation_code if event.operation_code is None else event.operation_code
    return msgspec.structs.replace(event, failed_test=found.report_id, operation_code=code)
