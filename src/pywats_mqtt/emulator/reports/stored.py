"""`/api/Report/WSJF`: take a report, give one back."""

from sqlite3 import Row
from uuid import UUID

import msgspec

from pywats_mqtt.emulator.clock import parse_time, wire_time
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.production.reported import make_unit
from pywats_mqtt.emulator.reports.readback import readback
from pywats_mqtt.emulator.reports.rules import problems_of
from pywats_mqtt.emulator.reports.usage import apply_usage
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

RESULT_WORDS = {"P": "Passed", "F": "Failed", "E": "Error", "T": "Terminated"}


def post_report(call: Call) -> Reply:
    """POST /api/Report/WSJF: store a report; sent again under its id, it replaces itself and counts `receiveCount`.

    A start in the future is taken but quarantined, as WATS does without a word: no API route shows the report until
    it is sent again with another start. Asset use is counted once per report id, when it is first not quarantined.

    Raises:
        Refusal: 400, with every mistake on its own line.
    """
    report = call.json_object()
    problems = problems_of(report, call.settings.processes)
    if problems:
        raise Refusal(400, "\n".join(problems))
    sent_id = str(report["id"])
    uuid = str(UUID(sent_id))
    known = call.store.row("SELECT * FROM reports WHERE uuid = ?", uuid)
    number = _store(call, report, uuid, known)
    return json_reply([{"ID": sent_id, "uuid": uuid, "Report_ID": number}])


def get_report(call: Call) -> Reply:
    """GET /api/Report/Wsjf/{id}: the report with what the server adds to it.

    Raises:
        Refusal: 404, no such report, or it is quarantined.
    """
    (key,) = call.identifiers
    row = call.store.row(
        "SELECT r.*, b.body FROM reports r JOIN report_bodies b USING (number) WHERE uuid = ? AND NOT quarantined",
        key.lower(),
    )
    if row is None:
        raise Refusal(404, f"There is no report {key!r}.")
    return json_reply(readback(msgspec.json.decode(row["body"]), row))


def _store(call: Call, report: JsonObject, uuid: str, known: Row | None) -> int:
    """Insert or replace; the report's legacy number, which a replaced report keeps."""
    columns = _columns(call, report)
    if not columns["quarantined"]:
        make_unit(call, str(report["sn"]), str(report["pn"]), str(report["rev"]))
    counted = known["assetStats"] if known else None
    if counted is None and not columns["quarantined"]:
        counted = apply_usage(call, report)
    columns |= {"timeStamp": wire_time(call.now), "lastSeq": call.seq, "assetStats": counted}
    if known:
        settings = ", ".join(f"{name} = ?" for name in columns)
        sql = f"UPDATE reports SET {settings}, receiveCount = receiveCount + 1 WHERE number = ?"  # noqa: S608 - our own column names
        call.store.run(sql, *columns.values(), known["number"])
        call.store.run("UPDATE report_bodies SET body = ? WHERE number = ?", call.body, known["number"])
        return int(known["number"])
    columns |= {"uuid": uuid, "firstSeq": call.seq, "receiveCount": 1}
    places = ", ".join("?" * len(columns))
    number = call.store.run(f"INSERT INTO reports ({', '.join(columns)}) VALUES ({places})", *columns.values())  # noqa: S608 - our own column names
    call.store.run("INSERT INTO report_bodies (number, body) VALUES (?, ?)", number, call.body)
    return number


def _columns(call: Call, report: JsonObject) -> dict[str, object]:
    """What headers show of a report that follows the rules."""
    start = parse_time(str(report["start"]))
    code = report["processCode"]
    unit = _object(report, "uur" if report["type"] == "R" else "uut")
    seconds = unit.get("execTime")
    sequence = _object(_object(report, "root"), "seqCall")
    return {
        "serialNumber": report["sn"],
        "partNumber": report["pn"],
        "reportType": report["type"],
        "start": wire_time(start),
        "revision": report["rev"],
        "result": RESULT_WORDS[str(report["result"])],
        "stationName": report["machineName"],
        "location": report["location"],
        "purpose": report["purpose"],
        "processCode": code,
        "processName": call.settings.processes[code].name if isinstance(code, int) else "",
        "swFilename": sequence.get("name"),
        "swVersion": sequence.get("version"),
        "batchNumber": unit.get("batchSN"),
        "operator": unit.get("user"),
        "comment": unit.get("comment"),
        "executionTime": float(seconds) if isinstance(seconds, int | float) else None,
        "quarantined": start > call.now,
    }


def _object(source: JsonObject, name: str) -> JsonObject:
    value = source.get(name)
    return value if isinstance(value, dict) else {}
