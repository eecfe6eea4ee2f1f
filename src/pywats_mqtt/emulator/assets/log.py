"""`/api/Asset/Log` and `/api/Asset/Message`: what happened to assets, and what people say of them.

The log has a row for each new asset, each property that a save changes, each count that is set or reset, each
calibration, maintenance, change of state and message. Counted uses, of `/api/Asset/Count` and of reports, leave none:
a fleet counts a thousand times a minute.
"""

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.assets.rows import LOG_MESSAGE, LONGEST_COMMENT, USER, addressed, note
from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Reply, json_reply

FIELDS = Fields(
    {
        "logId": Kind.NUMBER,
        "assetId": Kind.TEXT,
        "serialNumber": Kind.TEXT,
        "date": Kind.TIME,
        "user": Kind.TEXT,
        "type": Kind.NUMBER,
        "property": Kind.TEXT,
        "value": Kind.TEXT,
        "comment": Kind.TEXT,
    },
)


def get_log(call: Call) -> Reply:
    """GET /api/Asset/Log: newest first, 1000 without `$top`; takes OData options. Counted uses leave no row."""
    found = select(call, "asset_log", FIELDS, order="logId DESC", top=1000, highest_top=INT32_MAX)
    return json_reply([{name: row[name] for name in FIELDS.kinds if row[name] is not None} for row in found])


def post_message(call: Call) -> Reply:
    """POST /api/Asset/Message: note `content` of the body in the log of the asset that the query names; `true`.

    With lenient messages, `assetId`, `comment` and `user` of the body stand in for an asset, a text and a name that are
    not given otherwise; this is what pywats sends.

    Raises:
        Refusal: 400, no text; 400 or 404, as `addressed`.
    """
    body = call.json_object()
    asset_id, user = None, None
    if call.settings.lenient_messages:
        asset_id, user = fields.text(body, "assetId"), fields.text(body, "user")
        body = {"content": body.get("comment"), **body}
    row = addressed(call, asset_id)
    content = fields.required_text(body, "content", LONGEST_COMMENT)
    note(call.store, row, call.now, LOG_MESSAGE, comment=content, user=user or USER)
    return json_reply(value=True)
