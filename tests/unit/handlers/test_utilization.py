"""Utilization in WATS: tags while a shift runs, one report when it is over, exact over repetitions and crashes."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.model import BridgeConfig, WatsConfig
from pywats_mqtt.config.shifts import ShiftConfig, ShiftsConfig, UtilizationConfig
from pywats_mqtt.config.zones import calendar_of
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetUtilization, Step, TestResult
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.asset import AssetHandlers
from pywats_mqtt.handlers.presence import Presence
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.handlers.utilization import Utilization
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Publication
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

PRESS = "PRESS-7"
START = datetime.fromisoformat("2026-01-26T06:00:00+00:00")
END = START + timedelta(hours=8)
AWAY = Retry("away", scope=Scope.SERVER, cause="unreachable")
LOST = Retry("no answer", scope=Scope.SERVER, cause="timeout")
EARLY = ShiftConfig(name="early", start="06:00", end="14:00", breaks=("10:00-10:30",))


class Plant:
    """The handlers of a plant with an early shift, on a WATS in memory."""

    def __init__(self, utilization: UtilizationConfig | None = None, *, requests_per_minute: int = 450) -> None:
        self.config = BridgeConfig(
            shifts=ShiftsConfig(shift=(EARLY,)),
            utilization=utilization or UtilizationConfig(ideal_cycle_s={PRESS: 10.0}),
            wats=WatsConfig(requests_per_minute=requests_per_minute),
        )
        self.wats = MemoryWats()
        self.notes = MemoryNotes()
        self.clock = HandClock()
        self.published: list[Publication] = []
        self.refused: list[tuple[str, str]] = []
        self.at(START)
        self.restart()

    def at(self, moment: datetime) -> None:
        """Set the clock."""
        self.clock.seconds = (moment - self.clock.start).total_seconds()

    def restart(self) -> None:
        """Forget what only memory holds."""

        def publish(publication: Publication, _then: object = None) -> bool:
            self.published.append(publication)
            return True

        around = msgspec.structs.replace(
            quiet(self.clock),
            alarms=Alarms("wats/alarms/{alarm_type}", "bridge", self.clock, publish),
            on_refused=lambda call, why: self.refused.append((call, why)),
        )
        assets = AssetHandlers(self.config.assets, around, Presence(self.config, around))
        handler = Utilization(self.config, calendar_of(self.config.shifts), around, assets.make_sure)
        self._handle, self._look = handler.handle, handler.look

    async def tell(self, moment: datetime, asset: str = PRESS, number: int = 0, **told: Any) -> None:
        """Deliver an event, as it arrives in the very moment it tells of or later."""
        if self.clock.now() < moment:
            self.at(moment)
        at_us = to_us(moment)
        facts = {"id": UUID(int=at_us + number), "asset": asset, "at_us": at_us, "type": "asset_utilization"}
        await self._handle(msgspec.convert({**facts, **told}, AssetUtilization), self.wats, self.notes)

    async def look(self, moment: datetime) -> list[str]:
        """Do what is due at a moment; the names of the calls that took."""
        self.at(moment)
        before = len(self.wats.calls)
        await self._look(self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]

    def reports(self) -> list[TestResult]:
        """What WATS holds: of each id the report that came last."""
        return [received[-1] for received in self.wats.reports.values()]

    def tags(self, asset: str = PRESS) -> dict[str, str]:
        """The tags of an asset."""
        return self.wats.assets[asset].tags


def values(steps: tuple[Step, ...], above: str = "") -> dict[str, object]:
    """The measured values by path."""
    found: dict[str, object] = {}
    for step in steps:
        if step.steps:
            found |= values(step.steps, f"{above}{step.name}/")
        else:
            found[above + step.name] = step.measurement.value
    return found


async def a_shift(plant: Plant) -> None:
    """Eight hours of messages each quarter of an hour: 600 s running, 45 parts of which one is bad."""
    for quarter in range(1, 33):
        await plant.tell(
            START + timedelta(minutes=15 * quarter),
            states={"running": 600.0, "idle": 300.0},
            added={"total": 45, "good": 44},
        )


async def test_a_shift_becomes_one_report_when_it_is_over() -> None:
    """Its figures, times, states and parts are LOG steps; the asset is the unit; nothing is sent before its time."""
    plant = Plant()
    await a_shift(plant)
    assert "submit_report" not in await plant.look(END + timedelta(seconds=299))
    assert await plant.look(END + timedelta(seconds=301)) == ["submit_report"]
    (report,) = plant.reports()
    assert (report.serial_number, report.part_number, report.device) == (PRESS, "UTILIZATION", PRESS)
    assert (report.test_type, report.result, report.start, report.duration_s) == ("utilization", "P", START, 28_800)
    in_plan_s = 30 * 600  # the two quarters of the break are not planned
    found = values(report.steps)
    assert found == pytest.approx(
        {
            "availability": in_plan_s / 27_000,
            "performance": 32 * 45 * 10 / (32 * 600),
            "quality": 44 / 45,
            "oee": in_plan_s / 27_000 * 0.75 * 44 / 45,
            "times/shift": 28_800,
            "times/planned": 27_000,
            "times/production": 19_200,
            "times/production outside planned time": 1_200,
            "times/unknown": 0,
            "states/idle": 9_600,
            "states/running": 19_200,
            "parts/total": 1_440,
            "parts/good": 1_408,
            "parts/rejected": 32,
        },
        abs=1e-6,
    )
    assert report.misc == (("shift", "early"), ("shift_end", END.isoformat()))
    assert await plant.look(END + timedelta(hours=2)) == []
    plant.restart()
    assert "submit_report" not in await plant.look(END + timedelta(hours=3))


async def test_tags_show_the_running_shift() -> None:
    """At the interval of tags and only where they changed; what is unknown is said so, over what stood there before."""
    plant = Plant()
    hour = START + timedelta(hours=1)
    await plant.tell(hour, states={"running": 1_800.0, "idle": 1_800.0}, added={"total": 100, "good": 90})
    assert await plant.look(hour) == ["set_tags"]
    assert plant.tags() == {
        "availability": "0.500",
        "performance": "0.556",
        "quality": "0.900",
        "oee": "0.250",
        "shift": "early 2026-01-26T06:00+00:00",
    }
    assert await plant.look(hour + timedelta(seconds=60)) == []
    await plant.tell(hour + timedelta(seconds=61), states={"running": 60.0})
    assert await plant.look(hour + timedelta(seconds=119)) == []
    assert await plant.look(hour + timedelta(seconds=121)) == ["set_tags"]
    await plant.tell(END + timedelta(hours=17), states={"idle": 60.0})
    await plant.look(END + timedelta(hours=17))
    assert plant.tags()["performance"] == plant.tags()["oee"] == "unknown"


async def test_late_data_send_the_report_again_under_its_id() -> None:
    """Once they have come: not for each message of a backlog; and not where they say nothing new."""
    plant = Plant()
    await a_shift(plant)
    await plant.look(END + timedelta(minutes=6))
    late = END + timedelta(hours=20)
    plant.at(late)
    for number in range(5):
        await plant.tell(START + timedelta(minutes=7), number=number, states={"idle": 1.0})
        assert "submit_report" not in await plant.look(late + timedelta(seconds=number))
    assert "submit_report" in await plant.look(late + timedelta(seconds=310))
    (received,) = plant.wats.reports.values()
    assert len(received) == 2
    assert values(received[1].steps)["states/idle"] == 9_605


async def test_what_is_too_late_is_refused_and_its_report_stands() -> None:
    """The account of the shift is gone by then: half a report must not overwrite the whole one."""
    plant = Plant(UtilizationConfig(late_hours=1.0))
    await a_shift(plant)
    await plant.look(END + timedelta(minutes=6))
    later = END + timedelta(days=2)
    await plant.look(later)
    assert not [name for name in plant.notes.kept if name.startswith("shift/")]
    with pytest.raises(Reject, match="takes no more data") as refused:
        await plant.tell(START + timedelta(hours=1), states={"idle": 1.0})
    assert refused.value.path == "$.timestamp"
    assert await plant.look(later + timedelta(hours=1)) == []


async def test_a_shift_that_is_owed_is_sent_before_it_is_forgotten() -> None:
    """Also where the bridge was down until long after: a report is due when it comes back."""
    plant = Plant(UtilizationConfig(late_hours=1.0))
    await a_shift(plant)
    plant.restart()
    assert "submit_report" in await plant.look(END + timedelta(days=30))


async def test_a_silent_device_has_its_report_all_the_same() -> None:
    """What it said last goes on to the end of the shift; the rest of it is unknown."""
    plant = Plant()
    await plant.tell(END - timedelta(hours=3), state="running")
    await plant.tell(END - timedelta(hours=2), state="idle")
    plant.restart()
    await plant.look(END + timedelta(minutes=6))
    (report,) = plant.reports()
    found = values(report.steps)
    assert (found["states/running"], found["states/idle"], found["times/unknown"]) == (3_600, 3_600, 6 * 3_600)
    assert "performance" not in found
    assert ("remark_1", "performance is unknown: the device counts no parts") in report.misc
    # Its next message says what was taken for granted: nothing new, and no call.
    await plant.tell(END + timedelta(hours=3), state="running")
    assert "submit_report" not in await plant.look(END + timedelta(hours=4))


async def test_outside_of_shifts_there_is_a_report_only_where_something_was_made() -> None:
    """A machine that idles over night makes none."""
    plant = Plant()
    await plant.tell(END + timedelta(hours=1), states={"idle": 60.0})
    await plant.tell(END + timedelta(hours=11), states={"running": 60.0}, added={"total": 3, "good": 3})
    await plant.look(END + timedelta(days=1))
    (report,) = plant.reports()
    assert dict(report.misc)["shift"] == "outside shifts"
    assert report.start == END + timedelta(hours=10)  # midnight
    assert values(report.steps)["parts/total"] == 3


@given(st.data())
async def test_each_message_counts_once_however_often_it_is_delivered(data: st.DataObject) -> None:
    """Deliveries fail at any note that is written, are tried again, and the bridge restarts in between."""
    messages = data.draw(
        st.lists(
            st.tuples(st.integers(1, 7_200), st.sampled_from(["states", "state", "count", "added"]), st.integers(0, 9)),
            min_size=1,
            max_size=8,
        )
    )
    smooth, rough = Plant(), Plant()
    moment, counter = START, 100
    for number, (later_s, kind, amount) in enumerate(messages):
        moment += timedelta(seconds=later_s)
        counter += amount
        kinds: dict[str, dict[str, Any]] = {
            "states": {"states": {"running": 40.0 * amount + 1, "idle": 20.0 * amount}, "planned_s": 30.0},
            "state": {"state": "running" if amount % 2 else "idle"},
            "count": {"counted": {"total": counter, "good": counter - 5}},
            "added": {"added": {"total": amount, "good": amount}, "ideal_cycle_s": 2.0},
        }
        told = kinds[kind]
        await smooth.tell(moment, number=number, **told)
        for _ in range(data.draw(st.integers(0, 2))):
            rough.notes = FailingNotes(rough.notes.kept, data.draw(st.integers(0, 3)))
            with contextlib.suppress(Retry):
                await rough.tell(moment, number=number, **told)
            if data.draw(st.booleans()):
                rough.restart()
        rough.notes = FailingNotes(rough.notes.kept, 99)
        await rough.tell(moment, number=number, **told)
    for plant in (smooth, rough):
        plant.restart()
        await plant.look(moment + timedelta(days=2))
    assert kept(rough) == kept(smooth)
    assert {str(r.report_id): r for r in rough.reports()} == {str(r.report_id): r for r in smooth.reports()}


class FailingNotes(MemoryNotes):
    """Notes that keep some more and then no more."""

    def __init__(self, kept: dict[str, bytes], more: int) -> None:
        super().__init__()
        self.kept = kept
        self._more = more

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Keep a note, while it may."""
        if not self._more:
            raise Retry("disk full", scope=Scope.SERVER, cause="disk")
        self._more -= 1
        await super().set_note(name, value)


