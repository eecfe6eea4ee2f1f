"""What answers of WATS mean: the table of conditions, row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.retry import LONGEST_PUT_OFF_S
from pywats_mqtt.wats.outcomes import (
    Answer,
    Call,
    Missing,
    problem_of_answer,
    problem_of_report_answer,
    retry_after_s,
    server_text,
)

NOW = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)
SUBMIT = Call("POST", "/api/Report/WSJF")
COUNT = Call("PUT", "/api/Asset/Count", missing=Missing.THING)
RUNNING = Call("PUT", "/api/Asset/SetRunningCount", missing=Missing.THING, route=Missing.ABILITY)
PAGE = b"<!DOCTYPE html><title>Sign in</title>"
REPORT_ID = UUID("daf6f3a9-aba9-4abd-86bf-f9e9cf8c0528")


def answer(status: int, data: object = None, *, body: bytes | None = None, **headers: str) -> Answer:
    """Give an answer with JSON data, or with a body that is none."""
    if body is not None:
        return Answer(status, headers, body, body.decode() or None)
    return Answer(status, headers, b"" if data is None else msgspec.json.encode(data), data)


@pytest.mark.parametrize(
    ("status", "scope", "cause"),
    [
        (302, Scope.SERVER, "redirect"),
        (401, Scope.SERVER, "401"),
        (403, Scope.CALL, "403"),
        (407, Scope.SERVER, "407"),
        (408, Scope.SERVER, "408"),
        (425, Scope.SERVER, "425"),
        (429, Scope.SERVER, "429"),
        (500, Scope.DELIVERY, "500"),
        (502, Scope.SERVER, "502"),
        (503, Scope.SERVER, "503"),
        (504, Scope.SERVER, "504"),
        (520, Scope.SERVER, "520"),
    ],
)
@pytest.mark.parametrize("call", [SUBMIT, COUNT], ids=str)
@pytest.mark.parametrize("page", [False, True], ids=["json", "web page"])
def test_what_says_nothing_about_the_delivery_is_tried_again(
    status: int, scope: Scope, cause: str, call: Call, *, page: bool
) -> None:
    """Only 500 uses up attempts; 403 concerns one kind of call; all else the server."""
    problem = problem_of_answer(answer(status, body=PAGE) if page else answer(status, {"Message": "no"}), call, NOW)

    assert isinstance(problem, Retry)
    assert (problem.scope, problem.cause, problem.after_s) == (scope, cause, None)


@pytest.mark.parametrize("status", [400, 402, 404, 406, 409, 410, 411, 413, 415, 422, 423, 451])
def test_what_is_about_the_delivery_is_refused_with_the_servers_words(status: int) -> None:
    """A delivery that WATS names as wrong goes to quarantine at once."""
    problem = problem_of_answer(answer(status, {"Message": "unknown asset"}), COUNT, NOW)

    assert isinstance(problem, Reject)
    assert problem.reason == f"PUT /api/Asset/Count: {status} unknown asset"


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refusal_by_something_in_between_is_nobodys_word(status: int) -> None:
    """A web page refuses: it counts against the delivery only while others get through."""
    problem = problem_of_answer(answer(status, body=PAGE), SUBMIT, NOW)

    assert isinstance(problem, Retry)
    assert problem.scope is Scope.DELIVERY


def test_too_large_is_about_the_delivery_whoever_says_it() -> None:
    """Servers and proxies answer 413 with a web page."""
    assert isinstance(problem_of_answer(answer(413, body=PAGE), SUBMIT, NOW), Reject)


@pytest.mark.parametrize(
    ("call", "given", "scope"),
    [
        pytest.param(SUBMIT, answer(404, {"Message": "x"}), Scope.SERVER, id="every server takes reports"),
        pytest.param(SUBMIT, answer(405), Scope.SERVER, id="method unknown"),
        pytest.param(COUNT, answer(404, body=PAGE), Scope.SERVER, id="a web server without WATS"),
        pytest.param(
            COUNT, answer(404, {"Message": "No HTTP resource was found that matches"}), Scope.SERVER, id="route"
        ),
        pytest.param(RUNNING, answer(404, {"Message": "No HTTP resource was found"}), Scope.CALL, id="older server"),
        pytest.param(RUNNING, answer(405, {"Message": "x"}), Scope.CALL, id="older server, 405"),
    ],
)
def test_a_missing_route_is_no_fault_of_the_delivery(call: Call, given: Answer, scope: Scope) -> None:
    """A wrong address must not send all reports to quarantine."""
    problem = problem_of_answer(given, call, NOW)

    assert isinstance(problem, Retry)
    assert problem.scope is scope


@pytest.mark.parametrize("given", [answer(200, {"ok": 1}), answer(200), answer(204), answer(200, 3), answer(201, [])])
def test_a_success_is_no_problem(given: Answer) -> None:
    """With or without a body."""
    assert problem_of_answer(given, COUNT, NOW) is None


@pytest.mark.parametrize(
    "given",
    [answer(200, body=PAGE), answer(200, body=b"\n <html>"), Answer(200, {"content-type": "text/html"}, b"Hi", "Hi")],
)
def test_a_web_page_is_no_success(given: Answer) -> None:
    """A redirect to a login page ends in 200."""
    problem = problem_of_answer(given, COUNT, NOW)

    assert isinstance(problem, Retry)
    assert (problem.scope, problem.cause) == (Scope.SERVER, "login page")


@pytest.mark.parametrize(
    "data",
    [
        [{"ID": str(REPORT_ID), "uuid": "other", "Report_ID": 3}],
        {"ID": str(REPORT_ID).upper()},
        {"id": str(REPORT_ID)},
        [{"uuid": str(REPORT_ID)}],
        [{"ID": "other"}, {"ID": str(REPORT_ID)}],
    ],
)
def test_a_report_is_stored_when_the_answer_names_its_id(data: object) -> None:
    """In a list or an object, whatever the case."""
    assert problem_of_report_answer(answer(200, data), REPORT_ID, SUBMIT) is None


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (answer(200), "empty answer"),
        (answer(200, body=b'{"half": ['), "unreadable answer"),
        (answer(200, 7), "unreadable answer"),
        (answer(200, [str(REPORT_ID)]), "unreadable answer"),
        (answer(200, []), "wrong report id"),
        (answer(200, {"Report_ID": 3}), "wrong report id"),
        (answer(200, [{"ID": "0a0b", "uuid": str(REPORT_ID)}]), "wrong report id"),
    ],
)
def test_an_answer_that_does_not_name_the_report_leaves_it_owed(given: Answer, cause: str) -> None:
    """It is sent again under its id, alone."""
    problem = problem_of_report_answer(given, REPORT_ID, SUBMIT)

    assert problem is not None
    assert (problem.scope, problem.cause) == (Scope.DELIVERY, cause)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        (" 0 ", 0.0),
        ("Mon, 26 Jan 2026 10:31:30 GMT", 90.0),
        ("Mon, 26 Jan 2026 10:29:00 GMT", 0.0),
        ("36000", 36_000.0),
        ("86401", LONGEST_PUT_OFF_S),
        ("Tue, 26 Jan 2027 10:30:00 GMT", LONGEST_PUT_OFF_S),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    """Both forms of RFC 9110; what is neither says nothing, and nothing is longer than a day."""
    assert retry_after_s({"retry-after": header}, NOW) == seconds


def test_a_date_is_read_by_the_servers_clock() -> None:
    """Ours may be off by more than the wait."""
    headers = {"retry-after": "Mon, 26 Jan 2026 12:00:30 GMT", "date": "Mon, 26 Jan 2026 12:00:00 GMT"}

    assert retry_after_s(headers, NOW) == 30.0


def test_retry_after_reaches_the_retry() -> None:
    """What the server asked for is kept with the error."""
    problem = problem_of_answer(Answer(503, {"retry-after": "17"}, b"", None), SUBMIT, NOW)

    assert isinstance(problem, Retry)
    assert problem.after_s == 17.0


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"Message": "m", "title": "t"}, "m"),
        ({"title": "t"}, "t"),
        ({"errors": {"sn": ["required"]}}, "{'sn': ['required']}"),
        ({"detail": "x" * 600}, "x" * 500),
        ("plain", "plain"),
        ({"other": 1}, ""),
        (None, ""),
    ],
)
def test_the_servers_own_words(data: object, text: str) -> None:
    """From the keys it uses, or as they are; bounded."""
    assert server_text(answer(400, data)) == text


@pytest.mark.parametrize("status", [429, 500, 503])
def test_until_when_the_server_wants_to_be_left_alone_is_told(status: int) -> None:
    """With the time of day: who reads it may come later."""
    problem = problem_of_answer(Answer(status, {"retry-after": "3600"}, b"", None), SUBMIT, NOW)
    assert str(problem).endswith("; to be asked again at 2026-01-26T11:30:00+00:00 (Retry-After)")
    at_once = problem_of_answer(Answer(status, {"retry-after": "0"}, b"", None), SUBMIT, NOW)
    assert "Retry-After" not in str(at_once)
