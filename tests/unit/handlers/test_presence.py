"""Who is there: by its own word, its Will, or its silence; and what that costs."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.events import AssetEnvironment, AssetState, Event, Latest
from pywats_mqtt.folding import fold
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Rejection
from tests.unit.handlers.bench import FIXTURE, Bench

STATUS = f"assets/{FIXTURE}/status"
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")


class Plant(Bench):
    """Handlers that hear and are delivered to, as in a bridge."""

    def __init__(self, offline_after_s: float = 300.0, topics: TopicConfig | None = None) -> None:
        super().__init__(AssetConfig(offline_after_s=offline_after_s))
        self.routes = RouteTable(topics or TopicConfig())
        self.latest: dict[str, Latest] = {}

    async def receive(self, topic: str, payload: str, *, retain: bool = False) -> list[str]:
        """Take one message, and deliver it; gives the calls that took."""
        return await self.take(RawMessage(topic, payload.encode(), to_us(self.clock.now()), retain=retain))

    def route(self, message: RawMessage) -> list[Event]:
        """Hear a message, and fold what it says."""
        outcome = interpret(message, self.routes)
        self.made.hear([message], gathered([message], [outcome]), self.routes)
        if isinstance(outcome, Rejection):
            return []
        events: list[Event] = [item.event for item in outcome]
        for place, event in enumerate(events):
            if isinstance(event, AssetState | AssetEnvironment):
                name = f"{event.key} {type(event)}"
                events[place] = self.latest[name] = fold(self.latest.get(name), event)
        return events

    async def take(self, message: RawMessage) -> list[str]:
        """Take a message."""
        return await self.handle(*self.route(message))

    async def pass_(self, seconds: float) -> list[str]:
        """Let time pass, look, and deliver what the bridge tells itself; gives the calls that took."""
        self.clock.seconds += seconds
        await self.look()
        said, self.said = self.said, []
        return [call for message in said for call in await self.take(message)]

    @property
    def tags(self) -> dict[str, str]:
        """Give the tags in WATS."""
        return self.wats.assets[FIXTURE].tags

    def time(self, seconds_ago: float = 0.0) -> str:
        """Give a time as it stands in a tag."""
        return (self.clock.now() - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds")


@pytest.fixture
def plant() -> Plant:
    """Give a plant in which devices may be silent for five minutes."""
    return Plant()


@pytest.mark.parametrize("will", ["offline", '{"status":"offline","timestamp":"2026-01-26T10:00:00Z"}'])
async def test_a_will_takes_a_device_offline_until_it_is_heard(plant: Plant, will: str) -> None:
    """The time in a Will is that of the connection; what the device says next may be older by its own clock."""
    await plant.receive(STATUS, "online")
    plant.clock.seconds += 40
    await plant.receive(STATUS, will)
    assert plant.tags == {"online": "offline", "last_seen": plant.time(40)}
    assert await plant.active() == ["offline"]

    await plant.receive(STATUS, '{"status":"running","timestamp":"2026-01-26T10:00:01Z"}')
    assert plant.tags == {"online": "online", "last_seen": plant.time()}
    assert await plant.active() == []


async def test_idle_is_a_word_and_changes_no_state(plant: Plant) -> None:
    """It waits for other tags of the asset, as long as some were written a while ago."""
    await plant.receive(STATUS, "running")
    assert await plant.receive(STATUS, "idle") == []
    calls = await plant.receive(f"assets/{FIXTURE}/environment", '{"environment":{"t":1}}')

    assert calls == ["set_tags"]
    assert plant.tags == {"online": "idle", "last_seen": plant.time(), "t": "1"}
    assert plant.wats.assets[FIXTURE].state == 1


async def test_a_word_that_waits_is_written_when_its_time_comes_also_after_a_restart(plant: Plant) -> None:
    """Though the device says nothing more."""
    await plant.receive(STATUS, "running")
    await plant.receive(STATUS, "idle")
    assert await plant.pass_(119) == []
    assert await plant.pass_(1) == ["set_tags"]
    assert plant.tags["online"] == "idle"

    await plant.receive(STATUS, "running")
    plant.restart()
    await plant.pass_(1)
    assert plant.tags["online"] == "online"


async def test_last_seen_costs_no_call(plant: Plant) -> None:
    """It goes with other tags, or when the word changes."""
    await plant.receive(STATUS, "running")

    assert [await plant.receive(STATUS, "running") for _ in range(10)] == [[]] * 10
    assert await plant.pass_(299) == []


async def test_silence_is_noticed_once_and_ends_with_any_message_on_any_topic(plant: Plant) -> None:
    """A device that only counts is watched, too; a result, and one that is refused, are signs of life."""
    await plant.receive(f"assets/{FIXTURE}/counters", '{"total_count":1}')
    await plant.pass_(0)
    assert plant.tags["online"] == "online"

    await plant.pass_(299)
    await plant.receive(f"testers/{FIXTURE}/results", "what")
    await plant.pass_(299)
    assert await plant.active() == []

    await plant.pass_(1)
    assert plant.tags == {"online": "offline", "last_seen": plant.time(300)}
    assert await plant.active() == ["offline"]
    assert await plant.pass_(1_000) == []

    await plant.receive(f"testers/{FIXTURE}/results", "what")
    await plant.pass_(0)
    assert plant.tags == {"online": "online", "last_seen": plant.time()}
    assert await plant.active() == []


async def test_who_only_sends_results_is_no_asset(plant: Plant) -> None:
    """It is not made one by its silence."""
    await plant.receive("testers/T1/results", "what")

    assert await plant.pass_(1_000) == []
    assert plant.wats.assets == {}


async def test_nobody_is_offline_before_the_time_since_the_start_or_since_the_broker_is_back(plant: Plant) -> None:
    """What was said while nobody listened may be lost or late."""
    await plant.receive(STATUS, "running")
    plant.clock.seconds += 10_000
    plant.restart()
    assert await plant.pass_(299) == []

    plant.made.tell_again()
    assert await plant.pass_(299) == []
    plant.listens = False
    assert await plant.pass_(1_000) == []
    plant.listens = True
    assert await plant.pass_(299) == []
    assert await plant.pass_(1) == ["asset", "set_tags"]
    assert plant.tags["online"] == "offline"


async def test_who_was_heard_before_the_broker_went_away_has_its_time_anew(plant: Plant) -> None:
    """Without a restart of the bridge, too."""
    await plant.receive(STATUS, "running")
    plant.clock.seconds += 299
    plant.made.tell_again()
    assert await plant.pass_(299) == []
    assert await plant.pass_(1) == ["set_tags"]


async def test_the_alarm_does_not_wait_for_wats(plant: Plant) -> None:
    """It is raised and cleared though nothing can be delivered."""
    await plant.receive(STATUS, "running")
    plant.route(RawMessage(STATUS, b"offline", to_us(plant.clock.now())))
    await plant.look()
    assert await plant.active() == ["offline"]

    plant.route(RawMessage(STATUS, b"online", to_us(plant.clock.now())))
    await plant.look()
    assert await plant.active() == []


async def test_a_device_that_was_gone_stays_so_over_a_restart(plant: Plant) -> None:
    """And is back when it is heard; nothing is written or told twice."""
    await plant.receive(STATUS, "running")
    await plant.receive(STATUS, "offline")
    plant.restart()
    assert await plant.pass_(1_000) == []
    assert await plant.active() == ["offline"]

    await plant.receive(f"assets/{FIXTURE}/counters", '{"total_count":1}')
    await plant.pass_(0)
    assert plant.tags["online"] == "online"
    assert await plant.active() == []


async def test_a_retained_offline_from_before_says_nothing_about_who_was_heard_since(plant: Plant) -> None:
    """Of a device that nobody heard it tells that it is gone; a retained message is no sign of life."""
    await plant.receive(f"assets/{FIXTURE}/counters", '{"total_count":1}')
    await plant.receive(STATUS, "offline", retain=True)
    assert plant.tags["online"] == "online"

    await plant.receive("assets/OTHER/status", "offline", retain=True)
    assert plant.wats.assets["OTHER"].tags == {"online": "offline"}


async def test_silence_can_be_left_unnoticed() -> None:
    """By default."""
    plant = Plant(offline_after_s=0)
    await plant.receive(STATUS, "running")
    await plant.receive("assets/OTHER/counters", '{"total_count":1}')

    assert await plant.pass_(1e6) == []
    assert "online" not in plant.wats.assets["OTHER"].tags


async def test_a_lost_answer_leaves_the_tag_to_be_written(plant: Plant) -> None:
    """And the alarm is raised once."""
    await plant.receive(STATUS, "running")
    plant.wats.fail_next("set_tags", LOST)
    event = plant.route(RawMessage(STATUS, b"offline", to_us(plant.clock.now())))
    with pytest.raises(Retry):
        await plant.handle(*event)
    plant.restart()
    await plant.handle(*event)

    assert plant.tags["online"] == "offline"
    assert await plant.active() == ["offline"]


@pytest.mark.parametrize("restart", [False, True])
async def test_a_lost_answer_leaves_open_what_stands_in_wats(plant: Plant, *, restart: bool) -> None:
    """So it is written again, also where the device is back before that, and what stood there before is right again."""
    await plant.receive(STATUS, "running")
    plant.wats.fail_next("set_tags", LOST, after=True)
    with pytest.raises(Retry):
        await plant.receive(STATUS, "offline")
    assert plant.tags["online"] == "offline"
    if restart:
        plant.restart()

    await plant.receive(STATUS, "running")
    assert plant.tags["online"] == "online"


async def test_who_cannot_be_an_asset_is_not_asked_for_again_and_again(plant: Plant) -> None:
    """One refusal tells it."""
    plant.wats.create_assets = False
    plant.route(RawMessage(f"assets/{FIXTURE}/counters", b'{"total_count":1}', to_us(plant.clock.now())))
    await plant.look()
    assert len(plant.said) == 1
    await plant.look()
    assert len(plant.said) == 1


async def test_payloads_can_name_who_speaks() -> None:
    """On a topic without an id each message may come of another one."""
    plant = Plant(topics=TopicConfig(asset_topics=("plant/status",)))
    both = [
        RawMessage("plant/status", msgspec.json.encode({"asset_id": name, "status": "idle"}), 5) for name in ("A", "B")
    ]
    said = [interpret(message, plant.routes) for message in both]
    plant.made.hear(both, gathered(both, said), plant.routes)
    await plant.pass_(300)

    assert {name: asset.tags["online"] for name, asset in plant.wats.assets.items()} == {"A": "offline", "B": "offline"}


async def test_an_offline_can_have_a_state() -> None:
    """Where the operator says so; it is left with the next word."""
    plant = Plant()
    plant.restart(AssetConfig(states={"offline": 2}))
    await plant.receive(STATUS, "running")
    await plant.receive(STATUS, "offline")
    assert plant.wats.assets[FIXTURE].state == 2

    await plant.receive(STATUS, "running")
    assert plant.wats.assets[FIXTURE].state == 1
