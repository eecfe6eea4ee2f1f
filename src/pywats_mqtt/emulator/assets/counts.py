"""`/api/Asset/Count`, `SetRunningCount`, `SetTotalCount` and `State`: what changes while an asset is used."""

from datetime import datetime
from sqlite3 import Row

from pywats_mqtt.emulator.assets.rows import LOG_STATE, addressed, by_number, note
from pywats_mqtt.emulator.assets.saved import STATE_LAST
from pywats_mqtt.emulator.assets.types import STATUS_OK, count_status, type_of
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Refusal, Reply, json_reply

_BELOW = """WITH RECURSIVE below (number) AS
(SELECT ? UNION SELECT a.number FROM assets a JOIN below b ON a.parent = b.number) SELECT number FROM below"""


def put_count(call: Call) -> Reply:
    """PUT /api/Asset/Count: add `incrementBy`, or what is missing to `totalCount`, to the running and the total count.

    A `totalCount` that is not above the present one changes no count: only higher values count, says the vendor's own
    client. `incrementChildren=true` adds to every asset below, too. The answer is the asset's status: `count_status`.

    Raises:
        Refusal: 400, not exactly one of the two, negative, or beyond 32 bits; 400 or 404, as `addressed`.
    """
    increment, total = call.whole("incrementBy"), call.whole("totalCount")
    children = call.flag("incrementChildren")
    if (increment is None) == (total is None):
        raise Refusal(400, "give either incrementBy or totalCount")
    row = addressed(call)
    added = increment if total is None else max(0, total - row["totalCount"])
    numbers = [found["number"] for found in call.store.rows(_BELOW, row["number"])] if children else [row["number"]]
    for number in numbers:
        add_use(call.store, number, added or 0, call.now)
    return json_reply(_status(call.store, row["number"]))


def add_use(store: Store, number: int, uses: int, now: datetime) -> None:
    """Count `uses` of an asset and note that it was seen.

    Raises:
        Refusal: 400, a counter would leave 32 bits.
    """
    row = by_number(store, number)
    if row and max(row["totalCount"], row["runningCount"]) + uses > INT32_MAX:
        raise Refusal(400, f"the counters of asset {row['serialNumber']!r} would exceed {INT32_MAX}")
    store.run(
        "UPDATE assets SET runningCount = runningCount + ?, totalCount = totalCount + ?, lastSeenDate = ?"
        " WHERE number = ?",
        uses,
        uses,
        wire_time(now),
        number,
    )


def set_running_count(call: Call) -> Reply:
    """PUT /api/Asset/SetRunningCount: the running count becomes `runningCount`; the asset's status.

    Raises:
        Refusal: 400, no number of 0 or more; 400 or 404, as `addressed`.
    """
    return _set(call, "runningCount")


def set_total_count(call: Call) -> Reply:
    """PUT /api/Asset/SetTotalCount: the total count becomes `totalCount`; the asset's status.

    Raises:
        Refusal: 400, no number of 0 or more; 400 or 404, as `addressed`.
    """
    return _set(call, "totalCount")


def _set(call: Call, name: str) -> Reply:
    value = call.whole(name)
    if value is None:
        raise Refusal(400, f"query parameter {name} is required")
    row = addressed(call)
    call.store.run(f"UPDATE assets SET {name} = ? WHERE number = ?", value, row["number"])  # noqa: S608 - one of our two column names
    return json_reply(_status(call.store, row["number"]))


def put_state(call: Call) -> Reply:
    """PUT /api/Asset/State: the state becomes `state`, 0 to 6; `true`.

    Raises:
        Refusal: 400, no such state; 400 or 404, as `addressed`.
    """
    state = call.whole("state", highest=STATE_LAST)
    if state is None:
        raise Refusal(400, "query parameter state is required")
    row = addressed(call)
    if state != row["state"]:
        call.store.run("UPDATE assets SET state = ? WHERE number = ?", state, row["number"])
        note(call.store, row, call.now, LOG_STATE, [("state", state)])
    return json_reply(value=True)


def _status(store: Store, number: int) -> int:
    row: Row | None = by_number(store, number)
    kind = type_of(store, row["typeId"]) if row else None
    return count_status(kind, row["runningCount"], row["totalCount"]) if row and kind else STATUS_OK
