"""Units, their phases and operations, and their products: the production half of the port, through a session.

Several units go in one `PUT /api/Production/Units`. Of its answer only `errorCount` is public; so where it is not 0 the
units are sent again in halves until each one with an error stands alone: saving a unit twice does no harm, and no
unit's fate hangs on a text that another server may word otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.ports import Unit
from pywats_mqtt.wats.outcomes import MAX_QUOTE, Answer, Call, Missing
from pywats_mqtt.wats.session import Session

# A server without the Production module may lack its routes: these calls wait then, and all others go on.
_SAVE = Call("PUT", "/api/Production/Units", missing=Missing.ABILITY, route=Missing.ABILITY)
_PHASE = Call("PUT", "/api/Production/SetUnitPhase", missing=Missing.THING, route=Missing.ABILITY)
_PROCESS = Call("PUT", "/api/Production/SetUnitProcess", missing=Missing.THING, route=Missing.ABILITY)
_BATCHES = Call("PUT", "/api/Production/Batches", missing=Missing.ABILITY, route=Missing.ABILITY)
_OPERATIONS = Call("GET", "/api/App/Processes")
_PRODUCT = Call("PUT", "/api/Product")
_REVISION = Call("PUT", "/api/Product/Revision")

Outcome: TypeAlias = Reject | None
Value = TypeVar("Value")


class _Unit(msgspec.Struct, rename="camel"):
    """The fields we read; a server may send null for nothing."""

    serial_number: str
    part_number: str
    revision: str | None = None
    current_location: str | None = None
    unit_phase_id: int | None = None
    process_code: str | int | None = None


class _Saved(msgspec.Struct, rename="camel"):
    error_count: int = 0


class _Operation(msgspec.Struct):
    code: int
    name: str


class _Revision(msgspec.Struct):
    revision: str


class _Product(msgspec.Struct, rename="camel"):
    part_number: str
    product_id: str | None = None
    revisions: list[_Revision] | None = None


class ProductionCalls:
    """The calls; `PywatsClient` has them as its own. What they remember is which products are there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._products: dict[str, set[str]] = {}
        self._making = asyncio.Lock()

    async def unit(self, serial_number: str, part_number: str) -> Unit | None:
        """Read a unit."""
        path = f"/api/Production/Unit/{quote(serial_number, safe='')}/{quote(part_number, safe='')}"
        call = Call("GET", path)
        answer = await self._session.look_up(call)
        if answer is None:
            return None
        read = _read(answer, call, _Unit)
        return Unit(
            serial_number=serial_number,
            part_number=part_number,
            revision=read.revision or "",
            location=read.current_location or "",
            phase=read.unit_phase_id or 0,
            process="" if read.process_code is None else str(read.process_code),
        )

    async def save_units(self, units: Sequence[Unit]) -> list[Outcome]:
        """Save units in one call, or in as few as tell which of them WATS does not take.

        An answer that counts no errors has none: to ask again would be to ask for ever.
        """
        try:
            answer = await self._session.call(_SAVE, body=[_wire(unit) for unit in units])
        except Reject as refused:
            problem = refused
        else:
            if not _read(answer, _SAVE, _Saved).error_count:
                return [None] * len(units)
            problem = Reject(f"{_SAVE}: {_errors(answer)}")
        if len(units) == 1:
            return [problem]
        half = len(units) // 2
        return [*await self.save_units(units[:half]), *await self.save_units(units[half:])]

    async def set_unit_phase(self, serial_number: str, part_number: str, phase: int) -> None:
        """Set the phase; by number, since a name would cost pywats another call."""
        await self._session.call(_PHASE, {"serialNumber": serial_number, "partNumber": part_number, "phase": phase})

    async def set_unit_process(self, serial_number: str, part_number: str, name: str) -> None:
        """Set the operation; by `processName`, where pywats sends a code that servers refuse."""
        await self._session.call(
            _PROCESS, {"serialNumber": serial_number, "partNumber": part_number, "processName": name}
        )

    async def save_batch(self, number: str, size: int) -> None:
        """Save a batch; the answer is not described, and where it counts errors as that for units does, they count."""
        answer = await self._session.call(_BATCHES, body=[{"batchNumber": number, "batchSize": size}])
        if isinstance(answer.data, dict) and answer.data.get("errorCount"):
            raise Reject(f"{_BATCHES}: {_errors(answer)}")

    async def operations(self) -> Mapping[int, str]:
        """Read the operations."""
        answer = await self._session.call(_OPERATIONS)
        return {operation.code: operation.name for operation in _read(answer, _OPERATIONS, list[_Operation])}

    async def ensure_product(self, part_number: str, revision: str) -> None:
        """Make a product and a revision where they are missing; what was there once is not asked for again."""
        async with self._making:
            if revision in self._products.get(part_number, ()):
                return
            call = Call("GET", f"/api/Product/{quote(part_number, safe='')}")
            answer = await self._session.look_up(call)
            if answer is None:
                answer = await self._session.call(_PRODUCT, body={"partNumber": part_number, "name": part_number})
            product = _read(answer, call, _Product)
            known = {entry.revision for entry in product.revisions or ()}
            if revision not in known:
                named = {"productId": product.product_id} if product.product_id else {"partNumber": part_number}
                await self._session.call(_REVISION, body={**named, "revision": revision})
            self._products[part_number] = known | {revision}


def _wire(unit: Unit) -> dict[str, str]:
    wire = {
        "serialNumber": unit.serial_number,
        "partNumber": unit.part_number,
        "revision": unit.revision,
        "currentLocation": unit.location,
    }
    return {name: value for name, value in wire.items() if value}


def _errors(answer: Answer) -> str:
    """Give what the server says of errors, in whatever form; the form is not public."""
    data = answer.data
    said = data.get("errors") if isinstance(data, dict) else None
    words = said or data
    text = "; ".join(map(str, words)) if isinstance(words, list) else str(words)
    return text[:MAX_QUOTE]


def _read(answer: Answer, call: Call, kind: type[Value]) -> Value:
    try:
        return msgspec.convert(answer.data, kind)
    except msgspec.ValidationError as exc:
        said = f"{call}: success, but not the answer that is described: {exc}"
        raise Retry(said, scope=Scope.DELIVERY, cause="unreadable answer") from exc
