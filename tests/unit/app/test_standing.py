"""The bridge's own alarms are said once, kept while they stand, and over for everybody when they end."""

from __future__ import annotations

import json

import pytest

from pywats_mqtt.app.refusals import tell_refusal
from pywats_mqtt.app.standing import NOTE
from pywats_mqtt.errors import Retry, Scope
from tests.unit.app.standing_bench import Broker


@pytest.fixture
def broker() -> Broker:
    """Give a broker."""
    return Broker()


async def test_it_is_said_when_raised_and_cleared_and_kept_meanwhile(broker: Broker) -> None:
    """Once each; a cleared one, and one that stands, is no news."""
    alarms = await broker.start()
    alarms.linked(connected=True)
    alarms.clear("a")
    alarms.raise_("a", "warning", {"why": "x"})
    alarms.raise_("a", "warning", {"why": "x"})
    assert broker.heard() == [("alarms/a", "warning"), ("alarms/a/B1", "warning")]
    alarms.raise_("a", "warning", {"why": "y"})
    assert json.loads(broker.said[0].payload)["why"] == "y"
    assert broker.heard() == [("alarms/a/B1", "warning")]
    alarms.raise_("a", "alarm")
    assert broker.heard() == [("alarms/a", "alarm"), ("alarms/a/B1", "alarm")]
    alarms.clear("a", {"why": "z"})
    said = json.loads(broker.said[0].payload)
    assert (said["alarm"], said["active"], said["why"]) == ("a", False, "z")
    assert broker.heard() == [("alarms/a", "cleared"), ("alarms/a/B1", "")]
    alarms.clear("a")
    assert broker.heard() == []


async def test_what_ended_while_the_bridge_was_down_is_said_to_be_over(broker: Broker) -> None:
    """After a kill: `active: false` for who listens, since it was raised, and the kept one is emptied. Once."""
    alarms = await broker.start("a")
    alarms.linked(connected=True)
    alarms.raise_("a", "alarm")
    await broker.take()
    broker.heard()
    again = await broker.start("a")
    again.clear("a")
    assert broker.heard() == []
    again.linked(connected=True)
    assert json.loads(broker.said[0].payload)["active"] is False
    assert broker.heard() == [("alarms/a", "cleared"), ("alarms/a/B1", "")]
    await broker.take()
    assert NOTE not in broker.notes.kept
    third = await broker.start("a")
    third.clear("a")
    third.linked(connected=True)
    assert broker.heard() == [("alarms/a/B1", "")]


async def test_what_still_stands_after_a_restart_is_kept_and_not_said_again(broker: Broker) -> None:
    """It stands since it was raised first; whether it is, who raised it finds out."""
    alarms = await broker.start()
    alarms.linked(connected=True)
    alarms.raise_("a", "alarm", {"why": "x"})
    await broker.take()
    since = json.loads(broker.said[0].payload)["since"]
    broker.heard()
    again = await broker.start()
    again.linked(connected=True)
    again.raise_("a", "alarm", {"why": "y"})
    assert {json.loads(one.payload)["since"] for one in broker.said} == {since}
    assert broker.heard() == [("alarms/a/B1", "alarm"), ("alarms/a/B1", "alarm")]


async def test_what_a_broker_did_not_hear_it_is_told_when_it_is_back(broker: Broker) -> None:
    """Raised, changed or cleared: it hears how it stands."""
    alarms = await broker.start()
    alarms.raise_("a", "alarm")
    assert broker.heard() == []
    alarms.linked(connected=True)
    assert broker.heard() == [("alarms/a", "alarm"), ("alarms/a/B1", "alarm")]
    broker.lose()
    alarms.linked(connected=False)
    alarms.linked(connected=True)
    assert broker.heard() == [("alarms/a", "alarm"), ("alarms/a/B1", "alarm")]
    alarms.raise_("a", "alarm", {"why": "x"})
    await broker.take()
    alarms.linked(connected=False)
    alarms.linked(connected=True)
    assert broker.heard() == [("alarms/a/B1", "alarm"), ("alarms/a/B1", "alarm")]
    alarms.linked(connected=False)
    alarms.clear("a")
    assert broker.heard() == []
    alarms.linked(connected=True)
    broker.lose()
    killed = await broker.start()
    killed.linked(connected=True)
    assert broker.heard() == [("alarms/a", "cleared"), ("alarms/a/B1", ""), ("alarms/a/B1", "alarm")]


async def test_one_that_ended_and_was_not_told_is_told_by_the_next_run(broker: Broker) -> None:
    """Also where nobody there looks at it any more."""
    alarms = await broker.start()
    alarms.linked(connected=True)
    alarms.raise_("a", "alarm")
    alarms.raise_("b", "alarm")
    await broker.take()
    alarms.clear("a")
    broker.lose()
    alarms.clear("b")
    await broker.take()
    broker.heard()
    again = await broker.start()
    again.linked(connected=True)
    assert broker.heard() == [("alarms/a", "cleared"), ("alarms/a/B1", "")]
    await broker.take()
    assert NOTE not in broker.notes.kept


