"""How few requests a real server sees, and that those which read and write back do not cross."""

from __future__ import annotations

import asyncio

import pytest

from pywats_mqtt.config.model import Secret
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.ports import Wats
from pywats_mqtt.wats.client import PywatsClient
from tests.contract.wats_memory import MemoryNotes
from tests.contract.wats_servers import SystemClock, configure
from tests.emulator.server import RunningEmulator
from tests.waiting import wait_until


def made(emulator: RunningEmulator) -> list[str]:
    """Give the requests so far."""
    return [f"{request['method']} {request['path']}" for request in emulator.requests()]


async def test_a_new_asset_takes_five_requests_and_the_next_one_three(emulator: RunningEmulator, wats: Wats) -> None:
    """The asset type is looked up and made once."""
    await wats.asset("F1")
    first = made(emulator)
    await wats.asset("F2")

    assert first == [
        "GET /api/Asset/F1",
        "GET /api/Asset",
        "GET /api/Asset/Types",
        "PUT /api/Asset/Types",
        "PUT /api/Asset",
    ]
    assert made(emulator)[len(first) :] == ["GET /api/Asset/F2", "GET /api/Asset", "PUT /api/Asset"]


async def test_a_known_asset_takes_one_request(emulator: RunningEmulator, wats: Wats) -> None:
    """With an odd serial number, too, once its id is known; and to a client that has just started."""
    await wats.asset("F1")
    await wats.asset("F#1")
    before = len(made(emulator))
    await wats.asset("F1")
    await wats.asset("F#1")
    async with PywatsClient(configure(emulator), MemoryNotes(), SystemClock()) as started:
        await started.asset("F1")

    assert made(emulator)[before:] == ["GET /api/Asset/1", "GET /api/Asset/2", "GET /api/Asset/F1"]


async def test_many_at_once_make_an_asset_and_its_type_once(emulator: RunningEmulator, wats: Wats) -> None:
    """A second save would put the state back."""
    await asyncio.gather(*(wats.asset(f"F{number % 2}") for number in range(8)))

    assert made(emulator).count("PUT /api/Asset") == 2
    assert made(emulator).count("PUT /api/Asset/Types") == 1


async def test_whether_the_server_is_there_takes_one_request(emulator: RunningEmulator) -> None:
    """It also tells whether the token is taken."""
    async with PywatsClient(configure(emulator), MemoryNotes(), SystemClock()) as known:
        await known.reach()
    wrong = configure(emulator, token=Secret("d3Jvbmc="))
    async with PywatsClient(wrong, MemoryNotes(), SystemClock()) as unknown:
        with pytest.raises(Retry, match="401"):
            await unknown.reach()

    assert made(emulator) == ["GET /api/App/Version"] * 2


async def test_tags_that_say_nothing_new_are_not_written(emulator: RunningEmulator, wats: Wats) -> None:
    """They are read, since somebody may have changed them."""
    await wats.set_tags("F1", {"a": "b"})
    before = len(made(emulator))
    await wats.set_tags("F1", {"a": "b"})

    assert made(emulator)[before:] == ["GET /api/Asset/1"]


async def test_a_state_set_while_tags_are_written_is_kept(emulator: RunningEmulator, wats: Wats) -> None:
    """The asset that goes back with the tags was read before the state was set; so one waits for the other."""
    await wats.asset("F1")
    emulator.fault("delay_after", method="GET", path="/api/Asset/1", delay_s=0.3, times=1)
    tags = asyncio.create_task(wats.set_tags("F1", {"a": "b"}))
    await wait_until(lambda: made(emulator)[-1] == "GET /api/Asset/1", what="the asset is being read")
    await wats.set_state("F1", 4)
    await tags

    (asset,) = emulator.state()["assets"]
    assert (asset["state"], asset["tags"]) == (4, [{"key": "a", "value": "b"}])


async def test_a_deleted_asset_type_is_made_again(emulator: RunningEmulator, wats: Wats) -> None:
    """The refusal of an id that was remembered is no reason for quarantine."""
    await wats.asset("F1")
    emulator.reset()

    assert (await wats.asset("F2")).serial_number == "F2"
    assert [kind["typeName"] for kind in emulator.state()["types"]] == ["MQTT device"]


@pytest.mark.parametrize(("status", "scope"), [(403, Scope.CALL), (404, Scope.CALL), (500, Scope.DELIVERY)])
async def test_a_list_of_packages_that_is_refused_concerns_that_call(
    emulator: RunningEmulator, wats: Wats, status: int, scope: Scope
) -> None:
    """A server without the module, or a token without the permission, still takes everything else."""
    emulator.fault("status", path="/api/Software/Packages", status=status, times=1)
    with pytest.raises(Retry) as refused:
        await wats.packages()

    assert refused.value.scope is scope


async def test_an_answer_that_is_no_list_of_packages_is_tried_again(emulator: RunningEmulator, wats: Wats) -> None:
    """What a server shows there is not known to the last field."""
    emulator.fault("malformed", path="/api/Software/Packages", times=1)
    with pytest.raises(Retry):
        await wats.packages()