def kept(plant: Plant) -> dict[str, object]:
    """The notes of utilization."""
    return {name: json.loads(note) for name, note in plant.notes.kept.items() if name.startswith(("shift/", "utili"))}


async def test_a_lost_answer_leaves_one_report() -> None:
    """It is sent again under its id; tags are written again with the same values."""
    plant = Plant()
    await a_shift(plant)
    plant.wats.fail_next("submit_report", LOST, after=True)
    assert await plant.look(END + timedelta(minutes=6)) == ["submit_report"]
    assert await plant.look(END + timedelta(minutes=7)) == ["submit_report", "set_tags"]
    (received,) = plant.wats.reports.values()
    assert received[0] == received[1]


async def test_what_comes_while_a_report_is_under_way_is_owed_still() -> None:
    """The report that is sent does not have it."""
    plant = Plant()
    await a_shift(plant)
    send = plant.wats.submit_report

    async def meanwhile(result: TestResult) -> None:
        plant.wats.submit_report = send  # type: ignore[method-assign] # once
        await plant.tell(START + timedelta(hours=7), number=1, states={"idle": 7.0})
        await send(result)

    plant.wats.submit_report = meanwhile  # type: ignore[method-assign] # as above
    await plant.look(END + timedelta(minutes=6))
    assert values(plant.reports()[0].steps)["states/idle"] == 9_600
    await plant.look(END + timedelta(minutes=12))
    assert values(plant.reports()[0].steps)["states/idle"] == 9_607


