"""The environment over time: reports of windows, alarms of channels outside their limits, tags with units."""

from __future__ import annotations

import msgspec
import pytest

from pywats_mqtt.config.environment import Threshold
from pywats_mqtt.config.model import AssetConfig, WatsConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.ports import Refused
from pywats_mqtt.wats.reports import wsjf
from tests.unit.handlers.plant import Plant

FIXTURE = "FIXTURE-001"
ENVIRONMENT = f"assets/{FIXTURE}/environment"
HISTORY = AssetConfig(history_window_s=900)
LIMITED = AssetConfig(thresholds={"temperature_c": Threshold(high=30, hysteresis=2)})
GRAVE = AssetConfig(thresholds={"temperature_c": Threshold(high=30, hysteresis=2, level="alarm")})
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
TOPIC = "wats/alarms/environment_temperature_c"


def reading(time: str, value: float, **more: object) -> dict[str, object]:
    """A message of this day."""
    return {"timestamp": f"2026-01-26T{time}Z", "environment": {"temperature_c": value, **more}}


async def test_a_window_becomes_one_report_with_the_values_of_each_channel() -> None:
    """Least, greatest and mean value and their number are logged under the asset, with the channel's unit."""
    plant = Plant(HISTORY)
    await plant.publish(ENVIRONMENT, reading("10:00:00", 20.0, door=1), reading("10:10:00", 23.0))
    await plant.deliver()
    assert plant.wats.reports == {}
    await plant.publish(ENVIRONMENT, reading("10:16:00", 30.0))
    await plant.deliver()

    ((result,),) = plant.wats.reports.values()
    report = wsjf(result, WatsConfig(operation_codes={"environment_history": 20}))
    assert {key: report[key] for key in ("sn", "pn", "machineName", "processCode", "result", "start")} == {
        "sn": FIXTURE,
        "pn": "ENVIRONMENT",
        "machineName": FIXTURE,
        "processCode": 20,
        "result": "P",
        "start": "2026-01-26T10:00:00.000000Z",
    }
    assert report["uut"] == {"user": "", "execTime": 900.0}
    root = report["root"]
    assert isinstance(root, dict)
    assert root["steps"] == [
        {
            "stepType": "ET_MNLT",
            "name": "door",
            "group": "M",
            "status": "P",
            "numericMeas": [
                {"name": name, "status": "P", "value": 1.0, "compOp": "LOG"} for name in ("min", "max", "mean", "count")
            ],
        },
        {
            "stepType": "ET_MNLT",
            "name": "temperature_c",
            "group": "M",
            "status": "P",
            "numericMeas": [
                {"name": "min", "status": "P", "value": 20.0, "compOp": "LOG", "unit": "°C"},
                {"name": "max", "status": "P", "value": 23.0, "compOp": "LOG", "unit": "°C"},
                {"name": "mean", "status": "P", "value": 21.5, "compOp": "LOG", "unit": "°C"},
                {"name": "count", "status": "P", "value": 2.0, "compOp": "LOG"},
            ],
        },
    ]


async def test_a_long_name_is_cut_and_kept_whole_and_a_unit_that_changes_is_a_step_of_its_own() -> None:
    """WATS takes 100 characters for the name of a step."""
    plant = Plant(HISTORY)
    readings: list[dict[str, object]] = [
        {"timestamp": "2026-01-26T10:00:00Z", "environment": {"t": {"value": 1, "unit": unit}}} for unit in "VA"
    ]
    await plant.publish(ENVIRONMENT, *readings, reading("10:00:01", 1.0, **{"n" * 101: 1.0}), reading("10:16:00", 1.0))
    await plant.deliver()
    ((result,),) = plant.wats.reports.values()
    assert [step.name for step in result.steps] == ["n" * 99 + "…", "t [V]", "t [A]", "temperature_c"]
    assert result.steps[0].report_text == "n" * 101


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_answer_makes_no_second_report(*, after: bool) -> None:
    """It is sent again under its id, and overwrites itself."""
    plant = Plant(HISTORY)
    plant.wats.fail_next("submit_report", LOST, after=after)
    await plant.publish(ENVIRONMENT, reading("10:00:00", 20.0), reading("10:16:00", 30.0))
    await plant.deliver()
    plant.restart(HISTORY)
    plant.clock.seconds += 60
    await plant.deliver()
    assert [len(received) for received in plant.wats.reports.values()] == [2 if after else 1]


async def test_a_message_that_comes_again_counts_once() -> None:
    """By its id, or by its time and content; one that names neither is counted each time, and that is counted."""
    plant = Plant(HISTORY)
    named = {**reading("10:00:00", 20.0), "message_id": "1"}
    await plant.publish(ENVIRONMENT, named, named, reading("10:01:00", 21.0), reading("10:01:00", 21.0))
    await plant.publish(ENVIRONMENT, named, reading("10:16:00", 21.0))
    await plant.deliver()
    ((result,),) = plant.wats.reports.values()
    assert [one.value for one in result.steps[0].measurements] == [20.0, 21.0, 20.5, 2.0]
    assert (await plant.spool.figures()).duplicates == 3


