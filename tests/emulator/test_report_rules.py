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


def with_chart(**changes: object) -> dict[str, Any]:
    """A report whose only step is a chart with one series of two points; None takes a field away."""
    series = {"dataType": "XYG", "name": "up", "xdata": "1;2", "ydata": "3;4.5"}
    chart = {"chartType": "Line", "label": "c", "xLabel": "x", "xUnit": "s", "yLabel": "y", "yUnit": "V"}
    return with_step(stepType="Chart", numericMeas=None, chart={**chart, "series": [series], **changes})


def with_series(**changes: object) -> dict[str, Any]:
    """The same with a changed series."""
    return with_chart(series=[{"name": "up", "xdata": "1;2", "ydata": "3;4.5", **changes}])


def with_failure(**changes: object) -> dict[str, Any]:
    """A repair whose only failure is changed."""
    taken = repair()
    taken["subUnits"][0]["failures"][0] |= changes
    return taken


def with_uur(**changes: object) -> dict[str, Any]:
    """A repair with a changed `uur`; None takes a field away."""
    taken = repair()
    taken["uur"] |= changes
    return taken


def with_unit(**changes: object) -> dict[str, Any]:
    """A repair whose main unit is changed."""
    taken = repair()
    taken["subUnits"][0] |= changes
    return taken


ATTACHMENT = {"name": "log.txt", "contentType": "text/plain", "data": "aGVsbG8="}


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
        *(with_measurement(compOp=operator, highLimit=None) for operator in ("EQ", "NE", "GT", "GE", "LT", "LE")),
        *(with_measurement(compOp=low + high) for low in ("GT", "GE") for high in ("LT", "LE")),
        *(with_measurement(compOp=low + high) for low in ("LT", "LE") for high in ("GT", "GE")),
        *(
            with_step(
                stepType="ET_SVT",
                numericMeas=None,
                stringMeas=[{"status": "P", "value": "x", "compOp": operator, "limit": "X"}],
            )
            for operator in ("LOG", "EQ", "NE", "CASESENSIT", "IGNORECASE")
        ),
        with_step(stepType="NI_Flow_If", numericMeas=None),
        with_step(stepType="CallExecutable", numericMeas=None, callExe={"exitCode": 1}),
        with_step(errorCode=-1, errorMessage="e", totTime=0.5, loop={"i": 0, "n": 3}),
        with_step(attachment=ATTACHMENT),
        with_step(attachment={"name": "empty", "data": ""}),
        *(with_chart(chartType=kind) for kind in ("Line", "LineLogXY", "LineLogX", "LineLogY")),
        with_chart(series=[]),
        with_series(xdata=None, dataType=None),
        report(binaryData=[ATTACHMENT]),
        repair(binaryData=[{**ATTACHMENT, "failIdx": 0}]),
        with_failure(comRef="C7", funcBlock="supply", refStepId=2, artNumber="C-100n"),
        with_uur(refUUT=None, comment="x" * 5_000),
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
        (with_unit(idx=1), "subUnits: a repair report needs at least one failure on its main unit (idx 0)"),
        (with_unit(idx=None), "subUnits[0].idx: required"),
        (with_unit(failures=[]), "subUnits: a repair report needs at least one failure"),
        (with_unit(parentIdx="0"), "subUnits[0].parentIdx: expected a whole number"),
        (with_failure(category="Magic"), "subUnits[0].failures[0].category: 'Magic' is unknown; use one of Component,"),
        (with_failure(code="Magic"), "subUnits[0].failures[0].code: 'Magic' is unknown in 'Component'; use one of"),
        (with_failure(code=None), "subUnits[0].failures[0].code: required"),
        (with_failure(comRef="c" * 101), "subUnits[0].failures[0].comRef: 101 characters"),
        (with_failure(refStepId="2"), "subUnits[0].failures[0].refStepId: expected a whole number"),
        (with_uur(processCode=None), "uur.processCode: required"),
        (with_uur(refUUT="none"), "uur.refUUT: expected a UUID"),
        (with_uur(confirmDate=None), "uur.confirmDate: required"),
        (with_uur(finalizeDate="today"), "uur.finalizeDate: expected an ISO 8601 time"),
        (with_uur(execTime=None), "uur.execTime: required"),
        (repair(binaryData=[{**ATTACHMENT, "failIdx": "0"}]), "binaryData[0].failIdx: expected a whole number"),
        (report(binaryData=[{**ATTACHMENT, "data": "%"}]), "binaryData[0].data: expected a file's bytes in base64"),
        (report(miscInfos=[{"description": "x"}]), "miscInfos[0].text: required where there is no numeric"),
        (report(uut={"errorCode": "E1"}), "uut.errorCode: expected a whole number"),
        (with_step(errorCode="E1"), "root.steps[0].errorCode: expected a whole number"),
        (with_step(totTime=-1), "root.steps[0].totTime: expected a number of 0 or more"),
        (with_step(loop=[1]), "root.steps[0].loop: expected an object"),
        (with_step(loop={"i": 0.5}), "root.steps[0].loop.i: expected a whole number"),
        (with_step(attachment={"name": "x"}), "root.steps[0].attachment.data: expected a file's bytes in base64"),
        (with_step(attachment={"data": ""}), "root.steps[0].attachment.name: required"),
        (with_chart(chartType="LineChart"), "root.steps[0].chart.chartType: expected one of Line, LineLogXY, LineLogX"),
        (with_chart(yUnit="u" * 51), "root.steps[0].chart.yUnit: 51 characters, at most 50 are taken"),
        (with_series(name=""), "root.steps[0].chart.series[0].name: required"),
        (with_series(ydata=None), "root.steps[0].chart.series[0].ydata: required"),
        (with_series(ydata="1;x"), "root.steps[0].chart.series[0].ydata: expected numbers with ';' between them"),
        (with_series(xdata="1"), "root.steps[0].chart.series[0].xdata: 1 values, but ydata has 2"),
    ],
)
def test_says_what_is_wrong_and_where(refused: dict[str, Any], problem: str) -> None:
    """Each mistake gives one sentence that begins with its place."""
    assert any(problem in found for found in problems_of(refused)), problems_of(refused)


def test_takes_more_where_told_to() -> None:
    """Failure codes that are not seeded, and pywats' key for an asset, are taken only where a switch says so."""
    unknown = with_failure(category="Ours", code="X1")
    assert problems_of(unknown, any_repair_code=True) == []
    for asset in ({"sn": "F1"}, {"sn": "F1", "assetSN": None}):
        assert problems_of(report(assets=[asset]), asset_sn=True) == []
    assert problems_of(report(assets=[{}]), asset_sn=True) == ["assets[0].sn: required"]


def test_lists_all_mistakes_at_once_but_no_book() -> None:
    """All mistakes come in one answer, at most 20."""
    assert len(problems_of(report(id=1, sn=None, result="X"))) == 3
    taken = report()
    taken["root"]["steps"] = [{}] * 50
    assert len(problems_of(taken)) == 20
