"""How long to wait: between tries, and for a sign of life."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.retry import Backoff
from pywats_mqtt.transport.keepalive import Beat, Keepalive, Pulse
from pywats_mqtt.transport.reconnect import Pace, Tries


@given(st.floats(0.01, 100), st.floats(1, 1_000), st.integers(0, 10_000), st.floats(0, 1))
def test_waits_grow_to_the_longest(first_s: float, longest_s: float, tries: int, jitter: float) -> None:
    """Never above the longest, never below half of what is due, and growing with each try."""
    backoff = Tries(Backoff(first_s, longest_s), tries)
    wait_s = backoff.wait_s(Pace.SOON, jitter)
    assert min(first_s, longest_s) / 2 <= wait_s <= longest_s
    assert backoff.failed().wait_s(Pace.SOON, jitter) >= wait_s
    assert longest_s / 2 <= backoff.wait_s(Pace.SLOW, jitter) <= longest_s


def test_the_series() -> None:
    """5, 10, 20, … 300 with the chance at its highest; half of it at its lowest."""
    backoff, found = Tries(Backoff(5, 300)), []
    for _ in range(8):
        found.append(backoff.wait_s(Pace.SOON, 1))
        backoff = backoff.failed()
    assert found == [5, 10, 20, 40, 80, 160, 300, 300]
    assert Tries(Backoff(5, 300)).wait_s(Pace.SOON, 0) == 2.5


def test_a_connection_that_breaks_at_once_counts_as_in_vain() -> None:
    """Else two clients with one id would throw each other out as fast as they can."""
    assert Tries(Backoff(5, 300), 4).held(4.9).count == 4
    assert Tries(Backoff(5, 300), 4).held(5).count == 0


def pulse(sent: float, received: float, *, reading: bool = True) -> Pulse:
    """Make a pulse."""
    return Pulse(sent=sent, received=received, reading=reading)


def test_no_keep_alive() -> None:
    """0 turns it off."""
    assert Keepalive(keepalive_s=0).beat(1e9, pulse(0, 0)) == (Beat.WAIT, None)


def test_an_idle_connection_is_pinged_and_kept() -> None:
    """After three quarters of the keep alive; an answer settles it."""
    keepalive = Keepalive(keepalive_s=60)
    assert keepalive.beat(10, pulse(0, 5)) == (Beat.WAIT, 35)
    assert keepalive.beat(45, pulse(0, 5)) == (Beat.PING, 45)
    assert keepalive.beat(46, pulse(45, 45.1)) == (Beat.WAIT, 44)


def test_who_only_sends_pings_too() -> None:
    """A client that publishes QoS 0 all the time would not notice a dead network otherwise."""
    assert Keepalive(keepalive_s=60).beat(45, pulse(44, 0))[0] is Beat.PING


def test_silence_after_a_ping_is_the_end() -> None:
    """No answer within another three quarters."""
    keepalive = Keepalive(keepalive_s=60)
    keepalive.beat(45, pulse(0, 0))
    assert keepalive.beat(89, pulse(45, 0)) == (Beat.WAIT, 1)
    assert keepalive.beat(90, pulse(45, 0)) == (Beat.GIVE_UP, None)


def test_while_we_do_not_read_silence_says_nothing() -> None:
    """We ping on, so that the server keeps us, and judge only after reading went on."""
    keepalive, now, sent = Keepalive(keepalive_s=60), 45.0, 0.0
    for _ in range(10):
        beat, wait_s = keepalive.beat(now, pulse(sent, 0, reading=False))
        assert beat is Beat.PING
        assert wait_s == 45
        sent, now = now, now + 45
    resumed = now - 1
    assert keepalive.beat(now, pulse(sent, resumed))[0] is Beat.PING
    assert keepalive.beat(now + 45, pulse(now, resumed))[0] is Beat.GIVE_UP
