"""The routes for one unit that servers have from 2026.3 on, as pywats 0.6 describes them."""

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.production.batches import has_batch
from pywats_mqtt.emulator.production.saved import phase_of, process_of, require_revision
from pywats_mqtt.emulator.production.units import addressed, alter, children_of, full, insert, known_unit, unit_of
from pywats_mqtt.emulator.products.tags import saved_xml, tagged_xml
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

TOP, HIGHEST_TOP = 100, 1_000

FIELDS = Fields(
    {
        "serialNumber": Kind.TEXT,
        "partNumber": Kind.TEXT,
        "revision": Kind.TEXT,
        "batchNumber": Kind.TEXT,
        "serialDate": Kind.TIME,
        "currentLocation": Kind.TEXT,
        "unitPhaseId": Kind.NUMBER,
        "processCode": Kind.TEXT,
    },
)


def post_unit(call: Call) -> Reply:
    """POST /api/Production/Unit: make a unit; `true`. Here tags are taken, other than by `Units`.

    Raises:
        Refusal: 400, a field is missing or wrong, a parent is named, or the product or its revision is not there; 409,
            the unit exists, which is a guess.
    """
    body = call.json_object()
    serial, part_number = fields.required_text(body, "serialNumber"), fields.required_text(body, "partNumber")
    revision = fields.required_text(body, "revision")
    if fields.text(body, "parentSerialNumber"):
        raise Refusal(400, "parentSerialNumber: not taken here; POST /api/Production/AddChildUnit builds a unit in")
    if unit_of(call.store, serial, part_number):
        raise Refusal(409, f"A unit with serial number {serial!r} and part number {part_number!r} exists.")
    sent = {
        "serialNumber": serial,
        "partNumber": part_number,
        "revision": revision,
        "batchNumber": fields.text(body, "batchNumber"),
        "serialDate": fields.time(body, "serialDate"),
        "currentLocation": fields.text(body, "currentLocation"),
        "xmlData": saved_xml(None, body),
        "unitPhaseId": phase_of(body),
        "processCode": process_of(call, body),
    }
    require_revision(call, part_number, revision)
    insert(call, {name: value for name, value in sent.items() if value is not None})
    return json_reply(value=True)


def put_unit(call: Call) -> Reply:
    """PUT /api/Production/Unit: change a unit; `true`. Phase, operation and parent have routes of their own: ignored.

    Raises:
        Refusal: 400, a field is missing or wrong, or the revision or batch is not there; 404, no such unit.
    """
    body = call.json_object()
    serial, part_number = fields.required_text(body, "serialNumber"), fields.required_text(body, "partNumber")
    unit = known_unit(call.store, serial, part_number)
    batch = fields.text(body, "batchNumber")
    if batch and not has_batch(call.store, batch):
        raise Refusal(400, f"batchNumber: there is no batch {batch!r}; PUT /api/Production/Batches makes one")
    sent = {
        "revision": fields.text(body, "revision") or None,
        "batchNumber": batch,
        "serialDate": fields.time(body, "serialDate"),
        "currentLocation": fields.text(body, "currentLocation"),
        "xmlData": saved_xml(unit, body),
    }
    require_revision(call, part_number, sent["revision"] or unit["revision"])
    alter(call, unit, {name: value for name, value in sent.items() if value is not None})
    return json_reply(value=True)


def delete_unit(call: Call) -> Reply:
    """DELETE /api/Production/Unit: a unit and its history go; `true`.

    Raises:
        Refusal: 400, a parameter is missing, or units are built into it; 404, no such unit.
    """
    unit = addressed(call)
    if children_of(call.store, unit):
        raise Refusal(400, f"unit {unit['serialNumber']!r} has sub-units; take them out with RemoveChildUnit first")
    call.store.run("DELETE FROM units WHERE number = ?", unit["number"])
    return json_reply(value=True)


def query_units(call: Call) -> Reply:
    """GET /api/Production/Unit/Query: by serial number, 100 without `$top`, at most 1000; takes OData options.

    Conditions on `subUnits` (`any`, `all`) are refused: the emulator has none of them.
    """
    found = select(call, "unit_list", FIELDS, order="serialNumber, number", top=TOP, highest_top=HIGHEST_TOP)
    return json_reply([full(call.store, row) for row in found])


def change_unit(call: Call) -> Reply:
    """PUT /api/Production/ChangeUnit: the unit gets another part number and revision; `true`.

    Raises:
        Refusal: 400, a parameter is missing or blank, or the product or its revision is not there; 404, no such unit;
            409, a unit with this serial number and the new part number exists, which is a guess.
    """
    unit = addressed(call)
    part_number, revision = (
        fields.required_text({name: call.required(name)}, name) for name in ("newPartNumber", "newRevision")
    )
    other = unit_of(call.store, unit["serialNumber"], part_number)
    if other and other["number"] != unit["number"]:
        raise Refusal(409, f"A unit {unit['serialNumber']!r} with part number {part_number!r} exists.")
    require_revision(call, part_number, revision)
    alter(call, unit, {"partNumber": part_number, "revision": revision})
    return json_reply(value=True)


def put_tag(call: Call) -> Reply:
    """PUT /api/Production/UnitTag: set one tag, or make it; `true`.

    Raises:
        Refusal: 400, a parameter is missing, or the key or value cannot be kept in XML; 404, no such unit.
    """
    unit, value = addressed(call), call.required("value")
    key = fields.xml_name({"key": call.required("key")}, "key")
    xml = tagged_xml(unit["xmlData"], {key: value})
    alter(call, unit, {"xmlData": xml})
    return json_reply(value=True)
