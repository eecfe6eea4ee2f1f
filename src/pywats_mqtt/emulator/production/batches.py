"""`/api/Production/Batches`: batches that units may belong to."""

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.production.each import save_each
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply


def put_batches(call: Call) -> Reply:
    """PUT /api/Production/Batches: make batches, or change those with these numbers; the counts.

    Raises:
        Refusal: 400, the body is no list of objects.
    """
    return save_each(call, _save_batch)


def has_batch(store: Store, number: str) -> bool:
    """Whether there is a batch with this number."""
    return store.row("SELECT 1 FROM batches WHERE batchNumber = ?", number) is not None


def _save_batch(call: Call, body: JsonObject) -> bool:
    number, size = fields.required_text(body, "batchNumber"), fields.whole(body, "batchSize", 0)
    if size is None:
        raise Refusal(400, "batchSize: required")
    new = not has_batch(call.store, number)
    sql = "INSERT INTO batches VALUES (?, ?) ON CONFLICT DO UPDATE SET batchSize = excluded.batchSize"
    call.store.run(sql, number, size)
    return new
