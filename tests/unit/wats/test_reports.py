"""Test results as WSJF reports, read back with pywats' own models."""

from __future__ import annotations

import math
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from pywats.domains.report.report_models import UUTReport

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.emulator.reports.rules import problems_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import (
    AssetUse,
    Attachment,
    Chart,
    Loop,
    Measurement,
    Series,
    Step,
    SubUnit,
    TestResult,
)
from pywats_mqtt.wats.reports import wsjf
from pywats_mqtt.wats.steps import Report

CONFIG = WatsConfig(operation_codes={"self_test": 10}, default_operation_code=100, default_part_number="PN-DEFAULT")

RESULT = TestResult(
    report_id=UUID("daf6f3a9-aba9-4abd-86bf-f9e9cf8c0528"),
    device="TESTER-1",
    kind="results",
    test_type="self_test",
    serial_number="SN-1",
    part_number="PN-1",
    revision="B",
    result="P",
    start=datetime(2026, 1, 26, 7, 0, 0, 5, tzinfo=timezone(timedelta(hours=1))),
    duration_s=5.23,
    operator="john.doe",
    fixture="FIXTURE-001",
    batch="B1",
    socket=2,
    steps=(Step(name="Power", status="P", measurement=Measurement(value=5.02, unit="V", low=4.9, high=5.1)),),
    misc=(("ratio", "0.5"),),
)


def change(**fields: object) -> TestResult:
    """Give the result with other fields."""
    return msgspec.structs.replace(RESULT, **fields)


def of_step(measurement: Measurement, status: str = "P") -> dict[str, object]:
    """Give the one step of a report as it is sent."""
    report = wsjf(change(steps=(Step(name="s", status=status, measurement=measurement),)), CONFIG)
    return msgspec.convert(report["root"], dict[str, object])["steps"][0]  # type: ignore[index,no-any-return]


def test_the_head_of_a_report() -> None:
    """Every field that WATS requires has its place; times are UTC with microseconds, twice."""
    report = wsjf(RESULT, CONFIG)

    assert {key: value for key, value in report.items() if key not in {"root", "miscInfos"}} == {
        "id": "daf6f3a9-aba9-4abd-86bf-f9e9cf8c0528",
        "type": "T",
        "pn": "PN-1",
        "sn": "SN-1",
        "rev": "B",
        "processCode": 10,
        "result": "P",
        "machineName": "TESTER-1",
        "location": "Edge",
        "purpose": "Production",
        "start": "2026-01-26T06:00:00.000005Z",
        "startUTC": "2026-01-26T06:00:00.000005Z",
        "uut": {
            "user": "john.doe",
            "execTime": 5.23,
            "batchSN": "B1",
            "fixtureId": "FIXTURE-001",
            "testSocketIndex": 2,
        },
    }
    assert report["miscInfos"] == [{"description": "ratio", "text": "0.5"}]


def test_what_the_device_did_not_send_is_absent_or_the_configurations() -> None:
    """No fixture means no fixture, never "Fixture"; part number and revision come from the configuration."""
    bare = change(part_number="", revision="", fixture="", batch="", socket=None, duration_s=None, operator="", misc=())

    report = wsjf(bare, CONFIG)

    assert report["uut"] == {"user": ""}
    assert report["pn"] == "PN-DEFAULT"
    assert report["rev"] == "-"
    assert "miscInfos" not in report


def test_a_blank_revision_is_none() -> None:
    """WATS refuses a report for it."""
    assert wsjf(change(revision=" \r"), CONFIG)["rev"] == "-"


@pytest.mark.parametrize(
    ("test_type", "sent", "code"),
    [("self_test", None, 10), ("burn_in", None, 100), ("", None, 100), ("self_test", 60, 60)],
)
def test_the_operation_code(test_type: str, sent: int | None, code: int) -> None:
    """The device's code wins, then that of its test type, then the default."""
    assert wsjf(change(test_type=test_type, operation_code=sent), CONFIG)["processCode"] == code