async def test_the_windows_of_a_silent_asset_are_closed_also_after_a_restart() -> None:
    """One length and the time for late values after it was heard last."""
    plant = Plant(HISTORY)
    await plant.publish(ENVIRONMENT, reading("10:30:00", 20.0))
    await plant.deliver()
    plant.restart(HISTORY)
    await plant.look()
    plant.clock.seconds += 959
    await plant.look()
    await plant.deliver()
    assert plant.wats.reports == {}
    plant.clock.seconds += 1
    await plant.look()
    await plant.deliver()
    assert len(plant.wats.reports) == 1
    assert await plant.spool.notes("windows/") == {}
    figures = await plant.spool.figures()
    plant.clock.seconds += 10_000
    await plant.look()
    assert await plant.spool.figures() == figures


async def test_an_asset_that_is_heard_is_not_taken_for_silent() -> None:
    """Its clock may be behind: its windows then close by its own times."""
    plant = Plant(HISTORY)
    for minute in range(60):
        await plant.publish(ENVIRONMENT, reading(f"09:{minute:02}:00", 20.0))
        await plant.deliver()
        await plant.look()
        plant.clock.seconds += 60
    assert [result.steps[0].measurements[3].value for (result,) in plant.wats.reports.values()] == [15.0] * 3
    assert all(
        not [text for name, text in result.misc if name == "supplement"] for (result,) in [*plant.wats.reports.values()]
    )


async def test_windows_that_are_open_when_history_is_turned_off_are_closed() -> None:
    """What was measured is reported, and what comes then is not."""
    plant = Plant(HISTORY)
    await plant.publish(ENVIRONMENT, reading("10:30:00", 20.0))
    await plant.deliver()
    plant.restart(AssetConfig())
    await plant.publish(ENVIRONMENT, reading("10:31:00", 20.0))
    await plant.deliver()
    await plant.look()
    plant.clock.seconds += 960
    await plant.look()
    await plant.deliver()
    ((result,),) = plant.wats.reports.values()
    assert result.steps[0].measurements[3].value == 1.0


async def test_the_report_of_an_asset_whose_id_wats_refuses_goes_to_quarantine_and_holds_up_nothing() -> None:
    """Its number is never mended, since another number would be another unit; its values are kept there."""
    plant = Plant(HISTORY)
    await plant.publish("assets/F*1/environment", reading("10:00:00", 20.0), reading("10:16:00", 30.0))
    settled = await plant.deliver()
    assert len([one for one in settled if isinstance(one, Refused)]) == 1
    (row,) = await plant.spool.quarantined(10)
    assert (row.kind, row.path, row.reason) == ("asset_history", "$.asset", "WATS refuses the character '*' in 'F*1'")
    assert b'"temperature_c":[["' in row.payload
    figures = await plant.spool.figures()
    assert (figures.waiting, figures.delivered, figures.quarantined) == (0, 2, 1)


@pytest.mark.parametrize("call", ["submit_report", "log_message"])
async def test_what_was_refused_can_be_tried_again(call: str) -> None:
    """A report, or an alert in the log, is what it was: with the same id, and the same time."""
    plant = Plant(msgspec.structs.replace(GRAVE, history_window_s=900))
    plant.wats.fail_next(call, Reject("not now"))
    await plant.publish(ENVIRONMENT, reading("10:00:00", 31.0), reading("10:16:00", 31.0))
    await plant.deliver()
    (refused,) = await plant.spool.quarantined(10)
    (judgement,) = await plant.retry()
    assert judgement.accepted
    await plant.deliver()
    assert await plant.spool.quarantined(10) == []
    ((report_id, _),) = plant.wats.reports.items()
    assert call == "log_message" or report_id in refused.payload.decode()
    assert [text.partition(":")[0] for _, text in plant.wats.log] == [
        "Alert environment_temperature_c (error) at 2026-01-26T10"
    ]
    figures = await plant.spool.figures()
    assert (figures.waiting, figures.quarantined) == (0, 0)


async def test_values_that_come_after_their_report_make_a_supplement() -> None:
    """It has an id of its own, and says what it is."""
    plant = Plant(HISTORY)
    await plant.publish(ENVIRONMENT, reading("09:00:00", 20.0), reading("09:16:00", 30.0), reading("09:01:00", 40.0))
    await plant.publish(ENVIRONMENT, reading("09:31:00", 1.0))
    await plant.deliver()
    found = [(result.start.minute, dict(result.misc)) for (result,) in plant.wats.reports.values()]
    assert found == [
        (0, {"window_s": "900"}),
        (0, {"window_s": "900", "supplement": "late values; its window may have other reports"}),
        (15, {"window_s": "900"}),
    ]


