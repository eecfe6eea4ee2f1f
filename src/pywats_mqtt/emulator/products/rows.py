"""Products and revisions as rows: finding, making and showing them."""

from sqlite3 import Row
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator.products.tags import tags_in
from pywats_mqtt.emulator.store import Store

_HIDDEN = frozenset({"number"})


def product_of(store: Store, part_number: str) -> Row | None:
    """The product with this part number."""
    return store.row("SELECT * FROM products WHERE partNumber = ?", part_number)


def revision_of(store: Store, part_number: str, revision: str) -> Row | None:
    """This revision of the product with this part number."""
    return store.row("SELECT * FROM revision_list WHERE partNumber = ? AND revision = ?", part_number, revision)


def revision_by_id(store: Store, revision_id: str) -> Row | None:
    """The revision with this id."""
    return store.row("SELECT * FROM revision_list WHERE productRevisionId = ?", revision_id)


def make_product(store: Store, part_number: str) -> Row:
    """A new product that has a part number and nothing else; its id follows from the number."""
    product_id = str(uuid5(NAMESPACE_OID, f"product {part_number}"))
    store.run("INSERT INTO products (productId, partNumber) VALUES (?, ?)", product_id, part_number)
    return _found(product_of(store, part_number))


def make_revision(store: Store, product: Row, revision: str) -> Row:
    """A new revision of a product, with an id that follows from both."""
    revision_id = str(uuid5(NAMESPACE_OID, f"revision {product['productId']} {revision}"))
    sql = "INSERT INTO revisions (productRevisionId, product, revision) VALUES (?, ?, ?)"
    store.run(sql, revision_id, product["number"], revision)
    return _found(revision_by_id(store, revision_id))


def make_missing(store: Store, part_number: str, revision: str) -> None:
    """Make the product and the revision if they are not there."""
    if revision_of(store, part_number, revision) is None:
        product = product_of(store, part_number) or make_product(store, part_number)
        make_revision(store, product, revision)


def wire_product(row: Row, revisions: list[dict[str, object]]) -> dict[str, object]:
    """A product as the API shows it. What is not known is left out: pywats breaks on nulls."""
    return {**_plain(row), "nonSerial": bool(row["nonSerial"]), "revisions": revisions}


def full_product(store: Store, row: Row) -> dict[str, object]:
    """A product with its revisions, in the order in which they were made."""
    rows = store.rows("SELECT * FROM revision_list WHERE productId = ? ORDER BY number", row["productId"])
    return wire_product(row, [wire_revision(revision) for revision in rows])


def wire_revision(row: Row) -> dict[str, object]:
    """A revision as the API shows it."""
    return _plain(row)


def _plain(row: Row) -> dict[str, object]:
    shown = {name: row[name] for name in row.keys() if name not in _HIDDEN and row[name] is not None}  # noqa: SIM118 - a Row iterates over its values
    return {**shown, "tags": tags_in(row["xmlData"])}


def _found(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a row vanished while it was saved")
    return row