def test_no_part_number_anywhere_is_refused_with_the_fix() -> None:
    """The message names the field of the payload and the setting."""
    with pytest.raises(Reject, match=r"^\$\.part_number: .*wats\.default_part_number") as refused:
        wsjf(change(part_number=""), WatsConfig())

    assert refused.value.path == "$.part_number"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(None, None, {"compOp": "LOG"}, id="no limit"),
        pytest.param(4.9, None, {"compOp": "GE", "lowLimit": 4.9}, id="lower limit"),
        pytest.param(None, 5.1, {"compOp": "LE", "lowLimit": 5.1}, id="upper limit, in lowLimit as LE reads it"),
        pytest.param(4.9, 5.1, {"compOp": "GELE", "lowLimit": 4.9, "highLimit": 5.1}, id="both"),
    ],
)
def test_limits(low: float | None, high: float | None, expected: dict[str, object]) -> None:
    """The operator follows from the limits that are there."""
    step = of_step(Measurement(value=5.0, unit="V", low=low, high=high))

    assert step["stepType"] == "ET_NLT"
    assert step["numericMeas"] == [{"status": "P", "value": 5.0, "unit": "V", **expected}]


def test_kinds_of_steps() -> None:
    """A text is logged as a string value, a truth as a number with the unit bool, no value is a pass/fail step."""
    assert of_step(Measurement(value="v1.2"))["stringMeas"] == [{"status": "P", "value": "v1.2", "compOp": "LOG"}]
    assert of_step(Measurement(value=1.0, unit="bool"))["numericMeas"] == [
        {"status": "P", "value": 1.0, "compOp": "LOG", "unit": "bool"}
    ]
    without = of_step(Measurement(status="F"), status="E")
    assert (without["stepType"], without["status"], without["booleanMeas"]) == ("ET_PFT", "E", [{"status": "F"}])


def test_all_about_a_step() -> None:
    """Time, error and text of a step are sent where there are any."""
    step = Step(
        name="s",
        status="E",
        measurement=Measurement(),
        error_code=-17,
        error_message="no answer",
        report_text="seen twice",
        duration_s=0.25,
    )

    sent = msgspec.convert(wsjf(change(steps=(step,)), CONFIG)["root"], dict[str, object])

    assert sent["steps"] == [
        {
            "stepType": "ET_PFT",
            "name": "s",
            "group": "M",
            "status": "E",
            "booleanMeas": [{"status": "P"}],
            "totTime": 0.25,
            "errorCode": -17,
            "errorMessage": "no answer",
            "reportText": "seen twice",
        }
    ]


def test_a_result_without_steps_gets_its_verdict_as_one() -> None:
    """WATS wants at least one step."""
    root = msgspec.convert(wsjf(change(steps=(), result="F"), CONFIG)["root"], dict[str, object])

    assert root["status"] == "F"
    assert root["steps"] == [
        {"stepType": "ET_PFT", "name": "self_test", "group": "M", "status": "F", "booleanMeas": [{"status": "F"}]}
    ]


def test_one_attachment_is_a_text_on_the_root_step() -> None:
    """Its name and text are the event's."""
    root = msgspec.convert(wsjf(change(attachments=(("operator.txt", "ø" * 200),)), CONFIG)["root"], dict[str, object])
    attachment = msgspec.convert(root["attachment"], dict[str, str])

    assert (attachment["name"], attachment["contentType"]) == ("operator.txt", "text/plain")
    assert b64decode(attachment["data"]).decode() == "ø" * 200


def test_several_attachments_share_the_one_place() -> None:
    """They go as a JSON list of name and text; nothing is dropped."""
    texts = (("a", "1"), ("a", "2"))
    root = msgspec.convert(wsjf(change(attachments=texts), CONFIG)["root"], dict[str, object])
    attachment = msgspec.convert(root["attachment"], dict[str, str])

    assert attachment["contentType"] == "application/json"
    assert msgspec.json.decode(b64decode(attachment["data"]), type=tuple[tuple[str, str], ...]) == texts


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_carry_is_refused(number: float) -> None:
    """The path names it; sent as null it would lose the value silently."""
    with pytest.raises(Reject) as refused:
        of_step(Measurement(value=number))

    assert refused.value.path == "$.steps[0].value"


