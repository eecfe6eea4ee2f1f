"""Alerts: what of them is written to an asset's log, and what they do to its state."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetAlert, AssetState, Severity
from pywats_mqtt.handlers.alerts import MOST, Alerts, decode, encode, follow, is_grave
from tests.unit.handlers.bench import Bench

PRESS = "PRESS-7"
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
NOON_US = 1_769_428_800_000_000


def alert(
    severity: Severity = "error", *, code: str = "E42", at_s: int = 0, active: bool = True, text: str = ""
) -> AssetAlert:
    """An alert so many seconds after noon."""
    at_us = NOON_US + at_s * 1_000_000
    return AssetAlert(asset=PRESS, code=code, severity=severity, text=text, active=active, at_us=at_us)


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing."""
    return Bench()


def log(bench: Bench) -> list[str]:
    """What stands in the asset's log."""
    return [text for asset, text in bench.wats.log if asset == PRESS]


async def test_an_alert_is_written_once_and_counted_until_it_is_cleared(bench: Bench) -> None:
    """A press that says E42 a hundred times has two lines in its log, and the second one tells how often."""
    await bench.handle(*(alert(at_s=second, text="worn") for second in range(100)))
    calls = await bench.handle(alert(at_s=100, active=False, text="mended"))

    noon = "2026-01-26T12:00:00.000+00:00"
    assert log(bench) == [
        f"Alert E42 (error) at {noon}: worn",
        f"Alert E42 (cleared, came 100 times since {noon}) at 2026-01-26T12:01:40.000+00:00: mended",
    ]
    assert calls == ["log_message"]


async def test_an_alert_that_was_refused_is_written_when_it_is_tried_again(bench: Bench) -> None:
    """WATS had no such asset, and another alert came meanwhile: the first one is no repeat."""
    bench.wats.create_assets = False
    for refused in (alert(), alert(code="E43", at_s=1)):
        with pytest.raises(Reject):
            await bench.handle(refused)
    bench.wats.create_assets = True
    await bench.handle(alert(), alert(code="E43", at_s=1), alert(at_s=2, active=False))

    assert [text.partition(" at ")[0] for text in log(bench)] == [
        "Alert E42 (error)",
        "Alert E43 (error)",
        "Alert E42 (cleared, came once since 2026-01-26T12:00:00.000+00:00)",
    ]


async def test_an_alert_that_grows_graver_is_written_again(bench: Bench) -> None:
    """A milder repeat is not; it stays as grave as it was."""
    await bench.handle(alert("warning"), alert("critical", at_s=1), alert("info", at_s=2))

    assert [text.partition(" at ")[0] for text in log(bench)] == [
        "Alert E42 (warning)",
        "Alert E42 (now critical, before warning)",
    ]


