"""`/api/Asset/SubAssets`: what is below an asset."""

from sqlite3 import Row

from pywats_mqtt.emulator.assets.rows import addressed, full
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Reply, json_reply

ALL_LEVELS = 0

_BELOW = """WITH RECURSIVE below (number, level) AS (
  SELECT number, 1 FROM assets WHERE parent = ?
  UNION ALL SELECT a.number, b.level + 1 FROM assets a JOIN below b ON a.parent = b.number
    WHERE ? = 0 OR b.level < ?)
SELECT l.* FROM asset_list l JOIN below USING (number) ORDER BY level, number"""


def get_sub_assets(call: Call) -> Reply:
    """GET /api/Asset/SubAssets: the assets below one, nearest level first: `level` levels of them, 0 for all.

    They are shown as by GET /api/Asset/{x}. All without `level`, which is a guess.

    Raises:
        Refusal: 400, no such level; 400 or 404, as `addressed`.
    """
    levels = call.whole("level") or ALL_LEVELS
    top = addressed(call)
    return json_reply([full(call.store, row) for row in below(call.store, top["number"], levels)])


def below(store: Store, number: int, levels: int = ALL_LEVELS) -> list[Row]:
    """The assets below one, nearest level first; `levels` of them, 0 for all."""
    return store.rows(_BELOW, number, levels, levels)
