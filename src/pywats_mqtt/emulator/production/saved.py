"""`/api/Production/Unit/{sn}/{pn}` and `Units`: read a unit, save many."""

from sqlite3 import Row

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.production.each import save_each
from pywats_mqtt.emulator.production.phases import PHASES
from pywats_mqtt.emulator.production.units import alter, full, insert, is_within, known_unit, unit_of
from pywats_mqtt.emulator.products.rows import make_missing, revision_of
from pywats_mqtt.emulator.products.tags import LONGEST_XML, tags_in
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def get_unit(call: Call) -> Reply:
    """GET /api/Production/Unit/{sn}/{pn}: a unit with its product and its sub-units.

    Raises:
        Refusal: 404, there is none.
    """
    serial, part_number = call.identifiers
    return json_reply(full(call.store, known_unit(call.store, serial, part_number)))


def put_units(call: Call) -> Reply:
    """PUT /api/Production/Units: make units, or change those with these serial and part numbers; the counts.

    Fields that are absent or null keep their value; `tags` and `unitPhase` are read-only and ignored. A unit's product
    and revision must exist, unless the emulator was told to make them.

    Raises:
        Refusal: 400, the body is no list of objects.
    """
    return save_each(call, _save_unit)


def _save_unit(call: Call, body: JsonObject) -> bool:
    serial, part_number = fields.required_text(body, "serialNumber"), fields.required_text(body, "partNumber")
    known = unit_of(call.store, serial, part_number)
    revision = fields.text(body, "revision") or (known["revision"] if known else "")
    xml = fields.text(body, "xmlData", LONGEST_XML)
    tags_in(xml)
    sent = {
        "serialNumber": serial,
        "partNumber": part_number,
        "revision": revision,
        "parent": parent_of(call.store, body, known),
        "batchNumber": fields.text(body, "batchNumber"),
        "serialDate": fields.time(body, "serialDate"),
        "currentLocation": fields.text(body, "currentLocation"),
        "xmlData": xml,
        "unitPhaseId": phase_of(body),
        "processCode": process_of(call, body),
    }
    values = {name: value for name, value in sent.items() if value is not None}
    require_revision(call, part_number, revision)
    if known:
        alter(call, known, values)
    else:
        insert(call, values)
    return known is None


def require_revision(call: Call, part_number: str, revision: str) -> None:
    """Make sure that a unit's product and revision are there; make them where the settings say so.

    Raises:
        Refusal: 400, they are not there.
    """
    if not revision.strip():
        raise Refusal(400, "revision: required for a new unit")
    if call.settings.auto_products:
        make_missing(call.store, part_number, revision)
    elif revision_of(call.store, part_number, revision) is None:
        known = f"there is no revision {revision!r} of a product {part_number!r}"
        raise Refusal(400, f"partNumber, revision: {known}; make them with PUT /api/Product and /api/Product/Revision")


def phase_of(body: JsonObject) -> int | None:
    """The phase that `unitPhaseId` names, None when absent.

    Raises:
        Refusal: 400, no such phase.
    """
    phase = fields.whole(body, "unitPhaseId")
    if phase is not None and phase not in PHASES:
        raise Refusal(400, f"unitPhaseId: {phase} is no phase; use one of {', '.join(map(str, PHASES))}")
    return phase


def process_of(call: Call, body: JsonObject) -> int | None:
    """The operation that `processCode` names as a text or a number, None when absent or blank.

    Raises:
        Refusal: 400, no such operation.
    """
    sent = body.get("processCode")
    if sent is None or sent == "":
        return None
    known = {str(code): code for code in call.settings.processes}
    code = None if isinstance(sent, bool) or not isinstance(sent, str | int) else known.get(f"{sent!s:.40}")
    if code is None:
        raise Refusal(400, f"processCode: {sent!r:.40} is no operation of this server; use one of {', '.join(known)}")
    return code


def parent_of(store: Store, body: JsonObject, child: Row | None) -> int | None:
    """The row of the unit that `parentSerialNumber` names, None when absent or blank.

    Raises:
        Refusal: 400, there is none or more than one, or it is the unit itself or one below it.
    """
    serial = fields.text(body, "parentSerialNumber")
    if not serial:
        return None
    found = store.rows("SELECT * FROM unit_list WHERE serialNumber = ? LIMIT 2", serial)
    if len(found) != 1:
        many = "more than one unit has" if found else "there is no unit with"
        raise Refusal(400, f"parentSerialNumber: {many} serial number {serial!r}")
    (parent,) = found
    if child is not None and is_within(store, parent, child):
        raise Refusal(400, f"parentSerialNumber: {serial!r} is the unit itself or one below it")
    return int(parent["number"])