_STEPS = {
    "sequence": Step(
        name="s",
        status="P",
        kind="sequence",
        group="S",
        steps=(Step(name="inner", status="P", measurement=Measurement(value=1.0)),),
    ),
    "numbers": Step(
        name="s",
        status="F",
        kind="many",
        measurements=(
            Measurement(name="a", value=1.0, unit="V", low=0.0, high=2.0),
            Measurement(name="b", value=3.0, low=2.0, comp="LT", status="F"),
        ),
    ),
    "texts": Step(
        name="s",
        status="P",
        kind="many",
        measurements=(Measurement(name="a", value="x", comp="IGNORECASE", limit="X"), Measurement(name="b", value="y")),
    ),
    "truths": Step(
        name="s", status="F", kind="many", measurements=(Measurement(name="a"), Measurement(name="b", status="F"))
    ),
    "chart": Step(
        name="s",
        status="D",
        kind="chart",
        chart=Chart(type="LineLogXY", label="l", x_unit="Hz", series=(Series("a", (1.0, 2.5), (1e-9, 1e9)),)),
    ),
    "chart beside a value": Step(
        name="s",
        status="P",
        measurement=Measurement(value=1.0),
        chart=Chart(label="l", series=(Series("a", (1.0,)),)),
    ),
    "action in a loop": Step(
        name="s",
        status="D",
        kind="action",
        group="C",
        loop=Loop(1, 3),
        start=datetime(2026, 1, 26, 6, 0, 1, tzinfo=UTC),
        attachment=Attachment(name="a.bin", content_type="image/png", data=b"\x00\xff", path="$"),
    ),
}
_NUMERIC = ["EQ", "NE", "GT", "GE", "LT", "LE", "GTLT", "GTLE", "GELT", "GELE", "LTGT", "LTGE", "LEGT", "LEGE"]


def back(sent: Report) -> dict[str, object]:
    """Give a report as pywats writes it again after reading it."""
    model = UUTReport.model_validate(sent)
    return msgspec.convert(model.model_dump(mode="json", by_alias=True, exclude_none=True), dict[str, object])


@pytest.mark.parametrize("kind", _STEPS)
def test_pywats_and_the_emulator_read_each_kind_of_step(kind: str) -> None:
    """Nothing is lost or changed on the way through pywats' models, and a server takes it."""
    sent = wsjf(change(steps=(_STEPS[kind],)), CONFIG)

    assert _common(back(sent), sent) == _without_utc(sent)
    assert problems_of(msgspec.convert(sent, dict[str, object])) == []


@pytest.mark.parametrize("operator", _NUMERIC)
def test_each_comparison_goes_with_the_limits_it_reads(operator: str) -> None:
    """One limit stands in the low one, two in both; a server that checks them takes them."""
    two = len(operator) == 4
    measurement = Measurement(value=1.0, low=0.0, high=2.0 if two else None, comp=operator)
    sent = wsjf(change(steps=(Step(name="s", status="P", measurement=measurement),)), CONFIG)

    limits = {"lowLimit": 0.0, "highLimit": 2.0} if two else {"lowLimit": 0.0}
    assert of_step(measurement)["numericMeas"] == [{"status": "P", "value": 1.0, "compOp": operator, **limits}]
    assert _common(back(sent), sent) == _without_utc(sent)
    assert problems_of(msgspec.convert(sent, dict[str, object])) == []


def test_an_attachment_over_the_bound_is_refused_with_its_place() -> None:
    """The reason names the setting; at the bound it goes."""
    file = Attachment(name="a", content_type="b/c", data=b"123", path="$.steps[0].attachment.data")
    result = change(steps=(Step(name="s", status="D", kind="action", attachment=file),))

    wsjf(result, msgspec.structs.replace(CONFIG, max_attachment_bytes=3))
    with pytest.raises(Reject, match=r"3 bytes; wats\.max_attachment_bytes is 2") as refused:
        wsjf(result, msgspec.structs.replace(CONFIG, max_attachment_bytes=2))

    assert refused.value.path == "$.steps[0].attachment.data"


