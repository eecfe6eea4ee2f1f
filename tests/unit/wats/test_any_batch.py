"""Whatever a line sends of a batch is refused with a place, or leads to a summary that WATS takes and pywats reads."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from pywats.domains.report.report_models import UUTReport

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.emulator.reports.rules import problems_of
from pywats_mqtt.events import BatchReported
from pywats_mqtt.handlers.batch_report import report_of
from pywats_mqtt.handlers.batches import follow
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Rejection
from pywats_mqtt.wats.reports import wsjf

ROUTES = RouteTable(TopicConfig())
CONFIG = WatsConfig(default_part_number="PN")

TEXTS = st.text(max_size=8) | st.just("x" * 101)
COUNTS = st.none() | st.integers(0, 9) | st.sampled_from([2_147_483_647, -1, 0.5])
TIMES = st.sampled_from([None, "2026-01-26T06:00:00Z", "2026-01-26T10:30:00", 1_769_414_400, "1970-01-01T00:00:00Z"])
BATCHES = st.fixed_dictionaries(
    {"batch_id": st.sampled_from(["B1", 7]) | TEXTS},
    optional={
        "event": st.sampled_from([None, "opened", "progress", "closed"]),
        "product": st.sampled_from(["P"]) | TEXTS,
        "revision": TEXTS,
        "started": TIMES,
        "ended": TIMES,
        "timestamp": TIMES,
        "size": COUNTS,
        "total": COUNTS,
        "good": COUNTS,
        "failed": COUNTS,
        "failures": st.dictionaries(TEXTS, st.integers(0, 9), max_size=3),
        "result": st.sampled_from(["P", "F", "S", "D", None]),
        "misc": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)


@settings(max_examples=300, deadline=None)
@given(BATCHES)
def test_a_batch_is_refused_with_its_place_or_its_summary_is_taken_by_wats(sent: dict[str, object]) -> None:
    """Nothing between: no crash, no report that a server refuses."""
    found = interpret(RawMessage("lines/L1/batch", msgspec.json.encode(sent), 1_769_428_800_000_000, qos=1), ROUTES)
    if isinstance(found, Rejection):
        assert found.path.startswith("$.")
        return
    (identified,) = found
    event = identified.event
    assert isinstance(event, BatchReported)
    (batch,) = follow((), event, 1)
    report = msgspec.convert(wsjf(report_of("L1", batch), CONFIG), dict[str, object])
    assert problems_of(report) == []
    UUTReport.model_validate(report)
