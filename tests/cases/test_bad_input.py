"""Each message has a case for each kind of bad input; what must hold of all cases of a kind is checked here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from pywats_mqtt.messages import to_us
from pywats_mqtt.schemas.export import MESSAGES
from tests.cases.runner import CASES, RECEIVED_AT, expected


class Kind(StrEnum):
    """A kind of bad input."""

    MISSING = "a field is missing"
    WRONG_TYPE = "a field has another type"
    NAN = "NaN, which is no JSON"
    INFINITE = "1e999, which no number holds"
    HUGE = "hundreds of digits, or thousands of characters"
    DEEP = "nested too deep"
    NOT_UTF8 = "not UTF-8"
    WRONG_UNIT = "a unit that is none"
    UNKNOWN_STATUS = "a word nobody knows"
    FUTURE = "a clock that runs ahead"
    ANCIENT = "a clock that was never set"
    DUPLICATE = "the same message twice"
    OUT_OF_ORDER = "an older message after a newer one"


NO_SUCH_FIELD = ""
"""The message has no unit, or no word of a status."""

TABLE: dict[str, dict[Kind, str]] = {
    "asset-message": {
        Kind.MISSING: "asset/refused_only_unknown_fields",
        Kind.WRONG_TYPE: "asset/refused_status_is_number",
        Kind.NAN: "asset/refused_nan",
        Kind.INFINITE: "asset/refused_infinite",
        Kind.HUGE: "asset/refused_huge",
        Kind.DEEP: "asset/refused_deep_nesting",
        Kind.NOT_UTF8: "asset/refused_not_utf8",
        Kind.WRONG_UNIT: "asset/refused_wrong_unit",
        Kind.UNKNOWN_STATUS: "asset/status_warming_up",
        Kind.FUTURE: "asset/clock_ahead",
        Kind.ANCIENT: "asset/clock_never_set",
        Kind.DUPLICATE: "asset/twice",
        Kind.OUT_OF_ORDER: "asset/out_of_order",
    },
    "alert-message": {
        Kind.MISSING: "asset/refused_alert_without_code",
        Kind.WRONG_TYPE: "asset/refused_alert_wrong_type",
        Kind.NAN: "asset/refused_alert_nan",
        Kind.INFINITE: "asset/refused_alert_infinite",
        Kind.HUGE: "asset/refused_alert_huge",
        Kind.DEEP: "asset/refused_alert_nested_deep",
        Kind.NOT_UTF8: "asset/refused_alert_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "asset/refused_alert_state",
        Kind.FUTURE: "asset/alert_clock_ahead",
        Kind.ANCIENT: "asset/alert_clock_never_set",
        Kind.DUPLICATE: "asset/alert_twice",
        Kind.OUT_OF_ORDER: "asset/alert_out_of_order",
    },
    "result-message": {
        Kind.MISSING: "report/refused_no_serial_number",
        Kind.WRONG_TYPE: "report/refused_value_is_array",
        Kind.NAN: "report/refused_nan",
        Kind.INFINITE: "report/refused_infinite",
        Kind.HUGE: "report/refused_huge",
        Kind.DEEP: "report/refused_nested_too_deep",
        Kind.NOT_UTF8: "report/refused_no_utf8",
        Kind.WRONG_UNIT: "report/refused_wrong_unit",
        Kind.UNKNOWN_STATUS: "report/refused_unknown_status",
        Kind.FUTURE: "report/start_ahead",
        Kind.ANCIENT: "report/start_never_set",
        Kind.DUPLICATE: "report/twice",
        Kind.OUT_OF_ORDER: "report/out_of_order",
    },
    "repair-message": {
        Kind.MISSING: "repair/refused_without_failures",
        Kind.WRONG_TYPE: "repair/refused_wrong_type",
        Kind.NAN: "repair/refused_nan",
        Kind.INFINITE: "repair/refused_infinite",
        Kind.HUGE: "repair/refused_huge",
        Kind.DEEP: "repair/refused_nested_deep",
        Kind.NOT_UTF8: "repair/refused_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "repair/refused_unknown_status",
        Kind.FUTURE: "repair/clock_ahead",
        Kind.ANCIENT: "repair/clock_never_set",
        Kind.DUPLICATE: "repair/twice",
        Kind.OUT_OF_ORDER: "repair/out_of_order",
    },
    "software-message": {
        Kind.MISSING: "software/refused_name_missing",
        Kind.WRONG_TYPE: "software/refused_software_is_a_map",
        Kind.NAN: "software/refused_nan",
        Kind.INFINITE: "software/refused_infinite",
        Kind.HUGE: "software/refused_huge",
        Kind.DEEP: "software/refused_nested_deep",
        Kind.NOT_UTF8: "software/refused_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: NO_SUCH_FIELD,
        Kind.FUTURE: "software/clock_ahead",
        Kind.ANCIENT: "software/clock_never_set",
        Kind.DUPLICATE: "software/twice",
        Kind.OUT_OF_ORDER: "software/out_of_order",
    },
    "update-message": {
        Kind.MISSING: "software/refused_update_without_package",
        Kind.WRONG_TYPE: "software/refused_update_sequence_is_text",
        Kind.NAN: "software/refused_update_nan",
        Kind.INFINITE: "software/refused_update_infinite",
        Kind.HUGE: "software/refused_update_huge",
        Kind.DEEP: "software/refused_update_nested_deep",
        Kind.NOT_UTF8: "software/refused_update_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "software/refused_update_unknown_status",
        Kind.FUTURE: "software/update_clock_ahead",
        Kind.ANCIENT: "software/update_clock_never_set",
        Kind.DUPLICATE: "software/update_twice",
        Kind.OUT_OF_ORDER: "software/update_out_of_order",
    },
    "unit-message": {
        Kind.MISSING: "production/refused_no_serial_number",
        Kind.WRONG_TYPE: "production/refused_event_is_number",
        Kind.NAN: "production/refused_unit_nan",
        Kind.INFINITE: "production/refused_unit_infinite",
        Kind.HUGE: "production/refused_unit_huge",
        Kind.DEEP: "production/refused_unit_nested_deep",
        Kind.NOT_UTF8: "production/refused_unit_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "production/refused_unknown_event",
        Kind.FUTURE: "production/unit_clock_ahead",
        Kind.ANCIENT: "production/unit_clock_never_set",
        Kind.DUPLICATE: "production/unit_twice",
        Kind.OUT_OF_ORDER: "production/unit_out_of_order",
    },
    "operator-message": {
        Kind.MISSING: "production/refused_login_without_operator",
        Kind.WRONG_TYPE: "production/refused_operator_wrong_type",
        Kind.NAN: "production/refused_operator_nan",
        Kind.INFINITE: "production/refused_operator_infinite",
        Kind.HUGE: "production/operator_huge",
        Kind.DEEP: "production/refused_operator_nested_deep",
        Kind.NOT_UTF8: "production/refused_operator_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "production/refused_unknown_operator_event",
        Kind.FUTURE: "production/operator_clock_ahead",
        Kind.ANCIENT: "production/operator_clock_never_set",
        Kind.DUPLICATE: "production/operator_twice",
        Kind.OUT_OF_ORDER: "production/operator_out_of_order",
    },
    "utilization-message": {
        Kind.MISSING: "asset/refused_utilization_only_unknown_fields",
        Kind.WRONG_TYPE: "asset/refused_utilization_wrong_type",
        Kind.NAN: "asset/refused_utilization_nan",
        Kind.INFINITE: "asset/refused_utilization_huge",
        Kind.HUGE: "asset/refused_utilization_many_digits",
        Kind.DEEP: "asset/refused_utilization_deep_nesting",
        Kind.NOT_UTF8: "asset/refused_utilization_not_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "asset/utilization_unknown_state",
        Kind.FUTURE: "asset/utilization_clock_ahead",
        Kind.ANCIENT: "asset/utilization_clock_never_set",
        Kind.DUPLICATE: "asset/utilization_twice",
        Kind.OUT_OF_ORDER: "asset/utilization_out_of_order",
    },
    "batch-message": {
        Kind.MISSING: "production/refused_batch_without_number",
        Kind.WRONG_TYPE: "production/refused_batch_count_is_text",
        Kind.NAN: "production/refused_batch_nan",
        Kind.INFINITE: "production/refused_batch_infinite",
        Kind.HUGE: "production/refused_batch_number_of_thousands",
        Kind.DEEP: "production/refused_batch_nested_deep",
        Kind.NOT_UTF8: "production/refused_batch_no_utf8",
        Kind.WRONG_UNIT: NO_SUCH_FIELD,
        Kind.UNKNOWN_STATUS: "production/refused_batch_unknown_event",
        Kind.FUTURE: "production/batch_clock_ahead",
        Kind.ANCIENT: "production/batch_clock_never_set",
        Kind.DUPLICATE: "production/batch_twice",
        Kind.OUT_OF_ORDER: "production/batch_out_of_order",
    },
    "calibration-message": {
        Kind.MISSING: "asset/refused_calibration_only_unknown_fields",
        Kind.WRONG_TYPE: "asset/refused_calibration_deviation_is_text",
        Kind.NAN: "asset/refused_calibration_not_a_number",
        Kind.INFINITE: "asset/refused_calibration_too_large",
        Kind.HUGE: "asset/refused_calibration_many_digits",
        Kind.DEEP: "asset/refused_calibration_deep_nesting",
        Kind.NOT_UTF8: "asset/refused_calibration_not_utf8",
        Kind.WRONG_UNIT: "asset/refused_calibration_wrong_unit",
        Kind.UNKNOWN_STATUS: NO_SUCH_FIELD,
        Kind.FUTURE: "asset/calibration_clock_ahead",
        Kind.ANCIENT: "asset/calibration_clock_never_set",
        Kind.DUPLICATE: "asset/calibration_sent_twice",
        Kind.OUT_OF_ORDER: "asset/calibration_out_of_order",
    },
    "measurements-message": {
        Kind.MISSING: "report/refused_measurements_without_serial_number",
        Kind.WRONG_TYPE: "report/refused_measurements_value_is_text",
        Kind.NAN: "report/refused_measurements_value_is_nan",
        Kind.INFINITE: "report/refused_measurements_value_is_huge",
        Kind.HUGE: "report/refused_measurements_number_of_thousands",
        Kind.DEEP: "report/refused_measurements_nested_deep",
        Kind.NOT_UTF8: "report/refused_measurements_not_utf8",
        Kind.WRONG_UNIT: "report/refused_measurements_wrong_unit",
        Kind.UNKNOWN_STATUS: NO_SUCH_FIELD,
        Kind.FUTURE: "report/measurements_clock_ahead",
        Kind.ANCIENT: "report/measurements_clock_never_set",
        Kind.DUPLICATE: "report/measurements_sent_twice",
        Kind.OUT_OF_ORDER: "report/measurements_out_of_order",
    },
}
"""Message to its cases."""

TAKEN = {Kind.FUTURE, Kind.ANCIENT, Kind.DUPLICATE, Kind.OUT_OF_ORDER}
"""Bad input that is corrected, or told by what follows, and never refused."""
KEPT = {"asset/status_warming_up", "asset/utilization_unknown_state", "production/operator_huge"}
"""What is taken as it is: a status that changes no state, and the name of an operator, cut where WATS gets it."""
OLDEST_US = to_us(datetime(2000, 1, 1, tzinfo=RECEIVED_AT.tzinfo))
TIMES = {"at_us", "as_of_us", "start"}

CELLS = [
    pytest.param(kind, case, id=f"{message}-{kind.name.lower()}")
    for message, cases in TABLE.items()
    for kind, case in cases.items()
    if case
]


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_has_a_case_of_each_kind(message: str) -> None:
    """Who adds a message adds its row, and a folder for each cell."""
    assert list(TABLE[message]) == list(Kind)
    assert all((CASES / case / "message.json").exists() for case in TABLE[message].values() if case)


@pytest.mark.parametrize(("kind", "case"), CELLS)
def test_a_case_is_of_its_kind(kind: Kind, case: str) -> None:
    """Its payload has what the kind is named after."""
    payload = (CASES / case / "message.json").read_bytes()
    match kind:
        case Kind.NAN:
            assert b"NaN" in payload
        case Kind.INFINITE:
            assert b"1e999" in payload
        case Kind.HUGE:
            assert max(map(len, payload.split())) > 300
        case Kind.DEEP:
            assert payload.count(b"[") + payload.count(b"{") > 20
        case Kind.NOT_UTF8:
            with pytest.raises(UnicodeDecodeError):
                payload.decode()
        case Kind.DUPLICATE | Kind.OUT_OF_ORDER:
            assert (payload == (CASES / case / "then.json").read_bytes()) is (kind is Kind.DUPLICATE)


@pytest.mark.parametrize(("kind", "case"), CELLS)
def test_what_becomes_of_it(kind: Kind, case: str) -> None:
    """It is refused with its reason, or corrected, or told from what came before."""
    found = read(CASES / case)
    if kind not in TAKEN and case not in KEPT:
        assert found["refused"]["reason"]
        return
    times = list(times_of(found["events"]))
    assert all(OLDEST_US <= time <= to_us(RECEIVED_AT) for time in times)
    if kind is Kind.DUPLICATE:
        first, then = found["events"], found["then"]["events"]
        assert [said["identity"] for said in first] == [said["identity"] for said in then]
        assert all(said["identity"] or said in then for said in first)
    if kind is Kind.OUT_OF_ORDER:
        assert max(times_of(found["then"]["events"])) < max(times)


def read(folder: Path) -> dict[str, Any]:
    """Read what a case expects."""
    found = expected(folder)
    assert isinstance(found, dict)
    return found


def times_of(said: object) -> Iterator[int]:
    """Find the times in what was said, in microseconds since 1970 UTC."""
    if isinstance(said, list):
        for one in said:
            yield from times_of(one)
    elif isinstance(said, dict):
        for name, value in said.items():
            if name in TIMES:
                yield value if isinstance(value, int) else to_us(datetime.fromisoformat(value))
            else:
                yield from times_of(value)