async def test_where_wats_is_away_everything_waits() -> None:
    """The first call that fails ends the look; the next one does the rest."""
    plant = Plant()
    await a_shift(plant)
    await plant.tell(START + timedelta(hours=1), asset="PRESS-8", states={"running": 60.0})
    plant.wats.fail_next("submit_report", AWAY)
    assert await plant.look(END + timedelta(minutes=6)) == ["submit_report"]
    assert sorted(await plant.look(END + timedelta(minutes=7))) == ["set_tags"] * 2 + ["submit_report"] * 2


async def test_a_report_that_wats_refuses_is_an_alarm_and_no_call_each_time() -> None:
    """Until the bridge starts again, perhaps with another configuration; then it is sent, and the alarm ends."""
    plant = Plant()
    await a_shift(plant)
    plant.wats.fail_next("submit_report", Reject("400 there is no operation 4711"))
    assert "submit_report" in await plant.look(END + timedelta(minutes=6))
    raised = [json.loads(said.payload) for said in plant.published if not said.retain]
    assert [(said["alarm"], said["asset"], said["shift"]) for said in raised] == [
        ("shift_report_refused", PRESS, "early")
    ]
    assert raised[0]["reason"] == "400 there is no operation 4711"
    assert await plant.look(END + timedelta(minutes=30)) == []
    plant.restart()
    assert "submit_report" in await plant.look(END + timedelta(minutes=31))
    assert json.loads(plant.published[-2].payload)["active"] is False


