"""What an answer of WATS, or the lack of one, means for the delivery. Pure: facts in, `Retry` or `Reject` out.

The rule (design, section 5): what says nothing about this very delivery never uses up its attempts. An answer in HTML
is not the API speaking but a proxy, a firewall or a login page, whatever its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from uuid import UUID

import msgspec

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.retry import LONGEST_PUT_OFF_S

MAX_QUOTE = 500
"""Characters of the server's own words that are kept."""

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_AWAY = {401, 407, 408, 425, 429}
_TOO_MANY = {429, 503}
_NOT_THERE = {502, 503, 504}
_NO_ROUTE = {404, 405, 410}
_TOO_LARGE = 413
_UNAUTHORISED, _FORBIDDEN, _FAILED = 401, 403, 500
_ROUTE_WORDS = "no http resource was found"
"""How ASP.NET says that a route, not a thing, is missing."""

_FIXES = {
    _UNAUTHORISED: "; check wats.token, wats.token_file or WATS_AUTH_TOKEN",
    _FORBIDDEN: "; give the token this permission in WATS",
} | dict.fromkeys(_REDIRECTS, ": a redirect; check wats.url")


class Missing(Enum):
    """What a 404 on a call means."""

    ADDRESS = "address"
    """The route exists on every WATS server: `wats.url` points elsewhere."""
    ABILITY = "ability"
    """The route came with a newer WATS: this kind of call waits, as without the permission."""
    THING = "thing"
    """The asset that the call names is not there."""


class Call(msgspec.Struct, frozen=True):
    """One call, named for messages.

    Attributes:
        method: `GET`, `PUT` or `POST`.
        path: the route with its identifiers, without the query.
        missing: what a 404 in the API's own words means.
        route: what a 404 means that says the route itself is missing.
    """

    method: str
    path: str
    missing: Missing = Missing.ADDRESS
    route: Missing = Missing.ADDRESS

    def __str__(self) -> str:
        """Name the call as the server's log does."""
        return f"{self.method} {self.path}"


class Answer(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: as received.
        data: the body read as JSON, its text where it is none, None where it is empty.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: object

    @property
    def is_html(self) -> bool:
        """Whether this is a web page and no answer of the API."""
        return "html" in self.headers.get("content-type", "").lower() or self.body.lstrip()[:1] == b"<"


def problem_of_answer(answer: Answer, call: Call, now: datetime) -> Retry | Reject | None:
    """Tell what is wrong with an answer; None for a success.

    Args:
        answer: the answer.
        call: what it answers.
        now: aware UTC, to read a Retry-After that is a date.
    """
    status = answer.status
    if status in _OK:
        if not answer.is_html:
            return None
        said = "a web page instead of an answer, probably a login page; check wats.url and wats.token"
        return Retry(f"{call}: {said}", scope=Scope.SERVER, cause="login page")
    message = f"{call}: {status} {server_text(answer)}".rstrip() + _FIXES.get(status, "")
    if status in _NO_ROUTE:
        return _not_found(answer, call, message)
    scope = _scope_of(answer)
    if scope is None:
        return Reject(message)
    cause = "redirect" if status in _REDIRECTS else str(status)
    after_s = retry_after_s(answer.headers, now)
    if after_s:
        message += (
            f"; to be asked again at {(now + timedelta(seconds=after_s)).isoformat(timespec='seconds')} (Retry-After)"
        )
    return Retry(message, scope=scope, cause=cause, after_s=after_s)


def _scope_of(answer: Answer) -> Scope | None:
    """Tell how much a failure concerns; None where the delivery itself is refused."""
    status = answer.status
    if status == _FORBIDDEN:
        return Scope.CALL
    if status == _FAILED:
        return Scope.DELIVERY
    if status in _AWAY or status in _REDIRECTS or status in _SERVER_ERRORS:
        return Scope.SERVER
    if answer.is_html and status != _TOO_LARGE:
        # Something in between refused it, and nobody can say whether for what it carries: the deliveries loop finds
        # out by whether others get through.
        return Scope.DELIVERY
    return None


def _not_found(answer: Answer, call: Call, message: str) -> Retry | Reject:
    cause = str(answer.status)
    no_route = answer.status == 405 or answer.is_html or _ROUTE_WORDS in server_text(answer).lower()  # noqa: PLR2004 - method not allowed
    meaning = call.route if no_route else call.missing
    if meaning is Missing.THING:
        return Reject(message)
    if meaning is Missing.ABILITY:
        return Retry(f"{message}; this WATS server has no such route", scope=Scope.CALL, cause=cause)
    return Retry(f"{message}; check wats.url: no WATS server answers there", scope=Scope.SERVER, cause=cause)


def problem_of_report_answer(answer: Answer, report_id: UUID, call: Call) -> Retry | None:
    """Tell whether a success names the report that was sent; None where it does.

    Everything else is a `Retry` of this delivery alone: what became of the report is unknown, sending it again under
    its id does no harm, and a report that always gets such an answer must not hold up all others.
    """
    if answer.data is None:
        return Retry(
            f"{call}: success without a body; what became of report {report_id} is unknown, it is sent again",
            scope=Scope.DELIVERY,
            cause="empty answer",
        )
    ids = _report_ids(answer.data)
    if ids is None:
        return Retry(
            f"{call}: success, but the answer is not the JSON of a stored report: {answer.body[:80]!r}",
            scope=Scope.DELIVERY,
            cause="unreadable answer",
        )
    if str(report_id) in ids:
        return None
    return Retry(
        f"{call}: the answer names report {', '.join(ids) or 'none'} instead of {report_id}",
        scope=Scope.DELIVERY,
        cause="wrong report id",
    )


def _report_ids(data: object) -> list[str] | None:
    """Read the ids of a list of results, or of one; `ID` is ours, `uuid` the server's where it gives no `ID`."""
    entries = data if isinstance(data, list) else [data]
    ids = []
    for entry in entries:
        if not isinstance(entry, dict):
            return None
        keys = {str(key).lower(): value for key, value in entry.items()}
        value = keys.get("id", keys.get("uuid"))
        if value is not None:
            ids.append(str(value).lower())
    return ids


def server_text(answer: Answer) -> str:
    """Give the server's own words: from the keys it uses for them, or a plain text; nothing of a web page."""
    if answer.is_html:
        return "(a web page)"
    data = answer.data
    if isinstance(data, dict):
        keys = {str(key).lower(): value for key, value in data.items()}
        words = [keys[key] for key in ("message", "error", "errors", "detail", "title") if keys.get(key)]
        data = words[0] if words else None
    return str(data)[:MAX_QUOTE] if data else ""


def is_too_many(status: int) -> bool:
    """Tell whether a server answers so to more calls than it takes (RFC 6585, 4; RFC 9110, 15.6.4)."""
    return status in _TOO_MANY


def is_there(status: int) -> bool:
    """Tell whether an answer comes from the server, and not from a gateway that does not reach it or finds it down."""
    return status not in _NOT_THERE


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3), seconds or a date, as seconds from now; None where there is none."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdecimal():
        return min(float(text), LONGEST_PUT_OFF_S)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        # The server's own clock, where it tells it: ours may be off by more than the wait.
        base = parsedate_to_datetime(headers["date"]) if headers.get("date") else now
        return min(max((moment - base).total_seconds(), 0.0), LONGEST_PUT_OFF_S)
    except (ValueError, TypeError):
        return None
