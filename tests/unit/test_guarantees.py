"""What is promised, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.guarantees import ALL, Facts, Granted, Guarantee, Seen, guarantees_of

ASSETS, RESULTS = "assets/+/counters", "testers/+/results"
ROUTES = {ASSETS: "asset", RESULTS: "report"}
WELL = Facts(
    routes=ROUTES,
    session_asked_s=600,
    session_granted_s=600,
    granted={ASSETS: Granted(1), RESULTS: Granted(1)},
    filesystem="ext4",
)


def change(**changes: object) -> Facts:
    """Change one thing where all is well."""
    return msgspec.structs.replace(WELL, **changes)


def broken(facts: Facts) -> list[tuple[str, str]]:
    """Give route and promise of what does not hold."""
    return [(each.route, each.promise) for each in guarantees_of(facts) if each.holds is False]


def test_where_all_is_well_only_the_brokers_queue_is_not_known() -> None:
    """Each route has its three promises."""
    found = guarantees_of(WELL)
    assert [(each.route, each.promise) for each in found if each.holds] == [
        (route, promise) for route in ROUTES for promise in ("nothing lost", "nothing doubled", "in order")
    ]
    (unknown,) = [each for each in found if not each.holds]
    assert (unknown.route, unknown.holds) == (ALL, None)
    assert "max_queued_messages 0" in unknown.fix


LOST, DOUBLED, ORDER = "nothing lost", "nothing doubled", "in order"


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({"seen": {RESULTS: Seen(qos_0=2)}}, [(RESULTS, LOST)], "2 messages came with QoS 0"),
        ({"seen": {RESULTS: Seen(retained=1)}}, [(RESULTS, LOST)], "1 message came from the broker's retained store"),
        ({"seen": {ASSETS: Seen(retained=1)}}, [], ""),
        ({"unidentified": {RESULTS: 3}}, [(RESULTS, DOUBLED)], "3 messages named no message_id"),
        ({"granted": {RESULTS: Granted(None, "not authorized")}}, [(RESULTS, LOST)], "subscription: not authorized"),
        ({"granted": {RESULTS: Granted(0, "QoS 1 asked")}}, [(RESULTS, LOST)], "QoS 0 alone"),
        ({"granted": {"testers/#": Granted(None, "no")}}, [(RESULTS, LOST)], "subscription: no"),
        ({"default_qos": 2}, [], ""),
        ({"default_qos": 0, "seen": {RESULTS: Seen(qos_0=9)}}, [(ALL, LOST)], "mqtt.default_qos is 0"),
        ({"session_granted_s": 60}, [(ALL, LOST)], "our session for 60 s, of 600 asked"),
        ({"session_granted_s": 0}, [(ALL, LOST)], "keeps no session"),
        ({"session_asked_s": 0, "session_granted_s": 0}, [(ALL, LOST)], "mqtt.session_expiry_s is 0"),
        ({"clean_session": True, "session_granted_s": 0}, [(ALL, LOST)], "clean_session"),
        ({"session_granted_s": None}, [], ""),
        ({"is_synced": False}, [(ALL, LOST)], "synchronous is not FULL"),
        ({"filesystem": "nfs4"}, [(ALL, LOST)], "on a network (nfs4)"),
        ({"filesystem": "tmpfs"}, [(ALL, LOST)], "in memory (tmpfs)"),
        ({"filesystem": ""}, [], ""),
        ({"routes": {"$share/g/t/#": "report"}, "granted": {}}, [("$share/g/t/#", ORDER)], "overtake each other"),
        ({"clocks": {"device T1": "its clock is 90 s ahead"}}, [("device T1", "true times")], "90 s ahead"),
    ],
)
def test_what_breaks_a_promise_is_named(
    changes: Mapping[str, object], expected: list[tuple[str, str]], words: str
) -> None:
    """The route, the promise, and why; nothing else is broken by it."""
    facts = change(**changes)
    assert broken(facts) == expected
    assert words in "".join(each.reason for each in guarantees_of(facts) if each.holds is False)


def test_a_repeat_may_come_from_the_broker_itself() -> None:
    """Two subscriptions with a topic in common bring it twice, which only matters where it cannot be told."""
    both = {"t/+/a": Granted(1), "t/b/+": Granted(1)}
    facts = change(routes={"t/+/a": "report"}, granted=both)
    assert broken(facts) == []
    (doubled,) = [
        each for each in guarantees_of(msgspec.structs.replace(facts, unidentified={"t/+/a": 1})) if each.holds is False
    ]
    assert "the broker sends what also matches t/b/+ twice" in doubled.reason


def test_without_a_connection_the_session_is_not_known() -> None:
    """It is neither kept nor broken."""
    found = [each for each in guarantees_of(change(session_granted_s=None)) if each.holds is None]
    assert [each.reason[:27] for each in found] == ["the bridge is not connected", "how much the broker queues "]


def test_without_a_broker_nothing_is_said_of_it() -> None:
    """As for a bridge that an event bus feeds."""
    assert guarantees_of(Facts(routes={})) == []


COUNTS = st.integers(0, 2)


@given(
    st.builds(
        Facts,
        routes=st.just(ROUTES),
        default_qos=st.sampled_from([0, 1, 2]),
        clean_session=st.booleans(),
        session_asked_s=COUNTS,
        session_granted_s=st.one_of(st.none(), COUNTS),
        granted=st.dictionaries(st.sampled_from([*ROUTES, "testers/#"]), st.builds(Granted, COUNTS)),
        seen=st.dictionaries(st.sampled_from([*ROUTES]), st.builds(Seen, qos_0=COUNTS, retained=COUNTS)),
        unidentified=st.dictionaries(st.sampled_from([*ROUTES]), COUNTS),
        is_synced=st.booleans(),
        filesystem=st.sampled_from(["", "ext4", "nfs", "tmpfs"]),
    )
)
def test_each_promise_of_each_route_is_told(facts: Facts) -> None:
    """What does not hold, or is not known, has its reason and its fix; what holds has none."""
    found = guarantees_of(facts)
    told = {(each.route, each.promise) for each in found}
    assert told >= {(route, promise) for route in ROUTES for promise in (LOST, DOUBLED, ORDER)}
    assert all(bool(each.reason) == bool(each.fix) == (each.holds is not True) for each in found)
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Guarantee]) == found