async def test_a_disk_that_takes_no_note_keeps_nobody_from_hearing(broker: Broker) -> None:
    """A run that finds no note of it empties what is kept, where it knows the name."""
    alarms = await broker.start("a")
    alarms.linked(connected=True)
    alarms.raise_("a", "alarm")
    broker.notes.fail_at(1, Retry("disk full", scope=Scope.SERVER, cause="disk full"))
    with pytest.raises(Retry):
        await broker.take()
    assert broker.heard() == [("alarms/a/B1", ""), ("alarms/a", "alarm"), ("alarms/a/B1", "alarm")]
    again = await broker.start("a")
    again.clear("a")
    again.linked(connected=True)
    assert broker.heard() == [("alarms/a/B1", "")]


@pytest.mark.parametrize("note", [b"what", b'[["a","",{"level":"\xff","since":"","at":""}]]'])
async def test_a_note_that_cannot_be_read_is_none(
    note: bytes, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and overwritten."""
    broker.notes.kept[NOTE] = note
    alarms = await broker.start()
    alarms.linked(connected=True)
    alarms.raise_("a", "alarm")
    await broker.take()
    assert "cannot be read" in caplog.text
    assert b"alarm" in broker.notes.kept[NOTE]


async def test_what_is_kept_under_another_client_id_is_emptied_there(broker: Broker) -> None:
    """Whether the alarm still stands or is over: nobody else will. At each connect, until the broker took it."""
    alarms = await broker.start()
    alarms.linked(connected=True)
    alarms.raise_("a", "alarm")
    alarms.raise_("b", "alarm", of="x")
    await broker.take()
    broker.heard()
    renamed = await broker.start(bridge="B2")
    renamed.clear("a")
    for _ in range(2):
        renamed.linked(connected=True)
        told = broker.heard()
        assert sorted(told[:2]) == [("alarms/a/B1", ""), ("alarms/b/B1/x", "")]
        assert told[2:] == [("alarms/a", "cleared"), ("alarms/a/B2", ""), ("alarms/b/B2/x", "alarm")]
        renamed.linked(connected=False)
    await broker.take()
    renamed.linked(connected=True)
    assert broker.heard() == [("alarms/b/B2/x", "alarm"), ("alarms/a/B2", "")]
    again = await broker.start(bridge="B2")
    again.linked(connected=True)
    assert broker.heard() == [("alarms/b/B2/x", "alarm")]


async def test_a_note_without_topics_is_one_of_this_client_id(broker: Broker) -> None:
    """As before they were written down."""
    broker.notes.kept[NOTE] = b'[["a","",{"level":"alarm","since":"","at":""}]]'
    alarms = await broker.start()
    alarms.linked(connected=True)
    assert broker.heard() == [("alarms/a/B1", "alarm")]


async def test_a_broker_that_went_back_to_what_it_kept_before_is_told_what_is_over(broker: Broker) -> None:
    """One that was killed remembers what it wrote last, also of an alarm that ended since."""
    alarms = await broker.start()
    alarms.linked(connected=True)
    tell_refusal(alarms, "test_result", "403")
    tell_refusal(alarms, "test_result", "")
    await broker.take()
    broker.heard()
    alarms.linked(connected=False)
    alarms.linked(connected=True)
    assert broker.heard() == [("alarms/call_refused/B1/test_result", "")]


async def test_refused_calls_stand_beside_each_other(broker: Broker) -> None:
    """Each is kept under its kind, and ends alone; so does the token."""
    alarms = await broker.start()
    alarms.linked(connected=True)
    tell_refusal(alarms, "test_result", "403")
    tell_refusal(alarms, "asset_state", "403")
    tell_refusal(alarms, "", "401")
    assert [topic for topic, _ in broker.heard()] == [
        "alarms/call_refused",
        "alarms/call_refused/B1/test_result",
        "alarms/call_refused",
        "alarms/call_refused/B1/asset_state",
        "alarms/token_refused",
        "alarms/token_refused/B1",
    ]
    tell_refusal(alarms, "test_result", "")
    cleared = json.loads(broker.said[0].payload)
    assert (cleared["active"], cleared["call"]) == (False, "test_result")
    assert broker.heard() == [("alarms/call_refused", "cleared"), ("alarms/call_refused/B1/test_result", "")]
    tell_refusal(alarms, "", "")
    assert broker.heard() == [("alarms/token_refused", "cleared"), ("alarms/token_refused/B1", "")]
