"""What a device that asked hears of its result or repair: that it is in WATS, or why it is not."""

from __future__ import annotations

import msgspec

from pywats_mqtt.events import Repair, TestResult
from pywats_mqtt.ports import Done, Publication, Refused, Rejection, Settlement
from pywats_mqtt.schemas.published import AnswerMessage
from pywats_mqtt.topics import render

REQUEST_ID_CHARACTERS = 200
"""A longer one is refused where a message is read; as part of answers that wait it would fill the memory."""


def answer(settlement: Settlement, response_topic: str) -> Publication | None:
    """Make the answer to a settled result or repair, or None where nobody asked or it is still owed.

    Args:
        settlement: what became of a delivery.
        response_topic: template with `{request_id}`.
    """
    event = settlement.delivery.event
    if not isinstance(event, TestResult | Repair) or not event.request_id:
        return None
    said = AnswerMessage(request_id=event.request_id, status="delivered", report_id=str(event.report_id))
    if isinstance(settlement, Refused):
        said = msgspec.structs.replace(said, status="refused", reason=settlement.rejection.reason)
    elif not isinstance(settlement, Done):
        return None
    return _publication(said, response_topic)


class _Asked(msgspec.Struct):
    request_id: str = ""


_asked = msgspec.json.Decoder(_Asked)


def answer_refused(payload: bytes, rejection: Rejection, response_topic: str) -> Publication | None:
    """Make the answer to a message that could not be interpreted, or None where it names no `request_id`.

    As `answer`, with `path` where the payload is wrong, and without a `report_id`: there is no report.
    """
    try:
        request_id = _asked.decode(payload).request_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not request_id or len(request_id) > REQUEST_ID_CHARACTERS:
        return None
    said = AnswerMessage(request_id=request_id, status="refused", reason=rejection.reason, path=rejection.path)
    return _publication(said, response_topic)


def _publication(said: AnswerMessage, response_topic: str) -> Publication:
    topic = render(response_topic, {"request_id": said.request_id})
    return Publication(topic=topic, payload=msgspec.json.encode(said))
