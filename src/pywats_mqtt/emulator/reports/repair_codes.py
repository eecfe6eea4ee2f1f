"""What a repair may have found: categories with their codes, seeded alike for every repair operation.

A server refuses a failure whose category or code it does not have. Names and structure are as on the vendor's
demonstration servers as far as public material shows them; every real server has its own.
"""

from collections.abc import Mapping
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator.fields import JsonObject

REPAIR_CODES: Mapping[str, tuple[str, ...]] = {
    "Component": ("Defect Component", "Missing Component", "Wrong Component", "Wrong Polarity"),
    "Assembly Process": ("Bad Assembly", "Damaged Part", "Missing Part", "Wrong Part"),
    "Solder Process": ("Cold Solder", "Excess Solder", "Insufficient Solder", "Solder Bridge"),
    "Design": ("Layout Fault", "Software Fault"),
    "Other": ("No Fault Found", "Operator Fault", "Scrapped"),
}


def categories() -> list[JsonObject]:
    """The categories as `GetRepairOperations` writes them; a code looks like a category of its own."""
    return [
        {**_entry(category, category, order), "Failcodes": _codes(category)}
        for order, category in enumerate(REPAIR_CODES)
    ]


def _codes(category: str) -> list[JsonObject]:
    return [_entry(f"{category}/{code}", code, order) for order, code in enumerate(REPAIR_CODES[category])]


def _entry(key: str, name: str, order: int) -> JsonObject:
    return {
        "GUID": str(uuid5(NAMESPACE_OID, f"pywats-mqtt/repair/{key}")),
        "Description": name,
        "Selectable": True,
        "SortOrder": order,
        "FailureType": 0,
        "Status": 1,
        "Failcodes": [],
    }
