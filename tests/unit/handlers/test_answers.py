"""What a device that asked hears of its repair."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from pywats_mqtt.events import Failure, Repair
from pywats_mqtt.handlers.answers import answer, answer_refused
from pywats_mqtt.ports import Delivery, Done, Refused, Rejection, Settlement

REPAIR = Repair(
    report_id=UUID(int=1),
    device="R",
    serial_number="S",
    start=datetime(2026, 1, 26, tzinfo=UTC),
    failures=(Failure(category="Component", code="Rain", path="$.failures[0]"),),
    request_id="r-1",
)
DELIVERY = Delivery(id=1, key="R", kind="repair", event=REPAIR)


@pytest.mark.parametrize(
    ("settlement", "told"),
    [
        (Done(DELIVERY), {"status": "delivered"}),
        (Refused(DELIVERY, Rejection("no such code")), {"status": "refused", "reason": "no such code"}),
    ],
)
def test_a_repair_is_answered_as_a_result_is(settlement: Settlement, told: dict[str, str]) -> None:
    """With its report id."""
    publication = answer(settlement, "wats/responses/{request_id}")

    assert publication is not None
    assert publication.topic == "wats/responses/r-1"
    facts = {"request_id": "r-1", "report_id": str(REPAIR.report_id)}
    assert msgspec.json.decode(publication.payload) == facts | told


def test_nobody_asked() -> None:
    """Then nothing is said."""
    silent = msgspec.structs.replace(DELIVERY, event=msgspec.structs.replace(REPAIR, request_id=""))

    assert answer(Done(silent), "wats/responses/{request_id}") is None


def test_a_request_id_that_no_message_may_have_is_not_answered() -> None:
    """It is the device's mistake, and a thousand answers of megabytes would wait in memory."""
    refused = Rejection("has 201 characters; at most 200", "$.request_id")

    assert answer_refused(b'{"request_id": "%s"}' % (b"r" * 200), refused, "wats/responses/{request_id}") is not None
    assert answer_refused(b'{"request_id": "%s"}' % (b"r" * 201), refused, "wats/responses/{request_id}") is None
