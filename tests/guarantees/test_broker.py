"""The broker dies and forgets, stands still, or gives our session away.

What reached the bridge is in WATS, and what never did is listed.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.fleet import NUMBER, Fleet, await_grown, settle
from tests.guarantees.line import BOUND_S, Line
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.tap import Tap
from tests.waiting import block_until

pytestmark = pytest.mark.slow

KEEPALIVE_S = 1
"""After this the bridge asks whether the broker is there; a minute by default."""

WINDOW = 40
"""Messages the broker may send before the first is acknowledged; the rest is in its queue, and dies with it."""


@pytest.fixture
def tap(made: Line) -> Iterator[Tap]:
    """Between the broker and the bridge, which runs and has a session."""
    made.set_mqtt(f"receive_maximum = {WINDOW}\n")
    tap = Tap(made.mosquitto.port)
    made.broker_at(tap.port)
    made.bridge.start()
    made.await_session()
    yield tap
    tap.close()


def passed(tap: Tap) -> set[str]:
    """Give the numbers of what the broker sent."""
    return {match.decode() for match in NUMBER.findall(tap.passed())}


@contextmanager
def listening(port: int, topic: str) -> Iterator[list[bytes]]:
    """Subscribed to a topic when the block begins; gives what is heard."""
    heard: list[bytes] = []
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _userdata, message: heard.append(bytes(message.payload))
    client.connect(HOST, port)
    client.loop_start()
    client.subscribe(topic, qos=1)
    assert subscribed.wait(BOUND_S)
    yield heard
    client.disconnect()
    client.loop_stop()


def test_killed_and_restarted_without_its_persistence(made: Line, tap: Tap, fleet: Fleet) -> None:
    """The lost session is noticed and alarmed; exactly the numbers that the broker never sent are missing."""
    fleet.publish(2)
    fleet.wait()
    tap.hold()
    fleet.publish(8)
    fleet.wait()
    block_until(lambda: len(passed(tap)) >= WINDOW, bound_s=BOUND_S, what="a whole window")
    made.mosquitto.kill()
    tap.close_door()
    tap.release()
    made.mosquitto.forget()
    made.mosquitto.start()
    with listening(made.mosquitto.port, "wats/alarms/session_lost") as heard:
        tap.open_door()
        block_until(lambda: heard, bound_s=BOUND_S, what="the alarm")
    assert [json.loads(payload)["alarm"] for payload in heard] == ["session_lost"]
    made.await_session()
    assert made.bridge.status()["sessions_lost"] == 1
    fleet.publish(1)
    held = settle(made, fleet.sent)

    never_sent = fleet.sent.numbers() - passed(tap)
    assert never_sent, "the broker had sent all before it died"
    assert compare(fleet.sent.only(passed(tap)), held) == EXACT
    owed = {number for number in never_sent if number[0] in "TB"}
    assert compare(fleet.sent, held).missing == tuple(sorted(owed))


def test_a_broker_that_stands_still_for_longer_than_the_keep_alive(made: Line) -> None:
    """Unanswered pings end the connection, an unanswered CONNECT the next one; the session goes on where it was.

    When the broker goes on it finds all at once: what it was told before and did not read, the ends of connections, and
    CONNECTs. What it had no acknowledgement of comes again; of this only what does not fit, which has no identity, is
    kept again.
    """
    made.set_mqtt(f"keepalive = {KEEPALIVE_S}\nreceive_maximum = {WINDOW}\n")
    made.bridge.start()
    made.await_session()
    with closing(Fleet(made.mosquitto.port)) as fleet:
        fleet.publish(20)
        await_grown(made, "stored", 0)
        made.mosquitto.pause()
        fleet.publish(5)
        block_until(lambda: not made.bridge.status()["connected"], bound_s=BOUND_S, what="the bridge notices")
        block_until(
            lambda: "does not answer CONNECT" in made.bridge.status()["broker_problem"],
            bound_s=BOUND_S,
            what="the bridge tries in vain",
        )
        made.mosquitto.resume()
        made.await_session()
        fleet.publish(1)
        held = settle(made, fleet.sent)
        assert replace(compare(fleet.sent, held), refused_again=()) == EXACT
        assert max(Counter(held.refused).values()) <= 2
    assert [text for text in made.bridge.lines() if "does not answer a ping" in text]
    assert made.bridge.status()["sessions_lost"] == 0


def test_a_session_that_another_client_takes_over_is_taken_back(made: Line, tap: Tap, fleet: Fleet) -> None:
    """Another client with our id is told of by name; what it got and did not acknowledge comes to us."""
    del tap
    fleet.publish(2)
    fleet.wait()
    thief = paho.Client(CallbackAPIVersion.VERSION2, client_id="bridge", protocol=paho.MQTTv5, manual_ack=True)
    got: list[bytes] = []
    thief.on_message = lambda _client, _userdata, message: got.append(bytes(message.payload))
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
    properties.SessionExpiryInterval = 3600
    made.bridge.pause()
    thief.connect(HOST, made.mosquitto.port, clean_start=False, properties=properties)
    thief.loop_start()
    fleet.publish(3)
    fleet.wait()
    block_until(lambda: got, bound_s=BOUND_S, what="the other client got some")
    made.bridge.resume()
    block_until(
        lambda: "client id" in made.bridge.status().get("broker_problem", ""), bound_s=BOUND_S, what="it is told of"
    )
    thief.disconnect()
    thief.loop_stop()
    made.await_session()
    fleet.publish(1)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert made.bridge.status()["sessions_lost"] == 0
    assert [text for text in made.bridge.lines() if "broker is away" in text]