async def test_clearing_what_is_not_active_says_nothing(bench: Bench) -> None:
    """A device may clear all its alerts when it starts; the asset is there all the same."""
    await bench.handle(alert(active=False))

    assert log(bench) == []
    assert PRESS in bench.wats.assets


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_answer_doubles_no_line_and_loses_none(bench: Bench, *, after: bool) -> None:
    """Whether WATS took the line or not before the connection broke, also when the bridge starts again in between."""
    await bench.handle(alert(code="first"))
    bench.wats.fail_next("log_message", LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(alert("critical"))
    bench.restart()
    await bench.handle(alert("critical"))

    assert [text.partition(" at ")[0] for text in log(bench)] == ["Alert first (error)", "Alert E42 (critical)"]
    assert bench.wats.assets[PRESS].state == 3


async def test_a_grave_alert_holds_the_asset_in_maintenance_until_it_is_cleared(bench: Bench) -> None:
    """A press that still says that it is running does not end it; when the alert is cleared, it may."""
    await bench.handle(AssetState(asset=PRESS, status="running", state=1), alert("critical"))
    assert bench.wats.assets[PRESS].state == 3
    await bench.handle(AssetState(asset=PRESS, status="running", state=1))
    assert bench.wats.assets[PRESS].state == 3
    await bench.handle(alert(at_s=1, active=False), AssetState(asset=PRESS, status="running", state=1))
    assert bench.wats.assets[PRESS].state == 1


async def test_an_asset_gets_the_state_it_had_when_its_last_grave_alert_is_cleared(bench: Bench) -> None:
    """Nobody has to say anew that it is running; a second alert, milder ones and a restart change nothing of that."""
    await bench.handle(AssetState(asset=PRESS, status="running", state=1), alert("critical"))
    await bench.handle(alert("critical", code="E43", at_s=1), alert("info", code="E44", at_s=2))
    bench.restart()
    await bench.handle(alert(at_s=3, active=False))
    assert bench.wats.assets[PRESS].state == 3
    calls = await bench.handle(alert(code="E43", at_s=4, active=False))
    assert bench.wats.assets[PRESS].state == 1
    assert calls == ["log_message", "asset", "set_state"]
    assert await bench.handle(alert(code="E44", at_s=5, active=False)) == ["log_message"]


@pytest.mark.parametrize("before", [1, 3])
@pytest.mark.parametrize(("status", "state"), [("running", 1), ("maintenance", 3), ("calibration", 4)])
async def test_what_an_asset_said_while_it_had_an_alert_counts_when_that_is_over(
    bench: Bench, before: int, status: str, state: int
) -> None:
    """Whether the alert put it in maintenance, or it had been there before."""
    await bench.handle(AssetState(asset=PRESS, status="before", state=before), alert("critical"))
    await bench.handle(AssetState(asset=PRESS, status=status, state=state))
    assert bench.wats.assets[PRESS].state == 3
    await bench.handle(alert(at_s=1, active=False))
    assert bench.wats.assets[PRESS].state == state


async def test_a_state_that_a_person_set_outlasts_the_alert(bench: Bench) -> None:
    """Before it, or while it stood."""
    await bench.handle(AssetState(asset=PRESS, status="running", state=1))
    await bench.wats.set_state(PRESS, 5)
    bench.restart()
    await bench.handle(alert("critical"), alert(at_s=1, active=False))
    assert bench.wats.assets[PRESS].state == 5
    await bench.wats.set_state(PRESS, 1)
    bench.restart()
    await bench.handle(alert("critical", at_s=2))
    await bench.wats.set_state(PRESS, 6)
    await bench.handle(alert(at_s=3, active=False))
    assert bench.wats.assets[PRESS].state == 6


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["set_state", "log_message"])
async def test_a_lost_answer_when_it_is_cleared_leaves_no_maintenance(bench: Bench, call: str, *, after: bool) -> None:
    """Tried again it finds that the line is in the log, and what state the asset gets."""
    await bench.handle(AssetState(asset=PRESS, status="running", state=1), alert("critical"))
    bench.wats.fail_next(call, LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(alert(at_s=1, active=False))
    bench.restart()
    await bench.handle(alert(at_s=1, active=False))
    assert bench.wats.assets[PRESS].state == 1
    assert len(log(bench)) == 2


async def test_a_status_that_is_handled_at_the_same_time_ends_no_maintenance(bench: Bench) -> None:
    """Two kinds of delivery are two lines, and what WATS holds is read between deciding and writing."""
    await bench.handle(AssetState(asset=PRESS, status="maintenance", state=3))
    await asyncio.gather(
        bench.handle(AssetState(asset=PRESS, status="running", state=1)), bench.handle(alert("critical"))
    )
    assert bench.wats.assets[PRESS].state == 3


@pytest.mark.parametrize(
    ("threshold", "severity", "state"),
    [("critical", "error", 1), ("error", "error", 3), ("info", "info", 3), ("never", "critical", 1)],
)
async def test_the_operator_says_which_alerts_are_grave(threshold: str, severity: Severity, state: int) -> None:
    """From the configured severity on."""
    bench = Bench(AssetConfig(maintenance_from=threshold))  # type: ignore[arg-type] # one of its words
    await bench.handle(alert(severity))
    assert bench.wats.assets[PRESS].state == state


ALERTS = st.builds(
    AssetAlert,
    asset=st.just(PRESS),
    code=st.sampled_from("abc"),
    severity=st.sampled_from(["info", "warning", "error", "critical"]),
    active=st.booleans(),
    at_us=st.integers(NOON_US, NOON_US + 9),
)


@given(st.lists(ALERTS, max_size=12))
def test_whatever_comes_what_is_active_is_what_was_raised_and_not_cleared(events: list[AssetAlert]) -> None:
    """By code; the gravest severity since it was raised; each event tried again changes nothing."""
    alerts, active = Alerts(), dict[str, list[AssetAlert]]()
    for event in events:
        before = alerts
        alerts = follow(alerts, event)
        if before == alerts:
            continue  # the very event before
        assert follow(decode(encode(alerts)), event) == alerts
        said = bool(alerts.saying)
        if event.active:
            raised = active.setdefault(event.code, [])
            assert said == (not raised or gravity(event) > max(map(gravity, raised)))
            raised.append(event)
        else:
            assert said == (active.pop(event.code, None) is not None)
    assert {code: known.severity for code, known in alerts.active.items()} == {
        code: max(raised, key=gravity).severity for code, raised in active.items()
    }
    assert {code: known.count for code, known in alerts.active.items()} == {
        code: len(raised) for code, raised in active.items()
    }
    grave = any(gravity(event) >= 2 for raised in active.values() for event in raised)
    assert is_grave(alerts, "error") == grave


def gravity(event: AssetAlert) -> int:
    """How grave it is, from 0."""
    return ("info", "warning", "error", "critical").index(event.severity)


def test_a_device_that_invents_codes_fills_no_memory() -> None:
    """The alert that was raised longest ago is forgotten."""
    alerts = Alerts()
    for number in range(MOST + 5):
        alerts = follow(alerts, alert(code=f"E{number}"))
    assert len(alerts.active) == MOST
    assert "E4" not in alerts.active
    assert "E5" in alerts.active


async def test_a_state_that_is_refused_after_the_line_was_written_writes_no_second_line(bench: Bench) -> None:
    """What is known of the asset was old: the state is tried once more, the log is not."""
    await bench.handle(alert(code="first"))
    bench.wats.fail_next("set_state", Reject("404"))
    await bench.handle(alert("critical", at_s=1))

    assert [text.partition(" at ")[0] for text in log(bench)] == ["Alert first (error)", "Alert E42 (critical)"]
    assert bench.wats.assets[PRESS].state == 3


async def test_a_grave_alert_that_is_repeated_costs_no_call_where_a_person_set_the_state(bench: Bench) -> None:
    """A press in storage that cries each second; what is raised anew is looked at."""
    await bench.handle(alert("critical"))
    await bench.wats.set_state(PRESS, 5)
    bench.restart()
    await bench.handle(alert("critical", at_s=1))

    assert await bench.handle(alert("critical", at_s=2), alert("critical", at_s=3)) == []
    await bench.wats.set_state(PRESS, 1)
    assert await bench.handle(alert("critical", code="E43", at_s=4)) == ["log_message", "asset", "set_state"]
