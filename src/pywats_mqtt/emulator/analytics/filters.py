"""The filter that all analyses take, as SQL on the reports table. Pure.

Texts may hold several values with `;` between them, `%` for any characters and `_` for one. A filter that is not
known here is refused: figures over more than what was asked for would be wrong without a word.
"""

from pywats_mqtt.emulator.fields import MAX_TEXT, JsonObject, text, time, whole
from pywats_mqtt.emulator.wire import Refusal

LONGEST_FILTER = 10 * MAX_TEXT
MOST_ROWS = 10_000

_COLUMNS = {
    "serialNumber": "serialNumber",
    "partNumber": "partNumber",
    "revision": "revision",
    "batchNumber": "batchNumber",
    "stationName": "stationName",
    "testOperation": "processName",
    "status": "result",
    "swFilename": "swFilename",
    "swVersion": "swVersion",
}
_ELSEWHERE = frozenset({"dateFrom", "dateTo", "topCount", "maxCount", "dimensions", "includeCurrentPeriod"})


def condition_of(source: JsonObject) -> tuple[str, list[object]]:
    """A condition and its parameters.

    Raises:
        Refusal: 400, a filter is unknown or of the wrong kind.
    """
    unknown = [name for name, value in source.items() if value is not None and name not in _COLUMNS.keys() | _ELSEWHERE]
    if unknown:
        known = ", ".join([*_COLUMNS, "dateFrom", "dateTo", "topCount", "maxCount"])
        raise Refusal(400, f"{unknown[0]:.40}: the emulator has no such filter; use {known}")
    terms, values = ["NOT quarantined"], list[object]()
    for name, column in _COLUMNS.items():
        choices = [choice for choice in (text(source, name, LONGEST_FILTER) or "").split(";") if choice]
        if choices:
            terms.append(f"({' OR '.join([f'{column} LIKE ?'] * len(choices))})")
            values += choices
    for name, operator in (("dateFrom", ">="), ("dateTo", "<=")):
        moment = time(source, name)
        if moment is not None:
            terms.append(f"start {operator} ?")
            values.append(moment)
    return " AND ".join(terms), values


def rows_wanted(source: JsonObject) -> int:
    """The lower of `topCount` and `maxCount`, `MOST_ROWS` without both.

    Raises:
        Refusal: 400, one is no number from 0 on.
    """
    given = [whole(source, name, lowest=0) for name in ("topCount", "maxCount")]
    return min([MOST_ROWS, *(count for count in given if count is not None)])