async def test_a_report_that_the_server_fails_on_holds_up_no_other() -> None:
    """It is tried again after ten minutes."""
    plant = Plant()
    await a_shift(plant)
    await plant.tell(START + timedelta(hours=1), asset="PRESS-8", states={"running": 60.0})
    plant.wats.fail_next("submit_report", Retry("500", scope=Scope.DELIVERY, cause="500"))
    assert (await plant.look(END + timedelta(minutes=6))).count("submit_report") == 2
    assert "submit_report" not in await plant.look(END + timedelta(minutes=15))
    assert "submit_report" in await plant.look(END + timedelta(minutes=17))


async def test_a_call_that_is_refused_is_shown_until_it_is_taken() -> None:
    """A token without the permission to store reports."""
    plant = Plant()
    await a_shift(plant)
    plant.wats.fail_next("submit_report", Retry("403", scope=Scope.CALL, cause="403"))
    await plant.look(END + timedelta(minutes=6))
    await plant.look(END + timedelta(minutes=7))
    assert plant.refused == [("reports of shifts", "403"), ("reports of shifts", "")]


async def test_an_asset_that_wats_does_not_know_is_refused() -> None:
    """As its telemetry is, where none may be made; what it said is in quarantine and in no account."""
    plant = Plant()
    plant.wats.create_assets = False
    with pytest.raises(Reject):
        await plant.tell(START + timedelta(hours=1), states={"running": 60.0})
    assert kept(plant) == {}


async def test_a_thousand_assets_whose_shift_ends_take_a_part_of_the_quota() -> None:
    """At most 50 reports in any minute, and all of them in the end; known assets cost no call for a message."""
    plant = Plant()
    for number in range(120):
        await plant.tell(START + timedelta(hours=1), asset=f"P{number}", states={"running": 60.0})
        await plant.tell(START + timedelta(hours=2), asset=f"P{number}", states={"running": 60.0})
    assert [name for name, _, _ in plant.wats.calls] == ["asset"] * 120
    sent = [await plant.look(END + timedelta(minutes=6, seconds=30 * turn)) for turn in range(6)]
    assert [calls.count("submit_report") for calls in sent] == [50, 0, 50, 0, 20, 0]
    assert [calls.count("set_tags") for calls in sent] == [0, 0, 0, 0, 30, 0]
