"""`/api/Product`: read, list and save products and their revisions."""

from sqlite3 import Row

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.products.rows import (
    full_product,
    make_product,
    make_revision,
    product_of,
    revision_by_id,
    revision_of,
    wire_revision,
)
from pywats_mqtt.emulator.products.tags import saved_xml
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

TOP, HIGHEST_TOP = 1_000, 100_000
"""What a server lists without `$top`, and the most it lists at once, as pywats describes it."""

FIELDS = Fields(
    {
        "partNumber": Kind.TEXT,
        "name": Kind.TEXT,
        "description": Kind.TEXT,
        "productCategoryName": Kind.TEXT,
        "productCategoryId": Kind.ID,
        "nonSerial": Kind.FLAG,
        "state": Kind.NUMBER,
    },
)


def get_products(call: Call) -> Reply:
    """GET /api/Product/Query: by part number, 1000 without `$top`; takes OData options."""
    found = select(call, "products", FIELDS, order="partNumber", top=TOP, highest_top=HIGHEST_TOP)
    return json_reply([full_product(call.store, row) for row in found])


def get_product(call: Call) -> Reply:
    """GET /api/Product/{pn}: a product with its revisions.

    Raises:
        Refusal: 404, there is none.
    """
    (part_number,) = call.identifiers
    return _product(call, part_number)


def get_revision(call: Call) -> Reply:
    """GET /api/Product/{pn}/{rev}: one revision.

    Raises:
        Refusal: 404, there is none.
    """
    part_number, revision = call.identifiers
    return _revision(call, part_number, revision)


def get_by_query(call: Call) -> Reply:
    """GET /api/Product?partNumber=&revision=: one revision; without `revision`, the product.

    Raises:
        Refusal: 400, no part number; 404, there is no such product or revision.
    """
    part_number, revision = call.required("partNumber"), call.query.get("revision")
    return _revision(call, part_number, revision) if revision else _product(call, part_number)


def put_product(call: Call) -> Reply:
    """PUT /api/Product: make a product, or change the one with this `productId`, else this part number; the product.

    Fields that are absent or null keep their value. `revisions` are ignored: they have a route of their own.

    Raises:
        Refusal: 400, no part number, another one than the product has, or a field of the wrong kind.
    """
    body = call.json_object()
    part_number = fields.required_text(body, "partNumber")
    product_id = _id(body, "productId")
    known = product_of(call.store, part_number)
    if product_id and (known is None or known["productId"] != product_id):
        raise Refusal(400, f"productId: {product_id} is not {part_number!r}; leave it out to make a product")
    sent: dict[str, object] = {
        **_described(body, known),
        "nonSerial": fields.flag(body, "nonSerial"),
        "productCategoryId": fields.uuid(body, "productCategoryId"),
        "productCategoryName": fields.text(body, "productCategoryName"),
    }
    saved = known or make_product(call.store, part_number)
    _update(call, "products", saved, sent)
    return _product(call, part_number)


def put_revision(call: Call) -> Reply:
    """PUT /api/Product/Revision: make a revision, or change the one with this id, else this name; the revision.

    Its product is named by `productId`, else by `partNumber`. Fields that are absent or null keep their value.

    Raises:
        Refusal: 400, no revision, no such product, another name than the revision has, or a field of the wrong kind.
    """
    body = call.json_object()
    name = fields.required_text(body, "revision")
    product = _product_named(call, body)
    known = revision_of(call.store, product["partNumber"], name)
    revision_id = _id(body, "productRevisionId")
    if revision_id and (known is None or known["productRevisionId"] != revision_id):
        raise Refusal(400, f"productRevisionId: {revision_id} is not {name!r}; leave it out to make a revision")
    sent = _described(body, known)
    saved = known or make_revision(call.store, product, name)
    _update(call, "revisions", saved, sent)
    return json_reply(wire_revision(revision_by_id(call.store, saved["productRevisionId"]) or saved))


def _id(body: JsonObject, name: str) -> str | None:
    """A UUID, None when absent or blank."""
    return fields.uuid(body, name) if fields.text(body, name) else None


def _described(body: JsonObject, known: Row | None) -> dict[str, object]:
    """The fields that products and revisions share."""
    return {
        "name": fields.text(body, "name"),
        "description": fields.text(body, "description", 5000),
        "state": fields.whole(body, "state", 0, 1),
        "xmlData": saved_xml(known, body),
    }


def _update(call: Call, table: str, row: Row, sent: dict[str, object]) -> None:
    values = {name: value for name, value in sent.items() if value is not None}
    if values:
        settings = ", ".join(f"{name} = ?" for name in values)
        call.store.run(f"UPDATE {table} SET {settings} WHERE number = ?", *values.values(), row["number"])  # noqa: S608 - our own names


def _product_named(call: Call, body: JsonObject) -> Row:
    product_id, part_number = _id(body, "productId"), fields.text(body, "partNumber")
    if product_id:
        product = call.store.row("SELECT * FROM products WHERE productId = ?", product_id)
    elif part_number:
        product = product_of(call.store, part_number)
    else:
        raise Refusal(400, "name the product: productId or partNumber is required")
    if product is None:
        raise Refusal(400, f"there is no product {product_id or part_number!r}; PUT /api/Product makes one")
    return product


def _product(call: Call, part_number: str) -> Reply:
    found = product_of(call.store, part_number)
    if found is None:
        raise Refusal(404, f"There is no product {part_number!r}.")
    return json_reply(full_product(call.store, found))


def _revision(call: Call, part_number: str, revision: str) -> Reply:
    found = revision_of(call.store, part_number, revision)
    if found is None:
        raise Refusal(404, f"There is no revision {revision!r} of a product {part_number!r}.")
    return json_reply(wire_revision(found))
