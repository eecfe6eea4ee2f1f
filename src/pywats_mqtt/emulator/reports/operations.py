"""`/api/internal/Process`: operations in detail, and what repairs may name; pywats reads its failure codes here."""

from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.processes import Process
from pywats_mqtt.emulator.reports.repair_codes import categories
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def get_processes(call: Call) -> Reply:
    """GET /api/internal/Process/GetProcesses: all operations, with their ids."""
    return json_reply([_detailed(process) for process in call.settings.processes.values()])


def get_process(call: Call) -> Reply:
    """GET /api/internal/Process/GetProcess/{id}: one operation.

    Raises:
        Refusal: 404, no operation has this id.
    """
    return json_reply(_detailed(_find(call)))


def get_repair_operations(call: Call) -> Reply:
    """GET /api/internal/Process/GetRepairOperations: by code, what failures each repair operation knows."""
    repairs = {
        str(code): _configuration(process)
        for code, process in call.settings.processes.items()
        if process.is_repair_operation
    }
    return json_reply(repairs)


def get_repair_operation(call: Call) -> Reply:
    """GET /api/internal/Process/GetRepairOperation/{id}: what failures one repair operation knows.

    Raises:
        Refusal: 404, no repair operation has this id.
    """
    process = _find(call)
    if not process.is_repair_operation:
        raise Refusal(404, f"{process.name} is no repair operation.")
    return json_reply(_configuration(process))


def process_id(process: Process) -> str:
    """The id of an operation: a server has one for each, public routes show only the code."""
    return str(uuid5(NAMESPACE_OID, f"pywats-mqtt/process/{process.code}"))


def _find(call: Call) -> Process:
    (key,) = call.identifiers
    for process in call.settings.processes.values():
        if process_id(process) == key.lower():
            return process
    raise Refusal(404, f"There is no operation {key!r}.")


def _detailed(process: Process) -> JsonObject:
    return {
        "ProcessID": process_id(process),
        "Code": process.code,
        "Name": process.name,
        "Description": process.description,
        "ProcessIndex": process.process_index,
        "State": process.state,
        "IsTestOperation": process.is_test_operation,
        "IsRepairOperation": process.is_repair_operation,
        "IsWIPOperation": process.is_wip_operation,
    }


def _configuration(process: Process) -> JsonObject:
    return {
        "Description": process.name,
        "UUTRequired": 1,
        "BOMRequired": 1,
        "VendorRequired": 2,
        "Categories": categories(),
        "MiscInfos": [],
    }
