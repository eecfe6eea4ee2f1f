"""A list resource: the OData options of a request, run on a table."""

import sqlite3
from collections.abc import Sequence

from pywats_mqtt.emulator.odata import ODataError
from pywats_mqtt.emulator.odata_sql import Fields, check_options, order_by, where
from pywats_mqtt.emulator.wire import Call, Refusal


def select(
    call: Call,
    source: str,
    fields: Fields,
    *,
    order: str,
    top: int,
    highest_top: int,
    also: frozenset[str] = frozenset(),
    given: Sequence[object] = (),
) -> list[sqlite3.Row]:
    """The rows of `source` (SQL, a table or a sub-select) that the request asks for.

    Args:
        call: The request.
        source: What to read, our own SQL.
        fields: What may be filtered and ordered by.
        order: ORDER BY terms when the request names none, and for ties.
        top: Number of rows when the request names none.
        highest_top: The most a request may ask for.
        also: Options that the caller reads beside $filter, $orderby, $top and $skip; in lower case.
        given: Values for the `?` in `source`.

    Raises:
        Refusal: 400, an option is wrong or not supported.
    """
    try:
        check_options(list(call.query), also)
        condition, values = where(call.query.get("$filter"), fields)
        ordering = order_by(call.query.get("$orderby"), fields, order)
    except ODataError as exc:
        raise Refusal(400, str(exc)) from exc
    count = call.whole("$top", highest=highest_top)
    skip = call.whole("$skip") or 0
    limit = top if count is None else count
    sql = f"SELECT * FROM {source} WHERE {condition} ORDER BY {ordering} LIMIT {limit} OFFSET {skip}"  # noqa: S608 - names and numbers are ours, values are parameters
    return call.store.rows(sql, *given, *values)
