"""What changes while an asset is used: `/api/Asset/Count`, the counts set by hand or reset, and `State`."""

from datetime import datetime
from sqlite3 import Row

from pywats_mqtt.emulator.assets.children import below
from pywats_mqtt.emulator.assets.rows import LOG_RESET, LOG_STATE, LOG_UPDATE, addressed, by_number, comment_of, note
from pywats_mqtt.emulator.assets.saved import STATE_LAST
from pywats_mqtt.emulator.assets.status import count_reply
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.settings import LowerTotal
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Refusal, Reply, json_reply


def put_count(call: Call) -> Reply:
    """PUT /api/Asset/Count: add `incrementBy`, or what is missing to `totalCount`, to the running and the total count.

    A `totalCount` below the present one changes no count, as only higher values count for the vendor's own client, or
    is refused where the settings say so. `incrementChildren=true` adds to every asset below, too. The log
    gets no row, as `log` says. The answer is the asset's status: `count_reply`.

    Raises:
        Refusal: 400, not exactly one of the two, negative, beyond 32 bits, or a lower total that is not ignored; 400 or
            404, as `addressed`.
    """
    increment, total = call.whole("incrementBy"), call.whole("totalCount")
    children = call.flag("incrementChildren")
    if (increment is None) == (total is None):
        raise Refusal(400, "give either incrementBy or totalCount")
    row = addressed(call)
    if total is not None and total < row["totalCount"] and call.settings.lower_total is LowerTotal.REFUSE:
        raise Refusal(400, f"totalCount: {total} is below the present {row['totalCount']}; SetTotalCount can lower it")
    added = increment if total is None else max(0, total - row["totalCount"])
    for counted in (row, *(below(call.store, row["number"]) if children else ())):
        add_use(call.store, counted["number"], added or 0, call.now)
    return count_reply(call, row["number"])


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
    """PUT /api/Asset/SetRunningCount: the running count becomes `runningCount`; `count_reply`.

    Raises:
        Refusal: 400, no number of 0 or more; 400 or 404, as `addressed`.
    """
    return _set(call, "runningCount")


def set_total_count(call: Call) -> Reply:
    """PUT /api/Asset/SetTotalCount: the total count becomes `totalCount`; `count_reply`.

    Raises:
        Refusal: 400, no number of 0 or more; 400 or 404, as `addressed`.
    """
    return _set(call, "totalCount")


def _set(call: Call, name: str) -> Reply:
    value = call.whole(name)
    if value is None:
        raise Refusal(400, f"query parameter {name} is required")
    row = addressed(call)
    if value != row[name]:
        call.store.run(f"UPDATE assets SET {name} = ? WHERE number = ?", value, row["number"])  # noqa: S608 - one of our two column names
        note(call.store, row, call.now, LOG_UPDATE, (name, value))
    return count_reply(call, row["number"])


def post_reset(call: Call) -> Reply:
    """POST /api/Asset/ResetRunningCount: the running count becomes 0, and the log has `comment`; a sentence.

    Raises:
        Refusal: 400, too long a comment; 400 or 404, as `addressed`.
    """
    row = addressed(call)
    reset_running(call, row, comment_of(call))
    return json_reply(f"The running count of asset {row['assetId']} is reset.")


def reset_running(call: Call, row: Row, comment: str | None) -> None:
    """Begin the running count of an asset anew; a log row says so, also where it was 0 already."""
    call.store.run("UPDATE assets SET runningCount = 0 WHERE number = ?", row["number"])
    note(call.store, row, call.now, LOG_RESET, ("runningCount", 0), comment=comment)


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
        note(call.store, row, call.now, LOG_STATE, ("state", state))
    return json_reply(value=True)