async def test_a_channel_outside_its_limits_raises_an_alarm_that_ends_when_it_is_back() -> None:
    """Told once, kept at the broker while it lasts; and no call to WATS but for the tags."""
    plant = Plant(LIMITED)
    await plant.publish(ENVIRONMENT, reading("10:00:00", 31.0))
    await plant.deliver()
    await plant.publish(ENVIRONMENT, reading("10:01:00", 33.0), reading("10:02:00", 29.0))
    await plant.deliver()
    ((topic, raised, _), (kept_topic, kept, retained)) = plant.said
    assert (topic, kept_topic, retained) == (TOPIC, f"{TOPIC}/{FIXTURE}", True)
    assert raised == kept
    assert raised is not None
    assert {
        key: raised[key] for key in ("active", "level", "channel", "side", "limit", "value", "unit", "measured_at")
    } == {
        "active": True,
        "level": "warning",
        "channel": "temperature_c",
        "side": "high",
        "limit": 30.0,
        "value": 31.0,
        "unit": "°C",
        "measured_at": "2026-01-26T10:00:00+00:00",
    }
    plant.said.clear()
    await plant.publish(ENVIRONMENT, reading("10:03:00", 28.0))
    await plant.deliver()
    ((_, cleared, _), (_, emptied, _)) = plant.said
    assert cleared is not None
    assert (cleared["active"], cleared["value"], cleared["extreme"]) == (False, 28.0, 33.0)
    assert emptied is None
    assert plant.wats.log == []


async def test_an_excursion_between_two_deliveries_is_told() -> None:
    """It was over within one batch: raised and cleared, in that order."""
    plant = Plant(LIMITED)
    await plant.publish(ENVIRONMENT, *(reading(f"10:00:0{n}", value) for n, value in enumerate([20.0, 35.0, 20.0])))
    await plant.deliver()
    assert [payload["active"] for topic, payload, _ in plant.said if topic == TOPIC and payload] == [True, False]


@pytest.mark.parametrize("after", [False, True])
async def test_an_alarm_of_level_alarm_stands_in_the_log_of_the_asset_once(*, after: bool) -> None:
    """Also when the answer is lost; it changes no state, unless an error shall."""
    plant = Plant(GRAVE)
    plant.wats.fail_next("log_message", LOST, after=after)
    await plant.publish(ENVIRONMENT, reading("10:00:00", 31.0))
    await plant.deliver()
    plant.restart(GRAVE)
    plant.clock.seconds += 60
    await plant.deliver()
    await plant.publish(ENVIRONMENT, reading("10:05:00", 20.0))
    await plant.deliver()
    raised, cleared = [text for _, text in plant.wats.log]
    since = "2026-01-26T10:00:00.000+00:00"
    assert raised == f"Alert environment_temperature_c (error) at {since}: temperature_c is 31 °C, above 30 °C"
    assert cleared.startswith(f"Alert environment_temperature_c (cleared, came once since {since}) at ")
    assert cleared.endswith(": temperature_c is 20 °C, highest 31 °C")
    assert plant.wats.assets[FIXTURE].state == 1
    assert [payload["active"] for topic, payload, _ in plant.said if topic == TOPIC and payload] == [True, False]


async def test_an_alarm_whose_limits_are_taken_out_of_the_configuration_ends() -> None:
    """At the next start; one that came meanwhile, too. With the limits back, it is told again."""
    plant = Plant(LIMITED)
    await plant.publish(ENVIRONMENT, reading("10:00:00", 31.0))
    await plant.deliver()
    plant.said.clear()
    plant.restart(AssetConfig())
    await plant.look()
    await plant.deliver()
    assert [payload["active"] for topic, payload, _ in plant.said if topic == TOPIC and payload] == [False]
    plant.said.clear()
    plant.restart(LIMITED)
    await plant.publish(ENVIRONMENT, reading("10:00:01", 31.0))
    await plant.deliver()
    assert [payload["active"] for topic, payload, _ in plant.said if topic == TOPIC and payload] == [True]


async def test_an_alarm_that_lasts_is_not_ended_by_a_restart() -> None:
    """Its limits are still there."""
    plant = Plant(LIMITED)
    await plant.publish(ENVIRONMENT, reading("10:00:00", 31.0))
    await plant.deliver()
    plant.restart(LIMITED)
    await plant.look()
    await plant.deliver()
    assert [payload["active"] for topic, payload, _ in plant.said if topic == TOPIC and payload] == [True]


async def test_the_tag_of_a_channel_is_its_number_and_a_unit_that_was_sent_has_a_tag_of_its_own() -> None:
    """What the name tells is not said again; the newest one counts, and stays when none is sent."""
    plant = Plant(AssetConfig())
    for unit in ("K", "°C"):
        sent = {"oven": {"value": 180.5, "unit": unit}, "humidity_pct": 45.2}
        await plant.publish(ENVIRONMENT, {"environment": sent})
        await plant.deliver()
        plant.clock.seconds += 1
    await plant.publish(ENVIRONMENT, {"environment": {"humidity_pct": 46}})
    await plant.deliver()
    assert plant.wats.assets[FIXTURE].tags == {"oven": "180.5", "oven_unit": "°C", "humidity_pct": "46"}
