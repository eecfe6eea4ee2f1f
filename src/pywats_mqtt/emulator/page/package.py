"""`/_emulator/packages/{id}`: one package of software in full."""

from pywats_mqtt.emulator.software.rows import addressed, in_full
from pywats_mqtt.emulator.wire import Call, Reply, json_reply


def get_package(call: Call) -> Reply:
    """The package with this id, and its files with their size and hash.

    Raises:
        Refusal: 404, no such package.
    """
    return json_reply(in_full(call.store, addressed(call)))
