"""`/api/Report/WSJF`: take a report, give one back."""

from sqlite3 import Row
from uuid import UUID

from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.production.reported import make_unit
from pywats_mqtt.emulator.reports.columns import columns_of
from pywats_mqtt.emulator.reports.contents import clear_contents, write_contents
from pywats_mqtt.emulator.reports.readback import HIGHEST_DETAIL, Detail, readback
from pywats_mqtt.emulator.reports.rows import body_of, visible
from pywats_mqtt.emulator.reports.rules import problems_of
from pywats_mqtt.emulator.reports.usage import apply_usage
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

_REPAIRS = "SELECT uuid, start FROM reports WHERE referencedUut = ? AND NOT quarantined ORDER BY start, number"


def post_report(call: Call) -> Reply:
    """POST /api/Report/WSJF: store a report; sent again under its id, it replaces itself and counts `receiveCount`.

    A start in the future is taken but quarantined, as WATS does without a word: no public route shows the report
    until it is sent again with another start. Asset use is counted once per report id, when it is first not
    quarantined, or, where the settings say so, at each reception.

    Raises:
        Refusal: 400, with every mistake on its own line.
    """
    return json_reply([accept(call, call.json_object(), call.body)])


def accept(call: Call, report: JsonObject, body: bytes) -> JsonObject:
    """Store a report, `body` in JSON; its ids, as the answer shows them.

    Raises:
        Refusal: 400, with every mistake on its own line.
    """
    settings = call.settings
    problems = problems_of(
        report, settings.processes, any_repair_code=settings.any_repair_code, asset_sn=settings.lenient_assets
    )
    if problems:
        raise Refusal(400, "\n".join(problems))
    sent_id = str(report["id"])
    uuid = str(UUID(sent_id))
    known = call.store.row("SELECT number, assetStats FROM reports WHERE uuid = ?", uuid)
    number = _store(call, report, uuid, body, known)
    return {"ID": sent_id, "uuid": uuid, "Report_ID": number}


def get_report(call: Call) -> Reply:
    """GET /api/Report/Wsjf/{id}: the report with what the server adds to it, or less of it.

    `detailLevel` 0 leaves out the steps, `includeChartdata` and `includeAttachments` false what they name. A test that
    repairs refer to names them in `uut.referencedByUURs`.

    Raises:
        Refusal: 400, an option is wrong; 404, no such report, or it is quarantined.
    """
    (key,) = call.identifiers
    level = call.whole("detailLevel", highest=HIGHEST_DETAIL)
    detail = Detail(
        HIGHEST_DETAIL if level is None else level,
        charts=call.flag("includeChartdata") is not False,
        files=call.flag("includeAttachments") is not False,
    )
    row = visible(call.store, key)
    report = readback(body_of(call.store, row), row, detail)
    repairs = call.store.rows(_REPAIRS, row["uuid"])
    uut = report.get("uut")
    if repairs and isinstance(uut, dict):
        uut["referencedByUURs"] = [{"id": repair["uuid"], "start": repair["start"]} for repair in repairs]
    return json_reply(report)


def _store(call: Call, report: JsonObject, uuid: str, body: bytes, known: Row | None) -> int:
    """Insert or replace; the report's legacy number, which a replaced report keeps."""
    columns = columns_of(report, call.now, call.settings.processes)
    if not columns["quarantined"]:
        make_unit(call, str(report["sn"]), str(report["pn"]), str(report["rev"]))
    counted = known["assetStats"] if known and not call.settings.count_asset_use_again else None
    if counted is None and not columns["quarantined"]:
        counted = apply_usage(call, report)
    columns |= {"timeStamp": wire_time(call.now), "lastSeq": call.seq, "assetStats": counted, "reportSize": len(body)}
    if known:
        settings = ", ".join(f"{name} = ?" for name in columns)
        sql = f"UPDATE reports SET {settings}, receiveCount = receiveCount + 1 WHERE number = ?"  # noqa: S608 - our own column names
        call.store.run(sql, *columns.values(), known["number"])
        call.store.run("UPDATE report_bodies SET body = ? WHERE number = ?", body, known["number"])
        clear_contents(call.store, known["number"])
        write_contents(call.store, known["number"], report)
        return int(known["number"])
    columns |= {"uuid": uuid, "firstSeq": call.seq, "receiveCount": 1}
    places = ", ".join("?" * len(columns))
    number = call.store.run(f"INSERT INTO reports ({', '.join(columns)}) VALUES ({places})", *columns.values())  # noqa: S608 - our own column names
    call.store.run("INSERT INTO report_bodies (number, body) VALUES (?, ?)", number, body)
    write_contents(call.store, number, report)
    return number
