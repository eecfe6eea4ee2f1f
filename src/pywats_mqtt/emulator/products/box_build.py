"""What a revision is built of: the internal routes behind pywats' box build templates, and who may be built in.

The routes and their names are those that pywats calls; nothing else about them is public.
"""

from sqlite3 import Row
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.products.rows import revision_by_id, revision_of
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

_PART = """SELECT b.*, r.partNumber, r.revision FROM box_builds b
JOIN revision_list r ON r.productRevisionId = b.childId"""


def get_product_info(call: Call) -> Reply:
    """GET /api/internal/Product/GetProductInfo: a revision (`hlevel` 0) and what it is built of, one level down.

    Raises:
        Refusal: 400, a parameter is missing; 404, no such revision.
    """
    part_number, revision = call.required("partNumber"), call.required("revision")
    found = revision_of(call.store, part_number, revision)
    if found is None:
        raise Refusal(404, f"There is no revision {revision!r} of a product {part_number!r}.")
    top = {
        "hlevel": 0,
        "ProductRevisionId": found["productRevisionId"],
        "PartNumber": found["partNumber"],
        "Revision": found["revision"],
    }
    parts = parts_of(call.store, found["productRevisionId"])
    below = [{"hlevel": 1, **_wire(row), "PartNumber": row["partNumber"], "Revision": row["revision"]} for row in parts]
    return json_reply([top, *below])


def post_relation(call: Call) -> Reply:
    """POST /api/internal/Product/PostProductRevisionRelation: a revision is built of another one; the relation.

    Raises:
        Refusal: 400, a revision is missing, unknown or both are the same, the relation exists, or a wrong field.
    """
    body = call.json_object()
    parent, child = (_revision_id(call, body, name) for name in ("ParentProductRevisionId", "ProductRevisionId"))
    if parent == child:
        raise Refusal(400, "ProductRevisionId: a revision is not built of itself")
    known = call.store.row("SELECT * FROM box_builds WHERE parentId = ? AND childId = ?", parent, child)
    if known:
        raise Refusal(400, f"ProductRevisionId: relation {known['relationId']} exists; change it with PUT")
    relation_id = str(uuid5(NAMESPACE_OID, f"relation {parent} {child}"))
    values = {"relationId": relation_id, "parentId": parent, "childId": child, **_sent(body)}
    places = ", ".join("?" * len(values))
    call.store.run(f"INSERT INTO box_builds ({', '.join(values)}) VALUES ({places})", *values.values())  # noqa: S608 - our own column names
    return json_reply(_wire(_relation(call, relation_id)))


def put_relation(call: Call) -> Reply:
    """PUT /api/internal/Product/PutProductRevisionRelation: another quantity, item number or mask; the relation.

    Raises:
        Refusal: 400, no relation id or a wrong field; 404, no such relation.
    """
    body = call.json_object()
    relation_id = fields.uuid(body, "ProductRevisionRelationId")
    if relation_id is None:
        raise Refusal(400, "ProductRevisionRelationId: required")
    known, sent = _relation(call, relation_id), _sent(body)
    for name, value in sent.items():
        call.store.run(f"UPDATE box_builds SET {name} = ? WHERE number = ?", value, known["number"])  # noqa: S608 - our own column names
    return json_reply(_wire(_relation(call, relation_id)))


def delete_relation(call: Call) -> Reply:
    """DELETE /api/internal/Product/DeleteProductRevisionRelation?productRevisionRelationId=: `true`.

    Raises:
        Refusal: 400, no id; 404, no such relation.
    """
    relation = _relation(call, call.required("productRevisionRelationId").lower())
    call.store.run("DELETE FROM box_builds WHERE number = ?", relation["number"])
    return json_reply(value=True)


def parts_of(store: Store, revision_id: str) -> list[Row]:
    """What a revision is built of: relations, each with part number and revision of the child."""
    return store.rows(f"{_PART} WHERE b.parentId = ? ORDER BY b.number", revision_id)


def takes(relation: Row, part_number: str, revision: str) -> bool:
    """Whether a unit of this revision may be built in by a relation: `1.0,2.%` takes 1.0 and all that begin with 2."""
    if relation["partNumber"] != part_number:
        return False
    if not relation["revisionMask"]:
        return bool(relation["revision"] == revision)
    masks = [mask.strip() for mask in relation["revisionMask"].split(",")]
    return any(revision.startswith(mask[:-1]) if mask.endswith("%") else revision == mask for mask in masks)


def _sent(body: JsonObject) -> dict[str, object]:
    """The columns that `body` gives."""
    sent: dict[str, object] = {
        "quantity": fields.whole(body, "Quantity", 1),
        "itemNumber": fields.text(body, "ItemNumber"),
        "revisionMask": fields.text(body, "RevisionMask"),
    }
    return {name: value for name, value in sent.items() if value is not None}


def _revision_id(call: Call, body: JsonObject, name: str) -> str:
    revision_id = fields.uuid(body, name)
    if revision_id is None or revision_by_id(call.store, revision_id) is None:
        raise Refusal(400, f"{name}: expected the id of a product revision; GET /api/Product/{{partNumber}} shows it")
    return revision_id


def _relation(call: Call, relation_id: str) -> Row:
    found = call.store.row("SELECT * FROM box_builds WHERE relationId = ?", relation_id)
    if found is None:
        raise Refusal(404, f"There is no product revision relation {relation_id!r}.")
    return found


def _wire(row: Row) -> dict[str, object]:
    shown = {
        "ProductRevisionRelationId": row["relationId"],
        "ParentProductRevisionId": row["parentId"],
        "ProductRevisionId": row["childId"],
        "Quantity": row["quantity"],
        "ItemNumber": row["itemNumber"],
        "RevisionMask": row["revisionMask"],
    }
    return {name: value for name, value in shown.items() if value is not None}
