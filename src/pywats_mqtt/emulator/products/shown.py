"""What the inspection routes show of products: all of them, in as few queries as for one."""

from collections import defaultdict

from pywats_mqtt.emulator.products.rows import wire_product, wire_revision
from pywats_mqtt.emulator.store import Store


def all_products(store: Store) -> list[dict[str, object]]:
    """Every product with its revisions, in the order in which they were made."""
    revisions: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in store.rows("SELECT * FROM revision_list ORDER BY number"):
        revisions[row["productId"]].append(wire_revision(row))
    rows = store.rows("SELECT * FROM products ORDER BY number")
    return [wire_product(row, revisions[row["productId"]]) for row in rows]