def test_sub_units_and_the_tests_own_error() -> None:
    """A part without a revision has none, whatever the unit's default is."""
    sent = wsjf(
        change(
            sub_units=(
                SubUnit(serial_number="1", part_number="P", revision="B", type="PCBA"),
                SubUnit(serial_number="2", part_number="Q"),
            ),
            error_code=-3,
            error_message="no contact",
        ),
        CONFIG,
    )

    assert sent["subUnits"] == [
        {"sn": "1", "pn": "P", "partType": "PCBA", "rev": "B"},
        {"sn": "2", "pn": "Q", "partType": "Part"},
    ]
    uut = msgspec.convert(sent["uut"], dict[str, object])
    assert (uut["errorCode"], uut["errorMessage"]) == (-3, "no contact")
    assert _common(back(sent), sent) == _without_utc(sent)
    assert problems_of(msgspec.convert(sent, dict[str, object])) == []


@pytest.mark.parametrize(
    ("settings", "counted", "noted"),
    [
        pytest.param({}, [], ["F1", "F2 (3 times)"], id="by their topics"),
        pytest.param({"count_from": "reports"}, ["F1", "F2"], [], id="by reports"),
        pytest.param({"count_from_exceptions": ("F2",)}, ["F2"], ["F1"], id="F2 by reports"),
        pytest.param({"count_from": "reports", "count_from_exceptions": ("F2",)}, ["F1"], ["F2 (3 times)"], id="F1"),
    ],
)
def test_an_asset_is_counted_by_one_of_two(settings: dict[str, object], counted: list[str], noted: list[str]) -> None:
    """What a report does not count it notes; never both."""
    config = msgspec.structs.replace(CONFIG, **settings)
    sent = wsjf(change(misc=(), assets=(AssetUse("F1"), AssetUse("F2", 3))), config)

    assert [each["assetSN"] for each in msgspec.convert(sent.get("assets", []), list[dict[str, object]])] == counted
    assert sent.get("miscInfos", []) == [{"description": "asset_used", "text": text} for text in noted]
    assert problems_of(msgspec.convert(sent, dict[str, object])) == []


_VALUES = [
    pytest.param(Measurement(value=5.0, unit="V", low=4.0, high=6.0), id="numeric"),
    pytest.param(Measurement(value=5.0, low=4.0), id="GE"),
    pytest.param(Measurement(value=5.0, high=6.0), id="LE"),
    pytest.param(Measurement(value=5.0), id="LOG"),
    pytest.param(Measurement(value="text"), id="text"),
    pytest.param(Measurement(), id="pass or fail"),
]


@pytest.mark.parametrize("measurement", _VALUES)
@pytest.mark.parametrize("step_status", list("PFSDET"))
@pytest.mark.parametrize("measured_status", list("PFS"))
@pytest.mark.parametrize("result", list("PFET"))
def test_pywats_reads_every_kind_of_step_in_every_status(
    measurement: Measurement, step_status: str, measured_status: str, result: str
) -> None:
    """Nothing is lost or changed when pywats' own model reads the report and writes it again."""
    measured = msgspec.structs.replace(measurement, status=measured_status)
    sent = wsjf(change(result=result, steps=(Step(name="s", status=step_status, measurement=measured),)), CONFIG)

    model = UUTReport.model_validate(sent)

    read = msgspec.convert(model.model_dump(mode="json", by_alias=True, exclude_none=True), dict[str, object])
    assert _common(read, sent) == _without_utc(sent)
    assert model.info is not None
    assert model.info.fixture_id == "FIXTURE-001"
    assert model.start == RESULT.start.astimezone(UTC)


def _without_utc(report: Report) -> dict[str, object]:
    """Leave out startUTC, which pywats reads and never writes."""
    return {key: value for key, value in report.items() if key != "startUTC"}


def _common(read: object, sent: object) -> object:
    """Reduce what was read to the keys that were sent: the models add defaults."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return {key: _common(read[key], value) for key, value in sent.items() if key in read}
    if isinstance(sent, list) and isinstance(read, list):
        return [_common(one, other) for one, other in zip(read, sent, strict=True)]
    return read
