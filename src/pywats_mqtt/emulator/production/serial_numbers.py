"""`/api/Production/SerialNumbers`: pools of numbers, taken one by one.

On a server they come from files that nobody describes in public; here `POST /_emulator/serial_numbers` fills a pool.
"""

from xml.sax.saxutils import escape

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

IDENTIFIERS = ("Serial number", "MAC address", "IMEI")
"""What a type's `identifier` 0, 1 and 2 stands for."""
LONGEST = 100

_FREE = "SELECT * FROM serial_numbers WHERE type = ? AND taken IS NULL ORDER BY number LIMIT ?"


def get_types(call: Call) -> Reply:
    """GET /api/Production/SerialNumbers/Types: the kinds of numbers, by name."""
    rows = [dict(row) for row in call.store.rows("SELECT * FROM serial_number_types ORDER BY name")]
    return json_reply([{name: value for name, value in row.items() if value is not None} for row in rows])


def take(call: Call) -> Reply:
    """POST /api/Production/SerialNumbers/Take: the next `quantity` numbers of `serialNumberType`, as XML.

    They are taken for good, also where the answer gets lost: asking again takes others. `refSN`, `refPN` and
    `stationName` are kept with them.

    Raises:
        Refusal: 400, a parameter is missing or wrong; 404, no such type, or fewer than `quantity` are free, and then
            none is taken, which is a guess.
    """
    kind, quantity = call.required("serialNumberType"), call.whole("quantity", lowest=1)
    if quantity is None:
        raise Refusal(400, "query parameter quantity is required: how many serial numbers to take")
    if call.store.row("SELECT 1 FROM serial_number_types WHERE name = ?", kind) is None:
        raise Refusal(404, f"There is no serial number type {kind!r}.")
    free = call.store.rows(_FREE, kind, quantity)
    if len(free) < quantity:
        raise Refusal(404, f"Serial number type {kind!r}: {quantity} are asked for, {len(free)} are free.")
    about = (call.query.get("refsn"), call.query.get("refpn"), call.query.get("stationname"))
    for row in free:
        sql = "UPDATE serial_numbers SET taken = ?, refSN = ?, refPN = ?, stationName = ? WHERE number = ?"
        call.store.run(sql, wire_time(call.now), *about, row["number"])
    inner = "".join(f"<SN id={_quoted(row['serialNumber'])}/>" for row in free)
    body = f"<SerialNumbers serialNumberType={_quoted(kind)}>{inner}</SerialNumbers>"
    return Reply(body.encode(), content_type="application/xml; charset=utf-8")


def fill(call: Call) -> Reply:
    """POST /_emulator/serial_numbers: add numbers to a pool; 201 with how many of its type are free now.

    The body is `{"type": "MAC", "serialNumbers": ["…"], "description", "format", "regEx", "identifier": 0 to 2}`; the
    last four describe a type, and are kept from its first time on. `format` and `regEx` are shown, not applied.

    Raises:
        Refusal: 400, a field is missing or wrong, or a number is there already.
    """
    body = call.json_object()
    kind = _printable("type", fields.required_text(body, "type"))
    identifier = fields.whole(body, "identifier", 0, len(IDENTIFIERS) - 1) or 0
    described = [fields.text(body, name) for name in ("description", "format", "regEx")]
    numbers = _numbers(body)
    sql = "INSERT INTO serial_number_types VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    call.store.run(sql, kind, *described, identifier, IDENTIFIERS[identifier])
    for number in numbers:
        if call.store.row("SELECT 1 FROM serial_numbers WHERE type = ? AND serialNumber = ?", kind, number):
            raise Refusal(400, f"serialNumbers: {number!r} is in the pool {kind!r} already")
        call.store.run("INSERT INTO serial_numbers (type, serialNumber) VALUES (?, ?)", kind, number)
    free = call.store.count("SELECT count(*) FROM serial_numbers WHERE type = ? AND taken IS NULL", kind)
    return json_reply({"type": kind, "free": free}, 201)


def all_numbers(store: Store) -> list[dict[str, object]]:
    """Every number of every pool in the order in which they were filled; `taken` is when, null for a free one."""
    columns = "type, serialNumber, taken, refSN, refPN, stationName"
    return [dict(row) for row in store.rows(f"SELECT {columns} FROM serial_numbers ORDER BY number")]  # noqa: S608 - our own column names


def _numbers(body: JsonObject) -> list[str]:
    sent = body.get("serialNumbers")
    if not isinstance(sent, list):
        raise Refusal(400, "serialNumbers: expected a list of texts")
    numbers = []
    for index, number in enumerate(sent):
        place = f"serialNumbers[{index}]"
        if not isinstance(number, str) or not 0 < len(number.strip()) <= len(number) <= LONGEST:
            raise Refusal(400, f"{place}: expected a text of 1 to {LONGEST} characters, got {number!r:.40}")
        numbers.append(_printable(place, number))
    return numbers


def _printable(place: str, text: str) -> str:
    """A text that XML can hold."""
    if not text.isprintable():
        raise Refusal(400, f"{place}: only printable characters are taken, got {text!r}")
    return text


def _quoted(text: str) -> str:
    """An attribute's value in double quotes, which pywats looks for."""
    escaped = escape(text, {'"': "&quot;"})
    return f'"{escaped}"'
