"""Whatever a device sends as a result is refused with a place, or is a report that WATS takes and pywats reads."""

from __future__ import annotations

from base64 import b64encode

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pywats.domains.report.report_models import UUTReport

from pywats_mqtt.adapters.comparisons import OF_TEXTS, ONE_LIMIT, TWO_LIMITS
from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.emulator.reports.rules import problems_of
from pywats_mqtt.events import TestResult
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Rejection
from pywats_mqtt.wats.reports import wsjf

ROUTES = RouteTable(TopicConfig())
CONFIG = WatsConfig(count_from="reports", count_from_exceptions=("A",))

TEXTS = st.text(max_size=8) | st.just("x" * 101)
NUMBERS = st.floats(min_value=-1e300, max_value=1e300) | st.integers(min_value=-2, max_value=2)
VERDICTS = st.sampled_from(["P", "F", "E", "T", "S", "D", "ok", None])
OPERATORS = st.sampled_from([None, "LOG", *ONE_LIMIT, *TWO_LIMITS, "CASESENSIT", "ignore case", "between"])
VALUED = {
    "value": NUMBERS | TEXTS | st.booleans() | st.none(),
    "unit": TEXTS,
    "low": st.integers(min_value=-2, max_value=0),
    "high": st.integers(min_value=0, max_value=2),
    "limit": NUMBERS | TEXTS,
    "comp": OPERATORS,
    "status": VERDICTS,
}
NAMES = st.sampled_from(["name", "ø", "x" * 101]) | TEXTS
FITTING = st.one_of(
    st.fixed_dictionaries({"value": NUMBERS}, optional={"unit": TEXTS, "low": st.just(-1), "high": st.just(1)}),
    st.fixed_dictionaries({"value": NUMBERS, "comp": st.sampled_from(sorted(ONE_LIMIT)), "limit": NUMBERS}),
    st.fixed_dictionaries(
        {"value": NUMBERS, "comp": st.sampled_from(sorted(TWO_LIMITS)), "low": st.just(-1), "high": st.just(1)}
    ),
    st.fixed_dictionaries({"value": TEXTS, "comp": st.sampled_from(sorted(OF_TEXTS)), "limit": TEXTS}),
    st.fixed_dictionaries({"value": st.booleans()}),
    st.fixed_dictionaries({"status": st.sampled_from("PFETSD")}),
)
"""What a device that knows the schema says of one value."""


def named(*parts: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    """Give objects with a name and what the parts say, the later part over the earlier one."""
    together = st.tuples(*parts, st.fixed_dictionaries({"name": NAMES}))
    return together.map(lambda given: {key: value for part in given for key, value in part.items()})


MEASUREMENTS = named(FITTING)
SERIES = st.lists(NUMBERS, min_size=1, max_size=3).flatmap(
    lambda y: st.fixed_dictionaries({"name": NAMES, "y": st.just(y)}, optional={"x": st.just(y)})
)
CHARTS = st.fixed_dictionaries(
    {"series": st.lists(SERIES, min_size=1, max_size=2)},
    optional={"type": st.sampled_from(["line", "log_x", "LineLogXY"]), "label": TEXTS, "x_unit": TEXTS},
)
FURTHER = {
    "type": st.sampled_from(["string", "action", "pass_fail", "other"]),
    "chart": CHARTS,
    "attachment": st.fixed_dictionaries(
        {"name": NAMES, "data": st.binary(max_size=5).map(lambda data: b64encode(data).decode())},
        optional={"content_type": TEXTS},
    ),
    "loop": st.fixed_dictionaries({}, optional={"index": st.integers(0, 9), "count": st.integers(0, 9)}),
    "group": st.sampled_from(["setup", "C", "main", "Power"]),
    "start": st.sampled_from(["2026-01-26T06:00:01Z", 0, 4_000_000_000]),
    "error_code": st.integers(-9, 9) | TEXTS,
    "error_message": TEXTS,
    "report_text": TEXTS,
    "duration_s": st.floats(min_value=0, max_value=1e6),
}
FURTHER_ALONE = st.fixed_dictionaries({}, optional=FURTHER)
STEPS = st.recursive(
    named(FURTHER_ALONE, FITTING)
    | named(st.lists(MEASUREMENTS, min_size=1, max_size=2).map(lambda several: {"measurements": several}))
    | st.fixed_dictionaries({"name": TEXTS}, optional=VALUED | FURTHER),
    lambda inner: named(FURTHER_ALONE, st.lists(inner, min_size=1, max_size=3).map(lambda steps: {"steps": steps})),
    max_leaves=4,
)
RESULTS = st.fixed_dictionaries(
    {
        "serial_number": st.just("SN-1"),
        "part_number": st.just("PN-1"),
        "steps": st.lists(STEPS, min_size=1, max_size=4),
    },
    optional={
        "result": st.sampled_from(["P", "F", None]),
        "error_code": st.integers(-9, 9) | TEXTS,
        "sub_units": st.lists(
            st.fixed_dictionaries({"serial_number": st.just("1"), "part_number": st.just(7)}, optional={"type": TEXTS}),
            max_size=2,
        ),
        "assets": st.lists(
            st.fixed_dictionaries({"asset": st.sampled_from(["A", "B"])}, optional={"count": st.integers(0, 9)}),
            max_size=3,
        ),
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RESULTS)
def test_a_result_is_refused_with_its_place_or_taken_by_wats(sent: dict[str, object]) -> None:
    """Nothing between: no crash, no report that a server refuses."""
    found = interpret(RawMessage("testers/T1/results", msgspec.json.encode(sent), 1_769_428_800_000_000, qos=1), ROUTES)

    if isinstance(found, Rejection):
        assert found.path.startswith("$.")
        return
    (identified,) = found
    event = identified.event
    assert isinstance(event, TestResult)
    report = msgspec.convert(wsjf(event, CONFIG), dict[str, object])
    assert problems_of(report) == []
    used = msgspec.convert(report.pop("assets", []), list[dict[str, object]])
    # pywats calls it `sn`, no server does.
    UUTReport.model_validate(report | {"assets": [{"sn": use["assetSN"], **use} for use in used]})
