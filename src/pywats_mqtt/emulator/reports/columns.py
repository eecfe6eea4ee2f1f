"""What the reports table knows of a report, beside when it came: mostly what headers show. Pure."""

from datetime import datetime
from uuid import UUID

from pywats_mqtt.emulator.clock import parse_time, wire_time
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.processes import Processes
from pywats_mqtt.emulator.reports.steps import PATH_MARK, failing_step

RESULT_WORDS = {"P": "Passed", "F": "Failed", "E": "Error", "T": "Terminated"}

_OF_ONE_TYPE = (
    *("testSocketIndex", "fixtureId", "errorCode", "errorMessage", "causedUutFailure", "causedUutFailurePath"),
    *("referencedUut", "testOperation"),
)


def columns_of(report: JsonObject, now: datetime, processes: Processes) -> dict[str, object]:
    """The columns of a report that follows the rules; it is quarantined where it starts after `now`."""
    start = parse_time(str(report["start"]))
    repair = report["type"] == "R"
    unit = _object(report, "uur" if repair else "uut")
    seconds = unit.get("execTime")
    sequence = _object(_object(report, "root"), "seqCall")
    columns = {
        "serialNumber": report["sn"],
        "partNumber": report["pn"],
        "reportType": report["type"],
        "start": wire_time(start),
        "revision": report["rev"],
        "result": RESULT_WORDS[str(report["result"])],
        "stationName": report["machineName"],
        "location": report["location"],
        "purpose": report["purpose"],
        "processCode": report["processCode"],
        "processName": _process_name(report, processes),
        "swFilename": sequence.get("name"),
        "swVersion": sequence.get("version"),
        "batchNumber": unit.get("batchSN"),
        "operator": unit.get("user"),
        "comment": unit.get("comment"),
        "executionTime": float(seconds) if isinstance(seconds, int | float) else None,
        "quarantined": start > now,
    }
    # All of them, since a report may come back under its id with the other type.
    return columns | dict.fromkeys(_OF_ONE_TYPE) | (_of_repair(unit, processes) if repair else _of_test(report, unit))


def _of_repair(uur: JsonObject, processes: Processes) -> dict[str, object]:
    """The test that a repair refers to, and its operation."""
    referenced = uur.get("refUUT")
    return {
        "referencedUut": str(UUID(str(referenced))) if referenced is not None else None,
        "testOperation": _process_name(uur, processes),
    }


def _of_test(report: JsonObject, uut: JsonObject) -> dict[str, object]:
    """What only tests have; in one that passed, no step is looked for that failed it."""
    columns = {name: uut.get(name) for name in ("testSocketIndex", "fixtureId", "errorCode", "errorMessage")}
    failing = failing_step(report) if report["result"] != "P" else None
    if failing is not None:
        _, path = failing
        columns |= {"causedUutFailure": path[-1], "causedUutFailurePath": PATH_MARK.join(path)}
    return columns


def _process_name(source: JsonObject, processes: Processes) -> str:
    code = source["processCode"]
    return processes[code].name if isinstance(code, int) else ""


def _object(source: JsonObject, name: str) -> JsonObject:
    value = source.get(name)
    return value if isinstance(value, dict) else {}
