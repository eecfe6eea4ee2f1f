"""`/api/internal/Report/GetReportState`: what became of a report after it was taken."""

from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

PROCESSED, QUARANTINED = "Processed", "Quarantined"
"""Our words: which a server uses is not public."""


def get_report_state(call: Call) -> Reply:
    """GET /api/internal/Report/GetReportState/{id}: `State` is Processed or Quarantined. The only route that tells.

    Here a report is processed the moment it arrives, so `ProcessAtUtc`, `ReceiveDate` and `LastAttempt` are all the
    time of its last reception, and `Attempts` is 1.

    Raises:
        Refusal: 404, no such report.
    """
    (key,) = call.identifiers
    row = call.store.row("SELECT * FROM reports WHERE uuid = ?", key.lower())
    if row is None:
        raise Refusal(404, f"There is no report {key!r}.")
    return json_reply(
        {
            "uuid": row["uuid"],
            "State": QUARANTINED if row["quarantined"] else PROCESSED,
            "ProcessAtUtc": row["timeStamp"],
            "ReceiveDate": row["timeStamp"],
            "ReceiveCount": row["receiveCount"],
            "LastAttempt": row["timeStamp"],
            "Attempts": 1,
        },
    )
