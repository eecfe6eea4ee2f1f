"""What the bridge asks of WATS, done through a session. Each method is one or two calls; calls are what is scarce."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.clocks.server import DATE_US, ServerClock
from pywats_mqtt.clocks.starts import Report as Dated
from pywats_mqtt.clocks.starts import not_after
from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Repair, TestResult
from pywats_mqtt.limits.values import AssetStatus, AssetType
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Asset, Clock, KnownTest, Notes, Unit, instant
from pywats_mqtt.software.packages import Package
from pywats_mqtt.wats import limits, lookups
from pywats_mqtt.wats.assets import Wire, asset_of, equals, named, path_key, rows, with_tags
from pywats_mqtt.wats.outcomes import Answer, Call, Missing, problem_of_report_answer
from pywats_mqtt.wats.production import ProductionCalls
from pywats_mqtt.wats.quota import Policy, Quota
from pywats_mqtt.wats.rate import Rate
from pywats_mqtt.wats.repairs import repair_code, wsjf_repair
from pywats_mqtt.wats.reports import wsjf
from pywats_mqtt.wats.session import Session
from pywats_mqtt.wats.software import packages_of
from pywats_mqtt.wats.steps import Report

_VERSION = Call("GET", "/api/App/Version")
_SUBMIT = Call("POST", "/api/Report/WSJF")
_LIST = Call("GET", "/api/Asset")
_SAVE = Call("PUT", "/api/Asset")
_COUNT = Call("PUT", "/api/Asset/Count", missing=Missing.THING)
_RUNNING = Call("PUT", "/api/Asset/SetRunningCount", missing=Missing.THING, route=Missing.ABILITY)
_RESET = Call("POST", "/api/Asset/ResetRunningCount", missing=Missing.THING)
_STATE = Call("PUT", "/api/Asset/State", missing=Missing.THING)
_MESSAGE = Call("POST", "/api/Asset/Message", missing=Missing.THING)
_LOG = Call("GET", "/api/Asset/Log")
_TYPES = Call("GET", "/api/Asset/Types")
_SAVE_TYPE = Call("PUT", "/api/Asset/Types")
_PACKAGES = Call("GET", "/api/Software/Packages", missing=Missing.ABILITY, route=Missing.ABILITY)

_IN_OPERATION = 1

LOG_ROWS = 100
"""Newest rows of an asset's log that are looked through for a line: more than is written between two tries."""

_MARGIN_US = 1_000
"""What is known of the server's clock wanders by half of that in a second, where no answer comes meanwhile."""

_MOST_WAITED_US = 3_000_000
"""`Date` cuts off a second, and the way of an answer is not known either; a start that is further ahead is wrong."""

_WAITS = 3
"""An answer that comes meanwhile may tell that the server is a little later than was known."""

Value = TypeVar("Value")


