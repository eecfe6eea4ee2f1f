"""What a fault answers, and what it leaves of an answer."""

from datetime import datetime, timedelta
from email.utils import format_datetime

from pywats_mqtt.emulator.fault import Fault, Kind, RetryAfterAs
from pywats_mqtt.emulator.wire import Reply, json_reply

_FIRST_ERROR = 400


def refusal(fault: Fault, now: datetime) -> Reply | None:
    """The answer of a kind that answers without processing, None for the others; `now` is in UTC."""
    headers = _retry_after(fault, now)
    if fault.kind in {Kind.STATUS, Kind.FLAPPING}:
        return json_reply({"Message": f"Fault: status {fault.status}."}, fault.status, headers)
    if fault.kind is Kind.THROTTLE:
        return json_reply({"Message": "API calls quota exceeded!"}, 429, headers)
    if fault.kind is Kind.REDIRECT:
        return Reply(status=302, headers={"Location": "/login"})
    return None


def spoil(fault: Fault, reply: Reply) -> Reply:
    """What a fault leaves of the answer to a processed request."""
    if reply.status >= _FIRST_ERROR:
        return reply
    if fault.kind is Kind.EMPTY:
        return Reply()
    if fault.kind is Kind.MALFORMED:
        return Reply(b'{"half": [' + reply.body[: len(reply.body) // 2])
    return reply


def _retry_after(fault: Fault, now: datetime) -> dict[str, str]:
    """The header, in one of the forms of RFC 9110 10.2.3."""
    text = fault.retry_after or ("1" if fault.kind is Kind.THROTTLE else None)
    if text is None or fault.retry_after_as is RetryAfterAs.ABSENT:
        return {}
    if fault.retry_after_as is RetryAfterAs.DATE:
        try:
            text = format_datetime(now + timedelta(seconds=int(text)), usegmt=True)
        except OverflowError:  # beyond the year 9999
            text = format_datetime(datetime.max.replace(tzinfo=now.tzinfo), usegmt=True)
    return {"Retry-After": text}
