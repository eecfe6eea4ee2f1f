"""Repairs as WSJF reports, read back with pywats' own models; and what WATS says of tests and codes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from pywats.domains.report.report_models import UURReport

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.emulator.reports.repair_codes import REPAIR_CODES, categories
from pywats_mqtt.emulator.reports.rules import problems_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Failure, Repair, RepairedPart, SubUnit
from pywats_mqtt.ports import KnownTest
from pywats_mqtt.wats.repairs import codes_of, known_tests, newest_failed, wsjf_repair

CONFIG = WatsConfig(operation_codes={"final": 50}, default_part_number="PN-DEFAULT")
TEST_ID = UUID("daf6f3a9-aba9-4abd-86bf-f9e9cf8c0528")
NOON = datetime(2026, 1, 26, 12, 0, tzinfo=UTC)

FOUND = Failure(category="Component", code="Defect Component", path="$.failures[0]", comment="burnt", com_ref="C12")
REPAIR = Repair(
    report_id=UUID("0f6f3a9d-aba9-5abd-86bf-f9e9cf8c0528"),
    device="REPAIR-1",
    serial_number="SN-1",
    part_number="PN-1",
    start=NOON,
    duration_s=90.5,
    failures=(FOUND,),
    parts=(
        RepairedPart(
            unit=SubUnit(serial_number="7", part_number="PCB", revision="A", type="PCBA"),
            failures=(Failure(category="Design", code="Layout Fault", path="$"),),
        ),
        RepairedPart(unit=SubUnit(serial_number="8", part_number="MOD")),
    ),
    operator="jane",
    comment="swapped",
    test_type="final",
    failed_test=TEST_ID,
    misc=(("bench", "4"),),
)


def test_a_repair_in_full() -> None:
    """Two operations: the report's own is the repair, that of its uur the failed test; the unit itself is part 0."""
    sent = wsjf_repair(REPAIR, CONFIG)

    assert (sent["type"], sent["processCode"], sent["rev"], sent["result"]) == ("R", 500, "-", "P")
    assert sent["uur"] == {
        "user": "jane",
        "execTime": 90.5,
        "processCode": 50,
        "confirmDate": "2026-01-26T12:00:00.000000Z",
        "finalizeDate": "2026-01-26T12:01:30.500000Z",
        "comment": "swapped",
        "refUUT": str(TEST_ID),
    }
    assert sent["subUnits"] == [
        {
            "pn": "PN-1",
            "sn": "SN-1",
            "rev": "-",
            "partType": "Main",
            "idx": 0,
            "failures": [
                {"category": "Component", "code": "Defect Component", "comment": "burnt", "comRef": "C12"},
            ],
        },
        {
            "sn": "7",
            "pn": "PCB",
            "rev": "A",
            "partType": "PCBA",
            "idx": 1,
            "parentIdx": 0,
            "failures": [{"category": "Design", "code": "Layout Fault"}],
        },
        {"sn": "8", "pn": "MOD", "partType": "Part", "idx": 2, "parentIdx": 0},
    ]


@pytest.mark.parametrize(
    "repair",
    [
        pytest.param(REPAIR, id="in full"),
        pytest.param(
            Repair(report_id=REPAIR.report_id, device="R", serial_number="S", start=NOON, failures=(FOUND,)), id="bare"
        ),
        pytest.param(msgspec.structs.replace(REPAIR, attachments=(("long.txt", "x"),)), id="with a text file"),
    ],
)
def test_pywats_and_the_emulator_read_a_repair(repair: Repair) -> None:
    """Nothing is lost or changed on the way through pywats' model, and a server takes it."""
    sent = msgspec.convert(wsjf_repair(repair, CONFIG), dict[str, object])

    model = UURReport.model_validate(sent)
    read = msgspec.convert(model.model_dump(mode="json", by_alias=True, exclude_none=True), dict[str, object])

    for key in ("id", "pn", "sn", "processCode", "machineName"):
        assert read[key] == sent[key]
    assert _subset(sent["uur"], read["uur"])
    assert all(_subset(*pair) for pair in zip(_list(sent["subUnits"]), _list(read["subUnits"]), strict=True))
    assert problems_of(sent) == []


def _list(value: object) -> list[dict[str, object]]:
    return msgspec.convert(value, list[dict[str, object]])


def _subset(sent: object, read: object) -> bool:
    """Tell whether all that was sent is there in what was read; times may be written in another way."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return all(key in read and _subset(value, read[key]) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(_subset, sent, read))
    if isinstance(sent, str) and sent.endswith("Z"):
        return datetime.fromisoformat(sent) == datetime.fromisoformat(str(read))
    return sent == read


def test_codes_sent_by_the_device_win() -> None:
    """Both operations, and the result."""
    sent = wsjf_repair(msgspec.structs.replace(REPAIR, repair_code=510, operation_code=30, result="F"), CONFIG)

    assert (sent["processCode"], sent["result"]) == (510, "F")
    assert msgspec.convert(sent["uur"], dict[str, object])["processCode"] == 30


def test_a_repair_without_a_part_number_is_refused_as_a_result_is() -> None:
    """The reason names the setting."""
    with pytest.raises(Reject, match=r"default_part_number"):
        wsjf_repair(msgspec.structs.replace(REPAIR, part_number=""), WatsConfig())


def test_codes_are_read_by_category() -> None:
    """As the server lists them; codes within groups of codes too."""
    assert codes_of({"500": {"Categories": categories()}}, 500) == REPAIR_CODES
    grouped = [{"Description": "C", "Failcodes": [{"Description": "G", "Failcodes": [{"Description": "x"}]}]}]
    assert codes_of({"500": {"Categories": grouped}}, 500) == {"C": ("x",)}


@pytest.mark.parametrize("data", [None, [], "text", {"510": {"Categories": categories()}}, {"500": {}}, {"500": 7}])
def test_a_server_that_does_not_tell_the_codes(data: object) -> None:
    """Then nothing is known, which is not the same as knowing none."""
    assert codes_of(data, 500) is None


def test_the_newest_failed_test_before_the_repair() -> None:
    """Not one that passed, nor one of after the repair; times of a server may have seven digits, and no zone."""
    ids = [UUID(int=number) for number in range(4)]
    listed = [
        {"uuid": str(ids[0]), "start": "2026-01-26T13:00:00Z", "result": "Failed", "processCode": 50},
        {"uuid": str(ids[1]), "start": "2026-01-26T11:00:00.1234567Z", "result": "Passed", "processCode": 50},
        {"uuid": str(ids[2]), "start": "2026-01-26T10:00:00", "result": "Error", "processCode": 60},
        {"uuid": str(ids[3]), "start": "2026-01-26T09:00:00Z", "result": "Failed", "processCode": 50},
    ]

    assert newest_failed(known_tests(listed), NOON) == KnownTest(ids[2], 60)
    assert newest_failed(known_tests(listed[:2]), NOON) is None