class PywatsClient:
    """The port `Wats` on a real server.

    What it remembers of assets are their ids and that of their type, which never change; counts, states and tags are
    read anew each time. Changes that read and write back are serialised per asset.
    """

    def __init__(
        self,
        config: WatsConfig,
        notes: Notes,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        policy: Policy | None = None,
        *,
        server: ServerClock | None = None,
        backlog: bool = False,
        on_rate: Callable[[Rate], None] | None = None,
    ) -> None:
        """Prepare the client; nothing is sent. To be used as an async context manager, on one event loop.

        Args:
            config: the server, and what reports and assets get where a device says nothing.
            notes: where the quota remembers its calls.
            clock: the time.
            sleep: how the quota waits, and a report for its start to be past.
            policy: whose call is next; first come, first served where none is given.
            server: learns the server's time, after which no report is dated.
            backlog: much is owed, so begin slowly.
            on_rate: told how fast the server is called, where that is below the limit, or was.

        Raises:
            Fatal: the address or the token is missing or unusable.
        """
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._server = ServerClock(0) if server is None else server
        quota = Quota(config.requests_per_minute, notes, clock, sleep, policy, backlog=backlog, on_rate=on_rate)
        self._session = Session(config, quota, clock, self._server)
        self._production = ProductionCalls(self._session)
        self._ids: dict[str, str] = {}
        self._type_id: str | None = None
        self._type_lock = asyncio.Lock()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __aenter__(self) -> Self:
        """Make the HTTP client."""
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._session.__aexit__(kind, error, trace)

    async def reach(self) -> None:
        """Ask for the server's version: tells that it is there and takes the token. One call."""
        await self._session.call(_VERSION)

    async def submit_report(self, result: TestResult) -> None:
        """Store a UUT report; done when the answer names its id."""
        await self._submit(wsjf(await self._dated(result), self._config), result.report_id)

    async def submit_repair(self, repair: Repair) -> None:
        """Store a UUR report; done when the answer names its id."""
        await self._submit(wsjf_repair(await self._dated(repair), self._config), repair.report_id)

    async def _dated(self, report: Dated) -> Dated:
        """Give the report with a start that is not in the server's future.

        `Date` tells the server's time to a second and the way of its answer at first, so what begins now may seem ahead
        of it. That is waited for: it would be moved for what we do not know, and a right clock called wrong.
        """
        for _ in range(_WAITS):
            ahead_us = to_us(report.start) - self._latest_us()
            if not 0 < ahead_us <= self._waited_us():
                break
            await self._sleep((ahead_us + _MARGIN_US) / 1e6)
        return not_after(report, self._latest_us())

    def _waited_us(self) -> int:
        """Tell how far ahead a start may be of what is surely past, and yet be right."""
        known = self._server.bounds
        unknown_us = 0 if known is None else known.high_us - known.low_us
        return max(DATE_US, min(unknown_us, _MOST_WAITED_US))

    def _latest_us(self) -> int:
        return self._server.latest_us(instant(self._clock))

    async def _submit(self, report: Report, report_id: UUID) -> None:
        answer = await self._session.call(_SUBMIT, body=report)
        problem = problem_of_report_answer(answer, report_id, _SUBMIT)
        if problem is not None:
            raise problem

    async def known_test(self, report_id: UUID) -> KnownTest | None:
        """Look for the report of a test."""
        return await lookups.known_test(self._session, report_id)

    async def failed_test(self, serial_number: str, part_number: str, before: datetime) -> KnownTest | None:
        """Look for a unit's newest failed test."""
        return await lookups.failed_test(self._session, serial_number, part_number, before)

    async def repair_codes(self, operation_code: int | None) -> Mapping[str, tuple[str, ...]] | None:
        """Read the failure codes of a repair operation."""
        return await lookups.repair_codes(self._session, repair_code(operation_code, self._config))

    async def asset(self, serial_number: str) -> Asset:
        """Read an asset with its tags; one call once its id is known."""
        async with self._lock(serial_number):
            return _read(asset_of, await self._wire(serial_number), _LIST)

    async def set_total_count(self, serial_number: str, total: int) -> None:
        """Make the total count `total`; `PUT /api/Asset/Count?totalCount=`, absolute and so never counted twice."""
        await self._session.call(_COUNT, {"serialNumber": serial_number, "totalCount": total})

    async def set_running_count(self, serial_number: str, running: int) -> None:
        """Make the running count `running`; refused (scope CALL) without the permission, and by servers before 25.3."""
        await self._session.call(_RUNNING, {"serialNumber": serial_number, "runningCount": running})

    async def reset_running_count(self, serial_number: str, comment: str) -> None:
        """Make the running count 0."""
        await self._session.call(_RESET, {"serialNumber": serial_number, "comment": comment})

    async def set_state(self, serial_number: str, state: int) -> None:
        """Set the asset's state."""
        async with self._lock(serial_number):
            await self._session.call(_STATE, {"serialNumber": serial_number, "state": state})

    async def log_message(self, serial_number: str, text: str, *, perhaps_there: bool) -> None:
        """Write a line to the asset's log; pywats' own call sends what the server does not read."""
        if perhaps_there:
            answer = await self._session.call(
                _LOG, {"$filter": equals("serialNumber", serial_number), "$top": LOG_ROWS}
            )
            if any(text in row.values() for row in rows(answer.data)):
                return
        await self._session.call(_MESSAGE, {"serialNumber": serial_number}, body={"content": text})

    async def set_tags(self, serial_number: str, tags: Mapping[str, str]) -> None:
        """Read the asset, merge the tags into its own and write it back; no write where they say nothing new."""
        async with self._lock(serial_number):
            wire = await self._wire(serial_number)
            changed = _read(lambda known: with_tags(known, tags), wire, _LIST)
            if changed is not None:
                await self._session.call(_SAVE, body=changed)

    async def asset_types(self) -> Sequence[AssetType]:
        """Read all types of assets; one call."""
        return await limits.asset_types(self._session)

    async def asset_status(self, serial_number: str) -> AssetStatus:
        """Read the status of an asset; one call."""
        return await limits.asset_status(self._session, serial_number)

    async def record_calibration(
        self, serial_number: str, at: datetime, comment: str, *, external_due: datetime | None = None
    ) -> None:
        """Note a calibration; one call, which counts twice when it is made twice."""
        await limits.record_calibration(self._session, serial_number, at, comment, external_due)

    async def unit(self, serial_number: str, part_number: str) -> Unit | None:
        """Read a unit; one call."""
        return await self._production.unit(serial_number, part_number)

    async def save_units(self, units: Sequence[Unit]) -> Sequence[Reject | None]:
        """Save units; one call where the server takes them all."""
        return await self._production.save_units(units)

    async def set_unit_phase(self, serial_number: str, part_number: str, phase: int) -> None:
        """Set a unit's phase."""
        await self._production.set_unit_phase(serial_number, part_number, phase)

    async def set_unit_process(self, serial_number: str, part_number: str, name: str) -> None:
        """Set a unit's operation, by its name."""
        await self._production.set_unit_process(serial_number, part_number, name)

    async def save_batch(self, number: str, size: int) -> None:
        """Make a batch, or change its size; one call."""
        await self._production.save_batch(number, size)

    async def operations(self) -> Mapping[int, str]:
        """Read the names of all operations."""
        return await self._production.operations()

    async def ensure_product(self, part_number: str, revision: str) -> None:
        """Make a product and its revision where they are missing; no call once they were there."""
        await self._production.ensure_product(part_number, revision)

    async def packages(self) -> Sequence[Package]:
        """Read all packages; one call."""
        answer = await self._session.call(_PACKAGES)
        try:
            return tuple(packages_of(answer.data))
        except msgspec.ValidationError as exc:
            raise _unreadable(_PACKAGES, answer) from exc

    def _lock(self, serial_number: str) -> asyncio.Lock:
        lock = self._locks.get(serial_number)
        if lock is None:
            lock = self._locks[serial_number] = asyncio.Lock()
        return lock

    async def _wire(self, serial_number: str) -> Wire:
        """Read the asset as it is sent, or make it."""
        found = await self._find(serial_number)
        if found is not None:
            return found
        if not self._config.create_assets:
            raise Reject(
                f"there is no asset {serial_number!r} in WATS and wats.create_assets is off; "
                "make the asset, or turn it on"
            )
        return await self._create(serial_number)

    async def _find(self, serial_number: str) -> Wire | None:
        """Read by id, else by serial number in the path where that is safe, else by a filter, which tells the id."""
        for key in (self._ids.get(serial_number), path_key(serial_number)):
            wire = await self._get(key, serial_number) if key else None
            if wire is not None:
                return wire
        self._ids.pop(serial_number, None)
        answer = await self._session.call(_LIST, {"$filter": equals("serialNumber", serial_number), "$top": 10})
        listed = named(_list(answer, _LIST), "serialNumber", serial_number)
        if listed is None:
            return None
        return await self._get(_read(asset_of, listed, _LIST).id, serial_number)

    async def _get(self, key: str, serial_number: str) -> Wire | None:
        call = Call("GET", f"/api/Asset/{key}", missing=Missing.THING)
        answer = await self._session.look_up(call)
        wire = named([answer.data], "serialNumber", serial_number) if answer else None
        if wire is not None:
            self._ids[serial_number] = _read(asset_of, wire, call).id
        return wire

    async def _create(self, serial_number: str) -> Wire:
        type_was_known = self._type_id is not None
        body = {
            "serialNumber": serial_number,
            "typeId": await self._asset_type(),
            "assetName": serial_number,
            "state": _IN_OPERATION,
        }
        try:
            answer = await self._session.call(_SAVE, body=body)
        except Reject:
            self._type_id = None  # perhaps somebody deleted the type since we looked
            if type_was_known:
                return await self._create(serial_number)
            raise
        wire = named([answer.data], "serialNumber", serial_number)
        if wire is None:
            raise _unreadable(_SAVE, answer)
        self._ids[serial_number] = _read(asset_of, wire, _SAVE).id
        return wire

    async def _asset_type(self) -> str:
        """Give the id of the configured asset type; make it where it is missing."""
        async with self._type_lock:
            if self._type_id is None:
                name = self._config.asset_type
                answer = await self._session.call(_TYPES, {"$filter": equals("typeName", name), "$top": 10})
                known = named(_list(answer, _TYPES), "typeName", name)
                if known is None:
                    answer = await self._session.call(_SAVE_TYPE, body={"typeName": name})
                    known = named([answer.data], "typeName", name)
                if known is None or not known.get("typeId"):
                    raise _unreadable(_SAVE_TYPE, answer)
                self._type_id = str(known["typeId"])
            return self._type_id


def _list(answer: Answer, call: Call) -> object:
    if not isinstance(answer.data, list):
        raise _unreadable(call, answer)
    return answer.data


def _unreadable(call: Call, answer: Answer) -> Retry:
    return Retry(
        f"{call}: success, but not the answer that is described: {answer.body[:80]!r}",
        scope=Scope.DELIVERY,
        cause="unreadable answer",
    )


def _read(read: Callable[[Wire], Value], wire: Wire, call: Call) -> Value:
    try:
        return read(wire)
    except msgspec.ValidationError as exc:
        raise Retry(f"{call}: not an asset: {exc}", scope=Scope.DELIVERY, cause="unreadable answer") from exc
