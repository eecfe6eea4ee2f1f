"""What a failure closes, and what opens it again."""

from __future__ import annotations

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.pipeline.gate import FAILURES_OF_A_KIND, Change, Gate

AWAY = Retry("no route", scope=Scope.SERVER, cause="unreachable")
REFUSED = Retry("no permission", scope=Scope.CALL, cause="403")
BROKEN = Retry("internal error", scope=Scope.DELIVERY, cause="500")


def test_an_absent_server_stops_everything_and_is_tried_with_one() -> None:
    """Nothing goes out until the wait is over; then one delivery tries, and the first success opens all."""
    gate = Gate()
    assert gate.failed(AWAY, "test_result", 1, now_s=10.0, jitter=1.0) == [Change(better=False, cause="unreachable")]
    assert gate.width(10.5, 8) == 0
    assert gate.opens_in_s(10.5) == 0.5
    assert gate.width(11.0, 8) == 1
    assert gate.succeeded("test_result") == [Change(better=True, cause="unreachable")]
    assert gate.width(11.0, 8) == 8


def test_deliveries_that_were_under_way_when_it_went_away_do_not_lengthen_the_wait() -> None:
    """Eight failures of one moment are one failure of the server, and one line."""
    gate = Gate()
    gate.failed(AWAY, "test_result", 1, now_s=10.0, jitter=1.0)
    for number in range(2, 9):
        assert gate.failed(AWAY, "test_result", number, now_s=10.1, jitter=1.0) == []
    assert gate.width(11.0, 8) == 1


def test_the_wait_doubles_while_the_server_stays_away() -> None:
    """Each failed try doubles the wait, silently, up to the bound."""
    gate, now_s = Gate(), 0.0
    gate.failed(AWAY, "k", 1, now_s=now_s, jitter=1.0)
    waits = []
    for _ in range(7):
        wait = gate.opens_in_s(now_s)
        assert wait is not None
        waits.append(wait)
        now_s += wait
        assert gate.failed(AWAY, "k", 1, now_s=now_s, jitter=1.0) == []
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_refused_token_is_worth_another_line_and_nothing_else_is() -> None:
    """Unreachable first and a refused token later are two different things to do; 503 between is no news."""
    gate = Gate()
    gate.failed(AWAY, "k", 1, now_s=0.0, jitter=1.0)
    busy = Retry("busy", scope=Scope.SERVER, cause="503")
    assert gate.failed(busy, "k", 1, now_s=1.0, jitter=1.0) == []
    token = Retry("bad token", scope=Scope.SERVER, cause="401")
    assert gate.failed(token, "k", 1, now_s=9.0, jitter=1.0) == [Change(better=False, cause="401")]


def test_a_server_that_asked_for_patience_and_is_away_then_is_news() -> None:
    """It was there before; that it is busy when it comes back is no news."""
    gate = Gate()
    busy = Retry("slow down", scope=Scope.SERVER, cause="429")
    gate.failed(busy, "k", 1, now_s=0.0, jitter=1.0)
    assert gate.failed(busy, "k", 1, now_s=2.0, jitter=1.0) == []
    assert gate.failed(AWAY, "k", 1, now_s=9.0, jitter=1.0) == [Change(better=False, cause="unreachable")]
    assert gate.failed(AWAY, "k", 1, now_s=60.0, jitter=1.0) == []
    assert gate.reached() == [Change(better=True, cause="unreachable")]


def test_a_retry_after_is_honoured_whoever_brings_it() -> None:
    """A 429 that was under way names the wait."""
    gate = Gate()
    gate.failed(AWAY, "k", 1, now_s=0.0, jitter=1.0)
    gate.failed(Retry("slow", scope=Scope.SERVER, cause="unreachable", after_s=60.0), "k", 2, now_s=0.1, jitter=1.0)
    assert gate.width(60.0, 8) == 0
    assert gate.width(60.1, 8) == 1


def test_what_is_closed_is_tried_by_one_at_a_time() -> None:
    """When it is due one may go, and until it is known what became of that, nobody else; then the next."""
    gate = Gate()
    for now_s, error in ((0.0, AWAY), (100.0, REFUSED)):
        gate.failed(error, "k", 1, now_s=now_s, jitter=1.0)
        with gate.trying("k", now_s + 0.5, 5) as count:
            assert count == 0
        for _ in range(2):
            with gate.trying("k", now_s + 30.0, 5) as first, gate.trying("k", now_s + 30.0, 5) as second:
                assert (first, second) == (1, 0)
                assert gate.refused_kinds(now_s + 30.0) == ({"k"} if error is REFUSED else frozenset())
        gate.succeeded("k")
        with gate.trying("k", now_s + 30.0, 5) as first, gate.trying("k", now_s + 30.0, 5) as second:
            assert (first, second) == (5, 5)


def test_a_refused_call_waits_alone() -> None:
    """403 closes its kind of call; others go on, and its first success opens it."""
    gate = Gate()
    assert gate.failed(REFUSED, "asset_state", 1, now_s=0.0, jitter=1.0) == [
        Change(better=False, cause="403", call="asset_state")
    ]
    assert gate.width(0.0, 8) == 8
    assert gate.refused_kinds(1.0) == {"asset_state"}
    assert gate.refused_kinds(30.0) == frozenset()
    assert gate.succeeded("test_result") == []
    assert gate.succeeded("asset_state") == [Change(better=True, cause="403", call="asset_state")]
    assert gate.refused_kinds(1.0) == frozenset()


def test_a_500_for_all_of_a_kind_is_the_servers_fault() -> None:
    """So many different deliveries of a kind failing, and none getting through, pause that kind; others go on."""
    gate = Gate()
    for number in range(FAILURES_OF_A_KIND - 1):
        assert gate.failed(BROKEN, "k", number, now_s=0.0, jitter=1.0) == []
    gate.succeeded("k")
    for number in range(FAILURES_OF_A_KIND - 1):
        assert gate.failed(BROKEN, "k", number, now_s=0.0, jitter=1.0) == []
    gate.succeeded("another kind")
    assert gate.failed(BROKEN, "k", 99, now_s=0.0, jitter=1.0) == [Change(better=False, cause="500", call="k")]
    assert gate.refused_kinds(0.5) == {"k"}
    assert gate.refused_kinds(1.0) == frozenset()
    assert not gate.server_away


def test_a_wave_of_refusals_is_one_refusal() -> None:
    """Eight answers of 403 to calls that were under way together close the kind for the first wait, not the eighth."""
    gate = Gate()
    for number in range(8):
        gate.failed(REFUSED, "asset_state", number, now_s=0.0, jitter=1.0)
    assert gate.opens_in_s(0.0) == 30.0


def test_successes_are_counted_by_kind() -> None:
    """That assets get through says nothing about reports."""
    gate = Gate()
    gate.succeeded("asset_counts")
    gate.reached()
    assert (gate.successes("asset_counts"), gate.successes("test_result")) == (1, 0)


def test_a_poisonous_delivery_alone_never_pauses_the_others() -> None:
    """The same delivery failing again and again is counted once."""
    gate = Gate()
    for _ in range(FAILURES_OF_A_KIND * 3):
        assert gate.failed(BROKEN, "k", 7, now_s=0.0, jitter=1.0) == []
    assert gate.width(0.0, 8) == 8


def test_a_refusal_proves_that_the_server_is_back() -> None:
    """400 is an answer: whoever gave it is there."""
    gate = Gate()
    gate.failed(AWAY, "k", 1, now_s=0.0, jitter=1.0)
    assert gate.reached() == [Change(better=True, cause="unreachable")]
    assert gate.reached() == []
