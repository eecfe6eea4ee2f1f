"""`/api/App`: what the server is, and which operations reports may name."""

import msgspec

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.route import Confidence, Route, Routes
from pywats_mqtt.emulator.settings import Server
from pywats_mqtt.emulator.wire import Call, Reply, json_reply

VERSIONS = {Server.V2025_3: "2025.3.9.824", Server.V2026_3: "2026.3.0.0"}
"""The first is the one that the released pywats is documented for; the last digits of the second are invented."""


class Process(msgspec.Struct, frozen=True, rename="camel"):
    """An operation. A report of type T names a test operation, one of type R a repair operation."""

    code: int
    name: str
    process_index: int
    is_test_operation: bool = False
    is_repair_operation: bool = False
    is_wip_operation: bool = False
    description: str = ""
    state: int = 1


# The codes of the vendor's demonstration servers; every real server has its own.
_TESTS = {
    10: "SW Debug",
    30: "ICT",
    50: "PCBA test",
    60: "Functional",
    70: "Insulation",
    90: "Burn In test",
    100: "End of line test",
}
_REPAIRS = {500: "Repair", 510: "RMA Repair"}

PROCESSES = {
    process.code: process
    for process in (
        *(Process(code, name, index, is_test_operation=True) for index, (code, name) in enumerate(_TESTS.items())),
        *(
            Process(code, name, index, is_repair_operation=True)
            for index, (code, name) in enumerate(_REPAIRS.items(), len(_TESTS))
        ),
    )
}


def version(call: Call) -> Reply:
    """GET /api/App/Version: the version as a JSON string."""
    return json_reply(VERSIONS[call.settings.server])


def processes(call: Call) -> Reply:
    """GET /api/App/Processes: all operations, or only the kinds whose `include…` flag is true."""
    wanted = {
        "is_test_operation": call.flag("includeTestOperations"),
        "is_repair_operation": call.flag("includeRepairOperations"),
        "is_wip_operation": call.flag("includeWipOperations"),
    }
    shown = [kind for kind, flag in wanted.items() if flag]
    if not shown:
        shown = [kind for kind, flag in wanted.items() if flag is None]
    found = [process for process in PROCESSES.values() if any(getattr(process, kind) for kind in shown)]
    return json_reply(found)


ROUTES: Routes = {
    "/api/app/version": {"GET": Route(version, Needs.READ, Confidence.HIGH)},
    "/api/app/processes": {"GET": Route(processes, Needs.READ, Confidence.HIGH)},
}
