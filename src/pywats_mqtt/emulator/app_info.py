"""`/api/App`: what the server is, and which operations reports may name."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.processes import ACTIVE
from pywats_mqtt.emulator.route import Confidence, Route, Routes
from pywats_mqtt.emulator.settings import Server
from pywats_mqtt.emulator.wire import Call, Reply, json_reply

VERSIONS = {Server.V2025_3: "2025.3.9.824", Server.V2026_3: "2026.3.0.0"}
"""The first is the one that the released pywats is documented for; the last digits of the second are invented."""


def version(call: Call) -> Reply:
    """GET /api/App/Version: the version as a JSON string."""
    return json_reply(VERSIONS[call.settings.server])


def processes(call: Call) -> Reply:
    """GET /api/App/Processes: the operations, without the kinds whose `include…` flag is false.

    `includeTestOperations`, `includeRepairOperations` and `includeWipOperations` are true by default,
    `includeInactiveProcesses` is false, as pywats 0.6 has it from its server; the older server's defaults are a guess.

    Raises:
        Refusal: 400, a flag is neither true nor false.
    """
    tests, repairs, wips = (
        call.flag(name) is not False
        for name in ("includeTestOperations", "includeRepairOperations", "includeWipOperations")
    )
    inactive = call.flag("includeInactiveProcesses")
    return json_reply(
        [
            process
            for process in call.settings.processes.values()
            if (tests or not process.is_test_operation)
            and (repairs or not process.is_repair_operation)
            and (wips or not process.is_wip_operation)
            and (inactive or process.state == ACTIVE)
        ]
    )


ROUTES: Routes = {
    "/api/app/version": {"GET": Route(version, Needs.READ, Confidence.HIGH)},
    "/api/app/processes": {"GET": Route(processes, Needs.READ, Confidence.HIGH)},
}
