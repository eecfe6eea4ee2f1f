"""The phases of a unit's life, which are the same on every server."""

import msgspec

from pywats_mqtt.emulator.wire import Call, Reply, json_reply

UNDER_PRODUCTION, FINALIZED = 2, 16

PHASES = {
    1: "Unknown",
    2: "Under production",
    4: "Production repair",
    8: "Service repair",
    16: "Finalized",
    32: "Scrapped",
    64: "Extended test",
    128: "Customization",
    256: "Repaired",
    512: "Missing",
    1024: "In store",
    2048: "Shipped",
    4098: "Under production queue",
    4100: "Production repair queue",
    4104: "Service repair queue",
}
"""Id to name; a queue is 4096 more than the phase it waits for. The names of the last three are a guess."""


class Phase(msgspec.Struct, frozen=True, rename="pascal"):
    """A phase as the internal route shows it."""

    unit_phase_id: int
    code: str
    name: str
    description: str = ""


def get_phases(_call: Call) -> Reply:
    """GET /api/internal/Mes/GetUnitPhases: all phases. The code is the name with underscores."""
    return json_reply([Phase(number, name.replace(" ", "_"), name) for number, name in PHASES.items()])
