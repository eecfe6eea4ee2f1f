"""What a report does to products and units. Whether a server makes them from reports is not public."""

from pywats_mqtt.emulator.production.units import insert, unit_of
from pywats_mqtt.emulator.products.rows import make_missing
from pywats_mqtt.emulator.wire import Call


def make_unit(call: Call, serial: str, part_number: str, revision: str) -> None:
    """Make the unit that a report is about, its product and revision where they are missing; change nothing else."""
    if call.settings.report_units and unit_of(call.store, serial, part_number) is None:
        make_missing(call.store, part_number, revision)
        insert(call, {"serialNumber": serial, "partNumber": part_number, "revision": revision})
