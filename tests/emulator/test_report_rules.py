from __future__ import annotations

from typing import Any

import pytest

from pywats_mqtt.emulator.reports.rules import problems_of
from tests.emulator.examples import numeric_step, repair, report


def with_step(**changes: object) -> dict[str, Any]:
    """A report whose only step is changed."""
    taken = report()
    taken["root"]["steps"] = [{**numeric_step(), **changes}]
    return taken


def with_measurement(**changes: object) -> dict[str, Any]:
    """A report whose only measurement is changed; None takes a field away."""
    step = numeric_step()
    step["numericMeas"][0] |= changes
    return with_step(**step)


def deep(levels: int) -> dict[str, Any]:
    """A report with steps nested that deep below the root."""
    taken = report()
    step = numeric_step()
    for _ in range(levels - 1):
        step = {"stepType": "SequenceCall", "name": "s", "status": "P", "steps": [step]}
    taken["root"]["steps"] = [step]
    return taken


@pytest.mark.parametrize(
    "taken",
    [
        report(),
        report(assets=[{"assetSN": "F1", "usageCount": 2}, {"assetSN": "F2"}]),
        report(startUTC="2026-01-02T03:04:05.1234567Z", start="2026-01-02T04:04:05+01:00"),
        report(miscInfos=[{"description": "n", "numeric": 3}], subUnits=None),
        *(with_step(status=status) for status in "PFSDETU"),
        with_step(stepType="ET_PFT", numericMeas=None, booleanMeas=[{"status": "F"}]),
        with_step(
            stepType="ET_SVT",
            numericMeas=None,
            stringMeas=[{"status": "P", "value": "x", "compOp": "IGNORECASE", "limit": "X"}],
        ),
        with_step(stepType="Action", numericMeas=None),
        with_measurement(compOp="GE", highLimit=None),
        with_measurement(compOp="LOG", highLimit=None, lowLimit=None),
        with_measurement(value=10**30),
        deep(90),
        repair(),
    ],
)
def test_takes_what_the_api_describes(taken: dict[str, Any]) -> None:
    """A report by the description has no problems."""
    assert problems_of(taken) == []


@pytest.mark.parametrize(
    ("refused", "problem"),
    [
        (report(id=None), "id: required"),
        (report(id="42"), "id: expected a UUID, got '42'"),
        (report(type="U"), "type: expected one of T, R, got 'U'"),
        (report(sn=1), "sn: expected a text, got 1"),
        (report(pn=" "), "pn: required, must not be blank"),
        (report(machineName="m" * 101), "machineName: 101 characters, at most 100 are taken"),
        (report(result="Passed"), "result: expected one of P, F, E, T, got 'Passed'"),
        (report(result="D"), "result: expected one of P, F, E, T, got 'D'"),
        (report(start="yesterday"), "start: expected an ISO 8601 time, got 'yesterday'"),
        (
            report(processCode=999),
            "processCode: 999 is no test operation of this server; use one of 10, 30, 50, 60, 70, 90, 100",
        ),
        (report(processCode=500), "processCode: 500 is no test operation of this server"),
        (report(processCode=True), "processCode: expected a whole number"),
        (report(uut=None), "uut: required"),
        (report(uut={"execTime": -1}), "uut.execTime: expected a number of 0 or more, got -1"),
        (report(root=[]), "root: expected an object, got list"),
        (report(root={"stepType": "ET_NLT"}), "root.stepType: expected SequenceCall"),
        (report(miscInfos=[{"text": "x"}]), "miscInfos[0].description: required"),
        (
            report(miscInfos=[{"description": "x", "numeric": 1.5}]),
            "miscInfos[0].numeric: expected a whole number -2147483647 to 2147483647, got 1.5",
        ),
        (report(miscInfos=[1]), "miscInfos[0]: expected an object, got 1"),
        (report(subUnits=[{"pn": "p", "sn": "s", "partType": "t" * 51}]), "subUnits[0].partType: 51 characters"),
        (report(assets=[{"sn": "F1"}]), "assets[0].assetSN: required"),
        (with_step(status="X"), "root.steps[0].status: expected one of P, F, S, D, E, T, U, got 'X'"),
        (with_step(name=""), "root.steps[0].name: required, must not be blank"),
        (with_step(numericMeas=[]), "root.steps[0].numericMeas: required, must not be empty"),
        (with_step(stepType="ET_MNLT"), "root.steps[0].numericMeas[0].name: required"),
        (with_step(group="X"), "root.steps[0].group: expected one of S, M, C, got 'X'"),
        (with_measurement(status="E"), "root.steps[0].numericMeas[0].status: expected one of P, F, S, got 'E'"),
        (with_measurement(value="5"), "root.steps[0].numericMeas[0].value: expected a number, got '5'"),
        (with_measurement(value="NaN"), "root.steps[0].numericMeas[0].value: expected a number, got 'NaN'"),
        (with_measurement(highLimit=None), "root.steps[0].numericMeas[0].highLimit: required"),
        (with_measurement(compOp="GT", lowLimit=None), "root.steps[0].numericMeas[0].lowLimit: required"),
        (with_measurement(compOp="EQT"), "root.steps[0].numericMeas[0].compOp: expected one of LOG, EQ"),
        (deep(110), "steps are nested deeper than 100"),
        (repair(processCode=100), "processCode: 100 is no repair operation of this server; use one of 500, 510"),
        (repair(uur={"processCode": 500}), "uur.processCode: 500 is no test operation"),
        (repair(uur=None), "uur: required"),
        (repair(subUnits=[]), "subUnits: a repair report needs at least one failure"),
    ],
)
def test_says_what_is_wrong_and_where(refused: dict[str, Any], problem: str) -> None:
    """Each mistake gives one sentence that begins with its place."""
    assert any(problem in found for found in problems_of(refused)), problems_of(refused)


def test_lists_all_mistakes_at_once_but_no_book() -> None:
    """All mistakes come in one answer, at most 20."""
    assert len(problems_of(report(id=1, sn=None, result="X"))) == 3
    taken = report()
    taken["root"]["steps"] = [{}] * 50
    assert len(problems_of(taken)) == 20
