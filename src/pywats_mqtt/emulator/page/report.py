"""`/_emulator/reports/{id}`: one report in full."""

import msgspec

from pywats_mqtt.emulator.reports.readback import readback
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def get_report(call: Call) -> Reply:
    """The report as `GET /api/Report/Wsjf/{id}` gives it, also while it is quarantined.

    Raises:
        Refusal: 404, no such report.
    """
    (key,) = call.identifiers
    row = call.store.row("SELECT r.*, b.body FROM reports r JOIN report_bodies b USING (number) WHERE uuid = ?", key)
    if row is None:
        raise Refusal(404, f"There is no report {key!r}.")
    return json_reply(readback(msgspec.json.decode(row["body"]), row))
