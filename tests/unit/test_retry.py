"""When to try again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.retry import Backoff, delay_s, gives_up, next_attempt

BACKOFF = Backoff(first_s=1.0, longest_s=30.0)


@given(attempt=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_a_wait_is_between_half_the_first_and_the_longest(attempt: int, jitter: float) -> None:
    """No wait is longer than the bound or shorter than half the first, whatever the number of failures."""
    assert 0.5 <= delay_s(BACKOFF, attempt, jitter) <= 30.0


def test_waits_double_until_the_bound() -> None:
    """Without jitter's cut the waits are 1, 2, 4, 8, 16, 30, 30 seconds."""
    assert [delay_s(BACKOFF, n, 1.0) for n in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_what_the_server_asked_for_wins() -> None:
    """A Retry-After is honoured, longer than the bound or not."""
    asked = Retry("slow down", scope=Scope.SERVER, cause="429", after_s=120.0)
    assert next_attempt(asked, BACKOFF, 0, 1.0) == 120.0


def test_a_server_that_asks_for_no_wait_is_not_hammered() -> None:
    """Retry-After: 0, or a date in the past, leaves the backoff as it is."""
    for asked_s in (0.0, -60.0):
        asked = Retry("now", scope=Scope.SERVER, cause="503", after_s=asked_s)
        assert next_attempt(asked, BACKOFF, 3, 1.0) == 8.0


def test_only_a_delivery_of_its_own_fault_ever_ends() -> None:
    """An absent server or a refused call never uses a delivery up."""
    for scope in (Scope.SERVER, Scope.CALL):
        assert not gives_up(Retry("x", scope=scope, cause="x"), attempts=99, allowed=5)
    own = Retry("x", scope=Scope.DELIVERY, cause="500")
    assert not gives_up(own, attempts=4, allowed=5)
    assert gives_up(own, attempts=5, allowed=5)
