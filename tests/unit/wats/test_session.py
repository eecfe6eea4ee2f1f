"""What the lack of an answer means, from the exceptions that pywats raises."""

from __future__ import annotations

import httpx
import pytest
from pywats.core.exceptions import ConnectionError as WatsConnectionError
from pywats.core.exceptions import PyWATSError
from pywats.core.exceptions import TimeoutError as WatsTimeoutError

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.wats.outcomes import Call
from pywats_mqtt.wats.session import problem_of_failure

CALL = Call("PUT", "/api/Asset/Count")


def wrapped(inner: Exception, outer: PyWATSError | None = None) -> PyWATSError:
    """Give what pywats makes of an error: its own, raised while that one was handled."""
    error = outer or PyWATSError(f"HTTP request failed: {inner}")
    error.__context__ = inner
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        pytest.param(TimeoutError(), "timeout", id="our own bound"),
        pytest.param(wrapped(httpx.ReadTimeout(""), WatsTimeoutError("slow")), "timeout", id="read timeout"),
        pytest.param(wrapped(httpx.PoolTimeout(""), WatsTimeoutError("slow")), "timeout", id="pool timeout"),
        pytest.param(wrapped(httpx.ConnectError("refused"), WatsConnectionError("x")), "unreachable", id="refused"),
        pytest.param(wrapped(httpx.ReadError("")), "dropped", id="read"),
        pytest.param(wrapped(httpx.WriteError("")), "dropped", id="write"),
        pytest.param(wrapped(httpx.RemoteProtocolError("gone")), "dropped", id="protocol"),
        pytest.param(wrapped(httpx.ProxyError("no")), "dropped", id="proxy"),
        pytest.param(wrapped(httpx.UnsupportedProtocol("no scheme")), "address", id="scheme"),
        pytest.param(wrapped(httpx.InvalidURL("no host")), "address", id="host"),
    ],
)
def test_no_answer_means_that_the_server_is_away(error: PyWATSError | TimeoutError, cause: str) -> None:
    """It uses up no attempt, whatever the way it failed."""
    problem = problem_of_failure(error, CALL)

    assert isinstance(problem, Retry)
    assert (problem.scope, problem.cause) == (Scope.SERVER, cause)
    assert str(problem).startswith("PUT /api/Asset/Count: ")
    assert "()" not in str(problem)


@pytest.mark.parametrize(
    "inner", [TypeError("Object of type UUID is not JSON serializable"), ValueError("Out of range float values")]
)
def test_what_cannot_be_written_as_json_is_refused(inner: Exception) -> None:
    """The library gives it the same name as a lost connection; it would fail for ever."""
    problem = problem_of_failure(wrapped(inner), CALL)

    assert isinstance(problem, Reject)
    assert str(inner) in problem.reason


def test_what_nobody_expected_is_tried_again_alone() -> None:
    """It is named, and holds up no other."""
    problem = problem_of_failure(wrapped(RuntimeError("closed")), CALL)

    assert isinstance(problem, Retry)
    assert (problem.scope, problem.cause) == (Scope.DELIVERY, "RuntimeError")
