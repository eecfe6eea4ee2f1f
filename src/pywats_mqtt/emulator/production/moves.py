"""`/api/Production/SetUnitPhase` and `SetUnitProcess`: where a unit is in its life."""

from pywats_mqtt.emulator.production.phases import PHASES
from pywats_mqtt.emulator.production.units import addressed, alter
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def set_unit_phase(call: Call) -> Reply:
    """PUT /api/Production/SetUnitPhase: the unit gets into `phase`; `true`. A `comment` is not described, and ignored.

    Raises:
        Refusal: 400, a parameter is missing or no phase; 404, no such unit.
    """
    phase = call.whole("phase")
    if phase not in PHASES:
        known = ", ".join(map(str, PHASES))
        raise Refusal(400, f"query parameter phase: expected one of {known}, got {call.query.get('phase')!r}")
    alter(call, addressed(call), {"unitPhaseId": phase})
    return json_reply(value=True)


def set_unit_process(call: Call) -> Reply:
    """PUT /api/Production/SetUnitProcess: the unit gets to the operation `processName`; `true`.

    Raises:
        Refusal: 404, no `processName`, which is what a server answered to pywats, that sends a `processCode` instead;
            400, no such operation or another parameter missing; 404, no such unit.
    """
    name = call.query.get("processname")
    if name is None:
        raise Refusal(404, "query parameter processName is required, the name of an operation; a code is not taken")
    codes = [process.code for process in call.settings.processes.values() if process.name == name]
    if not codes:
        known = ", ".join(process.name for process in call.settings.processes.values())
        raise Refusal(400, f"query parameter processName: {name!r} is no operation of this server; use one of {known}")
    alter(call, addressed(call), {"processCode": codes[0]})
    return json_reply(value=True)
