"""Which requests a fault hits, and which faults are refused."""

from __future__ import annotations

import httpx
import pytest

from pywats_mqtt.emulator.fault import EFFECTS, Fault, Kind
from pywats_mqtt.emulator.fault_words import fault_of
from pywats_mqtt.emulator.faults import Faults


def hits(fault: Fault, count: int, step_s: float = 1.0) -> str:
    """What requests see, `step_s` apart: x for a hit, - for none."""
    faults = Faults()
    faults.add(fault, 100.0)
    seen = [faults.take("GET", "/api/App/Version", 100.0 + number * step_s) for number in range(count)]
    return "".join("x" if hit else "-" for hit in seen)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("status", "xxxxxxxxxx"),
        ("status,after=3", "---xxxxxxx"),
        ("status,after=3,times=2", "---xx-----"),
        ("status,seconds=3", "xxx-------"),
        ("flapping,up=2,down=1", "--x--x--x-"),
        ("flapping,up=1,down=2,after=2", "---xx-xx-x"),
        ("flapping,up=2,down=1,times=2", "--x--x----"),
        ("flapping,up_s=2,down_s=3", "--xxx--xxx"),
        ("hang,up=1,down=1", "-x-x-x-x-x"),
        ("status,probability=0", "----------"),
    ],
)
def test_counts_and_times_choose_the_requests(words: str, expected: str) -> None:
    """`after` lets the first through, `times` and `seconds` end it, and turns begin with good behaviour."""
    assert hits(fault_of(words), 10) == expected


def test_chance_comes_out_the_same_again() -> None:
    """One seed has the same hits every time, another seed others, and their share is about the probability."""
    fault = Fault(kind=Kind.STATUS, probability=0.25, seed=7)
    assert hits(fault, 400) == hits(fault, 400)
    assert hits(fault, 400) != hits(Fault(kind=Kind.STATUS, probability=0.25, seed=8), 400)
    assert 70 <= hits(fault, 400).count("x") <= 130


def test_what_one_fault_lets_through_the_next_may_hit() -> None:
    """A request that a fault matches but does not hit goes on to the faults behind it."""
    faults = Faults()
    for words in ("status,after=1,times=1", "hang"):
        faults.add(fault_of(words), 0)
    taken = [faults.take("GET", "/", 0) for _ in range(3)]
    assert [fault.kind for fault in taken if fault] == [Kind.HANG, Kind.STATUS, Kind.HANG]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "'' is no kind of fault; it begins with one of status, "),
        ("burn", "'burn' is no kind of fault"),
        ("kind=status", "'kind' is no kind of fault"),
        ("hang=3", "hang takes no value, got 'hang=3'"),
        ("status,times", "expected name=value, got 'times'"),
        ("status,times=2,times=3", "times is given twice"),
        ("status=4,status=5", "status is given twice"),
        ("status=abc", "$.status"),
        ("status=200", "$.status"),
        ("status,times=0", "$.times"),
        ("status,probability=1.1", "$.probability"),
        ("status,seconds=nan", "$.seconds"),
        ("delay=inf", "$.delay_s"),
        ("status,tmies=3", "unknown field `tmies`"),
        ("status,delay_s=2", "status does not look at delay_s; it has status, retry_after, retry_after_as"),
        ("hang,status=500", "hang does not look at status; it has no field of its own"),
        ("status,method=GTE", "method 'GTE' is none of"),
        ("status,path=api", "path 'api' must begin with /"),
        ("refuse=inf", "$.seconds"),
        ("refuse", "refuse needs seconds"),
        ("refuse=1,times=2", "refuse does not look at times; it has seconds"),
        ("flapping", "flapping needs up and down, or up_s and down_s"),
        ("flapping,up=1", "up and down go together"),
        ("hang,down_s=1", "up_s and down_s go together"),
        ("hang,up=1,down=1,up_s=1,down_s=1", "not both"),
        ("throttle,retry_after_as=date", "retry_after_as date needs retry_after in whole seconds"),
    ],
)
def test_a_wrong_fault_in_words_says_what_is_wrong(words: str, message: str) -> None:
    """What could never hit, or would be ignored, is refused in one line."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is checked below
        fault_of(words)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_words_and_json_say_the_same() -> None:
    """The value behind a kind is its first own field; spaces around commas do not matter."""
    assert fault_of("status=429, path=/api/Report, times=3, method=post") == Fault(
        kind=Kind.STATUS, status=429, path="/api/Report", times=3, method="post"
    )
    assert fault_of("delay=0.5") == Fault(kind=Kind.DELAY, delay_s=0.5)
    assert fault_of("slow_body=0.01,longest_s=2") == Fault(kind=Kind.SLOW_BODY, byte_s=0.01, longest_s=2)
    assert fault_of("refuse=2") == Fault(kind=Kind.REFUSE, seconds=2)


def test_every_kind_has_its_effect_described() -> None:
    """The table that documents kinds has all of them, and its fields are fields of a fault."""
    assert set(EFFECTS) == set(Kind)
    assert {field for effect in EFFECTS.values() for field in effect.fields} <= set(Fault.__struct_fields__)


async def test_the_list_tells_hits_and_ends(http: httpx.AsyncClient) -> None:
    """Each fault is listed as it was ordered, with its hits and whether it is over."""
    for order in ({"kind": "status", "after": 1, "times": 1}, {"kind": "empty", "path": "/nowhere"}):
        assert (await http.post("/_emulator/faults", json=order)).status_code == 201
    assert [(await http.get("/api/App/Version")).status_code for _ in range(3)] == [200, 503, 200]
    listed = (await http.get("/_emulator/faults")).json()
    assert [(row["kind"], row["hits"], row["over"]) for row in listed] == [("status", 1, True), ("empty", 0, False)]
    assert list(listed[0].items())[:6] == [
        ("kind", "status"),
        ("method", None),
        ("path", "/"),
        ("status", 503),
        ("after", 1),
        ("times", 1),
    ]
    assert list(listed[1]) == ["kind", "method", "path", "hits", "over"]
